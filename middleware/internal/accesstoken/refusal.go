// Package accesstoken decides whether a token is good for this API at this moment, whoever presents it: what a route needs, and what the
// caller must prove, is judged by others. It knows nothing of HTTP.
package accesstoken

import (
	"errors"
	"fmt"
	"time"
)

// Reason names the check that refused a token. The zero Reason says that none did.
type Reason int

// The reasons.
const (
	_                        Reason = iota
	Characters                      // bytes outside token68
	TooLong                         // for the introspection endpoint
	Malformed                       // not a compact JWS with a strict JSON header and payload
	Encrypted                       // a JWE
	BadHeader                       // crit, b64 and the like
	BadAlgorithm                    // not among the issuer's
	WrongType                       // not an access token
	UnknownIssuer                   // iss is not a configured issuer
	WrongTenant                     // it is not let in, or tid does not fill the template
	UnknownKey                      // the issuer has no such key
	BadSignature                    // no key verifies it
	MalformedClaim                  // of the wrong type, or impossible
	MissingClaim                    // a required one
	Expired                         // exp has passed
	NotYetValid                     // nbf lies ahead
	IssuedInFuture                  // iat lies ahead
	WrongAudience                   // aud does not name this API
	WrongClient                     // it is not among the allowed ones
	BadConfirmation                 // cnf cannot be verified here, or speaks of two bindings
	NotAccepted                     // the issuer's own last check said no
	NotIntrospected                 // an opaque token, and no issuer introspects it
	Inactive                        // its server says so
	KeysUnavailable                 // not judged
	TooManyKeys                     // not judged: the issuer publishes more keys that fit than are tried
	IntrospectionUnavailable        // not judged
	AcceptUnavailable               // not judged: the issuer's own last check could not tell

	Reasons // how many there are, the zero Reason among them
)

// Refusal says why a token is not taken. It is handed on by value and never changed; the zero Refusal is none.
type Refusal struct {
	Reason     Reason
	Err        error         // the cause
	RetryAfter time.Duration // when to try again, if that is known; zero: it is not
}

// Refused reports whether r is a refusal.
func (r Refusal) Refused() bool { return r.Reason != 0 }

// unjudged reports whether the token could not be judged, which is no fault of its own.
func (r Refusal) unjudged() bool {
	switch r.Reason {
	case KeysUnavailable, TooManyKeys, IntrospectionUnavailable, AcceptUnavailable:
		return true
	default:
		return false
	}
}

func refuse(reason Reason, cause error) Refusal { return Refusal{Reason: reason, Err: cause} }

func unavailable(reason Reason, cause error) Refusal {
	return Refusal{Reason: reason, Err: cause, RetryAfter: retryHint(cause)}
}

func malformedClaim(name string, cause error) Refusal {
	return refuse(MalformedClaim, fmt.Errorf("claim %s: %w", name, cause))
}

// retryHint is when to try again, if the cause of a failure knows.
func retryHint(err error) time.Duration {
	var hint interface{ RetryAfter() time.Duration }
	if errors.As(err, &hint) {
		return hint.RetryAfter()
	}
	return 0
}

// Record is what is to be said of a judgement, whatever its end.
type Record struct {
	Issuer string // as configured; empty: the token names none of them
	Opaque bool   // an authorization server was to judge
	Cached bool   // no signature was computed and no server asked

	KeyID, Algorithm string // of a JWT's header, whoever wrote it

	// Seen is what was read of the token, good or not, where the judgement is recorded; nil otherwise, and where nothing could be read. It goes
	// to nobody but the record.
	Seen *Verified

	Vouched bool // what the token says is known to be the issuer's: its signature stood, or the server vouched for it
}
