package middleware

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
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

	bound  claims.Confirmation     // what the caller must prove possession of
	key    keyRef                  // of a JWT that was verified here
	answer *introspection.Response // that the rest was taken from; nil: from a JWT that was verified here

	usedIn   atomic.Int64 // the second of the last use, while it is in a tokenCache
	storedAt time.Time    // in the tokenCache; zero if that has no limit of age

	elems [ordinaryElems]string // of the Sets of token; last, so that what every request reads lies together
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
)

const ordinaryElems = 29 // audiences, scopes, roles and methods of an ordinary token together; they fill up the 1024 bytes of a verified

// vet judges claims that are known to be the issuer's: who the token is for, who may use it, and of what form it is.
// Time is judged apart, because it is judged on every request. opaque says that the claims are an introspection answer.
func (t *trust) vet(c *claims.Reading, iss string, opaque bool) (*verified, *Error) {
	v := &verified{trust: t, token: Token{Issuer: iss, Opaque: opaque}, claims: document{text: c.Text}}
	token := &v.token
	token.claims = &v.claims
	var err error
	if token.Subject, err = c.String(claims.Subject); err != nil {
		return nil, malformedClaim("sub", err)
	}
	if token.ID, err = c.String(claims.TokenID); err != nil {
		return nil, malformedClaim("jti", err)
	}
	if refusal := readTimes(c, token); refusal != nil {
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
	lists := claims.NewLists(v.elems[:])
	if refusal := t.checkAudience(c, token, &lists); refusal != nil {
		return nil, refusal
	}
	if v.bound, err = claims.ReadConfirmation(c.At(claims.Confirm)); err != nil {
		return nil, invalid(ReasonConfirmation, err)
	}
	if v.claims.details, err = claims.ReadDetails(c.At(claims.AuthorizationDetails), t.apiNames); err != nil {
		return nil, malformedClaim("authorization_details", err)
	}
	actor, err := claims.ReadActor(c.At(claims.Act))
	if err != nil {
		return nil, malformedClaim("act", err)
	}
	token.Actor = Actor(actor)
	token.ACR, _ = c.At(claims.ACR).Text()
	token.AMR = Set{lists.Strings(c.At(claims.AMR))}
	token.Scopes = Set{lists.Scopes(c.First(t.scopes))}
	token.Roles = Set{lists.Roles(c.First(t.roles))}
	v.idLike = t.idShape(token)
	v.access = saysAccess(c) || grantsBeyondIdentity(token.Scopes.elems)
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

// readTimes reads the dates. One that cannot be read refuses the token, except auth_time: it can only be missed.
func readTimes(c *claims.Reading, token *Token) *Error {
	var err error
	if token.Expiry, err = c.Time(claims.Expiry); err != nil {
		return malformedClaim("exp", err)
	}
	if token.NotBefore, err = c.Time(claims.NotBefore); err != nil {
		return malformedClaim("nbf", err)
	}
	if token.IssuedAt, err = c.Time(claims.IssuedAt); err != nil {
		return malformedClaim("iat", err)
	}
	if date, err := c.Time(claims.AuthTime); err == nil {
		token.AuthTime = date
	}
	return nil
}

// client reads the client id. The first mapped claim that is present must be a string.
func (t *trust) client(c *claims.Reading) (string, *Error) {
	v := c.First(t.clientID)
	if v.Kind() == 0 {
		return "", nil
	}
	id, err := claims.Text(v)
	if err != nil {
		return "", malformedClaim("of the client id", err)
	}
	return id, nil
}

// checkAudience judges whether the token is meant for this API, by its audience or by what the configuration puts in its place.
func (t *trust) checkAudience(c *claims.Reading, token *Token, lists *claims.Lists) *Error {
	audience, err := lists.Audience(c.At(claims.Audience))
	if err != nil {
		return malformedClaim("aud", err)
	}
	token.Audience = Set{audience}
	switch {
	case t.noAudience:
		return nil
	case len(t.clients) > 0:
		if !slices.Contains(t.clients, token.ClientID) {
			return invalid(ReasonClient, errClient)
		}
		return nil
	case !token.Audience.HasAny(t.audiences...):
		return invalid(ReasonAudience, fmt.Errorf("aud is %s, want one of %q", clip(c.At(claims.Audience).Raw()), t.audiences))
	default:
		return nil
	}
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
