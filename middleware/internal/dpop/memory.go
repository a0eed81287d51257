package dpop

import (
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

const (
	maxProofs   = 1 << 19 // remembered by this process at a time: about 12 MiB, at most 40
	partyShare  = 4       // a party may fill one part of so many, and never more than is still free
	slotLength  = 15 * time.Second
	maxOverstay = time.Hour // of a slot that is over by the monotonic clock, and by Config.Clock is not
)

var (
	errFull  = errors.New("this process remembers as many DPoP proofs as it may: shorten DPoP.MaxAge, or set DPoP.Replays to a shared store")
	errShare = errors.New(
		"one subject or client has sent more DPoP proofs than its share of what this process remembers: shorten DPoP.MaxAge, or set DPoP.Replays to a shared store",
	)
)

// memory remembers the proofs of this process. Proofs that expire in the same slot of time are forgotten together, so
// every proof is remembered until it expires, and forgetting costs nothing. What it cannot remember it does not admit.
//
// No party may hold more proofs than there is room left, nor more than its share, so one that sends all it can leaves room to others. It
// takes many that act together to fill what there is, each leaving half of what it found; against those a shared store helps, and a short
// DPoP.MaxAge.
type memory struct {
	elapsed  func() time.Duration // on the monotonic clock
	capacity int                  // proofs

	mu    sync.Mutex
	slots map[int64]*slot // by the time at which their last proof expires, in slotLengths since 1970
	total int
}

func newMemory(elapsed func() time.Duration, capacity int) *memory {
	return &memory{elapsed: elapsed, capacity: capacity, slots: make(map[int64]*slot)}
}

// sinceNow measures on the monotonic clock, which no administrator and no time server can set.
func sinceNow() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// slot holds proofs that expire at about the same time.
type slot struct {
	seen    map[proofDigest]struct{}
	parties map[party]int // the proofs of each
	over    time.Duration // when the last proof expires, on the monotonic clock
}

// proofDigest is short, because there may be many. To meet one of a full store takes some 2^109 tries.
type proofDigest [16]byte

// party is those whose proofs are counted together. It is a hash under a seed that nobody knows, so nobody can choose to be
// counted with another, and long names take no more room than short ones.
type party uint64

var partySeed = maphash.MakeSeed()

// partyOf is the subject of a token, or else its client. A client makes as many keys as it likes, and counts by its key only where
// the token names neither.
func partyOf(call *Call) party {
	who := struct{ kind, issuer, name string }{"subject", call.Issuer, call.Subject}
	if who.name == "" {
		who.kind, who.name = "client", call.ClientID
	}
	if who.name == "" {
		who.kind, who.name = "key", call.Thumbprint
	}
	return party(maphash.Comparable(partySeed, who))
}

// add puts in a proof that is good until then by the clock that says it is now, and reports whether it was not there yet.
func (m *memory) add(owner party, key string, now, until time.Time) (fresh bool, err error) {
	digest := shards.KeyOf(key)
	short := proofDigest(digest[:])
	m.mu.Lock()
	defer m.mu.Unlock()
	elapsed := m.elapsed()
	m.forget(now, elapsed)

	held := 0
	for _, s := range m.slots {
		if _, seen := s.seen[short]; seen {
			return false, nil
		}
		held += s.parties[owner]
	}
	switch free := m.capacity - m.total; {
	case free <= 0:
		return false, errFull
	case held >= min(m.capacity/partyShare, free):
		return false, errShare
	}
	s := m.slot(until)
	s.seen[short] = struct{}{}
	s.parties[owner]++
	s.over = max(s.over, elapsed+until.Sub(now))
	m.total++
	return true, nil
}

func (m *memory) slot(until time.Time) *slot {
	end := slotOf(until) + 1
	s := m.slots[end]
	if s == nil {
		s = &slot{seen: make(map[proofDigest]struct{}), parties: make(map[party]int)}
		m.slots[end] = s
	}
	return s
}

// forget drops the slots that are over by both clocks. A clock that is set forward and back would otherwise make spent proofs fresh.
// A proof that was good only while the clock was wrong is over by the monotonic clock first, and a clock that was set back for
// good would keep the slots of before for as long as it was wrong, hence maxOverstay.
// There are few slots at a time, since no proof is good for longer than DPoP.MaxAge allows.
func (m *memory) forget(now time.Time, elapsed time.Duration) {
	for end, s := range m.slots {
		overstay := elapsed - s.over
		if overstay >= maxOverstay || overstay >= 0 && end <= slotOf(now) {
			m.total -= len(s.seen)
			delete(m.slots, end)
		}
	}
}

func slotOf(t time.Time) int64 { return t.Unix() / int64(slotLength/time.Second) }
