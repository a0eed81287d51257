package soak

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/load"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/stream"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

// ledger takes down every answer. What is not evidently right is judged some seconds later, when everything is known that went on
// while it was given.
type ledger struct {
	decisions, unavailable atomic.Int64
	quiet, faulty          load.Histogram // of all answers, by whether a fault was open

	mu       sync.Mutex
	kinds    map[*stream.Kind]*Row
	verdicts map[label.Verdict]int64
	pending  []entry
	mistakes []string // the first few of each kind
	excused  map[string]int64
}

// Row is what came of one kind of request.
type Row struct{ Sent, Admitted, Refused, Unavailable, Excused, Wrong int64 }

type entry struct {
	request *stream.Request
	answer  label.Answer
	reason  string
}

const (
	hindsight   = 6 * time.Second // a stall is known half a second after it, keys of a rotation are made within two
	maxMistakes = 5               // told in full, of each kind
)

func newLedger() *ledger {
	return &ledger{kinds: make(map[*stream.Kind]*Row), verdicts: make(map[label.Verdict]int64), excused: make(map[string]int64)}
}

func (l *ledger) enter(r *stream.Request, a label.Answer, reason string, fault bool) {
	if fault {
		l.faulty.Add(a.Done.Sub(a.Sent))
	} else {
		l.quiet.Add(a.Done.Sub(a.Sent))
	}
	l.decisions.Add(1)
	if a.Status == 503 {
		l.unavailable.Add(1)
	}
	evident := r.Evident(a)
	l.mu.Lock()
	defer l.mu.Unlock()
	row := l.row(r.Kind)
	row.Sent++
	switch {
	case a.Status == 200:
		row.Admitted++
	case a.Status == 503:
		row.Unavailable++
	default:
		row.Refused++
	}
	if evident {
		l.verdicts[label.Right]++
		return
	}
	l.pending = append(l.pending, entry{r, a, reason})
}

// row is called with the lock held.
func (l *ledger) row(k *stream.Kind) *Row {
	row := l.kinds[k]
	if row == nil {
		row = new(Row)
		l.kinds[k] = row
	}
	return row
}

// settle judges what is old enough, or everything.
func (l *ledger) settle(h *window.History, now time.Time, everything bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := &upstream{history: h, now: now, faults: make(map[window.Place]window.Windows), all: make(map[window.Place]window.Windows)}
	kept := l.pending[:0:0]
	for _, e := range l.pending {
		if !everything && now.Sub(e.answer.Done) < hindsight {
			kept = append(kept, e)
			continue
		}
		c := e.request.Case(e.answer.Sent, now)
		l.judged(e, c, c.Judge(e.answer, u))
	}
	l.pending = kept
}

// upstream is a History as it stands now, each window put together once.
type upstream struct {
	history     *window.History
	now         time.Time
	faults, all map[window.Place]window.Windows
}

func (u *upstream) Faulty(p window.Place, from, to time.Time) bool {
	w, ok := u.faults[p]
	if !ok {
		w = u.history.Faults(p, u.now)
		u.faults[p] = w
	}
	return w.Touch(from, to)
}

func (u *upstream) Stalled(p window.Place, from, to time.Time) bool {
	w, ok := u.all[p]
	if !ok {
		w = u.history.Windows(p, u.now)
		u.all[p] = w
	}
	return w.Touch(from, to)
}

func (l *ledger) judged(e entry, c label.Case, v label.Verdict) {
	l.verdicts[v]++
	row := l.row(e.request.Kind)
	switch {
	case v == label.Excused:
		row.Excused++
		l.excused[excuse(e, c)]++
	case v.Wrong():
		row.Wrong++
		if row.Wrong <= maxMistakes {
			l.mistakes = append(l.mistakes, fmt.Sprintf("%v: %s: answered %d (%s) %q, sent %s, took %v; life %s",
				v, e.request.Name(), e.answer.Status, e.reason, e.answer.Body, e.answer.Sent.Format("15:04:05.000"),
				e.answer.Done.Sub(e.answer.Sent).Round(time.Microsecond), life(c.Life)))
		}
	}
}

// excuse names the window.
func excuse(e entry, c label.Case) string {
	accepted := e.answer.Status == 200
	switch {
	case !accepted && e.answer.Sent.Before(c.Life.SureFrom):
		return "refused: the key is new, and the fetches for unknown kids are used up"
	case e.request.Ends():
		return "at the end of the token"
	case e.request.Revoked() && accepted:
		return "accepted: revoked, and the answer from before is still in use"
	case e.request.Revoked():
		return "refused: revoked"
	case accepted:
		return "accepted: the key was withdrawn, and the next refresh is not due"
	default:
		return "refused: the key was withdrawn"
	}
}

func life(l label.Life) string {
	show := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return t.Format("15:04:05.000")
	}
	return show(l.SureFrom) + " " + show(l.SureUntil) + " " + show(l.NeverAfter)
}

func (l *ledger) wrong() (wrong int64, mistakes []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for v, n := range l.verdicts {
		if v.Wrong() {
			wrong += n
		}
	}
	return wrong, l.mistakes
}
