package accesstoken

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/record"
)

var (
	errNobodyAsks   = errors.New("the token is opaque and no issuer introspects it: set Issuer.Introspector, or OpaquePrefixes that fit")
	errEmptySegment = errors.New("a segment of the token is empty")
	errInactive     = cause.Hint(
		"the introspection endpoint says that the token is not active",
		"it has expired, was revoked, or is of another realm; most servers say so too when our client may not see the token",
	)
	errForeignIssuer = errors.New("iss of the introspection answer is not that of the issuer asked")
	errOtherBinding  = errors.New("the introspection answer binds the token (cnf) to something else than the token itself does")
	errNoTenant      = errors.New("the server has tenants, and its answer names none (iss)")
	errNoAnswer      = errors.New("the introspector returned neither an answer nor an error")
	errTooLong       = errors.New("the token is longer than 64 KiB, which no introspection endpoint is sent")
	errTokenType     = errors.New("token_type is not that of an access token")
	errDPoPNoBinding = errors.New("token_type is DPoP, but the answer has no cnf.jkt to bind it")
)

// maxIntrospected is what package introspection sends at most. Beyond it its error would read as an outage, whatever
// Config.MaxTokenBytes allows.
const maxIntrospected = 64 << 10

// judgeOpaque judges a token that is no JWT.
func (j *judgement) judgeOpaque(ctx context.Context) (*Verified, Refusal) {
	issuer := j.introspecting(j.Token.raw)
	if refusal := j.checkOpaque(issuer); refusal.Refused() {
		j.Recorder.Fail(record.Form, refusal.Err)
		return nil, refusal
	}
	j.Recorder.Pass(record.Form)
	j.record.Opaque = true
	if issuer == nil {
		nobody := cause.Unread(errNobodyAsks, j.Token.raw)
		j.Recorder.Fail(record.Issuer, nobody)
		return nil, refuse(NotIntrospected, nobody)
	}
	j.record.Issuer = issuer.URL
	j.Token = j.Token.opaque()
	proven, refusal := j.introspected(ctx, issuer, nil)
	if refusal.Refused() {
		return nil, refusal
	}
	return proven, proven.recheck(ctx, j.Now, j.Recorder)
}

// checkOpaque judges the syntax of an opaque token. What an issuer lets in beyond token68 has no meaning in a field, and must not be a JOSE
// object in disguise: that is for its keys to judge, and its server may see through what hides it.
func (j *judgement) checkOpaque(issuer *Issuer) Refusal {
	if refusal := checkCharacters(j.Token.raw); refusal.Refused() {
		if issuer == nil || !issuer.OpaqueCharacters || !compact.IsVisible(j.Token.raw) || compact.ResemblesJOSE(j.Token.raw) {
			return refusal
		}
	}
	if compact.HasEmptySegment(j.Token.raw) {
		return refuse(Malformed, errEmptySegment)
	}
	return Refusal{}
}

// introspected asks the issuer's server about a token and judges the answer by the issuer's own rules. jwt is what was
// verified here before, nil for a token that was not.
func (j *judgement) introspected(ctx context.Context, issuer *Issuer, jwt *Verified) (*Verified, Refusal) {
	if len(j.Token.raw) > maxIntrospected {
		return nil, refuse(TooLong, errTooLong)
	}
	known, ok := j.answers.get(j.Token) // whose text led to issuer, and to jwt, before
	if j.Recorder.On() {
		known, ok = nil, false // every step is judged
	}
	if ok && j.answerFresh(known, time.Now()) {
		j.Recorder.Pass(record.Introspection)
		return known, Refusal{}
	}
	response, err := issuer.Introspector.Introspect(ctx, j.Token.raw)
	if err == nil && response != nil {
		issuer.Heard(true)
	}
	if refusal := activity(response, err); refusal.Refused() {
		j.Recorder.Fail(record.Introspection, refusal.Err)
		return nil, refusal
	}
	j.record.Vouched = true
	j.Recorder.Vouch()
	j.Recorder.Pass(record.Introspection)
	if ok && known.answer() == response {
		j.record.Cached = true
		return known, Refusal{}
	}
	judged, refusal := j.vetAnswer(issuer, jwt, response)
	if refusal.Refused() || j.Recorder.On() {
		return judged, refusal
	}
	rest := judged.withRest()
	rest.answer, rest.signed = response, j.Token.signed
	if j.answers != nil {
		rest.signed = strings.Clone(j.Token.signed)
	}
	j.answers.add(j.Token, judged)
	return judged, Refusal{}
}

func activity(response *introspection.Response, err error) Refusal {
	switch {
	case err != nil:
		return unavailable(IntrospectionUnavailable, err)
	case response == nil:
		return refuse(IntrospectionUnavailable, errNoAnswer)
	case !response.Active():
		return refuse(Inactive, errInactive)
	}
	return Refusal{}
}

// answerFor finds what is known of a token that its issuer's server alone has judged, and need not be asked about yet. A token of a
// tenant is left to the long way, where the tenant that a JWT names is judged as well as that of the answer.
func (j *judgement) answerFor() *Verified {
	known, ok := j.answers.get(j.Token)
	if !ok || j.Recorder.On() || !known.Facts.Opaque || known.tenant() != "" || !j.answerFresh(known, j.realTime()) {
		return nil
	}
	j.record.Opaque, j.record.Vouched = true, true
	j.Recorder.Vouch()
	j.Recorder.Pass(record.Introspection)
	return known
}

// realTime is time.Now() for a judgement that has just begun, against which the age of answers is told.
func (j *judgement) realTime() time.Time {
	if j.OwnClock {
		return time.Now()
	}
	return j.Now
}

// answerFresh reports whether the answer is what the issuer's Client would say again, now.
func (j *judgement) answerFresh(known *Verified, now time.Time) bool {
	j.record.Cached = known.Issuer.Client.Fresh(known.answer(), now)
	return j.record.Cached
}

// vetAnswer judges an active answer. Its form was vetted by package introspection.
func (j *judgement) vetAnswer(issuer *Issuer, jwt *Verified, response *introspection.Response) (*Verified, Refusal) {
	var text json.RawMessage
	if err := response.Claims(&text); err != nil {
		return nil, refuse(IntrospectionUnavailable, err)
	}
	v := vetting{issuer: issuer, opaque: true, form: j.Token.form, jwt: jwt}
	if err := v.reading.Read(string(text), j.names); err != nil {
		return nil, refuse(IntrospectionUnavailable, fmt.Errorf("introspection answer: %w", err))
	}
	if err := issuer.checkNames(&v.reading, claims.AnswerClaims); err != nil {
		return nil, refuse(IntrospectionUnavailable, fmt.Errorf("introspection answer: %w", err))
	}
	iss, tenant, refusal := issuer.issuerOf(&v.reading, jwt)
	if refusal.Refused() {
		j.Recorder.Fail(record.Issuer, refusal.Err)
		return nil, refusal
	}
	if refusal := answerKind(&v.reading); refusal.Refused() {
		j.Recorder.Fail(record.Type, refusal.Err)
		return nil, refusal
	}
	v.iss = iss
	refusal = v.vet(j.Recorder, Refusal{})
	j.see(v.verified, compact.Header{}, refusal)
	if refusal.Refused() {
		return nil, refusal
	}
	v.verified.setTenant(tenant)
	if jwt != nil {
		return v.verified, v.verified.mergeJWT(jwt)
	}
	return v.verified, Refusal{}
}

// mergeJWT completes an answer about a JWT that was verified here with what only the JWT says. An answer may be silent about
// the end of the token, what it can be revoked by, who acts and what it is bound to, and none of these goes away for that; that it
// speaks of another binding would make two tokens of one.
func (v *Verified) mergeJWT(jwt *Verified) Refusal {
	v.Facts.Opaque, v.Key, v.learnt = false, jwt.Key, jwt.learnt
	if v.Facts.Expiry.IsZero() || jwt.Facts.Expiry.Before(v.Facts.Expiry) {
		v.Facts.Expiry = jwt.Facts.Expiry
	}
	v.Facts.completeIdentity(&jwt.Facts)
	rest, bound := v.withRest(), jwt.Bound()
	rest.status = cmp.Or(rest.status, jwt.Status())
	rest.actor = cmp.Or(rest.actor, jwt.Actor())
	rest.bound = cmp.Or(rest.bound, bound)
	if rest.bound != bound && !bound.None() {
		return refuse(BadConfirmation, errOtherBinding)
	}
	return Refusal{}
}

// completeIdentity takes over what facts do not say of that by which entries of revocation lists know a token.
func (facts *Facts) completeIdentity(jwt *Facts) {
	facts.ID = cmp.Or(facts.ID, jwt.ID)
	facts.SessionID = cmp.Or(facts.SessionID, jwt.SessionID)
	facts.Subject = cmp.Or(facts.Subject, jwt.Subject)
	facts.ClientID = cmp.Or(facts.ClientID, jwt.ClientID)
	facts.IssuedAt = cmp.Or(facts.IssuedAt, jwt.IssuedAt)
}

// issuerOf finds out whose token an answer is about. iss is optional in it (RFC 7662 section 2.2): then it is that of the
// verified JWT, or of the server that was asked. A server with tenants must say which one it speaks for.
func (i *Issuer) issuerOf(c *claims.Reading, jwt *Verified) (iss, tenant string, _ Refusal) {
	iss, err := c.String(claims.Issuer)
	switch {
	case err != nil:
		return "", "", malformedClaim("iss", err)
	case iss == "" && c.At(claims.Issuer).Kind() != 0:
		return "", "", malformedClaim("iss", errEmpty)
	case iss != "":
		tenant, ok := i.claimsName(iss, c.At(claims.Tenant))
		if !ok {
			return "", "", refuse(UnknownIssuer, cause.Foreign(errForeignIssuer, iss, append([]string{i.URL}, i.Aliases...)))
		}
		return iss, tenant, Refusal{}
	case jwt != nil:
		return jwt.Facts.Issuer, jwt.tenant(), Refusal{}
	case len(i.templates) > 0:
		return "", "", refuse(WrongTenant, errNoTenant)
	default:
		return i.URL, "", Refusal{}
	}
}

var accessTokenTypes = []string{"bearer", "dpop", "access_token", "urn:ietf:params:oauth:token-type:access_token"}

// answerKind keeps refresh tokens out: an endpoint calls them active as well (RFC 7662 section 2.1).
func answerKind(c *claims.Reading) Refusal {
	if err := payloadKind(c); err != nil {
		return refuse(WrongType, err)
	}
	v := c.At(claims.TokenType)
	if v.Kind() == 0 {
		return Refusal{}
	}
	kind, _ := v.Text()
	if !slices.Contains(accessTokenTypes, compact.LowerASCII(kind)) {
		return refuse(WrongType, cause.Kind(errTokenType, "token_type", v.Raw(), "token_type Bearer or DPoP"))
	}
	if _, has := c.At(claims.Confirm).Member("jkt"); !has && compact.LowerASCII(kind) == "dpop" {
		return refuse(BadConfirmation, errDPoPNoBinding)
	}
	return Refusal{}
}
