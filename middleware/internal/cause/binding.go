package cause

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Bound is what a token is bound to and how it came.
type Bound struct {
	Key, Certificate bool
	Scheme           string // of the Authorization field; empty: none
	Proofs           int    // DPoP fields of the request
}

// Binding is that what a token is bound to was not shown, or that it is bound to nothing.
func Binding(check error, expected string, b Bound) error {
	return New(check, func() Sides {
		bound := "a token bound to nothing"
		switch {
		case b.Key && b.Certificate:
			bound = "a token bound to a DPoP key and a client certificate (cnf.jkt, cnf.x5t#S256)"
		case b.Key:
			bound = "a token bound to a DPoP key (cnf.jkt)"
		case b.Certificate:
			bound = "a token bound to a client certificate (cnf.x5t#S256)"
		}
		came := ", sent without a scheme"
		if b.Scheme != "" {
			came = ", sent as " + b.Scheme
		}
		switch b.Proofs {
		case 0:
			came += " without a DPoP field"
		case 1:
			came += " with a DPoP field"
		default:
			came += fmt.Sprintf(" with %d DPoP fields", b.Proofs)
		}
		return Sides{Expected: expected, Got: bound + came}
	})
}

// Confirmation is that cnf, JSON text, cannot be understood. Its names are shown, and not what they hold.
func Confirmation(check error, cnf string) error {
	return New(check, func() Sides {
		got := "a cnf that is no object"
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(cnf), &members) == nil && members != nil {
			got = "cnf with " + List(slices.Sorted(maps.Keys(members)))
		}
		return Sides{Expected: "cnf with jkt or x5t#S256, each a SHA-256 thumbprint in base64url", Got: got}
	})
}

// Method is that a proof was made for another method.
func Method(check error, htm, method string) error {
	return New(check, func() Sides { return Sides{Expected: "htm " + Text(method), Got: "htm " + Text(htm)} })
}

// Target is that a proof was made for another address. wanted are those of the request. A query is not shown, as it may hold a secret.
func Target(check error, htu string, wanted func() []string) error {
	return New(check, func() Sides {
		addresses := wanted()
		s := Sides{Expected: "htu " + oneOf(addresses), Got: "htu " + address(htu), Hint: "compare Config.PublicURL with what clients call"}
		if _, difference := nearest(htu, addresses); difference != "" {
			s.Hint = difference + ": " + s.Hint
		}
		return s
	})
}

// ProofAge is that a proof is too old, or from the future.
func ProofAge(check error, issued, now time.Time, most time.Duration) error {
	return New(check, func() Sides {
		s := Sides{Expected: "iat within " + span(most) + " of " + date(now) + ", the time here", Hint: ClockHint}
		if age := now.Sub(issued); age < 0 {
			s.Got = "iat " + date(issued) + ", " + span(-age) + " ahead"
		} else {
			s.Got = "iat " + date(issued) + ", " + span(age) + " ago"
		}
		return s
	})
}

// schemes are names of schemes that may be shown: what stands in their place may as well be a credential without one.
var schemes = []string{
	"basic", "digest", "negotiate", "ntlm", "token", "jwt", "apikey", "api-key", "hmac", "signature", "mutual", "hoba", "vapid",
	"aws4-hmac-sha256", "oauth", "mac",
}

// Scheme is that the Authorization field is none of ours. What is kept of it is never a credential.
func Scheme(check error, field, accepted string) error {
	name, _, spaced := strings.Cut(field, " ")
	s := Sides{Expected: "the scheme " + accepted}
	switch {
	case strings.EqualFold(name, "dpop"):
		s.Got = "the scheme DPoP"
		s.Hint = "to accept it set Config.PublicURL"
	case spaced && slices.Contains(schemes, strings.ToLower(name)):
		s.Got = "the scheme " + Plain(strings.Clone(name))
	case spaced:
		s.Got = "a scheme that is not shown, as it may be a secret"
	case strings.HasPrefix(name, "eyJ"):
		s.Got = "a JWT without a scheme"
		s.Hint = "write Bearer and a space in front of the token"
	default:
		s.Got = "a value without a scheme"
		s.Hint = "write Bearer and a space in front of the token"
	}
	return New(check, func() Sides { return s })
}
