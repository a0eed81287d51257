package soak

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/load"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// StampedeResults are what came of many first sights of one token at once.
type StampedeResults struct {
	Connections        int
	Admitted, Other    int64
	Calls              int64 // of the introspection endpoint
	Spread, Longest    time.Duration
	Goroutines, Before int // of the server: while all wait, and before
}

// AsPromised: one call, and everybody is admitted.
func (r *StampedeResults) AsPromised() bool {
	return r.Calls == 1 && r.Other == 0 && r.Admitted == int64(r.Connections)
}

const (
	stampeders = 10_000
	slowAnswer = 800 * time.Millisecond // well within the two seconds that a request may take
)

// Stampede opens thousands of connections and sends the same new opaque token over all of them at once, while the authorization server
// takes its time.
func Stampede(ctx context.Context, s Settings) (*StampedeResults, error) {
	w, err := newWorld(trusts[:2], false)
	if err != nil {
		return nil, err
	}
	defer w.close()
	r := &StampedeResults{Connections: stampeders}
	conns, err := connected(w.process.API, stampeders)
	if err != nil {
		return nil, err
	}
	s.Log("%d connections are open", len(conns))
	before, err := w.process.Vitals(ctx)
	if err != nil {
		return nil, err
	}
	r.Before = before.Goroutines

	first := w.authorities[0]
	first.Front.Delay.Store(int64(slowAnswer))
	token := first.Trust.Prefix + first.Issuer.OpaqueToken(authtest.Claims{"scope": "read", "sub": "everybody"})
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: soak.example.test\r\nAuthorization: Bearer %s\r\n\r\n", server.PathOrders, token)
	r.send(conns, request, func() {
		if v, err := w.process.Vitals(ctx); err == nil {
			r.Goroutines = v.Goroutines
		}
	})
	r.Calls = first.Front.Introspections.Load()
	for _, c := range conns {
		c.Close()
	}
	return r, nil
}

// connected opens connections with a request that needs no token.
func connected(addr string, count int) ([]*load.Conn, error) {
	conns := make([]*load.Conn, count)
	for i := range conns {
		conns[i] = &load.Conn{Addr: addr}
		if _, err := conns[i].Do([]byte("GET " + server.PathPrices + " HTTP/1.1\r\nHost: soak.example.test\r\n\r\n")); err != nil {
			return nil, fmt.Errorf("soak: connection %d: %w; this needs some 10500 open files (ulimit -n)", i, err)
		}
	}
	return conns, nil
}

func (r *StampedeResults) send(conns []*load.Conn, request []byte, meanwhile func()) {
	var (
		admitted, other, longest, lastSent atomic.Int64
		sending                            sync.WaitGroup
		gate                               = make(chan struct{})
		start                              time.Time
	)
	for _, c := range conns {
		sending.Go(func() {
			<-gate
			sent := time.Since(start)
			raise(&lastSent, sent)
			got, err := c.Do(request)
			raise(&longest, time.Since(start)-sent)
			if err == nil && got.Status == 200 && got.Body == "everybody" {
				admitted.Add(1)
			} else {
				other.Add(1)
			}
		})
	}
	start = time.Now()
	close(gate)
	time.Sleep(slowAnswer * 2 / 3)
	meanwhile()
	sending.Wait()
	r.Admitted, r.Other = admitted.Load(), other.Load()
	r.Spread, r.Longest = time.Duration(lastSent.Load()), time.Duration(longest.Load())
}

func raise(highest *atomic.Int64, d time.Duration) {
	for {
		old := highest.Load()
		if int64(d) <= old || highest.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}
