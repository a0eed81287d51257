package measure

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
)

// contentionCosts are what hits cost when many goroutines make them on as many processors, all with one token and each with any of a thousand.
// It takes CPU time, as the processors of Go may be more than the machine's: a lock that is fought for costs that too. What is waited for
// locks without running is asked of the runtime. There are no rows where CPU time cannot be had.
func contentionCosts(ctx context.Context, s Settings) ([]Cost, error) {
	if _, err := pairing.CPUClock(); err != nil {
		return nil, nil
	}
	s.CPUTime = true
	s.Batch, s.Turns = 16*s.Batch, max(1, s.Turns/8) // it takes a while until all goroutines run, and costs time too
	p, err := newPeers(ctx, gridAlgorithm)
	if err != nil {
		return nil, err
	}
	defer p.close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	cached, tokens, err := p.holdingMany()
	if err != nil {
		return nil, err
	}
	var all []Cost
	for _, shown := range [][]string{tokens[:1], tokens} {
		var cases []pairing.Case
		for _, goroutines := range []int{1, 2, 4, 8, 16} {
			cases = append(cases, crowding(cached.Verify, goroutines, shown))
		}
		most := cases[len(cases)-1]
		for i, r := range s.plan().Compare(cases...)[1:] {
			all = append(all, Cost{What: fmt.Sprintf("CPU time of a cached token, by %s, of one alone; live tokens: %d", cases[i+1].Name, len(shown)), Got: r.Ratio})
		}
		waits := waitingForLocks(s, most)
		all = append(all, Cost{What: fmt.Sprintf("time that %s wait for locks, of their time; live tokens: %d", most.Name, len(shown)), Got: waits})
	}
	return append(all, behindOneLock(s, cached.Verify, tokens)...), nil
}

// behindOneLock is what the figures would be if every hit took one lock.
func behindOneLock(s Settings, verify func(*http.Request) (any, error), tokens []string) []Cost {
	var mu sync.Mutex
	locked := func(r *http.Request) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		return verify(r)
	}
	alone, most := crowding(verify, 1, tokens), crowding(locked, 16, tokens)
	ratio := s.plan().Compare(alone, most)[1].Ratio
	return []Cost{
		{What: "for comparison, a lock around each: CPU time of a cached token, by " + most.Name + ", of one alone without", Got: ratio},
		{What: "for comparison, a lock around each: time that " + most.Name + " wait for locks, of their time", Got: waitingForLocks(s, most)},
	}
}

// crowding shows tokens in so many goroutines, on as many processors of Go.
func crowding(verify func(*http.Request) (any, error), goroutines int, tokens []string) pairing.Case {
	var all []pairing.Case
	for range goroutines {
		all = append(all, verifying("", verify, tokens...))
	}
	return pairing.Case{
		Name: fmt.Sprintf("%d goroutines on as many processors", goroutines),
		Prepare: func(n int) {
			runtime.GOMAXPROCS(goroutines)
			for _, one := range all {
				one.Prepare(n)
			}
		},
		Run: func(n int) {
			var group sync.WaitGroup
			for i, one := range all {
				group.Go(func() { one.Run((n + i) / goroutines) }) // n in all
			}
			group.Wait()
		},
	}
}

// waitingForLocks is the share of the goroutines' time in which they wait for a sync.Mutex, a sync.RWMutex or a lock of the runtime.
func waitingForLocks(s Settings, c pairing.Case) pairing.Quartiles {
	const perTurn = 10_000
	sample := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	waited := func() float64 {
		metrics.Read(sample)
		return sample[0].Value.Float64()
	}
	var shares []float64
	for range s.Turns {
		c.Prepare(perTurn)
		before, began := waited(), time.Now()
		c.Run(perTurn)
		took := time.Since(began)
		shares = append(shares, (waited()-before)/(took.Seconds()*float64(runtime.GOMAXPROCS(0))))
	}
	return pairing.QuartilesOf(shares)
}
