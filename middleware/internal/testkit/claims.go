package testkit

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"time"
)

// Whose tokens the tests are about.
const (
	Issuer   = "https://login.example.com"
	Audience = "https://api.example.com"
)

// Now is the time of every test that has no clock of its own. It lies far ahead of the real time, by which an introspection.Client
// takes an answer for expired, so that the suite gives the same results on every day.
var Now = time.Date(2100, 11, 22, 12, 0, 0, 0, time.UTC)

// Claims are the members of a JSON object.
type Claims map[string]any

// With changes members, and removes those that are nil. It returns c.
func (c Claims) With(changes Claims) Claims {
	maps.Copy(c, changes)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// B64 is base64url without padding.
func B64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// Decoded reads base64url without padding.
func Decoded(segment string) []byte { return Must(base64.RawURLEncoding.DecodeString(segment)) }

// JSON is v as encoding/json writes it.
func JSON(v any) []byte { return Must(json.Marshal(v)) }
