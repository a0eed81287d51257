// Package shards is a cache that many cores can use without meeting on a lock.
package shards

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	maxShards = 64
	// minEntries and minBytes are what a shard has room for at least. Digests spread
	// unevenly over small shards, which would evict long before the cache is full.
	minEntries = 64
	minBytes   = 256 << 10
)

// Limits say how much a Cache holds.
type Limits struct {
	Entries int // zero or less: no limit
	Bytes   int // by what Add is told that values cost; zero or less: no limit
}

// Cache keeps the most recently used values by Key. A nil *Cache
// holds nothing and takes nothing. Safe for concurrent use.
//
// Looking a value up takes no lock, and writes to nothing but the value, once until
// its turn to make room: see evict. While others write, it may miss a value that is
// there.
type Cache[T any, V Value[T]] struct {
	shards []shard[T, V] // as many as a power of two
	most   Limits        // of each shard
}

// Value is a pointer to a T that has an Entry embedded.
type Value[T any] interface {
	*T

	entry() *Entry
}

// Entry is what a Cache notes about a value, which may be in one Cache only.
type Entry struct {
	key   Key
	used  atomic.Bool // since it came into the queue
	cost  uint32
	place uint32 // in the queue
}

func (e *Entry) entry() *Entry { return e }

type shard[T any, V Value[T]] struct {
	table atomic.Pointer[table[T, V]] // of all values in the queue; for readers

	mu    sync.Mutex // of writers
	queue []V        // a circle, as long as a power of two; from first on, the order in which values may have to make room
	first int
	count int
	bytes int
	_     [56]byte // keeps neighbours on other cache lines
}

// New returns a cache within the limits: for up to one less than the number of
// shards values more when that doesn't divide them, since all shards are of one
// size. It returns nil, the cache that holds nothing, when there are no limits.
//
// Below 128 entries the cache is one shard.
func New[T any, V Value[T]](most Limits) *Cache[T, V] {
	if most.Entries <= 0 && most.Bytes <= 0 {
		return nil
	}
	count := 1
	for count < maxShards && count < 4*runtime.GOMAXPROCS(0) && most.fill(2*count) {
		count *= 2
	}
	c := &Cache[T, V]{
		shards: make([]shard[T, V], count),
		most:   Limits{Entries: (most.Entries + count - 1) / count, Bytes: most.Bytes / count},
	}
	for i := range c.shards {
		c.shards[i].table.Store(newTable[T, V](minEntries / 8))
	}
	return c
}

// fill reports whether there is enough for so many shards.
func (l Limits) fill(shards int) bool {
	return (l.Entries <= 0 || shards*minEntries <= l.Entries) && (l.Bytes <= 0 || shards*minBytes <= l.Bytes)
}

// shard picks by one byte: those of a digest are all equally random.
func (c *Cache[T, V]) shard(key Key) *shard[T, V] {
	return &c.shards[int(key[0])&(len(c.shards)-1)]
}

// Get returns the value of key and marks it as used. Nobody may change it.
func (c *Cache[T, V]) Get(key Key) (V, bool) {
	if c == nil {
		return nil, false
	}
	_, v := c.shard(key).table.Load().find(key)
	if v == nil {
		return nil, false
	}
	if e := v.entry(); !e.used.Load() {
		e.used.Store(true)
	}
	return v, true
}

// Add sets the value of key; it may evict others. cost is the bytes that the
// cache holds on to with v; a value that costs more than a shard may hold is not taken. v must never have been added before.
func (c *Cache[T, V]) Add(key Key, v V, cost int) {
	if c == nil || c.most.Bytes > 0 && cost > c.most.Bytes {
		return
	}
	e := v.entry()
	e.key, e.cost = key, uint32(min(int64(cost), 1<<32-1))
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, old := s.table.Load().find(key); old != nil {
		s.replace(at, old, v)
		for c.most.Bytes > 0 && s.bytes > c.most.Bytes {
			s.evict()
		}
		return
	}
	for c.most.Entries > 0 && s.count >= c.most.Entries || c.most.Bytes > 0 && s.bytes+cost > c.most.Bytes {
		s.evict()
	}
	s.bytes += int(e.cost)
	s.push(v)
	s.enter(v)
}

// Len returns how many values the cache holds; while others write, a sum of
// counts taken one shard after the other.
func (c *Cache[T, V]) Len() int {
	n := 0
	c.each(func(s *shard[T, V]) { n += s.count })
	return n
}

// Bytes is the sum of what the values cost, as Len is of their number.
func (c *Cache[T, V]) Bytes() int {
	n := 0
	c.each(func(s *shard[T, V]) { n += s.bytes })
	return n
}

func (c *Cache[T, V]) each(do func(*shard[T, V])) {
	if c == nil {
		return
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		do(s)
		s.mu.Unlock()
	}
}

// push puts v at the end of the queue.
func (s *shard[T, V]) push(v V) {
	if s.count == len(s.queue) {
		longer := make([]V, max(minEntries/8, 2*len(s.queue)))
		for i := range s.count {
			longer[i] = s.queue[(s.first+i)%len(s.queue)]
			longer[i].entry().place = uint32(i)
		}
		s.queue, s.first = longer, 0
	}
	place := (s.first + s.count) & (len(s.queue) - 1)
	s.queue[place] = v
	v.entry().place = uint32(place)
	s.count++
}

// pop takes the first out of the queue.
func (s *shard[T, V]) pop() V {
	v := s.queue[s.first]
	s.queue[s.first] = nil
	s.first = (s.first + 1) & (len(s.queue) - 1)
	s.count--
	return v
}

// enter puts v, which is in the queue, into the table.
func (s *shard[T, V]) enter(v V) {
	t := s.table.Load()
	if 4*s.count <= 3*len(t.slots) {
		t.add(v)
		return
	}
	larger := newTable[T, V](2 * len(t.slots))
	for i := range s.count {
		larger.add(s.queue[(s.first+i)&(len(s.queue)-1)])
	}
	s.table.Store(larger) // readers of the old one miss what is added from now on
}

// replace puts v in the place of another value of its key. It counts as used: if it has grown, others make room first.
func (s *shard[T, V]) replace(at int, old, v V) {
	e := v.entry()
	e.used.Store(true)
	s.bytes += int(e.cost) - int(old.entry().cost)
	e.place = old.entry().place
	s.queue[e.place] = v
	s.table.Load().slots[at].value.Store(v)
}

// maxSteps bounds what one value pays for the room that it needs. Where more are in use in a row, one that is in use goes.
const maxSteps = 64

// evict makes room. A value that was used since it came into the queue goes to its end, for a second chance: that comes close to the
// order of use, and remembers a use without a lock.
func (s *shard[T, V]) evict() {
	v := s.pop()
	for range maxSteps {
		e := v.entry()
		if !e.used.Load() {
			break
		}
		e.used.Store(false)
		s.push(v)
		v = s.pop()
	}
	s.bytes -= int(v.entry().cost)
	t := s.table.Load()
	at, _ := t.find(v.entry().key)
	t.remove(at)
}

// table finds values by key: open addressing, in which the writer of a shard changes one slot at a time. A reader meanwhile
// finds a value or misses it, and never takes one for another, because it compares the whole key.
type table[T any, V Value[T]] struct {
	slots []slot[T] // as many as a power of two, a quarter of them free
}

type slot[T any] struct {
	tag   atomic.Uint64 // of the value; meaningless in a free slot
	value atomic.Pointer[T]
}

func newTable[T any, V Value[T]](slots int) *table[T, V] { return &table[T, V]{make([]slot[T], slots)} }

// tag is a part of the key that has nothing to do with the choice of the shard.
func (k Key) tag() uint64 { return binary.LittleEndian.Uint64(k[8:]) }

// find returns the value of a key, and its slot; nil if there is none.
func (t *table[T, V]) find(key Key) (at int, found V) {
	tag, last := key.tag(), len(t.slots)-1
	at = int(tag) & last
	for range t.slots {
		slot := &t.slots[at]
		v := V(slot.value.Load())
		if v == nil {
			break
		}
		if slot.tag.Load() == tag && v.entry().key == key {
			return at, v
		}
		at = (at + 1) & last
	}
	return 0, nil
}

// add enters a value whose key is not there yet.
func (t *table[T, V]) add(v V) {
	tag, last := v.entry().key.tag(), len(t.slots)-1
	at := int(tag) & last
	for t.slots[at].value.Load() != nil {
		at = (at + 1) & last
	}
	t.set(at, tag, v)
}

// set writes the tag first, so that no reader takes the slot's value for one without a tag.
func (t *table[T, V]) set(at int, tag uint64, v V) {
	t.slots[at].tag.Store(tag)
	t.slots[at].value.Store(v)
}

// remove empties a slot, and moves those behind it that would not be found any more.
func (t *table[T, V]) remove(at int) {
	last := len(t.slots) - 1
	for i := (at + 1) & last; ; i = (i + 1) & last {
		moved := t.slots[i].value.Load()
		if moved == nil {
			break
		}
		tag := t.slots[i].tag.Load()
		if from := int(tag) & last; (i-from)&last >= (i-at)&last {
			t.set(at, tag, moved)
			at = i
		}
	}
	t.slots[at].value.Store(nil)
}
