package measure

import (
	"context"
	"fmt"
	"log"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
)

// Plan says how much is measured on an engine.
type Plan struct {
	Append    time.Duration
	Records   int // that are appended, over and over
	Idle      time.Duration
	Crowds    []int // of followers while nothing happens
	Rest      int
	Reads     []Load // Rate is not used
	Spreads   []Load
	SpreadFor time.Duration
	Settle    time.Duration // that an engine has to write down what it has done
}

// Load is how many processes, entries and entries a second there are.
type Load struct {
	Followers, Entries int
	Rate               float64
}

// Engine measures what lists cost on a server.
func Engine(ctx context.Context, s Server, plan Plan) (e figures.Engine, record int, err error) {
	u, err := s.Usage(ctx)
	if err != nil {
		return e, 0, err
	}
	e.Version = u.Version
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"append", func() error { e.Append, err = appends(ctx, s, plan.Append, plan.Records); return err }},
		{"rest", func() error { e.Rest, record, err = rest(ctx, s, plan); return err }},
		{"idle", func() error { e.Idle, err = idles(ctx, s, plan); return err }},
		{"reads", func() error { e.Reads, err = reads(ctx, s, plan.Reads); return err }},
		{"spreads", func() error { e.Spreads, err = spreads(ctx, s, plan); return err }},
	} {
		if err := s.Clear(ctx); err != nil {
			return e, 0, err
		}
		began := time.Now()
		if err := step.do(); err != nil {
			return e, 0, fmt.Errorf("%s: %s: %w", e.Version, step.what, err)
		}
		log.Printf("%s: %s: %v", e.Version, step.what, time.Since(began).Round(time.Second))
	}
	return e, record, nil
}

// many is how many goroutines append at once.
const many = 64

func appends(ctx context.Context, s Server, d time.Duration, n int) (a figures.Append, err error) {
	records, err := sealed(ctx, 0, n)
	if err != nil {
		return a, err
	}
	until := time.Now().Add(time.Hour)
	var times []float64
	for end, i := time.Now().Add(d/2), 0; time.Now().Before(end); i++ {
		began := time.Now()
		if err := s.Store().Append(ctx, records[i%len(records)], until); err != nil {
			return a, err
		}
		times = append(times, time.Since(began).Seconds())
	}
	before, err := s.Usage(ctx)
	if err != nil {
		return a, err
	}
	var done atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, many)
	began := time.Now()
	for worker := range many {
		all.Go(func() {
			for time.Since(began) < d && errs[worker] == nil {
				errs[worker] = s.Store().Append(ctx, records[int(done.Add(1))%len(records)], until)
			}
		})
	}
	all.Wait()
	took := time.Since(began).Seconds()
	for _, err := range errs {
		if err != nil {
			return a, err
		}
	}
	after, err := s.Usage(ctx)
	if err != nil {
		return a, err
	}
	spent, made := after.since(before), float64(done.Load())
	return figures.Append{
		Alone: median(times), Many: many, PerSec: made / took,
		CPU: spent.CPU / made, Commands: spent.Commands / made, In: spent.In / made, Out: spent.Out / made,
	}, nil
}

// fill puts so many entries into the log, as much as a million and more.
func fill(ctx context.Context, s Server, n int) error {
	for first := 0; first < n; first += chunk {
		records, err := sealed(ctx, first, min(chunk, n-first))
		if err != nil {
			return err
		}
		if err := s.Fill(ctx, records, time.Now().Add(time.Hour)); err != nil {
			return err
		}
	}
	return nil
}

func rest(ctx context.Context, s Server, plan Plan) (r figures.Rest, record int, err error) {
	one, err := sealed(ctx, 0, 1)
	if err != nil {
		return r, 0, err
	}
	before, err := s.Usage(ctx)
	if err != nil {
		return r, 0, err
	}
	if err := fill(ctx, s, plan.Rest); err != nil {
		return r, 0, err
	}
	time.Sleep(plan.Settle)
	after, err := s.Usage(ctx)
	if err != nil {
		return r, 0, err
	}
	grown, per := after.since(before), float64(plan.Rest)
	return figures.Rest{Entries: plan.Rest, Memory: grown.Memory / per, Disk: grown.Disk / per, WAL: grown.WAL / per}, len(one[0]), nil
}

func idles(ctx context.Context, s Server, plan Plan) (all []figures.Idle, err error) {
	for _, followers := range plan.Crowds {
		one, err := idle(ctx, s, followers, plan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func idle(ctx context.Context, s Server, followers int, plan Plan) (i figures.Idle, err error) {
	alone, err := during(ctx, s, plan.Idle) // a server has something to do by itself, too
	if err != nil {
		return i, err
	}
	store, leave, err := s.Another()
	if err != nil {
		return i, err
	}
	defer leave() // its connections go with it
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	ended := make(chan error, followers)
	for range followers {
		all.Go(func() {
			ended <- store.Follow(ctx, "", func([]byte, string) error { return nil }, func(time.Time) {})
		})
	}
	defer all.Wait()
	defer stop()
	time.Sleep(plan.Settle)
	spent, err := during(ctx, s, plan.Idle)
	if err != nil {
		return i, err
	}
	if len(ended) > 0 {
		return i, fmt.Errorf("a follower of %d has ended: %w", followers, <-ended)
	}
	per := plan.Idle.Seconds() * float64(followers)
	return figures.Idle{
		Followers: followers, CPU: max(0, spent.CPU-alone.CPU) / per, Looks: spent.Looks / per, Commands: spent.Commands / per, In: spent.In / per, Out: spent.Out / per,
	}, nil
}

// during is what a server does in some time.
func during(ctx context.Context, s Server, d time.Duration) (Usage, error) {
	before, err := s.Usage(ctx)
	if err != nil {
		return before, err
	}
	time.Sleep(d)
	after, err := s.Usage(ctx)
	return after.since(before), err
}

func median(of []float64) float64 { return quantile(of, 0.5) }

// quantile sorts of.
func quantile(of []float64, q float64) float64 {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[min(int(q*float64(len(of))), len(of)-1)]
}
