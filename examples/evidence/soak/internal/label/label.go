// Package label is the oracle of the soak: it knows the right answer to a request from what was known about its token when it was sent, and
// judges the answer that came.
//
// # Windows
//
// Outside the windows every answer must be the right one. These are all of them:
//
//   - An ended token (revoked, its key withdrawn, expired) may be accepted by requests that were sent before Life.NeverAfter: the time to
//     live of introspection answers after a revocation; the refresh interval after the withdrawal of a key; the leeway after an
//     expiry. From Life.SureUntil on it may be refused.
//   - A token of a new key may be refused until Life.SureFrom: unknown kids have used up the extra fetches, and the next one
//     comes with the cool-down.
//   - 503 is right while an endpoint that the token needs is at fault, and until its recovery can have been noticed (package window).
//   - 503 is counted apart while the machine did not run one of the processes for half a second or more: deadlines pass meanwhile.
//
// No window makes a hostile token acceptable, and none makes 401 or 403 right for a token that is good and settled.
package label

import (
	"net/http"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

// Life is when a good token is good. A zero time sets no limit.
type Life struct {
	SureFrom   time.Time // before, its key may not have been fetched yet
	SureUntil  time.Time // from then on it may be refused
	NeverAfter time.Time // requests that were sent later must be refused
}

// Case is a request and what may be answered to it.
type Case struct {
	Good     bool           // it is to be admitted, within Life
	Life     Life           // of a good token
	Subject  string         // what the handler must answer to an admitted request
	Refusals []int          // the statuses that refuse it rightly
	Needs    []window.Place // without which it may be answered 503
}

// Answer is what came back.
type Answer struct {
	Status     int
	Body       string
	Challenge  bool // WWW-Authenticate was there
	RetryAfter bool
	Sent, Done time.Time
}

// Verdict is what an answer was.
type Verdict int

// The verdicts.
const (
	Right        Verdict = iota
	Excused              // acceptance or refusal in a window in which both are right
	Inside               // 503 in the window of a fault
	Stalled              // 503 while the machine did not run a process
	WrongAccept          // admitted, or admitted as somebody else
	WrongRefusal         // a good token was answered 4xx
	Outside              // 503 outside the windows
	WrongAnswer          // another status or form than the kind of request calls for
)

var verdicts = [...]string{
	"right", "excused", "503 inside a window", "503 in a stall", "wrong accept", "wrong refusal", "503 outside the windows",
	"wrong answer",
}

func (v Verdict) String() string { return verdicts[v] }

// Wrong reports whether the verdict fails the run.
func (v Verdict) Wrong() bool { return v >= WrongAccept }

// Upstream tells what could not be relied on at any moment from one time to another.
type Upstream interface {
	Faulty(p window.Place, from, to time.Time) bool  // a fault was open, or its end not yet noticed
	Stalled(p window.Place, from, to time.Time) bool // likewise, or the machine did not run a process
}

// Judge says what the answer was.
func (c Case) Judge(a Answer, u Upstream) Verdict {
	switch {
	case a.Status == http.StatusOK:
		return c.accepted(a)
	case a.Status == http.StatusServiceUnavailable:
		return c.unavailable(a, u)
	case a.Status >= 400 && a.Status < 500:
		return c.refused(a)
	default:
		return WrongAnswer
	}
}

func (c Case) accepted(a Answer) Verdict {
	switch {
	case !c.Good || a.Body != c.Subject:
		return WrongAccept
	case !c.Life.NeverAfter.IsZero() && a.Sent.After(c.Life.NeverAfter):
		return WrongAccept
	case !c.Life.SureUntil.IsZero() && a.Sent.After(c.Life.SureUntil):
		return Excused
	}
	return Right
}

func (c Case) refused(a Answer) Verdict {
	if (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden) && !a.Challenge {
		return WrongAnswer // RFC 9110 section 11.6.1
	}
	if !c.Good {
		if slices.Contains(c.Refusals, a.Status) {
			return Right
		}
		return WrongAnswer
	}
	switch {
	case a.Status != http.StatusUnauthorized:
		return WrongRefusal
	case !c.Life.NeverAfter.IsZero() && !a.Sent.Before(c.Life.NeverAfter):
		return Right
	case !c.Life.SureUntil.IsZero() && !a.Done.Before(c.Life.SureUntil), a.Sent.Before(c.Life.SureFrom):
		return Excused
	}
	return WrongRefusal
}

func (c Case) unavailable(a Answer, u Upstream) Verdict {
	if !a.RetryAfter {
		return WrongAnswer
	}
	for _, p := range c.Needs {
		if u.Faulty(p, a.Sent, a.Done) {
			return Inside
		}
	}
	for _, p := range c.Needs {
		if u.Stalled(p, a.Sent, a.Done) {
			return Stalled
		}
	}
	return Outside
}
