package storetest

import (
	"fmt"
	"time"
)

// times are the clauses about alive.
func times() []clause {
	return []clause{
		{"alive: after everything that was there", "alive is called once everything that was there has been delivered.", nil, aliveLast},
		{"alive: again and again", "alive is called again, with later times, while nothing happens.", nil, aliveAgain},
		{"alive: not while something is missing", "alive(t) is not called before what was appended before t was delivered.", nil, aliveUnderLoad},
		{
			"alive: not while the engine is silent", "alive(t) is called only for a t that a round trip has proved.",
			func(e Engine) bool { return e.Stall != nil }, aliveStalled,
		},
	}
}

func aliveLast(e Engine) error {
	l, s := newLedger(), e.Open()
	if err := l.appendN(s, 100); err != nil {
		return err
	}
	for range 3 {
		w := newWatcher()
		w.before = func([]byte) error { time.Sleep(time.Millisecond); return nil }
		if _, err := w.resumeFrom(e.Open(), ""); err != nil {
			return err
		}
		if err := w.wants(l.all(), l); err != nil {
			return err
		}
		w.mu.Lock()
		first := w.known[0]
		w.mu.Unlock()
		if first.count < len(l.all()) {
			return fmt.Errorf("alive was called after %d of %d entries", first.count, len(l.all()))
		}
	}
	return nil
}

func aliveAgain(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	if err := l.appendN(s, 1); err != nil {
		return err
	}
	r := w.follow(s, "")
	for range 4 {
		if err := r.untilAlive(time.Now()); err != nil {
			return err
		}
	}
	if err := r.stop(); err != nil {
		return err
	}
	const calls = 4
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := 1; i < len(w.known); i++ {
		if w.known[i].t.Before(w.known[i-1].t) {
			return fmt.Errorf("alive went back by %v", w.known[i-1].t.Sub(w.known[i].t))
		}
	}
	if between := w.known[len(w.known)-1].t.Sub(w.known[0].t) / time.Duration(len(w.known)-1); len(w.known) < calls || between > 5*time.Second {
		return fmt.Errorf("alive was called every %v, want once a second or more often", between)
	}
	return nil
}

func aliveUnderLoad(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	r := w.follow(e.Open(), "")
	appended := make(chan error, 1)
	go func() { appended <- l.appendN(s, 300) }()
	if err := <-appended; err != nil {
		return err
	}
	if err := r.untilAlive(time.Now()); err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	return w.wants(l.all(), l)
}

func aliveStalled(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	r := w.follow(s, "")
	if err := r.untilAlive(time.Now()); err != nil {
		return err
	}
	resume, err := e.Stall()
	if err != nil {
		return fmt.Errorf("Stall: %w", err)
	}
	silent := time.Now()
	time.Sleep(2 * time.Second)
	w.mu.Lock()
	said := w.aliveAfter(silent)
	w.mu.Unlock()
	if err := resume(); err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	if said {
		return fmt.Errorf("alive was called for a time at which the engine was silent")
	}
	r.cancel()
	if err := r.wait(); err != nil {
		return err
	}
	if err := l.appendN(s, 1); err != nil {
		return err
	}
	_, err = readAll(s, l)
	return err
}
