package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
)

var (
	errNobodyAsks    = errors.New("the token is opaque and no issuer introspects it: set Issuer.Introspector, or OpaquePrefixes that fit")
	errEmptySegment  = errors.New("a segment of the token is empty")
	errInactive      = errors.New("the introspection endpoint says that the token is not active")
	errForeignIssuer = errors.New("iss of the introspection answer is not that of the issuer asked")
	errOtherBinding  = errors.New("the introspection answer binds the token (cnf) to something else than the token itself does")
	errNoAnswer      = errors.New("the introspector returned neither an answer nor an error")
)

// maxIntrospected is what package introspection sends at most. Beyond it its error would read as an outage, whatever
// Config.MaxTokenBytes allows.
const maxIntrospected = 64 << 10

// opaqueToken judges a token that is no JWT.
func (v *Validator) opaqueToken(ctx context.Context, token presented, d *Decision) (*verified, *Error) {
	d.Opaque = true
	trust := v.policy.trustForOpaque(token.raw)
	if trust == nil {
		return nil, invalid(ReasonNotIntrospected, errNobodyAsks)
	}
	d.Issuer = trust.url
	proven, refusal := v.introspected(ctx, trust, nil, token.opaque(), d)
	if refusal != nil {
		return nil, refusal
	}
	return proven, proven.current(ctx, d.Start)
}

// introspected asks the issuer's server about a token and judges the answer by the issuer's own rules. jwt is what was
// verified here before, nil for a token that was not.
func (v *Validator) introspected(ctx context.Context, t *trust, jwt *verified, token presented, d *Decision) (*verified, *Error) {
	if len(token.raw) > maxIntrospected {
		return nil, badRequest(ReasonTokenTooLong, errTooLong)
	}
	known, ok := v.answers.get(token, d.Start) // whose text led to t, and to jwt, before
	if ok && known.stillSo(time.Now(), d) {
		return known, nil
	}
	response, err := t.introspector.Introspect(ctx, token.raw)
	switch {
	case err != nil:
		return nil, &Error{Reason: ReasonIntrospectionUnavailable, RetryAfter: retryHint(err), Err: err}
	case response == nil:
		return nil, &Error{Reason: ReasonIntrospectionUnavailable, Err: errNoAnswer}
	case !response.Active():
		return nil, invalid(ReasonInactive, errInactive)
	}
	if ok && known.answer == response {
		d.Cached = true
		return known, nil
	}
	judged, refusal := v.answer(t, jwt, token.form, response)
	if refusal != nil {
		return nil, refusal
	}
	judged.answer = response
	if judged.signed = token.signed; v.answers != nil {
		judged.signed = strings.Clone(token.signed)
	}
	v.answers.add(token, judged)
	return judged, nil
}

// recall finds what is known of a token that its issuer's server alone has judged, and need not be asked about yet. A token of a
// tenant is left to the long way, where the tenant that a JWT names is judged as well as that of the answer.
func (v *Validator) recall(token presented, d *Decision) *verified {
	known, ok := v.answers.get(token, d.Start)
	if !ok || !known.token.Opaque || known.tenant != "" || !known.stillSo(v.policy.realTime(d.Start), d) {
		return nil
	}
	d.Opaque = true
	return known
}

// stillSo reports whether the answer is what the issuer's Client would say again, now.
func (v *verified) stillSo(now time.Time, d *Decision) bool {
	d.Cached = v.trust.asks.Fresh(v.answer, now)
	return d.Cached
}

// answer judges an active answer. Its form was vetted by package introspection.
func (v *Validator) answer(t *trust, jwt *verified, form form, response *introspection.Response) (*verified, *Error) {
	var text json.RawMessage
	if err := response.Claims(&text); err != nil {
		return nil, &Error{Reason: ReasonIntrospectionUnavailable, Err: err}
	}
	var read claims.Reading
	if err := read.Read(string(text), v.policy.names); err != nil {
		return nil, &Error{Reason: ReasonIntrospectionUnavailable, Err: fmt.Errorf("introspection answer: %w", err)}
	}
	named, err := read.String(claims.Issuer)
	if err != nil {
		return nil, malformedClaim("iss", err)
	}
	iss, tenant, refusal := t.issuerOf(&read, named, jwt)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := answerKind(&read); refusal != nil {
		return nil, refusal
	}
	judged, refusal := t.vet(&read, iss, true)
	if refusal != nil {
		return nil, refusal
	}
	judged.tenant = tenant
	judged.access = judged.access || claims.IsPresent(read.At(claims.TokenType)) || form == accessForm
	if jwt == nil && form == opaqueForm {
		return judged, nil // no ID token is opaque
	}
	if refusal := judged.accessToken(jwt); refusal != nil {
		return nil, refusal
	}
	if jwt != nil {
		return judged, judged.confirms(jwt)
	}
	return judged, nil
}

// confirms completes an answer about a JWT that was verified here with what only the JWT says. An answer may be silent about
// the end of the token and about what it is bound to, and neither goes away for that; that it speaks of another binding
// would make two tokens of one.
func (v *verified) confirms(jwt *verified) *Error {
	v.token.Opaque, v.key = false, jwt.key
	if v.token.Expiry.IsZero() || jwt.token.Expiry.Before(v.token.Expiry) {
		v.token.Expiry = jwt.token.Expiry
	}
	if v.bound.None() {
		v.bound = jwt.bound
	}
	if v.bound != jwt.bound && !jwt.bound.None() {
		return invalid(ReasonConfirmation, errOtherBinding)
	}
	return nil
}

// issuerOf finds out whose token an answer is about. iss is optional in it (RFC 7662 section 2.2): then it is that of the
// verified JWT, or of the server that was asked. A server with tenants must say which one it speaks for.
func (t *trust) issuerOf(c *claims.Reading, iss string, jwt *verified) (issuer, tenant string, _ *Error) {
	switch {
	case iss != "":
		tenant, err := t.own(c, iss)
		if err != nil {
			return "", "", invalid(ReasonUnknownIssuer, err)
		}
		return iss, tenant, nil
	case jwt != nil:
		return jwt.token.Issuer, jwt.tenant, nil
	case len(t.template) > 0:
		return "", "", invalid(ReasonTenant, errTenant)
	default:
		return t.url, "", nil
	}
}

// own judges whether iss is a value of t, and returns the tenant if it fills a template.
func (t *trust) own(c *claims.Reading, iss string) (tenant string, err error) {
	if t.issuers[iss] {
		return "", nil
	}
	for _, template := range t.template {
		if tenant, ok := template.match(iss); ok && claims.Is(c.At(claims.Tenant), tenant) {
			return tenant, nil
		}
	}
	return "", errForeignIssuer
}

// answerKind keeps refresh tokens out: an endpoint calls them active as well (RFC 7662 section 2.1).
func answerKind(c *claims.Reading) *Error {
	if refusal := payloadKind(c); refusal != nil {
		return invalid(ReasonTokenType, refusal)
	}
	v := c.At(claims.TokenType)
	if v.Kind() == 0 {
		return nil
	}
	kind, _ := v.Text()
	if !slices.Contains([]string{"bearer", "dpop", "access_token", "urn:ietf:params:oauth:token-type:access_token"}, strings.ToLower(kind)) {
		return invalid(ReasonTokenType, errTokenType)
	}
	if _, has := c.At(claims.Confirm).Member("jkt"); !has && strings.EqualFold(kind, "dpop") {
		return invalid(ReasonConfirmation, errDPoPNoBinding)
	}
	return nil
}
