package soak

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/load"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/stream"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

// longStall is a pause of a process that deadlines do not survive.
const longStall = 500 * time.Millisecond

// Run is a whole soak.
func Run(ctx context.Context, s Settings) (*Results, error) {
	w, err := newWorld(trusts, s.Profiles != "")
	if err != nil {
		return nil, err
	}
	defer w.close()
	w.stream = stream.New(w.authorities, "http://"+w.process.API)

	ctx, cancel := context.WithTimeout(ctx, s.Duration)
	defer cancel()
	start := time.Now()
	l, in := newLedger(), newInjector(w, s)
	pacer := load.NewPacer(s.Rate)
	watch := &sampler{world: w, ledger: l, settings: s, start: start, pacer: pacer}
	first, err := w.process.Vitals(ctx)
	if err != nil {
		return nil, err
	}
	var running sync.WaitGroup
	running.Go(func() { w.stream.Run(ctx) })
	running.Go(func() { in.run(ctx) })
	running.Go(func() { watch.run(ctx) })
	running.Go(func() {
		server.Heartbeat(ctx, func(now time.Time, late time.Duration) {
			if late > longStall {
				w.history.Stall(now.Add(-late-time.Second), now)
			}
		})
	})
	drive(ctx, w, s, l, pacer)
	cancel()
	running.Wait()
	l.settle(w.history, time.Now(), true)
	if watch.failed != nil {
		return nil, fmt.Errorf("soak: the server process has ended: %w", watch.failed)
	}
	last, err := w.process.Vitals(context.Background())
	if err != nil {
		return nil, err
	}
	return gather(s, w, l, in, watch, first, last), nil
}

// Results are what a run has shown.
type Results struct {
	Settings    Settings
	Start       time.Time
	Took        time.Duration
	Points      []Point
	Rests       []Rest
	Faults      []window.Span
	Counts      map[string]int // faults by name
	Stalls      int
	Stalled     time.Duration
	Kinds       []KindRow
	Verdicts    map[label.Verdict]int64
	Excused     map[string]int64
	Mistakes    []string
	Wrong       int64
	Decisions   int64
	Unavailable int64
	Quiet       Latency
	Faulty      Latency
	Upstream    []Calls
	First, Last server.Vitals
}

// KindRow is a Row with the name of its kind.
type KindRow struct {
	Name string
	Row
}

// Latency of the answers in one phase.
type Latency struct {
	Answers  int64
	P50, P99 time.Duration
}

// Calls are what one authorization server was asked.
type Calls struct {
	Metadata, Keys, Introspections int64
	Trapped                        int64 // requests to where a redirect led
	Rotations                      []time.Duration
}

func gather(s Settings, w *world, l *ledger, in *injector, watch *sampler, first, last server.Vitals) *Results {
	r := &Results{
		Settings: s, Start: watch.start, Took: time.Since(watch.start), Points: watch.points, Rests: watch.rests,
		Faults: w.history.All(), Counts: in.counts,
		Verdicts: l.verdicts, Excused: l.excused, Decisions: l.decisions.Load(), Unavailable: l.unavailable.Load(),
		First: first, Last: last,
	}
	r.Stalls, r.Stalled = w.history.Stalled()
	r.Wrong, r.Mistakes = l.wrong()
	quiet, faulty := l.quiet.Now(), l.faulty.Now()
	r.Quiet = Latency{quiet.Total(), quiet.Quantile(0.5), quiet.Quantile(0.99)}
	r.Faulty = Latency{faulty.Total(), faulty.Quantile(0.5), faulty.Quantile(0.99)}
	for _, list := range kinds() {
		for _, k := range list {
			if row := l.kinds[k]; row != nil {
				r.Kinds = append(r.Kinds, KindRow{k.Name, *row})
			}
		}
	}
	for _, a := range w.authorities {
		c := Calls{a.Front.Metadata.Load(), a.Front.Keys.Load(), a.Front.Introspections.Load(), a.Front.Trapped.Load(), a.Rotations()}
		r.Upstream = append(r.Upstream, c)
		r.Wrong += c.Trapped
	}
	return r
}

func kinds() [2][]*stream.Kind {
	local, upstream := stream.Kinds()
	return [2][]*stream.Kind{local, upstream}
}
