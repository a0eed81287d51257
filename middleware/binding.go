package middleware

import (
	"context"
	"errors"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
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
func (p *policy) bound(ctx context.Context, call *call, v *accesstoken.Verified, before *admission) refusal {
	switch {
	case v.Bound.Key != "" && p.proofs == nil:
		return invalid(ReasonConfirmation, errNoPublicURL)
	case v.Bound.Key != "" && call.scheme != credential.DPoP:
		return invalid(ReasonConfirmation, errDowngrade)
	case v.Bound.Key == "" && call.scheme == credential.DPoP:
		return invalid(ReasonConfirmation, errNotBound)
	case v.Bound.Key == "" && p.keyRequired, v.Bound.Certificate == "" && p.certificateRequired, v.Bound.None() && p.fapi2:
		return invalid(ReasonConfirmation, errMustBeBound)
	}
	if v.Bound.Certificate != "" {
		if err := p.showsCertificate(call, v.Bound.Certificate); err != nil {
			return invalid(ReasonConfirmation, err)
		}
	}
	if v.Bound.Key == "" || before != nil && before.verified.Bound.Key == v.Bound.Key {
		return refusal{}
	}
	return p.proven(ctx, call, v)
}

// showsCertificate judges whether the caller has the certificate that a token is bound to.
func (p *policy) showsCertificate(call *call, thumbprint string) error {
	shown := clientcert.Call{Certificate: call.Certificate, RemoteAddr: call.RemoteAddr}
	if header := p.certificates.Header(); header != "" {
		shown.Fields = call.values(header)
	}
	return p.certificates.Check(shown, thumbprint)
}

// proven judges the proof that a token bound to a key needs.
func (p *policy) proven(ctx context.Context, call *call, v *accesstoken.Verified) refusal {
	nonce, refused := p.proofs.Verify(ctx, &dpop.Call{
		Proofs:     call.values("Dpop"),
		Method:     call.Method,
		Target:     call.Target,
		Now:        call.now,
		Keep:       call.KeepProof,
		Thumbprint: v.Bound.Key,
		Issuer:     v.Facts.Issuer,
		Subject:    v.Facts.Subject,
		ClientID:   v.Facts.ClientID,
	}, call.token.WholeKey)
	call.nextNonce = nonce
	if refused.Refused() {
		return proofRefusal(refused)
	}
	return refusal{}
}
