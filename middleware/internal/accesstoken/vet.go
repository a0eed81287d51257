package accesstoken

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/record"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

var (
	errNull     = errors.New("it is null, which says neither that the token is limited nor that it is not")
	errNoExpiry = cause.Hint("claim exp is absent", "the server has to write it: a token that never ends is not taken")
)

// vetRow are the steps that claims go through which are known to be the issuer's: who the token is for, who may use it, and of what form
// it is. Time is judged apart, because it is judged on every request.
var vetRow = []record.Step{
	record.Content, record.Audience, record.Confirmation, record.Details, record.Actor, record.Profile, record.Kind, record.ClaimRules,
}

// vetting is a set of claims on its way through the steps. It holds no pointer to what lives on the stack, or all of it would move to the
// heap.
type vetting struct {
	issuer  *Issuer // nil: iss led to none
	reading claims.Reading
	iss     string
	typ     string    // of a JWT's header
	opaque  bool      // the claims are an introspection answer
	form    form      // of the token that an answer is about
	jwt     *Verified // of the token that an answer is about, if it was verified here as well

	doubted  bool // the claims have been refused already, and are looked at for the record
	lists    claims.Lists
	verified *Verified
}

// vet runs the steps as jwt.run does. first is the refusal so far.
func (v *vetting) vet(recorder *record.Recorder, first Refusal) Refusal {
	v.verified = &Verified{
		Issuer: v.issuer,
		Facts:  Facts{Issuer: v.iss, Opaque: v.opaque},
		Claims: v.reading.Text,
	}
	v.lists = claims.NewLists(v.reading.At(claims.Audience), v.reading.At(claims.AMR), v.reading.First(v.issuer.scopes), v.reading.First(v.issuer.roles))
	for _, step := range vetRow {
		v.doubted = first.Refused()
		refusal := v.vetStep(step)
		if !refusal.Refused() {
			recorder.Pass(step)
			continue
		}
		recorder.Fail(step, refusal.Err)
		if !recorder.On() {
			return refusal
		}
		if !first.Refused() {
			first = refusal
		}
	}
	facts := &v.verified.Facts
	v.lists.Settle(&facts.Audience, &facts.Scopes, &facts.Roles, &facts.AMR)
	return first
}

func (v *vetting) vetStep(step record.Step) Refusal {
	switch step {
	case record.Content:
		return v.readContent()
	case record.Audience:
		return v.checkAudience()
	case record.Confirmation:
		return v.readConfirmation()
	case record.Details:
		return v.readDetails()
	case record.Actor:
		return v.readActor()
	case record.Profile:
		return v.checkProfile()
	case record.Kind:
		return v.checkKind()
	default: // record.ClaimRules
		if refusal := v.checkRules(); refusal.Refused() {
			return refusal
		}
		return v.compute()
	}
}

// compute asks the application's functions for scopes and roles. They are the last step, and see no claims of a token that was refused.
// Where the server is asked about a JWT as well, its answer is what they see.
func (v *vetting) compute() Refusal {
	if v.doubted || !v.opaque && v.issuer.Mode == VerifyAndIntrospect {
		return Refusal{}
	}
	facts := &v.verified.Facts
	if v.issuer.ComputeScopes != nil {
		scopes, refusal := v.issuer.ComputeScopes(v.verified)
		if refusal.Refused() {
			return refusal
		}
		facts.Scopes = scopes
	}
	if v.issuer.ComputeRoles != nil {
		roles, refusal := v.issuer.ComputeRoles(v.verified)
		if refusal.Refused() {
			return refusal
		}
		facts.Roles = roles
	}
	return Refusal{}
}

// readContent reads what identifies the token and its parties, and the dates.
func (v *vetting) readContent() Refusal {
	facts := &v.verified.Facts
	var err error
	if facts.Subject, err = v.readSubject(); err != nil {
		return malformedClaim("sub", err)
	}
	if facts.ID, err = v.reading.String(claims.TokenID); err != nil {
		return malformedClaim("jti", err)
	}
	if refusal := v.readTimes(facts); refusal.Refused() {
		return refusal
	}
	if facts.Expiry.IsZero() && !v.opaque {
		return refuse(MissingClaim, errNoExpiry)
	}
	// The first mapped claim that is present decides. What is no string names no client, which only a rule about clients minds.
	facts.ClientID, _ = v.reading.First(v.issuer.clientID).Text()
	if v.reading.At(claims.Status).Kind() == strictjson.Null {
		return malformedClaim("status", errNull)
	}
	facts.ACR, _ = v.reading.At(claims.ACR).Text()
	facts.SessionID, _ = v.reading.At(claims.SessionID).Text()
	if status := v.reading.At(claims.Status); status.Kind() != 0 {
		v.verified.withRest().status = claims.ReadStatus(status)
	}
	return Refusal{}
}

// readSubject reads sub. Of a server that numbers its users, where the configuration says so, it is the number in its one spelling.
func (v *vetting) readSubject() (string, error) {
	sub := v.reading.At(claims.Subject)
	if v.issuer.NumericSubjects && sub.Kind() == strictjson.Number {
		return claims.Integer(sub)
	}
	text, err := v.reading.String(claims.Subject)
	return text, cause.Subject(err, sub.Kind() == strictjson.Number)
}

// readTimes reads the dates. One that cannot be read refuses the token, except auth_time: it can only be missed.
func (v *vetting) readTimes(facts *Facts) Refusal {
	var refusal Refusal
	if facts.Expiry, refusal = v.readTime("exp", claims.Expiry); refusal.Refused() {
		return refusal
	}
	if facts.NotBefore, refusal = v.readTime("nbf", claims.NotBefore); refusal.Refused() {
		return refusal
	}
	if facts.IssuedAt, refusal = v.readTime("iat", claims.IssuedAt); refusal.Refused() {
		return refusal
	}
	if date, err := v.reading.Time(claims.AuthTime); err == nil {
		facts.AuthTime = date
	}
	return Refusal{}
}

func (v *vetting) readTime(name string, index claims.Index) (time.Time, Refusal) {
	date, err := v.reading.Time(index)
	if err != nil {
		return time.Time{}, malformedClaim(name, cause.Date(err, v.reading.At(index).Raw()))
	}
	return date, Refusal{}
}

// checkAudience judges whether the token is meant for this API, by its audience or by what the configuration puts in its place.
func (v *vetting) checkAudience() Refusal {
	facts, aud := &v.verified.Facts, v.reading.At(claims.Audience)
	var err error
	if facts.Audience, err = v.lists.Audience(aud); err != nil {
		return malformedClaim("aud", err)
	}
	switch v.forUs(facts.ClientID, containsAny(facts.Audience, v.issuer.Audiences)) {
	case WrongClient:
		return refuse(WrongClient, cause.Client(facts.ClientID, v.issuer.Clients, v.issuer.ClientID))
	case WrongAudience:
		return refuse(WrongAudience, cause.Audience(aud.Raw(), v.issuer.Audiences, facts.ClientID))
	default:
		return Refusal{}
	}
}

// forUs is the rule of checkAudience: the zero Reason says that the token is meant for this API. named says whether aud names it.
func (v *vetting) forUs(clientID string, named bool) Reason {
	issuer := v.issuer
	switch {
	case issuer.NoAudience:
		return 0
	case len(issuer.Clients) > 0:
		if !slices.Contains(issuer.Clients, clientID) {
			return WrongClient
		}
		return 0
	case !v.opaque && issuer.Mode == VerifyAndIntrospect && v.reading.At(claims.Audience).Kind() == 0:
		return 0 // a lightweight token: the answer must name one
	case !named:
		return WrongAudience
	default:
		return 0
	}
}

func containsAny(list, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(w string) bool { return slices.Contains(list, w) })
}

func (v *vetting) readConfirmation() Refusal {
	cnf := v.reading.At(claims.Confirm)
	bound, err := claims.ReadConfirmation(cnf)
	if err != nil {
		return refuse(BadConfirmation, cause.Confirmation(err, cnf.Raw()))
	}
	if !bound.None() {
		v.verified.withRest().bound = bound
	}
	return Refusal{}
}

func (v *vetting) readDetails() Refusal {
	written := v.reading.At(claims.AuthorizationDetails)
	details, err := claims.ReadDetails(written)
	if err != nil {
		return malformedClaim("authorization_details", err)
	}
	if written.Kind() != 0 {
		v.verified.withRest().details = details
	}
	return Refusal{}
}

func (v *vetting) readActor() Refusal {
	facts := &v.verified.Facts
	facts.AMR = v.lists.Strings(v.reading.At(claims.AMR))
	facts.Scopes = v.lists.Scopes(v.reading.First(v.issuer.scopes))
	facts.Roles = v.lists.Roles(v.reading.First(v.issuer.roles))
	act := v.reading.At(claims.Act)
	actor, err := claims.ReadActor(act)
	if err != nil {
		return malformedClaim("act", err)
	}
	if act.Kind() != 0 {
		v.verified.withRest().actor = actor
	}
	return Refusal{}
}

// recheck judges what can change from one request to the next without any I/O of ours: the time, the tenant and the
// issuer's own last check. It runs on every request, whatever was cached.
func (v *Verified) recheck(ctx context.Context, now time.Time, recorder *record.Recorder) Refusal {
	if refusal := v.recheckTime(now, recorder); refusal.Refused() {
		return refusal
	}
	if refusal := v.recheckTenant(ctx, recorder); refusal.Refused() {
		return refusal
	}
	return v.recheckAccept(recorder)
}

func (v *Verified) recheckTime(now time.Time, recorder *record.Recorder) Refusal {
	if refusal := v.CheckTime(now); refusal.Refused() {
		recorder.Fail(record.Time, refusal.Err)
		return refusal
	}
	recorder.Pass(record.Time)
	return Refusal{}
}

func (v *Verified) recheckTenant(ctx context.Context, recorder *record.Recorder) Refusal {
	if v.tenant() != "" && !v.Issuer.AllowTenant(ctx, v.tenant()) {
		refusal := refuse(WrongTenant, cause.Tenant(v.tenant(), v.tenant()))
		recorder.Fail(record.Tenant, refusal.Err)
		return refusal
	}
	return Refusal{}
}

func (v *Verified) recheckAccept(recorder *record.Recorder) Refusal {
	if v.Issuer.Accept == nil {
		return Refusal{}
	}
	if refusal := v.Issuer.Accept(v); refusal.Refused() {
		recorder.Fail(record.Accept, refusal.Err)
		return refusal
	}
	recorder.Pass(record.Accept)
	return Refusal{}
}

// CheckTime judges the dates against the clock, with the issuer's leeway, which is added only where it could matter: that costs more
// than to compare.
func (v *Verified) CheckTime(now time.Time) Refusal { return v.Facts.checkTime(now, v.Issuer.Leeway) }

func (facts *Facts) checkTime(now time.Time, leeway time.Duration) Refusal {
	if ended := !now.Before(facts.Expiry) && !facts.Expiry.IsZero(); ended && !now.Before(facts.Expiry.Add(leeway)) {
		return refuse(Expired, cause.Expired(facts.Expiry, facts.IssuedAt, now, leeway))
	}
	if now.Before(facts.NotBefore) && now.Add(leeway).Before(facts.NotBefore) {
		return refuse(NotYetValid, cause.NotYetValid(facts.NotBefore, now, leeway))
	}
	if now.Before(facts.IssuedAt) && now.Add(leeway).Before(facts.IssuedAt) {
		return refuse(IssuedInFuture, cause.IssuedAhead(facts.IssuedAt, now, leeway))
	}
	return Refusal{}
}
