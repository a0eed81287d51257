package jwks

import (
	"errors"
	"time"
)

// unavailable is what wraps ErrUnavailable. Middleware finds RetryAfter through an interface of its own.
type unavailable struct {
	reason string // what is printed instead of cause, if that may quote a token
	cause  error
	after  time.Duration
}

var errClosed = &unavailable{cause: errors.New("the cache is closed")}

func (e *unavailable) Error() string {
	if e.reason != "" {
		return ErrUnavailable.Error() + ": " + e.reason
	}
	return ErrUnavailable.Error() + ": " + e.cause.Error()
}

func (e *unavailable) Unwrap() []error { return []error{ErrUnavailable, e.cause} }

// RetryAfter is the time until the next try; zero: not known.
func (e *unavailable) RetryAfter() time.Duration { return e.after }
