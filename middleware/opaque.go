package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/cardea-auth/cardea/introspection"
)

var (
	errNobodyAsks    = errors.New("the token is opaque and no issuer introspects it: set Issuer.Introspector, or OpaquePrefixes that fit")
	errEmptySegment  = errors.New("a segment of the token is empty")
	errInactive      = errors.New("the introspection endpoint says that the token is not active")
	errForeignIssuer = errors.New("iss of the introspection answer is not that of the issuer asked")
	errNoAnswer      = errors.New("the introspector returned neither an answer nor an error")
)

// opaqueToken judges a token that is no JWT.
func (v *Validator) opaqueToken(ctx context.Context, raw string, d *Decision) (*verified, *Error) {
	d.Opaque = true
	trust := v.policy.trustForOpaque(raw)
	if trust == nil {
		return nil, invalid(ReasonNotIntrospected, errNobodyAsks)
	}
	d.Issuer = trust.url
	return v.introspected(ctx, trust, raw, d)
}

// introspected asks the issuer's server about a token and judges the answer by the issuer's own rules.
func (v *Validator) introspected(ctx context.Context, t *trust, raw string, d *Decision) (*verified, *Error) {
	response, err := t.introspector.Introspect(ctx, raw)
	switch {
	case err != nil:
		return nil, &Error{Reason: ReasonIntrospectionUnavailable, RetryAfter: retryHint(err), Err: err}
	case response == nil:
		return nil, &Error{Reason: ReasonIntrospectionUnavailable, Err: errNoAnswer}
	case !response.Active():
		return nil, invalid(ReasonInactive, errInactive)
	}
	key := answerKey{response, t}
	if known, ok := v.parsed.get(key); ok {
		d.Cached = true
		return known, nil
	}
	judged, refusal := v.answer(ctx, t, response)
	if refusal != nil {
		return nil, refusal
	}
	v.parsed.add(key, judged)
	return judged, nil
}

// answer judges an active answer. Its form was vetted by package introspection.
func (v *Validator) answer(ctx context.Context, t *trust, response *introspection.Response) (*verified, *Error) {
	var text json.RawMessage
	if err := response.Claims(&text); err != nil {
		return nil, &Error{Reason: ReasonIntrospectionUnavailable, Err: err}
	}
	var claims claimSet
	if err := claims.read(string(text), v.policy.names); err != nil {
		return nil, &Error{Reason: ReasonIntrospectionUnavailable, Err: fmt.Errorf("introspection answer: %w", err)}
	}
	iss, err := claims.string(issClaim)
	if err != nil {
		return nil, malformedClaim("iss", err)
	}
	tenant := ""
	if iss == "" {
		iss = t.url // RFC 7662 section 2.2: iss is optional, and it is this server that vouches for the token
	} else if tenant, err = t.own(&claims, iss); err != nil {
		return nil, invalid(ReasonUnknownIssuer, err)
	}
	if refusal := answerKind(&claims); refusal != nil {
		return nil, refusal
	}
	token, refusal := t.vet(&claims, iss, true)
	if refusal != nil {
		return nil, refusal
	}
	return &verified{token: *token, trust: t, tenant: tenant}, nil
}

// own judges whether iss is a value of t, and returns the tenant if it fills a template.
func (t *trust) own(c *claimSet, iss string) (tenant string, err error) {
	if t.issuers[iss] {
		return "", nil
	}
	for _, template := range t.template {
		if tenant, ok := template.match(iss); ok && isText(c.values[tidClaim], tenant) {
			return tenant, nil
		}
	}
	return "", errForeignIssuer
}

// answerKind keeps refresh tokens out: an endpoint calls them active as well (RFC 7662 section 2.1).
func answerKind(c *claimSet) *Error {
	if refusal := payloadKind(c); refusal != nil {
		return invalid(ReasonTokenType, refusal)
	}
	v := c.values[tokenTypeClaim]
	if v.Kind() == 0 {
		return nil
	}
	kind, _ := v.Text()
	if !slices.Contains([]string{"bearer", "dpop", "access_token", "urn:ietf:params:oauth:token-type:access_token"}, strings.ToLower(kind)) {
		return invalid(ReasonTokenType, errTokenType)
	}
	if strings.EqualFold(kind, "dpop") && c.values[cnfClaim].Kind() == 0 {
		return invalid(ReasonConfirmation, errDPoPNoBinding)
	}
	return nil
}

// answerKey is an answer in the light of one trust entry. Entries may share an Introspector and still differ in their
// audiences.
type answerKey struct {
	response *introspection.Response
	trust    *trust
}

// answerCache keeps the judged form of answers for as long as the Introspector returns the same Response. It decides
// nothing: whether an answer is still good is what the Introspector says on every request.
type answerCache struct {
	judged *lru.Cache[answerKey, *verified] // nil: switched off
}

func newAnswerCache(entries int) *answerCache {
	if entries <= 0 {
		return &answerCache{}
	}
	cache, err := lru.New[answerKey, *verified](entries)
	if err != nil { // only for a size that is not positive
		return &answerCache{}
	}
	return &answerCache{judged: cache}
}

func (c *answerCache) get(key answerKey) (*verified, bool) {
	if c.judged == nil {
		return nil, false
	}
	return c.judged.Get(key)
}

func (c *answerCache) add(key answerKey, v *verified) {
	if c.judged != nil {
		c.judged.Add(key, v)
	}
}
