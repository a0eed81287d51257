package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/load"
)

// Point is one second of a run.
type Point struct {
	At         float64 // seconds since the start
	Rate       float64 // answers per second
	P99        float64 // milliseconds
	Share503   float64 // of the answers, in percent
	RSS        float64 // MiB
	Goroutines float64
}

// Rest is a moment without requests, in which memory can be told exactly.
type Rest struct {
	At   float64 // seconds since the start
	Heap float64 // MiB of what the garbage collector could not free
}

const (
	resting   = 1500 * time.Millisecond
	untilRest = time.Minute
)

// rest lets the load pause, and those who wait for a faulty server be answered, as far as that goes.
func (s *sampler) rest(ctx context.Context) {
	s.pacer.Rest(time.Now().Add(resting))
	time.Sleep(resting * 3 / 4) // far shorter than any ctx minds
	if v, err := s.world.process.Collected(ctx); err == nil {
		s.rests = append(s.rests, Rest{time.Since(s.start).Seconds(), float64(v.HeapAlloc) / mib})
	}
	if s.settings.Profiles == "" {
		return
	}
	if err := s.profile(ctx); err != nil && ctx.Err() == nil {
		s.settings.Log("no heap profile: %v", err)
	}
}

func (s *sampler) profile(ctx context.Context) (err error) {
	file, err := os.Create(filepath.Join(s.settings.Profiles, fmt.Sprintf("heap-%04.0fs.pb.gz", time.Since(s.start).Seconds())))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return s.world.process.HeapProfile(ctx, file)
}

// sampler looks at everything once a second.
type sampler struct {
	world    *world
	ledger   *ledger
	settings Settings
	start    time.Time
	points   []Point
	pacer    *load.Pacer
	rests    []Rest
	failed   error

	at                     time.Time
	counts                 load.Counts
	decisions, unavailable int64
}

const reporting = 10 // seconds between two lines

func (s *sampler) run(ctx context.Context) {
	s.at = s.start
	nextRest := s.start.Add(untilRest)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	misses := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.sample(ctx); err != nil && ctx.Err() == nil {
			if misses++; misses > 10 {
				s.failed = err
				return
			}
			continue
		}
		misses = 0
		if time.Now().After(nextRest) {
			nextRest = nextRest.Add(untilRest)
			s.rest(ctx)
		}
		s.ledger.settle(s.world.history, time.Now(), false)
		if n := len(s.points); n > 0 && n%reporting == 0 {
			s.line(s.points[n-reporting:])
		}
	}
}

const mib = 1 << 20

func (s *sampler) sample(ctx context.Context) error {
	v, err := s.world.process.Vitals(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	if v.Stall > longStall {
		s.world.history.Stall(s.at.Add(-v.Stall), now)
	}
	counts := s.ledger.quiet.Now().Plus(s.ledger.faulty.Now())
	decisions, unavailable := s.ledger.decisions.Load(), s.ledger.unavailable.Load()
	answered := float64(decisions - s.decisions)
	p := Point{
		At:         now.Sub(s.start).Seconds(),
		Rate:       answered / now.Sub(s.at).Seconds(),
		P99:        counts.Since(s.counts).Quantile(0.99).Seconds() * 1000,
		RSS:        float64(v.RSS) / mib,
		Goroutines: float64(v.Goroutines),
	}
	if answered > 0 {
		p.Share503 = 100 * float64(unavailable-s.unavailable) / answered
	}
	s.points = append(s.points, p)
	s.at, s.counts, s.decisions, s.unavailable = now, counts, decisions, unavailable
	return nil
}

func (s *sampler) line(last []Point) {
	var rate, share, worst float64
	for _, p := range last {
		rate += p.Rate / float64(len(last))
		share += p.Share503 / float64(len(last))
		worst = max(worst, p.P99)
	}
	wrong, _ := s.ledger.wrong()
	p := last[len(last)-1]
	s.settings.Log("%5.0f s: %d decisions, %.0f/s, worst p99 %.1f ms, 503 %.1f %%, RSS %.1f MiB, %.0f goroutines, %d wrong",
		p.At, s.decisions, rate, worst, share, p.RSS, p.Goroutines, wrong)
}
