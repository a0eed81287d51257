package storetest

import (
	"errors"
	"fmt"
	"time"
)

// disasters are the clauses about an engine that ends or goes back in time.
func disasters() []clause {
	canRestart := func(e Engine) bool { return e.Restart != nil }
	canRestore := func(e Engine) bool { return e.Backup != nil }
	return []clause{
		{"disaster: the engine is killed", "What was acknowledged is there after the engine was killed, and so are positions or it is a gap.", canRestart, restarted},
		{"disaster: killed under a follower", "Follow returns an error or goes on, and loses nothing.", canRestart, restartedWhileFollowing},
		{"disaster: killed under appends", "What was acknowledged while the engine was killed is there.", canRestart, restartedWhileAppending},
		{
			"disaster: a backup is restored", "A position that lies after the backup is a gap, so that the List appends anew what is lost.",
			canRestore, restored,
		},
	}
}

func restarted(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	if err := l.appendN(s, 20); err != nil {
		return err
	}
	if _, err := w.resumeFrom(s, ""); err != nil {
		return err
	}
	if err := l.appendN(s, 20); err != nil {
		return err
	}
	if err := e.Restart(); err != nil {
		return fmt.Errorf("Restart: %w", err)
	}
	if err := eventually(func() error { return l.appendN(s, 20) }); err != nil {
		return err
	}
	if _, err := readAll(e.Open(), l); err != nil {
		return err
	}
	if _, err := w.resumeFrom(s, w.position()); err != nil {
		return fmt.Errorf("resuming: %w", err)
	}
	return w.wants(l.all(), l)
}

// eventually tries until the engine is back.
func eventually(try func() error) error {
	for limit := time.Now().Add(patience); ; {
		err := try()
		if err == nil || time.Now().After(limit) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func restartedWhileFollowing(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	r := w.follow(s, "")
	if err := r.untilAlive(time.Now()); err != nil {
		return err
	}
	if err := l.appendN(s, 5); err != nil {
		return err
	}
	if err := r.untilDelivered(l.all()); err != nil {
		return err
	}
	if err := e.Restart(); err != nil {
		return fmt.Errorf("Restart: %w", err)
	}
	if err := eventually(func() error { return l.appendN(s, 5) }); err != nil {
		return err
	}
	for r.untilAlive(time.Now()) != nil {
		select {
		case <-r.done:
			after := w.position()
			if isGap(r.err) {
				after = ""
			}
			time.Sleep(10 * time.Millisecond)
			r = w.follow(s, after)
		default:
			return errors.New("Follow neither returned nor went on")
		}
	}
	if err := r.stop(); err != nil {
		return err
	}
	return w.wants(l.all(), l)
}

func restartedWhileAppending(e Engine) error {
	l, s := newLedger(), e.Open()
	stop, stopped := make(chan struct{}), make(chan struct{})
	const appenders = 8
	for range appenders {
		go func() {
			defer func() { stopped <- struct{}{} }()
			for {
				select {
				case <-stop:
					return
				default:
				}
				_ = l.append(s, newEntry()) // it may fail while the engine is down, and is then not acknowledged
				time.Sleep(5 * time.Millisecond)
			}
		}()
	}
	time.Sleep(200 * time.Millisecond)
	err := e.Restart()
	n := len(l.all())
	err = errors.Join(err, eventually(func() error {
		if len(l.all()) <= n {
			return errors.New("nothing is acknowledged after the restart")
		}
		return nil
	}))
	close(stop)
	for range appenders {
		<-stopped
	}
	if err != nil {
		return err
	}
	_, err = readAll(e.Open(), l)
	return err
}

func restored(e Engine) error {
	l, s, w := newLedger(), e.Open(), newWatcher()
	if err := l.appendN(s, 10); err != nil {
		return err
	}
	if _, err := w.resumeFrom(s, ""); err != nil {
		return err
	}
	restore, err := e.Backup()
	if err != nil {
		return fmt.Errorf("Backup: %w", err)
	}
	lost := newLedger()
	if err := lost.appendN(s, 10); err != nil {
		return err
	}
	for _, entry := range lost.all() {
		l.begin([]byte(entry))
	}
	ahead := newWatcher()
	if _, err := ahead.resumeFrom(s, ""); err != nil {
		return err
	}
	if err := restore(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, more := range []int{0, 5, 20} { // fewer and more than what was lost
		if err := eventually(func() error { return l.appendN(s, more) }); err != nil {
			return err
		}
		again := newWatcher()
		gap, err := again.resumeFrom(e.Open(), ahead.position())
		if err != nil {
			return err
		}
		if !gap && ahead.position() != "" {
			return fmt.Errorf("after %d new entries a position from the future is no gap", more)
		}
		if err := again.wants(l.all(), l); err != nil {
			return err
		}
	}
	if _, err := w.resumeFrom(s, w.position()); err != nil {
		return fmt.Errorf("a position from before the backup: %w", err)
	}
	return w.wants(l.all(), l)
}
