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

// absentError says that the server knows of no keys at all.
type absentError struct{ error }

func (e absentError) Unwrap() error { return e.error }

// Absent tells others what isAbsent tells here.
func (e absentError) Absent() bool { return true }

// keylessError says that the server's metadata speaks of no keys, which is not to be taken for a server that is not there.
type keylessError struct{ error }

func (e keylessError) Unwrap() error { return e.error }

// Absent is that of absentError, for others.
func (e keylessError) Absent() bool { return true }

func isAbsent(err error) bool {
	var absent absentError
	return errors.As(err, &absent)
}
