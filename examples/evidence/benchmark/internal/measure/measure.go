// Package measure holds the measurements, one file each. All of them let the cases take turns.
package measure

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Settings say how thoroughly to measure.
type Settings struct {
	Turns int           // of a paired comparison
	Batch time.Duration // of one case in a turn

	Windows     int           // turns over loopback HTTP
	NearWindows int           // further turns, half as long, of the servers that are hard to tell apart
	Window      time.Duration // of one server in a turn
	Connections int

	CPUTime bool // comparisons of single goroutines count CPU time and not wall time

	Served []string // algorithms that are measured through handlers and over HTTP as well
	Live   []int    // numbers of live tokens
	Crowds []int    // numbers of goroutines
}

// plan is for cases that run on one goroutine and wait for nothing.
func (s Settings) plan() pairing.Plan {
	plan := s.wallPlan()
	if s.CPUTime {
		plan.Now = func() time.Time {
			now, err := pairing.CPUClock()
			if err != nil {
				panic(err) // main has tried it
			}
			return now
		}
	}
	return plan
}

func (s Settings) wallPlan() pairing.Plan { return pairing.Plan{Turns: s.Turns, Batch: s.Batch} }

// Full takes some ten minutes.
func Full() Settings {
	return Settings{
		Turns: 240, Batch: 1500 * time.Microsecond,
		Windows: 40, NearWindows: 120, Window: 150 * time.Millisecond, Connections: 64,
		Served: []string{"RS256", "ES256"},
		Live:   []int{100, 500, 2500, 12_500, 62_500},
		Crowds: []int{1, 16, 256},
	}
}

// Quick takes about a minute and shows the same tables with more noise and fewer points.
func Quick() Settings {
	s := Full()
	s.Turns, s.Windows, s.NearWindows = 40, 5, 20
	s.Served = s.Served[:1]
	s.Live = []int{100, 2500, 12_500}
	return s
}

// Group is one paired comparison.
type Group struct {
	Algorithm string
	Results   []pairing.Result // the floor first
}

// Result finds a case by its name.
func (g Group) Result(name string) (pairing.Result, bool) {
	for _, r := range g.Results {
		if r.Name == name {
			return r, true
		}
	}
	return pairing.Result{}, false
}

// Of finds the group of an algorithm.
func Of(groups []Group, algorithm string) Group {
	for _, g := range groups {
		if g.Algorithm == algorithm {
			return g
		}
	}
	return Group{}
}

// peers makes peers and closes them together.
type peers struct {
	ctx    context.Context
	issuer *issuer.Issuer
	closes []func()
}

func newPeers(ctx context.Context, algorithm string) (*peers, error) {
	i, err := issuer.Start(algorithm)
	if err != nil {
		return nil, err
	}
	return &peers{ctx: ctx, issuer: i, closes: []func(){i.Close}}, nil
}

func (p *peers) make(m peer.Maker) (*peer.Peer, error) {
	made, err := m.New(p.ctx, p.issuer)
	if err != nil {
		return nil, fmt.Errorf("benchmark: %s, %s: %w", m.Name, p.issuer.Algorithm, err)
	}
	p.closes = append(p.closes, made.Close)
	return made, nil
}

func (p *peers) close() {
	for i := len(p.closes) - 1; i >= 0; i-- { // the issuer last
		p.closes[i]()
	}
}

// verifying times verify with tokens that it must accept. They take turns from one batch to the next as well, or a cache for one
// would know the first of a batch.
func verifying(name string, verify func(*http.Request) (any, error), tokens ...string) pairing.Case {
	q := newRequests(tokens...)
	at := 0
	return pairing.Case{Name: name, Prepare: q.renew, Run: func(n int) {
		for range n {
			if _, err := verify(q.at(at)); err != nil {
				panic(fmt.Sprintf("benchmark: %s refuses the good token: %v", name, err))
			}
			at++
		}
	}}
}

// serving times a middleware before a handler that does next to nothing.
func serving(name string, middleware func(http.Handler) http.Handler, tokens ...string) pairing.Case {
	q := newRequests(tokens...)
	reached := 0
	h := middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	w := httptest.NewRecorder()
	return pairing.Case{Name: name, Prepare: q.renew, Run: func(n int) {
		reached = 0
		for i := range n {
			h.ServeHTTP(w, q.at(i))
		}
		if reached != n {
			panic(fmt.Sprintf("benchmark: %s let %d of %d good requests through", name, reached, n))
		}
	}}
}
