package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
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
func (p *policy) bound(ctx context.Context, call *call, v *accesstoken.Verified, before *admission) *refusal {
	switch {
	case v.Bound().Key != "" && p.proofs == nil:
		return call.refuse(invalid(ReasonConfirmation, call.bindingCause(errNoPublicURL, "", v)))
	case v.Bound().Key != "" && call.scheme != credential.DPoP:
		return call.refuse(invalid(ReasonConfirmation, call.bindingCause(errDowngrade, "the DPoP scheme and one proof", v)))
	case v.Bound().Key == "" && call.scheme == credential.DPoP:
		return call.refuse(invalid(ReasonConfirmation, call.bindingCause(errNotBound, "the Bearer scheme, or a token with cnf.jkt", v)))
	case v.Bound().Key == "" && p.keyRequired, v.Bound().Certificate == "" && p.certificateRequired, v.Bound().None() && p.fapi2:
		return call.refuse(invalid(ReasonConfirmation, call.bindingCause(errMustBeBound, p.boundTo(), v)))
	}
	if v.Bound().Certificate != "" {
		if err := p.showsCertificate(call, v.Bound().Certificate); err != nil {
			return call.refuse(invalid(ReasonConfirmation, call.bindingCause(err, "the certificate of cnf.x5t#S256, from "+p.certificates.Place(), v)))
		}
	}
	if v.Bound().Key == "" || before != nil && before.verified.Bound().Key == v.Bound().Key {
		return nil
	}
	return p.proven(ctx, call, v)
}

// boundTo names what every token must be bound to, for an operator.
func (p *policy) boundTo() string {
	switch {
	case p.keyRequired && p.certificateRequired:
		return "a token bound to a DPoP key and a client certificate"
	case p.keyRequired:
		return "a token bound to a DPoP key"
	case p.certificateRequired:
		return "a token bound to a client certificate"
	default:
		return "a token bound to a DPoP key or a client certificate"
	}
}

// bindingCause is why a token does not count as proven, with what it is bound to and how it came.
func (c *call) bindingCause(check error, expected string, v *accesstoken.Verified) error {
	return cause.Binding(check, expected, cause.Bound{
		Key:         v.Bound().Key != "",
		Certificate: v.Bound().Certificate != "",
		Scheme:      string(c.scheme),
		Proofs:      len(c.values("Dpop")),
	})
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
func (p *policy) proven(ctx context.Context, call *call, v *accesstoken.Verified) *refusal {
	nonce, refused := p.proofs.Verify(ctx, &dpop.Call{
		Proofs:     call.values("Dpop"),
		Method:     call.Method,
		Target:     call.Target,
		Now:        call.now,
		Keep:       call.KeepProof,
		Thumbprint: v.Bound().Key,
		Issuer:     v.Facts.Issuer,
		Subject:    v.Facts.Subject,
		ClientID:   v.Facts.ClientID,
	}, call.token.WholeKey)
	call.nextNonce = nonce
	if refused.Refused() {
		return call.refuse(proofRefusal(refused))
	}
	return nil
}

// bindKey ties the key that verified an accepted token to its algorithm, where nothing else says which one it is for (RFC 8725bis
// section 3.1). It is the last step of the decision: a token that is refused for whatever reason decides nothing about a
// key. That the issuer signs with one key under two algorithms is no fault of the token, so it is not judged.
func (p *policy) bindKey(v *accesstoken.Verified, call *call) *refusal {
	err := v.BindKey()
	if err == nil {
		return nil
	}
	p.complain(v.Issuer.URL, "an issuer signs with one key under two algorithms: set Issuer.Algorithms to the one of its access tokens", err)
	return call.refuse(refusal{reason: ReasonKeysUnavailable, err: err})
}

// boundCall stands for the call for which the possession of a bound token was proven: the scheme, the method, the target, the proof and
// what shows the certificate (RFC 9449 section 4.3, points 8 and 9; RFC 8705 section 3). It is a digest, so that no proof is kept.
type boundCall [sha256.Size]byte

// boundCall returns nil for a token that whoever holds it may use: its verdict does not depend on the call.
func (p *policy) boundCall(c *call, v *accesstoken.Verified) *boundCall {
	if v.Bound().None() {
		return nil
	}
	var buf [10 * sha256.Size]byte // more than the parts of an ordinary call
	parts := appendDigests(buf[:0], string(c.scheme), c.Method, c.Target)
	parts = appendList(parts, c.values("Dpop"))
	if c.Certificate != nil {
		digest := sha256.Sum256(c.Certificate.Raw)
		parts = append(parts, digest[:]...)
	}
	if header := p.certificates.Header(); header != "" {
		parts = appendDigests(parts, c.RemoteAddr)
		parts = appendList(parts, c.values(header))
	}
	whole := boundCall(sha256.Sum256(parts))
	return &whole
}

// equal compares calls of tokens that are equally bound.
func (b *boundCall) equal(other *boundCall) bool {
	return b == nil && other == nil || b != nil && other != nil && *b == *other
}

// appendList puts the number of fields before them, so that no two lists are written alike.
func appendList(parts []byte, fields []string) []byte {
	return appendDigests(binary.BigEndian.AppendUint64(parts, uint64(len(fields))), fields...)
}

// appendDigests writes each field in the same number of bytes, whatever is in it, and without copying it.
func appendDigests(parts []byte, fields ...string) []byte {
	for _, field := range fields {
		key := shards.KeyOf(field)
		parts = append(parts, key[:]...)
	}
	return parts
}
