package introspection

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cache keeps active and inactive answers apart, each with its own time to live and its own bound, so that a flood of
// bad tokens evicts no good one. An answer's age counts from the moment the server was asked: that is what the answer is
// known to be true for.
type cache struct {
	mu               sync.Mutex
	active, inactive segment
}

type segment struct {
	ttl     time.Duration
	entries *simplelru.LRU[digest, entry] // nil: this kind of answer is not kept
}

type entry struct {
	response *Response
	asked    time.Time
}

// place is where an active answer is kept, for a caller who comes with the answer and without the token.
type place struct {
	cache  *cache
	key    digest
	asked  time.Time
	usedIn atomic.Int64 // the second of the last use by place
	left   atomic.Bool  // the cache holds it no longer
}

func newCache(entries int, activeTTL, inactiveTTL time.Duration) *cache {
	return &cache{active: newSegment(entries, activeTTL), inactive: newSegment(entries, inactiveTTL)}
}

func newSegment(entries int, ttl time.Duration) segment {
	if ttl <= 0 {
		return segment{}
	}
	lru, err := simplelru.NewLRU(entries, func(_ digest, e entry) {
		if e.response.place != nil {
			e.response.place.left.Store(true)
		}
	})
	if err != nil {
		panic(err) // a size below one, which compile excludes
	}
	return segment{ttl: ttl, entries: lru}
}

// load returns nil when nothing fresh is known.
func (c *cache) load(key digest, now time.Time) *Response {
	c.mu.Lock()
	defer c.mu.Unlock()
	if response := c.active.load(key, now); response != nil {
		return response
	}
	return c.inactive.load(key, now)
}

// holds tells whether load would return the response. Which one was used least recently is known to the second, so that a
// response in constant use takes the lock once a second.
func (c *cache) holds(response *Response, now time.Time) bool {
	p := response.place
	if p == nil || p.cache != c || p.left.Load() || !c.active.fresh(entry{response, p.asked}, now) {
		return false
	}
	if second := now.Unix(); p.usedIn.Load() != second {
		p.usedIn.Store(second)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.active.entries.Get(p.key)
	}
	return true
}

// store replaces whatever was known about the token, in both segments: a revoked token must not live on in the other. It reports
// whether the answer is kept: that is the latest, and fresh.
func (c *cache) store(key digest, response *Response, asked time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active.newer(key, asked) || c.inactive.newer(key, asked) {
		return false // two requests crossed on the way, and the later question has the truer answer
	}
	into, other := &c.inactive, &c.active
	if response.active {
		into, other = other, into
	}
	other.remove(key)
	if !into.store(key, entry{response: response, asked: asked}) {
		return false
	}
	if response.active {
		response.place = &place{cache: c, key: key, asked: asked} // nobody else has it yet
	}
	return true
}

func (s *segment) load(key digest, now time.Time) *Response {
	if s.entries == nil {
		return nil
	}
	if e, found := s.entries.Get(key); found && s.fresh(e, now) {
		return e.response
	}
	return nil
}

// fresh measures the age on the monotonic clock and on the wall clock, because the first stands still while a machine is
// suspended and the second can be set back. exp is a wall-clock time.
func (s *segment) fresh(e entry, now time.Time) bool {
	if now.Sub(e.asked) >= s.ttl || now.UnixNano()-e.asked.UnixNano() >= int64(s.ttl) {
		return false
	}
	return e.response.expiry.IsZero() || now.Before(e.response.expiry)
}

func (s *segment) newer(key digest, asked time.Time) bool {
	if s.entries == nil {
		return false
	}
	e, found := s.entries.Peek(key)
	return found && e.asked.After(asked)
}

func (s *segment) store(key digest, e entry) bool {
	s.remove(key)                // Add would replace it without a word to its place
	if !s.fresh(e, time.Now()) { // nothing is, in a segment that keeps nothing
		return false
	}
	s.entries.Add(key, e)
	return true
}

func (s *segment) remove(key digest) {
	if s.entries != nil {
		s.entries.Remove(key)
	}
}

// digest stands for a token wherever something is remembered about it.
type digest [sha256.Size]byte

// digests computes the HMAC-SHA-256 of a token. The key is random, and bound to endpoint and client id, so that nothing said to one
// client stands for another. It keeps a memory dump from confirming a guessed token, and others from choosing tokens that
// meet in the table.
type digests struct {
	states sync.Pool // *digestState
}

type digestState struct {
	mac   hash.Hash
	input []byte
	sum   [sha256.Size]byte
}

func newDigests(endpoint, client string) *digests {
	random := make([]byte, sha256.Size)
	rand.Read(random) // never fails: crypto/rand ends the program instead
	binding := hmac.New(sha256.New, random)
	binding.Write(appendField(appendField(nil, endpoint), client))
	key := binding.Sum(nil)
	d := new(digests)
	d.states.New = func() any { return &digestState{mac: hmac.New(sha256.New, key)} }
	return d
}

func (d *digests) of(token string) digest {
	state := d.states.Get().(*digestState)
	defer d.states.Put(state)
	state.input = append(state.input[:0], token...)
	state.mac.Reset()
	state.mac.Write(state.input)
	clear(state.input) // the pool must not keep tokens
	state.mac.Sum(state.sum[:0])
	return state.sum
}

// appendField writes the length before the field, so that no two fields can be shifted into one another.
func appendField(b []byte, field string) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(field)))
	return append(b, field...)
}
