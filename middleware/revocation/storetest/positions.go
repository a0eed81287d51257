package storetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

// positions are the clauses about where a follower resumes.
func positions() []clause {
	return []clause{
		{"position: resuming loses nothing", "Every position is safe to resume from, wherever the follower was cut off.", nil, resumes},
		{
			"position: before what commits late", "A position is given out only if everything before it was delivered, whatever commits late.",
			func(e Engine) bool { return e.Delay != nil }, resumesBeforeLate,
		},
		{
			"position: what commits late comes while following", "An entry that took its place early and commits late is delivered.",
			func(e Engine) bool { return e.Delay != nil }, lateWhileFollowing,
		},
		{"position: one that the Store never gave", "A position that the Store cannot resume from is a gap, or everything is delivered.", nil, unknownPositions},
		{
			"position: of another log", "A position of another log is a gap, or everything is delivered.",
			func(e Engine) bool { return e.Other != nil }, otherPosition,
		},
	}
}

var errCut = errors.New("storetest: the follower was cut off")

// cutAfter follows s until n entries were delivered, and refuses the next one.
func (w *watcher) cutAfter(s revocation.Store, after string, n int) error {
	w.before = func([]byte) error {
		if n == 0 {
			return errCut
		}
		n--
		return nil
	}
	defer func() { w.before = nil }()
	r := w.follow(s, after)
	defer r.cancel()
	if err := r.wait(); err != nil {
		return err
	}
	if !errors.Is(r.err, errCut) {
		return fmt.Errorf("Follow returned %w, want the error of deliver", r.err)
	}
	return nil
}

func resumes(e Engine) error {
	l, s := newLedger(), e.Open()
	const before, after = 40, 10
	if err := l.appendN(s, before); err != nil {
		return err
	}
	var cut []*watcher
	for _, n := range []int{0, 1, 2, 3, 5, 8, 13, 19, 20, 21, 32, 38, 39} {
		w := newWatcher()
		if err := w.cutAfter(e.Open(), "", n); err != nil {
			return err
		}
		cut = append(cut, w)
	}
	whole := newWatcher()
	if _, err := whole.resumeFrom(s, ""); err != nil {
		return err
	}
	if err := l.appendN(s, after); err != nil {
		return err
	}
	for _, w := range append(cut, whole) {
		n := w.count
		if gap, err := w.resumeFrom(e.Open(), w.position()); err != nil || gap {
			return fmt.Errorf("resuming after %d entries: gap %t, %w", n, gap, err)
		}
		if err := w.wants(l.all(), l); err != nil {
			return fmt.Errorf("resuming after %d entries: %w", n, err)
		}
	}
	return nil
}

// late is an append that has begun.
func late(e Engine, l *ledger) (acknowledge func() error, err error) {
	entry := newEntry()
	l.begin(entry)
	commit, err := e.Delay(entry, time.Now().Add(life))
	if err != nil {
		return nil, fmt.Errorf("Delay: %w", err)
	}
	return func() error {
		if err := commit(); err != nil {
			return fmt.Errorf("the commit of Delay: %w", err)
		}
		l.acknowledge(entry)
		return nil
	}, nil
}

func resumesBeforeLate(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	if err := l.appendN(s, 3); err != nil {
		return err
	}
	for range 3 {
		commit, err := late(e, l)
		if err != nil {
			return err
		}
		if err := l.appendN(s, 3); err != nil {
			return errors.Join(err, commit())
		}
		if _, err := w.resumeFrom(s, w.position()); err != nil {
			return errors.Join(err, commit())
		}
		if err := commit(); err != nil {
			return err
		}
		if _, err := w.resumeFrom(s, w.position()); err != nil {
			return err
		}
		if err := w.wants(l.all(), l); err != nil {
			return err
		}
	}
	return nil
}

func lateWhileFollowing(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	r := w.follow(e.Open(), "")
	defer r.cancel()
	var commits []func() error
	for range 4 {
		commit, err := late(e, l)
		if err != nil {
			return err
		}
		commits = append(commits, commit)
		if err := l.appendN(s, 2); err != nil {
			return errors.Join(err, commit())
		}
	}
	if err := r.untilDelivered(l.all()); err != nil {
		return fmt.Errorf("while others have not committed: %w", err)
	}
	for i := range commits {
		if err := commits[len(commits)-1-i](); err != nil {
			return err
		}
		if err := r.untilDelivered(l.all()); err != nil {
			return fmt.Errorf("an entry that committed late: %w", err)
		}
	}
	if err := r.untilAlive(time.Now()); err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	return w.wants(l.all(), l)
}

func unknownPositions(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	if err := l.appendN(s, 20); err != nil {
		return err
	}
	if _, err := w.resumeFrom(s, ""); err != nil {
		return err
	}
	before := len(l.all())
	if err := l.appendN(s, 20); err != nil {
		return err
	}
	unknown := []string{
		"0", "-1", "1", "18446744073709551615", "99999999999999999999999999", "x", " ", "\x00", "\xff\xfe", "'", "$", "0-0", "18446744073709551615-18446744073709551615",
		strings.Repeat("9", 5000), strings.Repeat(":", 200), "00000000-0000-0000-0000-000000000000",
	}
	for i, position := range unknown {
		again, follow := newWatcher(), (*watcher).goesOnFrom
		if i == 0 { // what is read after a gap is the same each time
			follow = (*watcher).resumeFrom
		}
		gap, err := follow(again, e.Open(), position)
		if err == nil && (i == 0 || !gap) {
			err = again.wants(l.all(), l)
		}
		if err != nil {
			return fmt.Errorf("the position %.40q, a gap: %t: %w", position, gap, err)
		}
	}
	good := w.position()
	if good == "" {
		return nil
	}
	for _, position := range []string{good + "x", "x" + good, " " + good, good + "\x00", good + good, strings.ToUpper(good), good[:len(good)/2]} {
		again := newWatcher()
		gap, err := again.goesOnFrom(e.Open(), position)
		if !gap && err == nil {
			err = again.had(l.since(before))
		}
		if err != nil {
			return fmt.Errorf("the spoilt position %q: %w", position, err)
		}
	}
	return nil
}

func otherPosition(e Engine) error {
	l, elsewhere, s, other := newLedger(), newLedger(), e.Open(), e.Other()
	if err := l.appendN(s, 10); err != nil {
		return err
	}
	w := newWatcher()
	for range 3 {
		if err := elsewhere.appendN(other, 10); err != nil {
			return err
		}
		if _, err := w.resumeFrom(other, ""); err != nil {
			return err
		}
		again := newWatcher()
		if _, err := again.resumeFrom(s, w.position()); err != nil {
			return err
		}
		if err := again.wants(l.all(), l); err != nil {
			return fmt.Errorf("it was no gap: %w", err)
		}
	}
	return nil
}
