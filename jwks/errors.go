package jwks

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrKeyNotFound is wrapped by every error that says "no key of this source fits the token": the token is to be refused.
	ErrKeyNotFound = errors.New("jwks: key not found")

	// ErrUnavailable is wrapped by every error that says "it cannot be told whether there is a key": the token is not judged.
	// Where it is known when to try again, the error has a method RetryAfter() time.Duration (found with errors.As).
	ErrUnavailable = errors.New("jwks: keys unavailable")
)

// errNoKey is one value, because garbage arrives in floods.
var errNoKey = fmt.Errorf("%w: no key has the token's kid and algorithm", ErrKeyNotFound)

// errNoNewKey is one value, because forged tokens arrive in floods.
var errNoNewKey = fmt.Errorf("%w: the issuer publishes no newer key under the token's kid", ErrKeyNotFound)

// unsought says that a key is not among those held and that nobody has looked further: the fetches that tokens can cause are spent, or one
// was made in vain for the same id just now. It may have been published since.
type unsought struct{ error }

func (e unsought) Unwrap() error { return e.error }

// Unsought tells others that this is no last word on the key.
func (e unsought) Unsought() bool { return true }

// unsoughtKey and unsoughtNewKey are one value each, as what they wrap.
var (
	unsoughtKey    error = unsought{errNoKey}
	unsoughtNewKey error = unsought{errNoNewKey}
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
