// Package soak runs a protected API under load for a long time while its authorization servers fail, and judges every answer.
package soak

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/fault"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/stream"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// Settings of a run.
type Settings struct {
	Duration time.Duration
	Every    time.Duration    // between the beginnings of two faults
	Lasts    [2]time.Duration // a fault at least and at most
	Rate     int              // requests per second; zero: as fast as it goes
	Conns    int
	Seed     uint64
	Profiles string // directory for a heap profile of the API process at every rest; empty: none
	Log      func(format string, args ...any)
}

// upstreamShare: one connection in so many is for requests that may have to wait for an authorization server, so that the others
// need not.
const upstreamShare = 4

// trusts are the three authorization servers: one with all defaults, one whose keys and answers live shortly, and one that is asked
// about JWTs as well and whose answers are never reused.
var trusts = []server.Trust{
	{Prefix: "a_"},
	{Prefix: "b_", Refresh: 20 * time.Second, Cooldown: 5 * time.Second, ActiveTTL: 3 * time.Second, InactiveTTL: 2 * time.Second},
	{Prefix: "c_", Refresh: 15 * time.Second, Cooldown: 5 * time.Second, ActiveTTL: -1, InactiveTTL: -1, IntrospectJWTs: true},
}

// world is everything that a run consists of but the load.
type world struct {
	history     *window.History
	authorities []*stream.Authority
	process     *server.Process
	stream      *stream.Stream
	stop        context.CancelFunc
}

func newWorld(trusts []server.Trust, profiles bool) (w *world, err error) {
	ctx, stop := context.WithCancel(context.Background())
	w = &world{history: new(window.History), stop: stop}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	setup := server.Setup{Profiles: profiles}
	for i, trust := range trusts {
		issuer, err := authtest.Start(ctx)
		if err != nil {
			return w, err
		}
		front, err := fault.NewFront(issuer.URL(), trust.Prefix)
		if err != nil {
			return w, err
		}
		a := stream.NewAuthority(i, issuer, front, trust, w.history)
		w.authorities = append(w.authorities, a)
		setup.Servers = append(setup.Servers, a.Trust)
	}
	w.process, err = server.Start(setup)
	return w, err
}

func (w *world) close() {
	if w.process != nil {
		_ = w.process.Close()
	}
	for _, a := range w.authorities {
		a.Front.Close()
	}
	w.stop()
}

func (s Settings) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, stream)) }
