package exactjson_test

import (
	"encoding/json"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/exactjson"
)

const ordinary = `{"iss":"https://issuer.example.com/realms/one","sub":"248289761001-00000001","aud":["https://api.example.com","https://other.example.com","https://third.example.com"],` +
	`"exp":1796000000,"nbf":1795990000,"iat":1795990000,"jti":"6a0c6e7e-7c0e-4b62-8d38-000000000001","client_id":"client-1","azp":"client-1",` +
	`"scope":"read write orders:read orders:write profile email","roles":["admin","editor","viewer","auditor","support"],"acr":"urn:example:gold","amr":["pwd","otp"],` +
	`"auth_time":1795980000,"locale":"de-AT","username":"alice.example@example.com","sid":"5d1f1a3e-6f0a-4c59-9b0e-0c8f4e2f1c77",` +
	`"tenant":{"id":"b7c4c4f0-3b1f-4d5e-9a63-2f0c8f4e2f1c","name":"Example GmbH","region":"eu-central-1","plan":{"name":"enterprise","seats":250}}}`

type flatClaims struct {
	Username string `json:"username"`
	Locale   string `json:"locale"`
	AuthTime int64  `json:"auth_time"`
	Tenant   struct {
		ID   string `json:"id"`
		Plan struct {
			Name  string `json:"name"`
			Seats int    `json:"seats"`
		} `json:"plan"`
	} `json:"tenant"`
}

type deepClaims struct {
	flatClaims
	Audience []string       `json:"aud"`
	Roles    []string       `json:"roles"`
	Tenant   map[string]any `json:"tenant"`
}

func decoding[T any](b *testing.B) {
	b.Run("one pass", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var into T
			if err := exactjson.DecodeText(ordinary, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var into T
			if err := json.Unmarshal([]byte(ordinary), &into); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json, by exact names", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var into T
			if err := exactjson.Decode([]byte(ordinary), &into); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFlat(b *testing.B)      { decoding[flatClaims](b) }
func BenchmarkWithLists(b *testing.B) { decoding[deepClaims](b) }
func BenchmarkMap(b *testing.B)       { decoding[map[string]any](b) }
