//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

// The primary is killed while revocations are appended and proofs spent, and a replica takes its place. What was acknowledged is there, for
// those who follow and for those who begin to; no proof that was fresh is fresh again.
func TestAFailoverLosesNothingThatWasAcknowledged(t *testing.T) {
	inGroups(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		e.Watch(t, group)
		const crowd = 4
		var stop atomic.Bool
		var all sync.WaitGroup
		var mu sync.Mutex
		var shared, spent []string
		follower := newStore(t, group.Client(), nil)
		mustAppend(t, follower, "first")
		shared = append(shared, "first")
		h := follow(t, follower, "")
		h.wait(t, "first")
		for i := range crowd {
			s := newStore(t, group.Client(), func(cfg *redisstore.Config) { cfg.Timeout = 250 * time.Millisecond })
			all.Go(func() {
				for n := 0; !stop.Load(); n++ {
					name := fmt.Sprintf("%d-%d", i, n)
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					err := s.Append(ctx, []byte(name), time.Now().Add(time.Hour))
					cancel()
					fresh, spendErr := s.Add(context.Background(), name, soon())
					mu.Lock()
					if err == nil {
						shared = append(shared, name)
					}
					if spendErr == nil && fresh {
						spent = append(spent, name)
					}
					mu.Unlock()
					time.Sleep(2 * time.Millisecond) // there are other things to do
					if err != nil {
						time.Sleep(10 * time.Millisecond)
					}
				}
			})
		}
		acknowledged := func() int { mu.Lock(); defer mu.Unlock(); return min(len(shared), len(spent)) }
		eventually(t, "some are acknowledged", func() bool { return acknowledged() > 100 })
		group.Primary.Kill()
		group.AwaitPromotion()
		group.AwaitNamed()
		before, named := acknowledged(), time.Now()
		eventually(t, "the promoted one acknowledges", func() bool { return acknowledged() > before })
		back := time.Since(named)
		eventually(t, "it acknowledges many", func() bool { return acknowledged() > before+100 })
		stop.Store(true)
		all.Wait()

		s := newStore(t, group.Client(), nil)
		begun := follow(t, s, "")
		start := time.Now()
		begun.awaitAlive(t, start)
		missing := 0
		for _, entry := range shared {
			if begun.times(entry) == 0 {
				missing++
			}
		}
		if missing > 0 {
			t.Errorf("%d of %d acknowledged entries are gone", missing, len(shared))
		}
		mustBeSpent(t, s, spent)
		// The follower's connection is gone, as is what it was connected to. It resumes where the new primary has all that it had read.
		h.ended(t)
		resumed := follow(t, follower, h.position())
		select {
		case <-resumed.done:
			if !isGap(resumed.err) {
				t.Fatal(resumed.err)
			}
			t.Log("a gap: the promoted replica had not come as far")
			resumed = follow(t, follower, "")
		case <-time.After(200 * time.Millisecond):
		}
		resumed.awaitAlive(t, start)
		for _, entry := range shared {
			if h.times(entry)+resumed.times(entry) == 0 {
				t.Fatalf("%s was never delivered", entry)
			}
		}
		t.Logf("%d entries and %d proofs were acknowledged, again %v after all Sentinels named the promoted one", len(shared), len(spent), back)
	})
}

func mustBeSpent(t *testing.T, s *redisstore.Store, spent []string) {
	t.Helper()
	for _, key := range spent {
		redistest.Eventually(t, "a proof is judged", func() error {
			fresh, err := s.Add(context.Background(), key, soon())
			if fresh {
				t.Fatalf("proof %s of %d is fresh again", key, len(spent))
			}
			return err
		})
	}
}

// A replica that has all that was read is one to go on with: a failover is no reason for a thousand instances to read everything at once.
func TestAFailoverToOneThatHasItAllIsNoGap(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		s := newStore(t, group.Primary.Client(), nil)
		mustAppend(t, s, "first")
		h := follow(t, s, "")
		h.wait(t, "first")
		h.stop()
		h.ended(t)
		mustAppend(t, s, "second") // the replica has confirmed it, so it has come further than the follower
		group.Primary.Kill()
		group.Replica.Must("REPLICAOF", "NO", "ONE")
		promoted := newStore(t, group.Replica.Client(), nil)
		resumed := follow(t, promoted, h.position())
		resumed.wait(t, "second")
		if resumed.times("first") > 0 {
			t.Error("everything was read again")
		}
		// Alone, and new, it has no replica to wait for.
		mustAppend(t, promoted, "third")
		resumed.wait(t, "third")
	})
}

// One that has not come as far is a gap, even if all that is missing are writes of somebody else.
func TestAFailoverToOneThatLagsIsAGap(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		s := newStore(t, group.Primary.Client(), nil)
		mustAppend(t, s, "first")
		group.Replica.Must("REPLICAOF", "127.0.0.1", "1") // it keeps what it has, and gets nothing more
		lone := newStore(t, group.Primary.Client(), nil)
		eventually(t, "the primary has noticed", func() bool {
			return strings.Contains(group.Primary.Must("INFO", "replication").(string), "connected_slaves:0")
		})
		for i := range 100 {
			group.Primary.Must("SET", "other", i)
		}
		mustAppend(t, lone, "second")
		h := follow(t, lone, "")
		h.wait(t, "second")
		h.stop()
		h.ended(t)
		group.Primary.Kill()
		group.Replica.Must("REPLICAOF", "NO", "ONE")
		if err := follow(t, newStore(t, group.Replica.Client(), nil), h.position()).ended(t); !isGap(err) {
			t.Errorf("Follow ended with %v, want a gap", err)
		}
	})
}

// The server is killed under load and comes back with what its append-only file holds. With appendfsync always that is all that was acknowledged.
func TestAKilledServerComesBackWithWhatItAcknowledged(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Synced...)
		s := newStore(t, server.Client(), nil)
		quick := newStore(t, server.Client(), func(cfg *redisstore.Config) { cfg.Timeout = time.Second })
		var shared, spent []string
		for round := range 3 {
			killed := make(chan struct{})
			go func() {
				defer close(killed)
				time.Sleep(100 * time.Millisecond)
				server.Kill()
			}()
			for n := 0; ; n++ {
				name := fmt.Sprintf("%d-%d", round, n)
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				err := s.Append(ctx, []byte(name), time.Now().Add(time.Hour))
				cancel()
				if err != nil {
					break
				}
				shared = append(shared, name)
				if fresh, err := quick.Add(context.Background(), name, soon()); err == nil && fresh {
					spent = append(spent, name)
				}
			}
			<-killed
			server.Restart()
			redistest.Eventually(t, "it works again", func() error {
				_, err := s.Add(context.Background(), "probe", soon())
				return err
			})
		}
		h, start := follow(t, s, ""), time.Now()
		h.awaitAlive(t, start)
		for _, entry := range shared {
			if h.times(entry) == 0 {
				t.Fatalf("entry %s of %d is gone", entry, len(shared))
			}
		}
		mustBeSpent(t, s, spent)
	})
}
