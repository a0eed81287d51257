package middleware

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/challenge"
)

var (
	// ErrNoToken says that a context carries no verified token: the request is anonymous, or no Guard admitted it.
	ErrNoToken = errors.New("middleware: no verified token in the context; is the handler wrapped in a Guard?")

	// ErrExpired is the cause of a context of ContextWithExpiry that ended because its token expired.
	ErrExpired = errors.New("middleware: the access token has expired")

	// ErrRevoked is the cause of a context of ContextWithExpiry that ended because its token was revoked.
	ErrRevoked = errors.New("middleware: the access token was revoked")

	// ErrUnavailable is wrapped by every refusal that is no judgement of the token: keys or introspection were out of
	// reach. A Rule wraps it for the same purpose.
	ErrUnavailable = errors.New("middleware: the access token could not be judged")
)

// ErrorCode is the error parameter of a challenge.
type ErrorCode string

// The error codes that a client can meet.
const (
	InvalidRequest                 ErrorCode = "invalid_request"                  // RFC 6750 section 3.1: 400
	InvalidToken                   ErrorCode = "invalid_token"                    // RFC 6750 section 3.1: 401
	InsufficientScope              ErrorCode = "insufficient_scope"               // RFC 6750 section 3.1: 403
	InsufficientUserAuthentication ErrorCode = "insufficient_user_authentication" // RFC 9470 section 3: 401
	InvalidDPoPProof               ErrorCode = "invalid_dpop_proof"               // RFC 9449 section 7.1: 401
	UseDPoPNonce                   ErrorCode = "use_dpop_nonce"                   // RFC 9449 section 9: 401, with a DPoP-Nonce
)

// Error is a refusal. It carries what the client may know (Code, Description, Scopes, RetryAfter) and wraps what only
// the operator may know (Reason, Err). An Error made by hand, for a Rule to return, needs no more than a Code.
type Error struct {
	_ [0]func() // keyed literals only

	Code        ErrorCode     // empty when no credentials were sent, and for 500 and 503
	Reason      Reason        // which check refused; a closed set, safe as a metric label
	Description string        // fixed text, safe to send; empty: the text of the Code
	Scopes      Set           // the scopes that the route needs
	RetryAfter  time.Duration // of a 503: when to try again; rounded up to whole seconds
	Err         error         // the cause: logged, never sent

	realm     string            // of the challenge; empty: "api"
	stepUp    stepUp            // what another token should have
	schemes   challenge.Schemes // that are accepted, and which of them the error is about
	nextNonce string            // to be sent as DPoP-Nonce; empty: none
}

// Error returns the code and the reason, and nothing of the request or the token, because some transports send the text of an error to the
// client. What was expected and what came is in Err, in the Decision, and in what [slog] makes of the Error.
func (e *Error) Error() string {
	if e == nil {
		return "middleware: refused"
	}
	switch {
	case e.Code != "" && e.Reason != "":
		return fmt.Sprintf("middleware: %s: %s", e.Code, e.Reason)
	case e.Code != "":
		return "middleware: " + string(e.Code)
	default:
		return "middleware: " + string(cmp.Or(e.Reason, ReasonInternal))
	}
}

// LogValue implements [slog.LogValuer] with the text of Error and the cause. It holds no token. Without it a handler that writes JSON
// would log the problem document, which says less.
func (e *Error) LogValue() slog.Value {
	if e == nil || e.Err == nil {
		return slog.StringValue(e.Error())
	}
	return slog.StringValue(fmt.Sprintf("%s: %v", e.Error(), e.Err))
}

// Unwrap returns the cause. A refusal with status 503 also is ErrUnavailable, whatever its cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Is reports whether e is a refusal of the kind of target: ErrUnavailable for every 503, ErrRevoked for a revoked and ErrExpired for an expired
// token, ErrNoToken for missing credentials.
func (e *Error) Is(target error) bool {
	if e == nil {
		return false
	}
	switch target {
	case ErrUnavailable:
		return e.Status() == http.StatusServiceUnavailable
	case ErrRevoked:
		return e.Reason == ReasonRevoked
	case ErrExpired:
		return e.Reason == ReasonExpired
	case ErrNoToken:
		return e.Reason == ReasonNoToken
	default:
		return false
	}
}

// Status returns the HTTP status of the refusal: 400, 401, 403, 500 or 503. An Error that says nothing is 500.
func (e *Error) Status() int {
	if e == nil {
		return http.StatusInternalServerError
	}
	return statusOf(e.Code, e.Reason, e.Err)
}

// statusOf is the HTTP status of a refusal.
func statusOf(code ErrorCode, reason Reason, cause error) int {
	switch code {
	case InvalidRequest:
		return http.StatusBadRequest
	case InvalidToken, InsufficientUserAuthentication, InvalidDPoPProof, UseDPoPNonce:
		return http.StatusUnauthorized
	case InsufficientScope:
		return http.StatusForbidden
	case "":
		return reason.status(cause)
	default:
		// A code of the application's own: the token was good, so the refusal is about what it may do.
		return http.StatusForbidden
	}
}

// description returns the text that the client may read. There is one per code, so that a refusal is no oracle for
// which check failed.
func (e *Error) description() string {
	if e.Description != "" {
		return e.Description
	}
	switch e.Code {
	case InvalidRequest:
		return "The request must carry one well-formed access token."
	case InvalidToken:
		return "The access token is malformed, expired, revoked or not meant for this API."
	case InsufficientScope:
		return "The access token does not allow this request."
	case InsufficientUserAuthentication:
		return "A different or more recent authentication is required."
	case InvalidDPoPProof:
		return "The request must carry one DPoP proof, made for it with the key of the access token."
	case UseDPoPNonce:
		return "The DPoP proof must contain the nonce that comes with this answer."
	}
	switch e.Status() {
	case http.StatusUnauthorized:
		return "This resource requires an access token."
	case http.StatusForbidden:
		return "The request is not allowed."
	case http.StatusServiceUnavailable:
		return "The access token cannot be judged at the moment."
	default:
		return "The request could not be judged."
	}
}

// asError returns err as a refusal: what is no *Error is our own fault. It never returns nil.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) && e != nil {
		return e
	}
	return &Error{Reason: ReasonInternal, Err: err}
}
