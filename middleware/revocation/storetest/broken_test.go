package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// broken is a Store with a mistake, and the clauses that must tell.
type broken struct {
	mistake string
	engine  func(*storetest.Memory) storetest.Engine
	clauses []string
}

// The bubble's clock stands in for the patience of the kit.
func TestEveryMistakeIsFound(t *testing.T) {
	for _, b := range mistakes() {
		for _, name := range b.clauses {
			t.Run(b.mistake+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if storetest.Check(name, b.engine(storetest.NewMemory())) == nil {
						t.Error("the clause does not notice it")
					}
					time.Sleep(time.Hour) // for what does not end with its ctx
				})
			})
		}
	}
}

func TestEveryClauseFindsAMistake(t *testing.T) {
	var found []string
	for _, b := range mistakes() {
		found = append(found, b.clauses...)
	}
	for _, name := range storetest.Clauses() {
		if !slices.Contains(found, name) {
			t.Errorf("no broken Store shows that the clause %q can fail", name)
		}
	}
}

type (
	deliverFunc = func(entry []byte, resume string) error
	aliveFunc   = func(time.Time)
	followFunc  = func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error
	appendFunc  = func(m *storetest.Memory, ctx context.Context, entry []byte, until time.Time) error
)

// bent is a Memory whose methods were changed.
type bent struct {
	*storetest.Memory
	follow followFunc
	append appendFunc
}

func (b bent) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	if b.follow == nil {
		return b.Memory.Follow(ctx, after, deliver, alive)
	}
	return b.follow(b.Memory, ctx, after, deliver, alive)
}

func (b bent) Append(ctx context.Context, entry []byte, until time.Time) error {
	if b.append == nil {
		return b.Memory.Append(ctx, entry, until)
	}
	return b.append(b.Memory, ctx, entry, until)
}

func whole(m *storetest.Memory, s revocation.Store) storetest.Engine {
	return storetest.Engine{
		Open: func() revocation.Store { return s }, Other: func() revocation.Store { return storetest.NewMemory() },
		Delay: m.Delay, Trim: m.Trim, Restart: m.Restart, Backup: m.Backup, Stall: m.Stall,
	}
}

func follows(f followFunc) func(*storetest.Memory) storetest.Engine {
	return func(m *storetest.Memory) storetest.Engine { return whole(m, bent{Memory: m, follow: f}) }
}

func appends(f appendFunc) func(*storetest.Memory) storetest.Engine {
	return func(m *storetest.Memory) storetest.Engine { return whole(m, bent{Memory: m, append: f}) }
}

func mistakes() []broken {
	return slices.Concat(mistakesOfDelivery(), mistakesOfTimes(), mistakesOfPositions(), mistakesOfEnding())
}

func mistakesOfDelivery() []broken {
	first := func(n int) followFunc { // delivers only n of each
		return func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
			count := 0
			return m.Follow(ctx, after, func(entry []byte, resume string) error {
				if count++; count > n {
					return nil
				}
				return deliver(entry, resume)
			}, alive)
		}
	}
	return []broken{
		{"delivers at most 20 entries", follows(first(20)), []string{
			"delivered: every live entry", "delivered: new entries as they come", "crowd: a slow follower", "alive: not while something is missing",
			"crowd: 64 appenders and followers that are cut off", "alive: after everything that was there", "disaster: the engine is killed",
		}},
		{"cuts entries at a zero byte", appends(func(m *storetest.Memory, ctx context.Context, entry []byte, until time.Time) error {
			text, _, _ := strings.Cut(string(entry), "\x00")
			return m.Append(ctx, []byte(text), until)
		}), []string{"delivered: every byte and every length"}},
		{"refuses what was there", appends(func(m *storetest.Memory, ctx context.Context, entry []byte, until time.Time) error {
			for _, known := range m.Entries() {
				if string(known) == string(entry) {
					return errors.New("it is there")
				}
			}
			return m.Append(ctx, entry, until)
		}), []string{"delivered: the same entry twice"}},
		{"keeps nothing for more than a year", appends(func(m *storetest.Memory, ctx context.Context, entry []byte, until time.Time) error {
			if time.Until(until) > 365*24*time.Hour {
				return nil
			}
			return m.Append(ctx, entry, until)
		}), []string{"delivered: what lives among what has ended"}},
		{"trims what lives", func(m *storetest.Memory) storetest.Engine {
			e := whole(m, m)
			e.Trim = func() error { time.Sleep(2 * time.Hour); return m.Trim() }
			return e
		}, []string{"delivered: what lives, after trimming"}},
		{"acknowledges before it appends, and loses it when it is restarted", func(m *storetest.Memory) storetest.Engine {
			var down atomic.Bool
			e := whole(m, bent{Memory: m, append: func(m *storetest.Memory, ctx context.Context, entry []byte, until time.Time) error {
				if down.Load() {
					return nil
				}
				return m.Append(ctx, entry, until)
			}})
			e.Restart = func() error {
				down.Store(true)
				time.Sleep(time.Second)
				down.Store(false)
				return m.Restart()
			}
			return e
		}, []string{"disaster: killed under appends"}},
		{"forgets everything when it is restarted", func(m *storetest.Memory) storetest.Engine {
			e := whole(m, m)
			empty, err := m.Backup()
			e.Restart = func() error { return errors.Join(err, empty()) }
			return e
		}, []string{"disaster: the engine is killed", "disaster: killed under appends"}},
	}
}

func mistakesOfTimes() []broken {
	early := func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
		return m.Follow(ctx, after, func(entry []byte, resume string) error {
			time.Sleep(time.Millisecond)
			alive(time.Now())
			return deliver(entry, resume)
		}, alive)
	}
	changed := func(change func(n int, t time.Time, alive aliveFunc)) followFunc {
		return func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
			n := 0
			return m.Follow(ctx, after, deliver, func(t time.Time) { n++; change(n, t, alive) })
		}
	}
	return []broken{
		{"is alive too early", follows(early), []string{"alive: after everything that was there", "alive: not while something is missing"}},
		{"is alive only once", follows(changed(func(n int, t time.Time, alive aliveFunc) {
			if n == 1 {
				alive(t)
			}
		})), []string{"alive: again and again"}},
		{"is alive every ten seconds", follows(changed(func(n int, t time.Time, alive aliveFunc) {
			if n%40 == 1 {
				alive(t)
			}
		})), []string{"alive: again and again"}},
		{"is alive on the wall clock", follows(changed(func(_ int, t time.Time, alive aliveFunc) { alive(t.Round(0)) })), []string{"alive: again and again"}},
		{"is alive in the future", follows(changed(func(_ int, t time.Time, alive aliveFunc) { alive(t.Add(time.Second)) })), []string{"alive: again and again"}},
		{"is alive without a round trip", follows(func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			go func() {
				for ctx.Err() == nil {
					time.Sleep(100 * time.Millisecond)
					alive(time.Now())
				}
			}()
			return m.Follow(ctx, after, deliver, alive)
		}), []string{"alive: not while the engine is silent"}},
		{"is alive while it delivers", follows(func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
			return m.Follow(ctx, after, func(entry []byte, resume string) error {
				go alive(time.Now().Add(-time.Hour))
				return deliver(entry, resume)
			}, alive)
		}), []string{"alive: after everything that was there"}},
	}
}

func mistakesOfEnding() []broken {
	return []broken{
		{"swallows the error of deliver", follows(func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
			return m.Follow(ctx, after, func(entry []byte, resume string) error { _ = deliver(entry, resume); return nil }, alive)
		}), []string{"ending: the error of deliver"}},
		{"hides the error of deliver", follows(func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
			return fmt.Errorf("%v", m.Follow(ctx, after, deliver, alive))
		}), []string{"ending: the error of deliver", "ending: the ctx of Follow"}},
		{"returns nil when ctx ends", follows(func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
			err := m.Follow(ctx, after, deliver, alive)
			if ctx.Err() != nil {
				return nil
			}
			return err
		}), []string{"ending: the ctx of Follow"}},
		{"follows for a minute after ctx has ended", follows(func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
			err := m.Follow(ctx, after, deliver, alive)
			time.Sleep(time.Minute)
			return err
		}), []string{"ending: the ctx of Follow", "ending: Follow of a silent engine"}},
		{"appends for a minute, whatever ctx says", appends(func(m *storetest.Memory, ctx context.Context, entry []byte, until time.Time) error {
			err := m.Append(context.WithoutCancel(context.Background()), entry, until)
			time.Sleep(time.Minute)
			return err
		}), []string{"ending: the ctx of Append"}},
		{"acknowledges what ctx ended", appends(func(m *storetest.Memory, ctx context.Context, entry []byte, until time.Time) error {
			_ = m.Append(ctx, entry, until)
			return nil
		}), []string{"ending: the ctx of Append", "ending: Append to a silent engine"}},
		{"stays broken after a restart", func(m *storetest.Memory) storetest.Engine {
			e := whole(m, m)
			e.Restart = func() error { m.FailAppends(errors.New("gone")); return nil }
			return e
		}, []string{"disaster: the engine is killed", "disaster: killed under a follower", "disaster: killed under appends"}},
		{"panics", appends(func(*storetest.Memory, context.Context, []byte, time.Time) error { panic("no hinge") }), []string{"delivered: every live entry"}},
	}
}
