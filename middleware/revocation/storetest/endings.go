package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// endings are the clauses about how Append and Follow end.
func endings() []clause {
	canStall := func(e Engine) bool { return e.Stall != nil }
	return []clause{
		{"ending: the error of deliver", "An error of deliver ends Follow, which returns it.", nil, deliverFails},
		{"ending: the ctx of Follow", "Follow ends with its ctx and returns its error.", nil, followEnds},
		{"ending: the ctx of Append", "Append ends with its ctx at the latest.", nil, appendEnds},
		{"ending: Append to a silent engine", "Append ends with its ctx at the latest, and with an error.", canStall, appendStalled},
		{"ending: Follow of a silent engine", "Follow ends with its ctx.", canStall, followStalled},
	}
}

func deliverFails(e Engine) error {
	l, s := newLedger(), e.Open()
	if err := l.appendN(s, 5); err != nil {
		return err
	}
	for n := range 5 {
		w := newWatcher()
		if err := w.cutAfter(s, "", n); err != nil {
			return err
		}
		if w.count != n {
			return fmt.Errorf("deliver was called again after its error")
		}
	}
	w := newWatcher()
	r := w.follow(s, "")
	if err := r.untilAlive(time.Now()); err != nil {
		return err
	}
	r.cancel()
	if err := r.wait(); err != nil {
		return err
	}
	w.before = func([]byte) error { return errCut }
	r = w.follow(s, w.position())
	if err := l.appendN(s, 1); err != nil {
		return err
	}
	if err := r.wait(); err != nil {
		return fmt.Errorf("a new entry: %w", err)
	}
	if !errors.Is(r.err, errCut) {
		return fmt.Errorf("a new entry: Follow returned %w, want the error of deliver", r.err)
	}
	return nil
}

func followEnds(e Engine) error {
	l, s := newLedger(), e.Open()
	if err := l.appendN(s, 5); err != nil {
		return err
	}
	idle := newWatcher()
	r := idle.follow(s, "")
	if err := r.untilAlive(time.Now()); err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return fmt.Errorf("while nothing happens: %w", err)
	}
	for _, after := range []string{"", idle.position()} {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		w := newWatcher()
		if err := s.Follow(ctx, after, w.deliver, w.alive); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("a ctx that has ended before: Follow returned %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	w := newWatcher()
	if err := s.Follow(ctx, "", w.deliver, w.alive); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("a ctx with a deadline: Follow returned %w", err)
	}
	return nil
}

func appendEnds(e Engine) error {
	l, s := newLedger(), e.Open()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	entry := newEntry()
	l.begin(entry)
	done := make(chan error, 1)
	go func() { done <- s.Append(ctx, entry, time.Now().Add(life)) }()
	select {
	case err := <-done:
		if err == nil {
			l.acknowledge(entry)
		}
	case <-time.After(patience):
		return errors.New("Append did not return though its ctx had ended")
	}
	if err := l.appendN(s, 1); err != nil {
		return fmt.Errorf("the next Append: %w", err)
	}
	_, err := readAll(s, l)
	return err
}

func appendStalled(e Engine) error {
	l, s := newLedger(), e.Open()
	if err := l.appendN(s, 1); err != nil {
		return err
	}
	resume, err := e.Stall()
	if err != nil {
		return fmt.Errorf("Stall: %w", err)
	}
	done := make(chan error, 3)
	for range cap(done) {
		entry := newEntry()
		l.begin(entry)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			done <- s.Append(ctx, entry, time.Now().Add(life))
		}()
	}
	var seen error
	for range cap(done) {
		select {
		case err := <-done:
			if err == nil {
				seen = errors.New("Append returned nil though the engine was silent")
			}
		case <-time.After(patience):
			seen = errors.New("Append did not return though its ctx had ended")
		}
	}
	if err := resume(); err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	if seen != nil {
		return seen
	}
	if err := eventually(func() error { return l.appendN(s, 1) }); err != nil {
		return fmt.Errorf("after the silence: %w", err)
	}
	_, err = readAll(s, l)
	return err
}

func followStalled(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	if err := l.appendN(s, 1); err != nil {
		return err
	}
	r := w.follow(s, "")
	if err := r.untilAlive(time.Now()); err != nil {
		return err
	}
	resume, err := e.Stall()
	if err != nil {
		return fmt.Errorf("Stall: %w", err)
	}
	return errors.Join(r.stop(), resume())
}
