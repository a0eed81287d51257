//go:build unix

package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

// A primary that gets its first replica is asked again about what was written, as nobody had waited for that one.
func TestAReplicaThatComesLaterCountsAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		proofs := newStore(t, server.Client(), nil)
		mustAppend(t, s, "alone")
		if fresh, err := proofs.Add(t.Context(), "alone", soon()); err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		group := e.Replicate(t, server)
		for _, key := range []string{"first", "second"} {
			if fresh, err := proofs.Add(t.Context(), key, soon()); err != nil || !fresh {
				t.Errorf("%s: fresh %t, error %v", key, fresh, err)
			}
			if n := group.Replica.Must("EXISTS", "cardea:proof:"+key); n != int64(1) {
				t.Errorf("%s was acknowledged, and the replica does not have it", key)
			}
			mustAppend(t, s, key)
		}
		stream := s.StreamKey(redisstore.StreamFor(time.Hour))
		for _, of := range []*redistest.Server{group.Primary, group.Replica} {
			if n := of.Must("XLEN", stream); n != int64(3) {
				t.Errorf("the stream has %v entries, want 3", n)
			}
		}
	})
}

// repeating has each pipeline's first command sent on another connection before, as a client does whose first try has lost its answer.
type repeating struct {
	counter
	other *redis.Client
}

func (r *repeating) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "set" {
			_ = r.other.Do(ctx, cmds[0].Args()...).Err()
		}
		return next(ctx, cmds)
	}
}

// A proof that was written by a connection that is gone is fresh, and is written once more before replicas are asked for it: they are asked about
// what this connection has written.
func TestAProofThatIsWrittenTwiceIsConfirmed(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		client := group.Primary.Client()
		client.AddHook(&repeating{other: group.Primary.Client()})
		s := newStore(t, client, nil)
		if fresh, err := s.Add(t.Context(), "a", soon()); err != nil || !fresh {
			t.Errorf("fresh %t, error %v", fresh, err)
		}
		if n := commands(group.Primary)["pexpire"]; n != 1 {
			t.Errorf("it was written again %d times, want 1", n)
		}
		if fresh, err := s.Add(t.Context(), "a", soon()); err != nil || fresh {
			t.Errorf("again: fresh %t, error %v", fresh, err)
		}
	})
}

// A position of before is good when all that was read has ended and gone: that is what the Store itself forgets.
func TestAPositionOutlivesWhatHasEnded(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		client := server.Client()
		s := newStore(t, client, nil)
		old := redis.XAddArgs{
			Stream: s.StreamKey(0), ID: redisstore.Mark(time.Now().Add(-redisstore.LifeIn(0) - time.Minute)), Values: []any{"e", "old"},
		}
		if err := client.XAdd(t.Context(), &old).Err(); err != nil {
			t.Fatal(err)
		}
		h := follow(t, s, "")
		h.wait(t, "old")
		h.stop()
		h.ended(t)
		server.Must("XTRIM", s.StreamKey(0), "MAXLEN", 0)
		mustAppend(t, s, "new")
		follow(t, s, h.position()).wait(t, "new")
	})
}

// panicking is a client with a mistake.
type panicking struct{ counter }

func (p *panicking) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { panic("secret") }
}

// What panics in the client is an error like others, and not the end of the process.
func TestAClientThatPanicsIsAnOutage(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		client := e.Start(t, redistest.Durable...).Client()
		s := newStore(t, client, nil)
		mustAppend(t, s, "before")
		client.AddHook(&panicking{})
		if fresh, err := s.Add(t.Context(), "a", soon()); err == nil || fresh {
			t.Errorf("Add: fresh %t, error %v", fresh, err)
		}
		if err := s.Append(t.Context(), []byte("after"), soon()); err == nil {
			t.Error("Append: no error")
		}
	})
}
