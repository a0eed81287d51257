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
	maxProofs          = 1 << 19 // remembered by this process at a time: about 25 MiB, at most 80
	maxProofsPerClient = 1 << 16 // of one client's key, so that no client can fill the store for the others
	replaySlot         = 15 * time.Second
)

var (
	errReplaysFull   = errors.New("this process remembers as many DPoP proofs as it may: shorten DPoP.MaxAge, or set DPoP.Replays to a shared store")
	errReplaysClient = errors.New("one client has sent more DPoP proofs than are remembered for it")
)

// replays is the ReplayStore for this process. Proofs that expire in the same slot of time are forgotten together, so
// every proof is remembered until it expires, and forgetting costs nothing. What it cannot remember it does not admit.
type replays struct {
	clock func() time.Time

	mu    sync.Mutex
	slots map[int64]*slot // by the time at which their last proof expires, in replaySlots since 1970
	total int
}

func newReplays(clock func() time.Time) *replays {
	return &replays{clock: clock, slots: make(map[int64]*slot)}
}

// slot holds proofs that expire at about the same time.
type slot struct {
	seen    map[proofDigest]struct{}
	clients map[string]int // proofs by thumbprint
}

// proofDigest is short, because there may be many. To meet one of a full store takes some 2^109 tries.
type proofDigest [16]byte

// Add takes keys as replayKey makes them: they begin with the thumbprint of the client's key.
func (r *replays) Add(_ context.Context, key string, until time.Time) (fresh bool, err error) {
	client, _, _ := strings.Cut(key, ".")
	digest := sha256.Sum256([]byte(key))
	short := proofDigest(digest[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(r.clock())

	ofClient := 0
	for _, s := range r.slots {
		if _, seen := s.seen[short]; seen {
			return false, nil
		}
		ofClient += s.clients[client]
	}
	switch {
	case r.total >= maxProofs:
		return false, errReplaysFull
	case ofClient >= maxProofsPerClient:
		return false, errReplaysClient
	}
	s := r.slot(until)
	s.seen[short] = struct{}{}
	s.clients[client]++
	r.total++
	return true, nil
}

func (r *replays) slot(until time.Time) *slot {
	end := slotOf(until) + 1
	s := r.slots[end]
	if s == nil {
		s = &slot{seen: make(map[proofDigest]struct{}), clients: make(map[string]int)}
		r.slots[end] = s
	}
	return s
}

// forget drops the slots that have ended. There are few at a time, since no proof is good for longer than DPoP.MaxAge allows.
func (r *replays) forget(now time.Time) {
	for end, s := range r.slots {
		if end <= slotOf(now) {
			r.total -= len(s.seen)
			delete(r.slots, end)
		}
	}
}

func slotOf(t time.Time) int64 { return t.Unix() / int64(replaySlot/time.Second) }

// replayKey is what a ReplayStore remembers of a proof. jti alone would let one client spend another's proof, and is of any
// length (RFC 9449 section 11.1).
func replayKey(thumbprint, jti string) string {
	digest := sha256.Sum256([]byte(jti))
	return thumbprint + "." + base64.RawURLEncoding.EncodeToString(digest[:])
}
