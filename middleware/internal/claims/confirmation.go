package claims

import (
	"encoding/base64"
	"errors"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Confirmation is what a token is bound to (RFC 7800 section 3): whoever presents it must prove possession of all of it.
// Each is a SHA-256 thumbprint in base64url without padding; empty: not bound in this way.
type Confirmation struct {
	Key         string // jkt, RFC 9449 section 6.1
	Certificate string // x5t#S256, RFC 8705 section 3.1
}

// None reports whether the token is bound to nothing.
func (c Confirmation) None() bool { return c == Confirmation{} }

var errConfirmation = errors.New("the token is bound in a way that cannot be verified here (cnf)")

// ReadConfirmation reads cnf. A member that is not understood is a condition that would go unchecked, so it is an error, as is an
// empty cnf: the token was meant to be bound.
func ReadConfirmation(v strictjson.Value) (Confirmation, error) {
	if v.Kind() == 0 {
		return Confirmation{}, nil
	}
	var c Confirmation
	understood := v.Kind() == strictjson.Object
	for name, member := range v.Members() {
		text, ok := member.Text()
		understood = understood && ok && isThumbprint(text)
		switch name {
		case "jkt":
			c.Key = text
		case "x5t#S256":
			c.Certificate = text
		default:
			understood = false
		}
	}
	if !understood || c.None() {
		return Confirmation{}, errConfirmation
	}
	return c, nil
}

// isThumbprint reports whether s is SHA-256 in base64url, in its one spelling.
func isThumbprint(s string) bool {
	const length = 43
	if len(s) != length {
		return false
	}
	var buf [32]byte
	n, err := base64.RawURLEncoding.Strict().Decode(buf[:], []byte(s))
	return err == nil && n == len(buf)
}
