package middleware

import (
	"errors"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
)

// tokenOf makes the Token of one request.
func tokenOf(v *accesstoken.Verified) Token {
	facts := &v.Facts
	return Token{
		Issuer:    facts.Issuer,
		Subject:   facts.Subject,
		ClientID:  facts.ClientID,
		ID:        facts.ID,
		ACR:       facts.ACR,
		Audience:  Set{facts.Audience},
		Scopes:    Set{facts.Scopes},
		Roles:     Set{facts.Roles},
		AMR:       Set{facts.AMR},
		IssuedAt:  facts.IssuedAt,
		NotBefore: facts.NotBefore,
		Expiry:    facts.Expiry,
		AuthTime:  facts.AuthTime,
		Actor:     Actor(facts.Actor),
		Opaque:    facts.Opaque,
		claims:    &v.Claims,
	}
}

// acceptance is Issuer.Accept as the judge asks it.
func acceptance(accept func(*Token) error) func(*accesstoken.Verified) accesstoken.Refusal {
	if accept == nil {
		return nil
	}
	return func(v *accesstoken.Verified) accesstoken.Refusal {
		own := tokenOf(v) // Accept may do with it what it likes
		err := accept(&own)
		switch {
		case err == nil:
			return accesstoken.Refusal{}
		case errors.Is(err, ErrUnavailable):
			return accesstoken.Refusal{Reason: accesstoken.AcceptUnavailable, Err: err, RetryAfter: retryHint(err)}
		default:
			return accesstoken.Refusal{Reason: accesstoken.NotAccepted, Err: err}
		}
	}
}

// retryHint is when to try again, if the cause of a failure knows.
func retryHint(err error) time.Duration {
	var hint interface{ RetryAfter() time.Duration }
	if errors.As(err, &hint) {
		return hint.RetryAfter()
	}
	return 0
}

// bindKey ties the key that verified an accepted token to its algorithm, where nothing else says which one it is for (RFC 8725bis
// section 3.1). It is the last step of the decision: a token that is refused for whatever reason decides nothing about a
// key. That the issuer signs with one key under two algorithms is no fault of the token, so it is not judged.
func (p *policy) bindKey(v *accesstoken.Verified) refusal {
	err := v.BindKey()
	if err == nil {
		return refusal{}
	}
	if p.logger != nil && p.conflict.Swap(v.Key.Key) != v.Key.Key {
		p.logger.Error("an issuer signs with one key under two algorithms: set Issuer.Algorithms to the one of its access tokens",
			"issuer", v.Issuer.URL, "error", err)
	}
	return refusal{reason: ReasonKeysUnavailable, err: err}
}
