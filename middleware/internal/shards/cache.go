// Package shards is an LRU cache that many cores can use without meeting on one lock.
package shards

import (
	"runtime"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	maxShards = 64
	// minEntries is how many entries a shard holds at least. Digests spread
	// unevenly over small shards, which would evict long before the cache is full.
	minEntries = 64
)

// Cache keeps the most recently used values by Key. A nil *Cache
// holds nothing and takes nothing. Safe for concurrent use.
type Cache[V any] struct {
	shards []shard[V] // as many as a power of two
}

type shard[V any] struct {
	mu  sync.Mutex
	lru *simplelru.LRU[Key, V]
	_   [112]byte // keeps neighbours' locks on other cache lines
}

// New returns a cache for entries values: for up to one less than the number of
// shards more when that doesn't divide it, since all shards are of one size. It returns
// nil, the cache that holds nothing, when entries is not positive.
//
// Below 128 entries the cache is one shard, and exactly the least recently used
// value makes room for a new one; above, that is so within each shard.
func New[V any](entries int) *Cache[V] {
	if entries <= 0 {
		return nil
	}
	count := 1
	for count < maxShards && count < 4*runtime.GOMAXPROCS(0) && 2*count*minEntries <= entries {
		count *= 2
	}
	size := (entries + count - 1) / count
	c := &Cache[V]{shards: make([]shard[V], count)}
	for i := range c.shards {
		// The only error is of a size that is not positive.
		c.shards[i].lru, _ = simplelru.NewLRU[Key, V](size, nil)
	}
	return c
}

// shard picks by one byte: those of a digest are all equally random.
func (c *Cache[V]) shard(key Key) *shard[V] {
	return &c.shards[int(key[0])&(len(c.shards)-1)]
}

// Get returns the value of key and marks it as used.
func (c *Cache[V]) Get(key Key) (v V, ok bool) {
	if c == nil {
		return v, false
	}
	s := c.shard(key)
	s.mu.Lock()
	v, ok = s.lru.Get(key) // it cannot panic, so no defer: this is the path of every repeated token
	s.mu.Unlock()
	return v, ok
}

// Peek is Get without the mark, for a caller that marks a value of its own. It
// writes to nothing, where marking would fetch the value's neighbours into the
// caches of the CPU.
func (c *Cache[V]) Peek(key Key) (v V, ok bool) {
	if c == nil {
		return v, false
	}
	s := c.shard(key)
	s.mu.Lock()
	v, ok = s.lru.Peek(key)
	s.mu.Unlock()
	return v, ok
}

// Add sets the value of key and marks it as used; it may evict another.
func (c *Cache[V]) Add(key Key, v V) {
	if c == nil {
		return
	}
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lru.Add(key, v)
}

// Remove forgets key.
func (c *Cache[V]) Remove(key Key) {
	if c == nil {
		return
	}
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lru.Remove(key)
}

// Len returns how many values the cache holds; while others write, a sum of
// counts taken one shard after the other.
func (c *Cache[V]) Len() int {
	if c == nil {
		return 0
	}
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.lru.Len()
		s.mu.Unlock()
	}
	return n
}

// Purge forgets all keys, one shard after the other: a key added meanwhile may stay.
func (c *Cache[V]) Purge() {
	if c == nil {
		return
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.lru.Purge()
		s.mu.Unlock()
	}
}
