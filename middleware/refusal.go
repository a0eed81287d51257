package middleware

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/challenge"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
)

// refusal says why a call does not go on. It is handed on by value and never changed; the zero refusal is none. When the decision has
// ended one Error is made of it, for the client and the operator.
type refusal struct {
	code        ErrorCode
	reason      Reason // empty: no refusal
	description string // of a Rule's own
	scopes      Set
	retryAfter  time.Duration
	stepUp      stepUp
	err         error // the cause
}

// stepUp is what a client asks its authorization server for to do better (RFC 9470 section 3).
type stepUp struct {
	acrValues Set
	maxAge    time.Duration
	hasMaxAge bool // a max_age of zero is one too
}

// refuse keeps why the call is refused, which is decided once. What is handed on is a pointer: a refusal is large, and nearly every step of
// nearly every call refuses nothing.
func (c *call) refuse(r refusal) *refusal {
	c.refused = r
	return &c.refused
}

func invalid(reason Reason, cause error) refusal {
	return refusal{code: InvalidToken, reason: reason, err: cause}
}

// meaning is a refusal of one of the rooms as the client (code) and the operator (reason) meet it.
type meaning struct {
	code   ErrorCode
	reason Reason
}

// of makes the refusal. What has no meaning is our own fault.
func (m meaning) of(cause error, retryAfter time.Duration) refusal {
	return refusal{code: m.code, reason: cmp.Or(m.reason, ReasonInternal), err: cause, retryAfter: retryAfter}
}

// credentialReasons translates what the finder of tokens says.
var credentialReasons = map[credential.Reason]meaning{
	credential.SeveralTokens: {InvalidRequest, ReasonSeveralTokens},
	credential.Malformed:     {InvalidRequest, ReasonMalformedRequest},
	credential.TooLong:       {InvalidRequest, ReasonTokenTooLong},
	credential.OtherScheme:   {"", ReasonOtherScheme},
	credential.CrossOrigin:   {"", ReasonCrossOrigin},
}

func credentialRefusal(r credential.Refusal) refusal { return credentialReasons[r.Reason].of(r.Err, 0) }

// tokenReasons translates what the judge of tokens says.
var tokenReasons = map[accesstoken.Reason]meaning{
	accesstoken.Characters:               {InvalidRequest, ReasonMalformedRequest},
	accesstoken.TooLong:                  {InvalidRequest, ReasonTokenTooLong},
	accesstoken.Malformed:                {InvalidToken, ReasonMalformed},
	accesstoken.Encrypted:                {InvalidToken, ReasonEncrypted},
	accesstoken.BadHeader:                {InvalidToken, ReasonHeader},
	accesstoken.BadAlgorithm:             {InvalidToken, ReasonAlgorithm},
	accesstoken.WrongType:                {InvalidToken, ReasonTokenType},
	accesstoken.UnknownIssuer:            {InvalidToken, ReasonUnknownIssuer},
	accesstoken.WrongTenant:              {InvalidToken, ReasonTenant},
	accesstoken.UnknownKey:               {InvalidToken, ReasonUnknownKey},
	accesstoken.BadSignature:             {InvalidToken, ReasonSignature},
	accesstoken.MalformedClaim:           {InvalidToken, ReasonMalformedClaim},
	accesstoken.MissingClaim:             {InvalidToken, ReasonMissingClaim},
	accesstoken.Expired:                  {InvalidToken, ReasonExpired},
	accesstoken.NotYetValid:              {InvalidToken, ReasonNotYetValid},
	accesstoken.IssuedInFuture:           {InvalidToken, ReasonIssuedInFuture},
	accesstoken.WrongAudience:            {InvalidToken, ReasonAudience},
	accesstoken.WrongClient:              {InvalidToken, ReasonClient},
	accesstoken.BadConfirmation:          {InvalidToken, ReasonConfirmation},
	accesstoken.NotAccepted:              {InvalidToken, ReasonNotAccepted},
	accesstoken.NotIntrospected:          {InvalidToken, ReasonNotIntrospected},
	accesstoken.Inactive:                 {InvalidToken, ReasonInactive},
	accesstoken.KeysUnavailable:          {"", ReasonKeysUnavailable},
	accesstoken.TooManyKeys:              {"", ReasonKeysUnavailable},
	accesstoken.IntrospectionUnavailable: {"", ReasonIntrospectionUnavailable},
	accesstoken.AcceptUnavailable:        {"", ReasonRuleUnavailable},
}

func tokenRefusal(r accesstoken.Refusal) refusal {
	return tokenReasons[r.Reason].of(r.Err, r.RetryAfter)
}

// proofReasons translates what the judge of proofs says.
var proofReasons = map[dpop.Reason]meaning{
	dpop.BadProof:         {InvalidDPoPProof, ReasonProof},
	dpop.OtherKey:         {InvalidToken, ReasonConfirmation},
	dpop.BadNonce:         {UseDPoPNonce, ReasonProofNonce},
	dpop.Replayed:         {InvalidDPoPProof, ReasonProofReplay},
	dpop.StoreUnavailable: {"", ReasonReplaysUnavailable},
}

func proofRefusal(r dpop.Refusal) refusal {
	var retryAfter time.Duration
	if r.Reason == dpop.StoreUnavailable {
		retryAfter = retryHint(r.Err)
	}
	return proofReasons[r.Reason].of(r.Err, retryAfter)
}

// retryHint is when to try again, if the cause of a failure knows.
func retryHint(err error) time.Duration {
	var hint interface{ RetryAfter() time.Duration }
	if errors.As(err, &hint) {
		return hint.RetryAfter()
	}
	return 0
}

// refuse makes the Error of a refusal, with what a client needs to do better: the schemes that are accepted, a fresh nonce, and, if
// it must fetch another token anyway, what the route needs.
func (g *Guard) refuse(r *refusal, call *call) *Error {
	p := g.validator.policy
	return &Error{
		Code:        r.code,
		Reason:      r.reason,
		Description: r.description,
		Scopes:      g.scopesFor(r),
		RetryAfter:  r.retryAfter,
		Err:         r.err,
		realm:       p.realm,
		stepUp:      r.stepUp,
		schemes:     challenge.Schemes{NoBearer: p.keyRequired, Algorithms: p.proofAlgorithms, Used: string(call.scheme)},
		nextNonce:   p.nonceFor(r, call),
	}
}

// scopesFor returns the scopes that a client should ask for.
func (g *Guard) scopesFor(r *refusal) Set {
	if r.scopes.Len() > 0 {
		return r.scopes
	}
	switch r.reason {
	case ReasonNoToken, ReasonPreflight, ReasonOtherScheme:
		return g.needs.named
	}
	if r.code == InvalidToken {
		return g.needs.named
	}
	return Set{}
}

// nonceFor returns the nonce that goes with a refusal. A client that has to come again with another token gets one ahead, which
// saves a round trip.
func (p *policy) nonceFor(r *refusal, call *call) string {
	if call.nextNonce != "" || p.proofs == nil || statusOf(r.code, r.reason, r.err) != http.StatusUnauthorized {
		return call.nextNonce
	}
	return p.proofs.FirstNonce(call.now)
}
