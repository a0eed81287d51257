package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

// deliveries are the clauses about what is delivered.
func deliveries() []clause {
	return []clause{
		{"delivered: every live entry", "A full read delivers every live entry, with the bytes that were appended.", nil, fullRead},
		{"delivered: every byte and every length", "An entry may hold any bytes, and MaxRecord of them.", nil, anyBytes},
		{"delivered: new entries as they come", "Whoever follows gets what is appended, through whichever Store of the log.", nil, newOnes},
		{"delivered: the same entry twice", "Entries may repeat.", nil, twice},
		{"delivered: what lives among what has ended", "What has ended may be forgotten; what lives is not, however near its end.", nil, ended},
		{"delivered: what lives, after trimming", "Trimming forgets nothing that lives.", func(e Engine) bool { return e.Trim != nil }, trimmed},
	}
}

// readAll reads everything and wants every acknowledged entry among it.
func readAll(s revocation.Store, l *ledger) (*watcher, error) {
	w := newWatcher()
	if _, err := w.resumeFrom(s, ""); err != nil {
		return w, err
	}
	return w, w.wants(l.all(), l)
}

// wants says that all entries were delivered, and nothing else was wrong.
func (w *watcher) wants(entries []string, l *ledger) error {
	w.mu.Lock()
	missing := w.missing(entries)
	w.mu.Unlock()
	if missing > 0 {
		return fmt.Errorf("%d of %d entries were not delivered", missing, len(entries))
	}
	return w.judge(l)
}

func fullRead(e Engine) error {
	l, writer := newLedger(), e.Open()
	if _, err := readAll(e.Open(), l); err != nil {
		return fmt.Errorf("an empty log: %w", err)
	}
	for _, n := range []int{1, 300} {
		if err := l.appendAtOnce(writer, n); err != nil {
			return err
		}
		for _, s := range []revocation.Store{writer, e.Open()} {
			if _, err := readAll(s, l); err != nil {
				return err
			}
		}
	}
	return nil
}

func anyBytes(e Engine) error {
	l, s := newLedger(), e.Open()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	longest := make([]byte, revocation.MaxRecord)
	for i := range longest {
		longest[i] = byte(255 - i)
	}
	for _, entry := range [][]byte{every, longest, {0}, {0, 0}, {0xff}, []byte("\\x00"), []byte("'; --"), make([]byte, revocation.MaxRecord)} {
		if err := l.append(s, entry); err != nil {
			return fmt.Errorf("%d bytes: %w", len(entry), err)
		}
	}
	_, err := readAll(e.Open(), l)
	return err
}

func newOnes(e Engine) error {
	l, one, other := newLedger(), e.Open(), e.Open()
	first, second := newWatcher(), newWatcher()
	start := time.Now()
	runs := []*run{first.follow(one, ""), second.follow(other, "")}
	for _, r := range runs {
		if err := r.untilAlive(start); err != nil {
			return err
		}
	}
	for range 20 {
		for _, s := range []revocation.Store{one, other} {
			if err := l.append(s, newEntry()); err != nil {
				return err
			}
		}
		for _, r := range runs {
			if err := r.untilDelivered(l.all()); err != nil {
				return err
			}
		}
	}
	for _, r := range runs {
		if err := r.stop(); err != nil {
			return err
		}
		if err := r.w.wants(l.all(), l); err != nil {
			return err
		}
	}
	return nil
}

func twice(e Engine) error {
	l, s, entry := newLedger(), e.Open(), newEntry()
	for range 2 {
		if err := l.append(s, entry); err != nil {
			return err
		}
		if _, err := readAll(e.Open(), l); err != nil {
			return err
		}
	}
	return nil
}

func ended(e Engine) error {
	l, s := newLedger(), e.Open()
	for range 10 {
		if err := appendEnded(s, l, time.Now().Add(-time.Hour)); err != nil {
			return fmt.Errorf("an entry that has ended: %w", err)
		}
		if err := l.appendN(s, 1); err != nil {
			return err
		}
	}
	for _, until := range []time.Time{{}, time.Unix(0, 0)} {
		if err := appendEnded(s, l, until); err != nil {
			return fmt.Errorf("an entry that ended %v: %w", until, err)
		}
	}
	far := newEntry()
	l.begin(far)
	if err := s.Append(context.Background(), far, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		return fmt.Errorf("an entry that lives until 2100: %w", err)
	}
	l.acknowledge(far)
	_, err := readAll(e.Open(), l)
	return err
}

// appendEnded appends an entry that nobody needs to be told of.
func appendEnded(s revocation.Store, l *ledger, until time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	entry := newEntry()
	l.begin(entry)
	return s.Append(ctx, entry, until)
}

func trimmed(e Engine) error {
	l, s := newLedger(), e.Open()
	w := newWatcher()
	for range 8 {
		if err := appendEnded(s, l, time.Now().Add(-time.Hour)); err != nil {
			return err
		}
		if err := l.appendN(s, 1); err != nil {
			return err
		}
		if _, err := w.resumeFrom(s, w.position()); err != nil {
			return err
		}
	}
	if err := appendEnded(s, l, time.Now().Add(-time.Hour)); err != nil {
		return err
	}
	old, before := w.position(), len(l.all())
	if err := l.appendN(s, 5); err != nil {
		return err
	}
	if err := e.Trim(); err != nil {
		return fmt.Errorf("Trim: %w", err)
	}
	if _, err := readAll(e.Open(), l); err != nil {
		return err
	}
	again := newWatcher()
	gap, err := again.resumeFrom(e.Open(), old)
	switch {
	case err != nil:
		return fmt.Errorf("resuming from a position of before the trimming: %w", err)
	case gap:
		return again.wants(l.all(), l)
	default:
		return again.had(l.since(before))
	}
}

// had says that those entries were delivered.
func (w *watcher) had(entries []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.missing(entries); n > 0 {
		return fmt.Errorf("%d of %d entries since the position were not delivered, and it was no gap", n, len(entries))
	}
	return nil
}
