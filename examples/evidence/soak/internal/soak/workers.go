package soak

import (
	"context"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/load"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/stream"
)

// drive keeps the connections busy until ctx ends.
func drive(ctx context.Context, w *world, s Settings, l *ledger, pacer *load.Pacer) {
	pacer.Begin(time.Now())
	var working sync.WaitGroup
	for i := range s.Conns {
		working.Go(func() {
			one := &worker{
				conn:     load.Conn{Addr: w.process.API},
				memory:   stream.Memory{Random: s.random(uint64(100 + i))},
				upstream: i%upstreamShare == 0,
				world:    w,
				ledger:   l,
			}
			defer one.conn.Close()
			for pacer.Wait(ctx) {
				one.request()
			}
		})
	}
	working.Wait()
}

// worker is one connection.
type worker struct {
	conn     load.Conn
	memory   stream.Memory
	upstream bool
	world    *world
	ledger   *ledger
}

func (k *worker) request() {
	r := k.world.stream.Next(&k.memory, k.upstream)
	sent := time.Now()
	got, err := k.conn.Do(r.Bytes)
	done := time.Now()
	answer := label.Answer{
		Status: got.Status, Body: got.Body, Challenge: got.Challenge, RetryAfter: got.RetryAfter, Sent: sent, Done: done,
	}
	if err != nil {
		answer.Status = 0 // a lost answer is a wrong one
		got.Reason = err.Error()
	}
	if r.Proven && answer.Status == 200 {
		k.memory.Spent = r
	}
	k.ledger.enter(r, answer, got.Reason, k.world.history.Open())
}
