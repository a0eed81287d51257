package middleware

import (
	"context"
	"errors"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
)

var (
	errNoPublicURL = errors.New("the token is bound to a DPoP key: set Config.PublicURL, without which no proof can be judged")
	errDowngrade   = errors.New("the token is bound to a DPoP key and was sent as a bearer token")
	errNotBound    = errors.New("the token was sent with the DPoP scheme and is bound to no key")
	errMustBeBound = errors.New("the token is a bearer token, and here it must be bound to its sender")
)

// bound judges the binding, on every request and for whatever proved the token: the scheme must be that of the token
// (RFC 9449 sections 7.1 and 7.2, against downgrades both ways), and each confirmation must hold. before is this Validator's
// admission of the same token for the same call; nil: there is none. Its proof is not asked for again.
func (p *policy) bound(ctx context.Context, call *call, v *accesstoken.Verified, before *admission) *Error {
	switch {
	case v.Bound.Key != "" && p.dpop == nil:
		return invalid(ReasonConfirmation, errNoPublicURL)
	case v.Bound.Key != "" && call.scheme != credential.DPoP:
		return invalid(ReasonConfirmation, errDowngrade)
	case v.Bound.Key == "" && call.scheme == credential.DPoP:
		return invalid(ReasonConfirmation, errNotBound)
	case v.Bound.Key == "" && p.dpop.demanded(), v.Bound.Certificate == "" && p.mtls.required, v.Bound.None() && p.fapi2:
		return invalid(ReasonConfirmation, errMustBeBound)
	}
	if v.Bound.Certificate != "" {
		if refusal := p.mtls.check(call.Credentials, v.Bound.Certificate); refusal != nil {
			return refusal
		}
	}
	if v.Bound.Key == "" || before != nil && before.verified.Bound.Key == v.Bound.Key {
		return nil
	}
	return p.dpop.check(ctx, call, v)
}
