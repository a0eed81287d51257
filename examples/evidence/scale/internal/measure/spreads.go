package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
	"github.com/cardea-auth/cardea/middleware"
)

// hearing is what a process says of what it was told: when each token was refused there, in unix nanoseconds; zero: never.
type hearing struct {
	At  []int64
	CPU float64
}

// patience is how long the last entries have to arrive.
const patience = 30 * time.Second

// hear follows, and notes when each of the tokens is revoked.
func hear(ctx context.Context, t task) (*hearing, error) {
	store, err := storeAt(ctx, t)
	if err != nil {
		return nil, err
	}
	list, err := newList(store, t.Entries)
	if err != nil {
		return nil, err
	}
	h := &hearing{At: make([]int64, t.Entries)}
	var heard atomic.Int64
	for i := range t.Entries {
		e := tokenEntry(i)
		list.Notify(middleware.TokenFacts{Issuer: e.Issuer, ID: e.Value}, func() {
			h.At[i] = time.Now().UnixNano()
			heard.Add(1)
		})
	}
	if err := list.Warm(ctx); err != nil {
		return nil, err
	}
	ready()
	began := cpu()
	goOn()
	for end := time.Now().Add(patience); heard.Load() < int64(t.Entries) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	h.CPU = (cpu() - began).Seconds()
	return h, list.Close()
}

func spreads(ctx context.Context, s Server, plan Plan) (all []figures.Spread, err error) {
	for _, l := range plan.Spreads {
		if err := s.Clear(ctx); err != nil {
			return nil, err
		}
		l.Entries = max(int(l.Rate*plan.SpreadFor.Seconds()), 50)
		one, err := spread(ctx, s, l)
		if err != nil {
			return nil, fmt.Errorf("%d followers, %g entries a second: %w", l.Followers, l.Rate, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func spread(ctx context.Context, s Server, l Load) (r figures.Spread, err error) {
	processes, err := startAll(ctx, s, "hear", l)
	defer killAll(processes)
	if err != nil {
		return r, err
	}
	for _, p := range processes {
		if err := p.begin(); err != nil {
			return r, err
		}
	}
	before, err := s.Usage(ctx)
	if err != nil {
		return r, err
	}
	began := time.Now()
	called, took, err := revokeAll(ctx, s, l)
	if err != nil {
		return r, err
	}
	r = figures.Spread{Followers: l.Followers, Rate: l.Rate, Entries: l.Entries, Seconds: time.Since(began).Seconds(), Acknowledged: median(took)}
	after, err := s.Usage(ctx)
	if err != nil {
		return r, err
	}
	spent := after.since(before)
	r.Clients = (before.Clients + after.Clients) / 2
	r.EngineCPU, r.Looks, r.Commands, r.In, r.Out = spent.CPU, spent.Looks, spent.Commands, spent.In, spent.Out
	var late []float64
	for _, p := range processes {
		var h hearing
		if err := p.end(&h); err != nil {
			return r, err
		}
		r.FollowerCPU += h.CPU / float64(l.Followers)
		for i, at := range h.At {
			if at == 0 {
				return r, fmt.Errorf("entry %d has not arrived", i)
			}
			late = append(late, time.Unix(0, at).Sub(called[i]).Seconds())
		}
	}
	r.Median, r.P99, r.Last = quantile(late, 0.5), quantile(late, 0.99), quantile(late, 1)
	return r, nil
}

// revokeAll revokes the tokens at the rate, whether or not the ones before are acknowledged, and says when each was called for and how long
// it took.
func revokeAll(ctx context.Context, s Server, l Load) (called []time.Time, took []float64, err error) {
	list, err := newList(s.Store(), l.Entries)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, list.Close()) }()
	if err := list.Warm(ctx); err != nil {
		return nil, nil, err
	}
	called, took = make([]time.Time, l.Entries), make([]float64, l.Entries)
	errs := make([]error, l.Entries)
	var all sync.WaitGroup
	began := time.Now()
	for i := range l.Entries {
		time.Sleep(time.Until(began.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))))
		called[i] = time.Now()
		all.Go(func() {
			errs[i] = list.Revoke(ctx, tokenEntry(i))
			took[i] = time.Since(called[i]).Seconds()
		})
	}
	all.Wait()
	return called, took, errors.Join(errs...)
}
