// Package unverified reads of a token what can be read without keys and without a network. Nothing of it may be believed: anybody can write
// such a token. It is for people who look for a mistake, and it decides nothing.
package unverified

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/input"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

// Kind is what a token is by its shape.
type Kind string

// The kinds, which are those that a Guard tells apart.
const (
	JWT       Kind = "jwt"
	Encrypted Kind = "encrypted" // a JWE, which Cardea refuses
	Opaque    Kind = "opaque"
	Malformed Kind = "malformed" // neither
)

// Reading is what was read.
type Reading struct {
	Version  int      `json:"version"` // of this format: 1
	Verified bool     `json:"verified"`
	Kind     Kind     `json:"kind"`
	Bytes    int      `json:"bytes"`
	Taken    []string `json:"taken,omitempty"` // what was taken off what was pasted
	Header   []Member `json:"header,omitempty"`
	Claims   []Member `json:"claims,omitempty"`
	Hints    []string `json:"hints"` // what a Guard would say, or what to look at
	Preset   string   `json:"preset,omitempty"`
	Next     string   `json:"next"` // the command that judges the token

	header, claims object
}

// Read reads a token at a time, by which its dates are told. It never keeps the signature, or an opaque token's text.
func Read(token input.Token, now time.Time) *Reading {
	r := &Reading{Version: 1, Bytes: len(token.Text), Taken: token.Notes, Hints: []string{}}
	segments := strings.Split(token.Text, ".")
	switch {
	case !input.IsJOSE(token.Text) && contains(segments, ""):
		r.Kind = Malformed
		r.hint("A part between dots is empty: the token was cut off, or a signature was removed. Compare it with what the server issued.")
	case !input.IsJOSE(token.Text):
		r.Kind = Opaque
		r.hint("It says nothing by itself: only its server can be asked about it (RFC 7662), by an Issuer with an Introspector.")
	case len(segments) == 5:
		r.readEncrypted(segments)
	case len(segments) != 3:
		r.Kind = Malformed
		r.hint("It begins like a JWT and has %d segments instead of 3: it was cut off, or something was appended.", len(segments))
	default:
		r.readJWT(segments, now)
	}
	if r.Bytes > 16<<10 {
		r.hint("It is longer than 16 KiB, the limit of Config.MaxTokenBytes if that is zero.")
	}
	r.suggest()
	return r
}

func (r *Reading) hint(format string, args ...any) {
	r.Hints = append(r.Hints, fmt.Sprintf(format, args...))
}

func (r *Reading) readEncrypted(segments []string) {
	r.Kind = Encrypted
	if header, err := parseSegment(segments[0]); err == nil {
		r.Header = header.members
	}
	r.hint("It is encrypted (a JWE), and encrypted tokens are not accepted: let the server issue signed ones, or opaque ones. Auth0 does if the client" +
		" asks for an audience.")
}

func (r *Reading) readJWT(segments []string, now time.Time) {
	r.Kind = JWT
	var headerErr, claimsErr error
	if r.header, headerErr = parseSegment(segments[0]); headerErr != nil {
		r.hint("The header cannot be read: %v.", headerErr)
	}
	if r.claims, claimsErr = parseSegment(segments[1]); claimsErr != nil {
		r.hint("The claims cannot be read: %v.", claimsErr)
	}
	if headerErr != nil || claimsErr != nil {
		r.Kind = Malformed
	}
	if segments[2] == "" {
		r.hint("It has no signature, so everybody can write it. No API may take it.")
	}
	r.Header, r.Claims = r.header.members, r.claims.members
	for i := range r.Claims {
		r.Claims[i].Means = meaning(r.Claims[i], r.claims, now)
	}
	if headerErr == nil {
		r.judgeHeader()
	}
	if claimsErr == nil {
		r.judgeKind()
		r.judgeClaims()
		r.judgeTime(now)
	}
}

// meaning tells dates in words.
func meaning(m Member, claims object, now time.Time) string {
	switch m.Name {
	case "exp", "iat", "nbf", "auth_time":
	default:
		return ""
	}
	seconds, ok := claims.number(m.Name)
	if !ok {
		return "no date"
	}
	at := time.Unix(int64(seconds), 0).UTC()
	return at.Format(time.RFC3339) + ", " + distance(at, now)
}

// distance is how far at is from now.
func distance(at, now time.Time) string {
	d := at.Sub(now).Truncate(time.Second)
	if d < 0 {
		return span(-d) + " ago"
	}
	return "in " + span(d)
}

func span(d time.Duration) string {
	if days := int(d.Hours() / 24); days >= 2 {
		return fmt.Sprintf("%d days", days)
	}
	return d.String()
}

func contains(list []string, s string) bool {
	for _, each := range list {
		if each == s {
			return true
		}
	}
	return false
}

// shown is a value for a terminal: escaped, and cut. Strings lose no quotation marks, so that blanks at their ends are seen.
func shown(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return plain.Quote(s)
	}
	return plain.Cut(string(value))
}
