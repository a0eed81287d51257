package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"time"
)

// ReplayStore remembers DPoP proofs until they expire. Add puts key in and reports whether it was not there yet, as one
// atomic step; an error is 503. It must be safe for concurrent use. A store that several processes share makes a proof
// good once among all of them; keys are digests of fixed length and hold nothing of the proof.
type ReplayStore interface {
	Add(ctx context.Context, key string, until time.Time) (fresh bool, err error)
}

const (
	maxProofs          = 1 << 17 // remembered by this process at a time: about 25 MiB
	maxProofsPerClient = 1 << 12 // of one client's key, so that no client can fill the store for the others
)

var (
	errReplaysFull   = errors.New("this process remembers as many DPoP proofs as it may: shorten DPoP.MaxAge, or set DPoP.Replays to a shared store")
	errReplaysClient = errors.New("one client has sent more DPoP proofs than are remembered for it")
)

// replays is the ReplayStore for this process. It keeps two generations and throws the older one away when the younger has
// lasted for the life of a proof: every proof is remembered until it expires, and forgetting costs nothing. What it
// cannot remember it does not admit.
type replays struct {
	life  time.Duration // the longest that a proof can be good for
	clock func() time.Time

	mu         sync.Mutex
	young, old generation
}

type generation struct {
	began   time.Time
	seen    map[string]struct{}
	clients map[string]int // proofs by thumbprint
}

func newGeneration(now time.Time) generation {
	return generation{began: now, seen: make(map[string]struct{}), clients: make(map[string]int)}
}

// Add takes keys as replayKey makes them: they begin with the thumbprint of the client's key.
func (r *replays) Add(_ context.Context, key string, _ time.Time) (fresh bool, err error) {
	client, _, _ := strings.Cut(key, ".")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.age(r.clock())
	_, inYoung := r.young.seen[key]
	_, inOld := r.old.seen[key]
	switch {
	case inYoung || inOld:
		return false, nil
	case len(r.young.seen)+len(r.old.seen) >= maxProofs:
		return false, errReplaysFull
	case r.young.clients[client]+r.old.clients[client] >= maxProofsPerClient:
		return false, errReplaysClient
	}
	r.young.seen[key] = struct{}{}
	r.young.clients[client]++
	return true, nil
}

// age begins a new generation when it is time. A clock that was set back lets the present one last longer, no less.
func (r *replays) age(now time.Time) {
	lasted := now.Sub(r.young.began)
	switch {
	case r.young.seen == nil || lasted >= 2*r.life:
		r.old, r.young = generation{}, newGeneration(now)
	case lasted >= r.life:
		r.old, r.young = r.young, newGeneration(now)
	}
}

// replayKey is what a ReplayStore remembers of a proof. jti alone would let one client spend another's proof, and is of any
// length (RFC 9449 section 11.1).
func replayKey(thumbprint, jti string) string {
	digest := sha256.Sum256([]byte(jti))
	return thumbprint + "." + base64.RawURLEncoding.EncodeToString(digest[:])
}
