package claims

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

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

// unproven are the registered confirmation methods (IANA, JWT Confirmation Methods) that nothing here verifies.
var unproven = []string{"jwk", "jwe", "kid", "jku", "osc"}

// ReadConfirmation reads cnf. A registered method that cannot be verified is a condition that would go unchecked, so it is an error, as
// is a cnf without a method that is known: the token was meant to be bound. Other members beside a method that is proven are
// ignored (RFC 7800 section 3.1), unless another reader could take them for one.
func ReadConfirmation(v strictjson.Value) (Confirmation, error) {
	if v.Kind() == 0 {
		return Confirmation{}, nil
	}
	var c Confirmation
	understood := v.Kind() == strictjson.Object
	for name, member := range v.Members() {
		switch name {
		case "jkt":
			c.Key, understood = readThumbprint(member, understood)
		case "x5t#S256":
			c.Certificate, understood = readThumbprint(member, understood)
		default:
			understood = understood && !resemblesMethod(name)
		}
	}
	if !understood || c.None() {
		return Confirmation{}, errConfirmation
	}
	return c, nil
}

func readThumbprint(v strictjson.Value, understood bool) (string, bool) {
	text, ok := v.Text()
	return text, understood && ok && isThumbprint(text)
}

// resemblesMethod reports whether a member is a method that is not proven, or one of any kind to a reader that ignores case.
func resemblesMethod(name string) bool {
	return slices.ContainsFunc(methods, func(method string) bool { return strings.EqualFold(method, name) })
}

var methods = append([]string{"jkt", "x5t#S256"}, unproven...)

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
