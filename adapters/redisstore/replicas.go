package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// mostIDs bounds what is remembered of replication ids, of which each failover makes one.
const mostIDs = 64

// wants says how many replicas must have a write, by what the primary said of itself after it, and remembers it for the next one.
func (n *node) wants(st status, fixed int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if st.id != n.vetted {
		n.vettedFor = time.Time{} // another server, or one that was started anew
	}
	if st.replicas > 0 && !n.had[st.id] {
		if len(n.had) >= mostIDs {
			clear(n.had)
		}
		n.had[st.id] = true
	}
	switch {
	case fixed > 0:
		n.replicas = fixed
	case n.had[st.id]:
		n.replicas = max(st.replicas, 1)
	default:
		n.replicas = 0
	}
	return n.replicas
}

func (n *node) vettedAs(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.vetted == id
}

// next says for how many replicas to wait, before the primary has said how many it has.
func (n *node) next(fixed int) int {
	if fixed > 0 {
		return fixed
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.replicas
}

// confirmed judges a write: a primary that suits has it, and enough of its replicas. again means that more of them have to be asked than were,
// or that the server is another one than was vetted.
func (n *node) confirmed(st status, fixed, asked, have int) (again bool, err error) {
	if !st.primary {
		return false, errReplica
	}
	need := n.wants(st, fixed)
	switch {
	case !n.vettedAs(st.id):
		return true, nil
	case have >= need:
		return false, nil
	case need > asked:
		return true, nil
	}
	return false, fmt.Errorf("redisstore: %d replicas have what was written, and it takes %d: %d are connected", have, need, st.replicas)
}

// waitFor is the longest that the server waits for replicas, so that its answer comes before the time is over.
func waitFor(left, readTimeout time.Duration) time.Duration {
	wait := min(left/2, time.Second)
	if readTimeout > 0 {
		wait = min(wait, readTimeout/2)
	}
	return max(wait, time.Millisecond) // zero would be for ever
}

// replicasHave asks how many replicas have what was written before it.
func replicasHave(ctx context.Context, pipe redis.Pipeliner, replicas int, wait time.Duration) *redis.IntCmd {
	cmd := redis.NewIntCmd(ctx, "wait", replicas, wait.Milliseconds())
	_ = pipe.Process(ctx, cmd)
	return cmd
}

// disksHave asks likewise for the disks of the primary and of the replicas.
func disksHave(ctx context.Context, pipe redis.Pipeliner, replicas int, wait time.Duration) *redis.IntSliceCmd {
	cmd := redis.NewIntSliceCmd(ctx, "waitaof", 1, replicas, wait.Milliseconds())
	_ = pipe.Process(ctx, cmd)
	return cmd
}
