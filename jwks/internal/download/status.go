package download

import (
	"fmt"
	"net/http"
	"time"
)

// StatusError is an answer that is no document. It has no method Absent, which others look for: one document that is missing does not say
// that its server publishes none.
type StatusError struct {
	Code  int
	After time.Duration // how long a busy server has asked us to stay away, five minutes at most; zero: it has not asked
}

func newStatusError(resp *http.Response) *StatusError {
	e := &StatusError{Code: resp.StatusCode}
	if e.Busy() {
		e.After = retryAfter(resp.Header, time.Now())
	}
	return e
}

func (e *StatusError) Error() string {
	if e.Code >= 300 && e.Code < 400 && e.Code != http.StatusNotModified {
		return fmt.Sprintf("it answered %d, and redirects are not followed; configure the address it leads to", e.Code)
	}
	return fmt.Sprintf("it answered %d", e.Code)
}

// Missing reports whether the server says that there is no such document.
func (e *StatusError) Missing() bool {
	return e.Code == http.StatusNotFound || e.Code == http.StatusGone
}

// Busy reports whether the server is in trouble: asking it at another address would only add to its load.
func (e *StatusError) Busy() bool { return e.Code == http.StatusTooManyRequests || e.Code >= 500 }
