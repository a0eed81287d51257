package middleware

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// confirmation is what a token is bound to (RFC 7800 section 3): whoever presents it must prove possession of all of it.
// Each is a SHA-256 thumbprint in base64url without padding; empty: not bound in this way.
type confirmation struct {
	key         string // jkt, RFC 9449 section 6.1
	certificate string // x5t#S256, RFC 8705 section 3.1
}

func (c confirmation) none() bool { return c == confirmation{} }

var (
	errConfirmation = errors.New("the token is bound in a way that cannot be verified here (cnf)")
	errNoPublicURL  = errors.New("the token is bound to a DPoP key: set Config.PublicURL, without which no proof can be judged")
	errDowngrade    = errors.New("the token is bound to a DPoP key and was sent as a bearer token")
	errNotBound     = errors.New("the token was sent with the DPoP scheme and is bound to no key")
	errMustBeBound  = errors.New("the token is a bearer token, and here it must be bound to its sender")
)

// confirmationOf reads cnf. A member that is not understood is a condition that would go unchecked, so it refuses the token,
// as does an empty cnf: the token was meant to be bound.
func confirmationOf(v strictjson.Value) (confirmation, *Error) {
	if v.Kind() == 0 {
		return confirmation{}, nil
	}
	var c confirmation
	understood := v.Kind() == strictjson.Object
	for name, member := range v.Members() {
		text, ok := member.Text()
		understood = understood && ok && isThumbprint(text)
		switch name {
		case "jkt":
			c.key = text
		case "x5t#S256":
			c.certificate = text
		default:
			understood = false
		}
	}
	if !understood || c.none() {
		return confirmation{}, invalid(ReasonConfirmation, errConfirmation)
	}
	return c, nil
}

// isThumbprint reports whether s is SHA-256 in base64url, in its one spelling.
func isThumbprint(s string) bool {
	const length = 43
	if len(s) != length {
		return false
	}
	var room [32]byte
	n, err := base64.RawURLEncoding.Strict().Decode(room[:], []byte(s))
	return err == nil && n == len(room)
}

// bound judges the binding, on every request and for whatever proved the token: the scheme must be that of the token
// (RFC 9449 sections 7.1 and 7.2, against downgrades both ways), and each confirmation must hold. before is this Validator's
// admission of the same token for the same call; nil: there is none. Its proof is not asked for again.
func (p *policy) bound(ctx context.Context, call *call, v *verified, before *admission) *Error {
	switch {
	case v.bound.key != "" && p.dpop == nil:
		return invalid(ReasonConfirmation, errNoPublicURL)
	case v.bound.key != "" && !call.dpop:
		return invalid(ReasonConfirmation, errDowngrade)
	case v.bound.key == "" && call.dpop:
		return invalid(ReasonConfirmation, errNotBound)
	case v.bound.key == "" && p.dpop.demanded(), v.bound.certificate == "" && p.mtls.required, v.bound.none() && p.fapi2:
		return invalid(ReasonConfirmation, errMustBeBound)
	}
	if v.bound.certificate != "" {
		if refusal := p.mtls.check(call.Credentials, v.bound.certificate); refusal != nil {
			return refusal
		}
	}
	if v.bound.key == "" || before != nil && before.verified.bound.key == v.bound.key {
		return nil
	}
	return p.dpop.check(ctx, call, v.bound.key)
}
