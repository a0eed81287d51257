//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

// clusterLoad appends entries and spends proofs, each proof by two Stores at once, all of them in one slot.
type clusterLoad struct {
	mu     sync.Mutex
	shared []string
	fresh  map[string]int
	ended  chan struct{}
	stop   atomic.Bool
}

// slotTag makes all proofs one slot's.
const slotTag = "{proofs}"

func loadOn(t *testing.T, cluster *redistest.Cluster) *clusterLoad {
	t.Helper()
	l := &clusterLoad{fresh: make(map[string]int), ended: make(chan struct{})}
	var all sync.WaitGroup
	for i := range 3 {
		var stores [2]*redisstore.Store
		for k := range stores {
			stores[k] = newStore(t, cluster.Client(), func(cfg *redisstore.Config) { cfg.Timeout = 500 * time.Millisecond })
		}
		all.Go(func() {
			for n := 0; !l.stop.Load(); n++ {
				l.step(stores, fmt.Sprintf("%d-%d", i, n))
			}
		})
	}
	go func() {
		defer close(l.ended)
		all.Wait()
	}()
	t.Cleanup(l.end)
	return l
}

func (l *clusterLoad) step(stores [2]*redisstore.Store, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	err := stores[0].Append(ctx, []byte(name), time.Now().Add(time.Hour))
	cancel()
	var fresh atomic.Int64
	var both sync.WaitGroup
	for _, s := range stores {
		both.Go(func() {
			if ok, err := s.Add(context.Background(), slotTag+name, soon()); ok && err == nil {
				fresh.Add(1)
			}
		})
	}
	both.Wait()
	l.mu.Lock()
	if err == nil {
		l.shared = append(l.shared, name)
	}
	if n := fresh.Load(); n > 0 {
		l.fresh[slotTag+name] = int(n)
	}
	l.mu.Unlock()
	time.Sleep(2 * time.Millisecond) // there are other things to do
	if err != nil {
		time.Sleep(10 * time.Millisecond)
	}
}

func (l *clusterLoad) end() {
	l.stop.Store(true)
	<-l.ended
}

// goesOn waits until more is acknowledged.
func (l *clusterLoad) goesOn(t *testing.T, what string) {
	t.Helper()
	count := func() (shared, fresh int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.shared), len(l.fresh)
	}
	shared, fresh := count()
	eventually(t, "it goes on "+what, func() bool {
		s, f := count()
		return s > shared+30 && f > fresh+30
	})
}

// followOn follows as a List does: on from where it was, and from the beginning after a gap.
func followOn(t *testing.T, s *redisstore.Store) *heard {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &heard{entries: make(map[string]int), done: make(chan struct{}), stop: cancel}
	go func() {
		defer close(h.done)
		for ctx.Err() == nil {
			err := s.Follow(ctx, h.position(), h.hear, h.live)
			if isGap(err) {
				h.mu.Lock()
				h.resume = ""
				h.mu.Unlock()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { cancel(); <-h.done })
	return h
}

// The slots of the log and of the proofs move from primary to primary under load, and then the primary is killed that has the log. Errors are
// allowed meanwhile; that a proof is fresh twice, and that what was acknowledged is gone, are not.
func TestAClusterMovesSlotsAndFailsOver(t *testing.T) {
	inGroups(t, func(t *testing.T, e redistest.Engine) {
		cluster := e.ReplicatedCluster(t)
		s := newStore(t, cluster.Client(), nil)
		h, load := followOn(t, s), loadOn(t, cluster)
		load.goesOn(t, "at first")

		slotOf := func(key string) int64 { return cluster.Nodes[0].Must("CLUSTER", "KEYSLOT", key).(int64) }
		log, proofs := slotOf(s.LogKey("id")), slotOf("cardea:proof:"+slotTag)
		at := make(map[int64]int) // the number of the primary
		for _, slot := range []int64{log, proofs} {
			for i, n := range cluster.Nodes {
				if n.Must("CLUSTER", "COUNTKEYSINSLOT", slot).(int64) > 0 {
					at[slot] = i
				}
			}
		}
		for range 2 {
			for what, slot := range map[string]int64{"the log": log, "the proofs": proofs} {
				from := at[slot]
				at[slot] = (from + 1) % len(cluster.Nodes)
				cluster.Move(slot, cluster.Nodes[from], cluster.Nodes[at[slot]])
				load.goesOn(t, "after a move of "+what)
			}
		}
		cluster.Nodes[at[log]].Kill()
		load.goesOn(t, "after the death of a primary")
		load.end()

		start := time.Now()
		begun := follow(t, newStore(t, cluster.Client(), nil), "")
		begun.awaitAlive(t, start)
		eventually(t, "the one that follows is alive", func() bool { return h.aliveSince(start) })
		for _, entry := range load.shared {
			if begun.times(entry) == 0 || h.times(entry) == 0 {
				t.Errorf("%s was acknowledged, and delivered %d and %d times", entry, h.times(entry), begun.times(entry))
			}
		}
		var spent []string
		for key, n := range load.fresh {
			if spent = append(spent, key); n > 1 {
				t.Errorf("%s was fresh %d times", key, n)
			}
		}
		mustBeSpent(t, s, spent)
		t.Logf("%d entries and %d proofs were acknowledged", len(load.shared), len(spent))
	})
}
