package middleware

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// verified is what is known of a token once it has been proven good. It is shared by requests, and immutable but for usedIn.
type verified struct {
	token  Token    // requests get copies
	claims document // of token
	trust  *trust

	idLike bool   // a replacement of the audience let a token in that has the shape of an ID token
	access bool   // it, or the answer about it, says that it is an access token
	tenant string // what fills the issuer's template; empty without one
	signed string // presented.signed of a JWT; empty for an opaque token

	bound  confirmation            // what the caller must prove possession of
	key    keyRef                  // of a JWT that was verified here
	answer *introspection.Response // that the rest was taken from; nil: from a JWT that was verified here

	usedIn   atomic.Int64 // the second of the last use, while it is in a tokenCache
	storedAt time.Time    // in the tokenCache; zero if that has no limit of age

	room [ordinaryTexts]string // of the Sets of token; last, so that what every request reads lies together
}

func invalid(reason Reason, cause error) *Error {
	return &Error{Code: InvalidToken, Reason: reason, Err: cause}
}

func malformedClaim(name string, cause error) *Error {
	return invalid(ReasonMalformedClaim, fmt.Errorf("claim %s: %w", name, cause))
}

var (
	errExpired       = errors.New("exp has passed; if this is so of fresh tokens, compare the clocks")
	errNotYetValid   = errors.New("nbf lies ahead; if this is often so, compare the clocks")
	errIssuedAhead   = errors.New("iat lies ahead; if this is often so, compare the clocks")
	errNoIssuer      = errors.New("the token names no issuer (iss)")
	errClient        = errors.New("the client id is not among AllowedClients")
	errDPoPNoBinding = errors.New("token_type is DPoP, but the answer has no cnf.jkt to bind it")
	errTokenType     = errors.New("token_type is not that of an access token")
	errActor         = fmt.Errorf("act must be an object whose sub is a string, with at most %d actors", maxActors)
)

const maxActors = 8

// vet judges claims that are known to be the issuer's: who the token is for, who may use it, and of what form it is.
// Time is judged apart, because it is judged on every request. opaque says that the claims are an introspection answer.
func (t *trust) vet(c *claimSet, iss string, opaque bool) (*verified, *Error) {
	v := &verified{trust: t, token: Token{Issuer: iss, Opaque: opaque}, claims: document{text: c.text}}
	token := &v.token
	token.claims = &v.claims
	for _, claim := range []struct {
		name  string
		place int
		into  *string
	}{{"sub", subClaim, &token.Subject}, {"jti", jtiClaim, &token.ID}} {
		s, err := c.string(claim.place)
		if err != nil {
			return nil, malformedClaim(claim.name, err)
		}
		*claim.into = s
	}
	if refusal := c.times(token); refusal != nil {
		return nil, refusal
	}
	if token.Expiry.IsZero() && !opaque {
		return nil, invalid(ReasonMissingClaim, errors.New("claim exp is absent"))
	}
	client, refusal := t.client(c)
	if refusal != nil {
		return nil, refusal
	}
	token.ClientID = client
	room := texts{v.room[:0]}
	if refusal := t.meant(c, token, &room); refusal != nil {
		return nil, refusal
	}
	if v.bound, refusal = confirmationOf(c.values[cnfClaim]); refusal != nil {
		return nil, refusal
	}
	if v.claims.details, refusal = detailsOf(c.values[detailsClaim], t.here); refusal != nil {
		return nil, refusal
	}
	if token.Actor, refusal = actorOf(c.values[actClaim]); refusal != nil {
		return nil, refusal
	}
	token.ACR, _ = c.values[acrClaim].Text()
	token.AMR = room.list(c.values[amrClaim])
	token.Scopes = room.scopes(c.first(t.scopes))
	token.Roles = room.roles(c.first(t.roles))
	v.idLike = t.idShape(token)
	v.access = saysAccess(c) || grantsBeyondIdentity(token.Scopes)
	return v, nil
}

// accessToken refuses what may be an ID token. With a JWT that was verified and introspected, jwt is what it says itself, and either of
// them is heard.
func (v *verified) accessToken(jwt *verified) *Error {
	idLike, access := v.idLike, v.access
	if jwt != nil {
		idLike, access = idLike || jwt.idLike, access || jwt.access
	}
	if idLike && !access {
		return invalid(ReasonTokenType, errIDShape)
	}
	return nil
}

// times reads the dates. One that cannot be read refuses the token, except auth_time: it can only be missed.
func (c *claimSet) times(token *Token) *Error {
	for _, claim := range []struct {
		name  string
		place int
		into  *time.Time
	}{{"exp", expClaim, &token.Expiry}, {"nbf", nbfClaim, &token.NotBefore}, {"iat", iatClaim, &token.IssuedAt}} {
		date, err := c.time(claim.place)
		if err != nil {
			return malformedClaim(claim.name, err)
		}
		*claim.into = date
	}
	if date, err := c.time(authTimeClaim); err == nil {
		token.AuthTime = date
	}
	return nil
}

// client reads the client id. The first mapped claim that is present must be a string.
func (t *trust) client(c *claimSet) (string, *Error) {
	v := c.first(t.clientID)
	if v.Kind() == 0 {
		return "", nil
	}
	id, ok := v.Text()
	if !ok || id == "" {
		return "", malformedClaim("of the client id", errNotText)
	}
	return id, nil
}

// meant judges whether the token is meant for this API, by its audience or by what the configuration puts in its place.
func (t *trust) meant(c *claimSet, token *Token, room *texts) *Error {
	var ok bool
	if token.Audience, ok = room.audience(c.values[audClaim]); !ok {
		return malformedClaim("aud", errNotAudience)
	}
	switch {
	case t.noAudience:
		return nil
	case len(t.clients) > 0:
		if !slices.Contains(t.clients, token.ClientID) {
			return invalid(ReasonClient, errClient)
		}
		return nil
	case !token.Audience.HasAny(t.audiences...):
		return invalid(ReasonAudience, fmt.Errorf("aud is %s, want one of %q", clip(c.values[audClaim].Raw()), t.audiences))
	default:
		return nil
	}
}

// actorOf reads act (RFC 8693 section 4.1). Only the outermost actor counts; the others are history, and few.
func actorOf(act strictjson.Value) (Actor, *Error) {
	var outermost Actor
	for depth := 0; act.Kind() != 0; depth++ {
		if depth == maxActors || act.Kind() != strictjson.Object {
			return Actor{}, malformedClaim("act", errActor)
		}
		var a Actor
		for name, into := range map[string]*string{"iss": &a.Issuer, "sub": &a.Subject, "client_id": &a.ClientID} {
			v, present := act.Member(name)
			s, ok := v.Text()
			if present && !ok {
				return Actor{}, malformedClaim("act", errActor)
			}
			*into = s
		}
		if depth == 0 {
			if a == (Actor{}) {
				return Actor{}, malformedClaim("act", errActor)
			}
			outermost = a
		}
		act, _ = act.Member("act")
	}
	return outermost, nil
}

// inTime judges the dates against the clock, with the issuer's leeway, which is added only where it could matter: that costs more
// than to compare.
func (v *verified) inTime(now time.Time) *Error {
	token, leeway := &v.token, v.trust.leeway
	if ended := !now.Before(token.Expiry) && !token.Expiry.IsZero(); ended && !now.Before(token.Expiry.Add(leeway)) {
		return invalid(ReasonExpired, errExpired)
	}
	if now.Before(token.NotBefore) && now.Add(leeway).Before(token.NotBefore) {
		return invalid(ReasonNotYetValid, errNotYetValid)
	}
	if now.Before(token.IssuedAt) && now.Add(leeway).Before(token.IssuedAt) {
		return invalid(ReasonIssuedInFuture, errIssuedAhead)
	}
	return nil
}

// current judges what can change from one request to the next without any I/O of ours: the time, the tenant and the
// issuer's own last check. It runs on every request, whatever was cached.
func (v *verified) current(ctx context.Context, now time.Time) *Error {
	if refusal := v.inTime(now); refusal != nil {
		return refusal
	}
	if v.tenant != "" && !v.trust.allowTenant(ctx, v.tenant) {
		return invalid(ReasonTenant, errTenant)
	}
	if v.trust.accept == nil {
		return nil
	}
	own := v.token // Accept may do with it what it likes
	if err := v.trust.accept(&own); err != nil {
		return notAccepted(err)
	}
	return nil
}

func notAccepted(err error) *Error {
	if errors.Is(err, ErrUnavailable) {
		return &Error{Reason: ReasonRuleUnavailable, RetryAfter: retryHint(err), Err: err}
	}
	return invalid(ReasonNotAccepted, err)
}

// retryHint is when to try again, if the cause of a failure knows.
func retryHint(err error) time.Duration {
	var hint interface{ RetryAfter() time.Duration }
	if errors.As(err, &hint) {
		return hint.RetryAfter()
	}
	return 0
}

// clip quotes text from a token for a log: bounded, on one line, in ASCII.
func clip(s string) string {
	const most = 128
	if len(s) > most {
		return fmt.Sprintf("%+q…", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}
