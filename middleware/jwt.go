package middleware

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// keyRef remembers which key has verified a token, and how it was found.
type keyRef struct {
	key      *jwks.Key
	kid, alg string
}

var (
	errAlgorithm  = errors.New("the token's algorithm is not among the issuer's")
	errNoSuchKey  = errors.New("the key source knows no such key")
	errSignature  = errors.New("no key of the issuer verifies the signature")
	errTenant     = errors.New("the tenant is not allowed, or tid is not the tenant in iss")
	errUnknownIss = errors.New("iss is not one of the configured issuers")
	errKeyGone    = errors.New("the key that had verified the token is no longer among the issuer's keys")
)

// jwt judges a token of JOSE shape. Nothing of it is believed before its signature has been verified: alg, kid and typ are
// compared with the configuration, and iss selects a trust entry. What is cheap comes first; nothing that others notice, a
// fetch or a call of the application's functions, before the whole token has been decoded.
func (v *Validator) jwt(ctx context.Context, token presented, d *Decision) (*verified, *Error) {
	jws, err := compact.Split(token.raw)
	if err != nil {
		return nil, unreadable(token.raw, err)
	}
	header, known, err := v.headers.parse(jws.Header)
	if err != nil {
		return nil, unreadable(token.raw, err)
	}
	toKeep := jws.SigningInput // a copy, of which no part of the signature is within reach
	if v.tokens == nil {
		toKeep = ""
	}
	text, signed, err := compact.TextBefore(jws.Payload, toKeep)
	if err != nil {
		return nil, unreadable(token.raw, err)
	}
	signature, err := jws.Signature()
	if err != nil {
		return nil, unreadable(token.raw, err)
	}
	var read claims.Reading
	if err := read.Read(text, v.policy.names); err != nil {
		return nil, unreadable(token.raw, err)
	}
	trust, iss, tenant, refusal := v.selectTrust(&read)
	if refusal != nil {
		return nil, refusal
	}
	d.Issuer = trust.url
	if err := trust.profile.accessType(header.Type); err != nil {
		return nil, invalid(ReasonTokenType, err)
	}
	if err := trust.accessClaims(header.Type, &read); err != nil {
		return nil, invalid(ReasonTokenType, err)
	}
	if tenant != "" && !trust.allowTenant(ctx, tenant) {
		return nil, invalid(ReasonTenant, errTenant)
	}
	if trust.jwts == IntrospectJWTs {
		d.Opaque = true
		token.form = joseForm
		if header.Type == "at+jwt" {
			token.form = accessForm
		}
		return v.introspected(ctx, trust, nil, token, d)
	}

	key, refusal := trust.verify(ctx, header, jws.SigningInput, signature)
	if refusal != nil {
		return nil, refusal
	}
	proven, refusal := trust.vet(&read, iss, false)
	if refusal != nil {
		return nil, refusal
	}
	if name := trust.profile.missing(&read, proven.token.ClientID); name != "" {
		return nil, invalid(ReasonMissingClaim, fmt.Errorf("claim %s is absent (RFC 9068 section 2.2)", name))
	}
	if !known {
		v.headers.learn(jws.Header, header)
	}
	proven.access = proven.access || header.Type == "at+jwt"
	if trust.jwts == VerifyJWTs { // otherwise the answer has a say
		if refusal := proven.accessToken(nil); refusal != nil {
			return nil, refusal
		}
	}
	proven.tenant, proven.signed = tenant, cmp.Or(signed, jws.SigningInput)
	proven.key = keyRef{key: key, kid: header.KeyID, alg: header.Algorithm}
	return proven, nil
}

// unreadable translates what the parsers say. Characters that no token may have are looked for here, where something is wrong
// already: segments that could be decoded have none.
func unreadable(raw string, err error) *Error {
	if refusal := checkToken(raw); refusal != nil {
		return refusal
	}
	switch {
	case errors.Is(err, compact.ErrEncrypted):
		return invalid(ReasonEncrypted, err)
	case errors.Is(err, compact.ErrExtension), errors.Is(err, compact.ErrKeyID):
		return invalid(ReasonHeader, err)
	case errors.Is(err, compact.ErrAlgorithm):
		return invalid(ReasonAlgorithm, err)
	default:
		return invalid(ReasonMalformed, err)
	}
}

// selectTrust finds the trust entry by the unverified iss and, for an issuer with tenants, binds tid to it: the tenant
// in iss and the tid claim must be the same text.
func (v *Validator) selectTrust(c *claims.Reading) (_ *trust, iss, tenant string, _ *Error) {
	iss, err := c.String(claims.Issuer)
	if err != nil {
		return nil, "", "", malformedClaim("iss", err)
	}
	if iss == "" {
		return nil, "", "", invalid(ReasonMissingClaim, errNoIssuer)
	}
	trust, tenant := v.policy.trustFor(iss)
	if trust == nil {
		return nil, "", "", invalid(ReasonUnknownIssuer, fmt.Errorf("%w: %s", errUnknownIss, clip(iss)))
	}
	if tenant != "" && !claims.Is(c.At(claims.Tenant), tenant) {
		return nil, "", "", invalid(ReasonTenant, errTenant)
	}
	return trust, iss, tenant, nil
}

// verify finds the key that verifies the signature.
func (t *trust) verify(ctx context.Context, header compact.Header, signingInput string, signature []byte) (*jwks.Key, *Error) {
	if !t.algorithms[header.Algorithm] {
		return nil, invalid(ReasonAlgorithm, errAlgorithm)
	}
	keys, refusal := t.candidates(ctx, header.KeyID, header.Algorithm)
	if refusal != nil {
		return nil, refusal
	}
	tries := 0
	for _, key := range keys {
		// A KeySource of the application's own could answer a key of another algorithm.
		if key.Algorithm() != header.Algorithm || tries == maxTries {
			continue
		}
		if tries++; key.Verify(signingInput, signature) == nil {
			return key, nil
		}
	}
	return nil, invalid(ReasonSignature, errSignature)
}

// maxTries bounds the signature checks that one token can cause.
const maxTries = 4

// candidates asks the key source. Not finding a key refuses the token; not being able to tell does not.
func (t *trust) candidates(ctx context.Context, kid, alg string) ([]*jwks.Key, *Error) {
	keys, err := t.keys.VerificationKeys(ctx, kid, alg)
	switch {
	case errors.Is(err, jwks.ErrKeyNotFound):
		return nil, invalid(ReasonUnknownKey, err)
	case err != nil:
		return nil, &Error{Reason: ReasonKeysUnavailable, RetryAfter: retryHint(err), Err: err}
	case len(keys) == 0:
		return nil, invalid(ReasonUnknownKey, errNoSuchKey)
	}
	return keys, nil
}

// stillThere judges whether the key that verified a token earlier is still among its issuer's keys.
func (k keyRef) stillThere(ctx context.Context, t *trust) *Error {
	keys, refusal := t.candidates(ctx, k.kid, k.alg)
	if refusal != nil {
		return refusal
	}
	for _, key := range keys {
		if key == k.key || key.Equal(k.key) {
			return nil
		}
	}
	return invalid(ReasonUnknownKey, errKeyGone)
}

// bindKey ties the key that verified an accepted token to its algorithm, where nothing else says which one it is for (RFC 8725bis
// section 3.1). It is the last step of the decision: a token that is refused for whatever reason decides nothing about a
// key. That the issuer signs with one key under two algorithms is no fault of the token, so it is not judged.
func (p *policy) bindKey(v *verified) *Error {
	if !v.trust.bindKeys || v.key.key == nil {
		return nil
	}
	err := v.key.key.Bind()
	if err == nil {
		return nil
	}
	if p.logger != nil && v.trust.conflict.Swap(v.key.key) != v.key.key {
		p.logger.Error("an issuer signs with one key under two algorithms: set Issuer.Algorithms to the one of its access tokens",
			"issuer", v.trust.url, "error", err)
	}
	return &Error{Reason: ReasonKeysUnavailable, Err: err}
}
