package introspection

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// ErrUnavailable is wrapped by every error that leaves a token unjudged: no answer, an answer that cannot be trusted,
// no capacity, a closed Client. None of them says anything about the token. An error that wraps it may have a method
// RetryAfter() time.Duration, to be found with errors.As; zero there means unknown.
var ErrUnavailable = errors.New("introspection: token not judged")

var errNotMade = &failure{reason: "this Client was not made by New"}

// failure is every error that wraps ErrUnavailable. Its text is fixed, except for the cause, which is only kept where
// it cannot repeat what the server sent: a server may echo the token, or our own secret.
type failure struct {
	reason     string
	cause      error
	retryAfter time.Duration
	blame      blame
	refusal    bool // of our own credentials
}

// blame tells the breaker what a failure says about the server.
type blame uint8

const (
	blameNobody blame = iota // nothing: it was not asked, or we stopped waiting for reasons of our own
	blameServer              // it does not answer, or not as an introspection endpoint does
	blameAnswer              // it answers; only this one answer cannot be used
)

func (f *failure) Error() string {
	if f.cause == nil {
		return "introspection: " + f.reason
	}
	return "introspection: " + f.reason + ": " + f.cause.Error()
}

func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{ErrUnavailable}
	}
	return []error{ErrUnavailable, f.cause}
}

// RetryAfter is how long to wait before asking again; zero: unknown.
func (f *failure) RetryAfter() time.Duration { return f.retryAfter }

const complaintEvery = time.Minute

// subject is what a complaint is about. One odd token can bring about a complaint of refused credentials, so that must not
// take the line of a server that stops answering. A server that refuses our credentials, and is therefore left alone, is
// one trouble and not two: it has the first of these lines only.
type subject int

const (
	aboutCredentials subject = iota
	aboutServer
	aboutPanic
	aboutShared
	aboutSeal
	subjects
)

// complaints logs what only the operator can mend, one line a minute about each subject.
type complaints struct {
	logger *slog.Logger // nil: slog.Default(), as a program may set it after it has made a Client

	mu   sync.Mutex
	last [subjects]time.Time
}

func (c *complaints) say(about subject, message string, attrs ...any) {
	if c.due(about, time.Now()) {
		c.log().Error("introspection: "+message, attrs...)
	}
}

func (c *complaints) log() *slog.Logger {
	if c.logger == nil {
		return slog.Default()
	}
	return c.logger
}

func (c *complaints) due(about subject, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := &c.last[about]
	if !last.IsZero() && now.Sub(*last) < complaintEvery {
		return false
	}
	*last = now
	return true
}
