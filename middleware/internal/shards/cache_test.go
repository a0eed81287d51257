package shards_test

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

// digest returns the i-th of an endless row of distinct keys.
func digest(i int) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

func TestCacheKeepsWhatIsAdded(t *testing.T) {
	for _, entries := range []int{1, 100, 10_000} {
		c := shards.New[int](entries)
		if v, ok := c.Get(digest(1)); ok || v != 0 {
			t.Errorf("%d entries: Get before Add = %d, %t", entries, v, ok)
		}
		c.Add(digest(1), 10)
		if v, ok := c.Get(digest(1)); !ok || v != 10 {
			t.Errorf("%d entries: Get = %d, %t; want 10", entries, v, ok)
		}
		c.Add(digest(1), 11)
		if v, ok := c.Get(digest(1)); !ok || v != 11 || c.Len() != 1 {
			t.Errorf("%d entries: Get after the second Add = %d, %t, Len %d; want 11 alone", entries, v, ok, c.Len())
		}
		c.Remove(digest(2))
		c.Remove(digest(1))
		if v, ok := c.Get(digest(1)); ok || v != 0 || c.Len() != 0 {
			t.Errorf("%d entries: Get after Remove = %d, %t, Len %d", entries, v, ok, c.Len())
		}
	}
}

func TestKeysThatDifferInOneBitAreDifferent(t *testing.T) {
	c := shards.New[int](100_000)
	for bit := range 256 {
		var key [32]byte
		key[bit/8] = 1 << (bit % 8)
		c.Add(key, bit)
	}
	for bit := range 256 {
		var key [32]byte
		key[bit/8] = 1 << (bit % 8)
		if v, ok := c.Get(key); !ok || v != bit {
			t.Errorf("bit %d: Get = %d, %t", bit, v, ok)
		}
	}
}

func TestSmallCacheEvictsExactlyTheLeastRecentlyUsed(t *testing.T) {
	const entries = 127
	c := shards.New[int](entries)
	for i := range entries {
		c.Add(digest(i), i)
	}
	c.Get(digest(0)) // now 1 is the oldest
	c.Add(digest(entries), entries)
	if _, ok := c.Get(digest(1)); ok {
		t.Error("the least recently used value is still there")
	}
	for i := range entries + 1 {
		if _, ok := c.Get(digest(i)); !ok && i != 1 {
			t.Errorf("value %d went although another was used less recently", i)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	most := 64 // shards, of which each may round up
	for _, entries := range []int{1, 2, 63, 64, 127, 128, 129, 1000, 4096, 5000} {
		c := shards.New[int](entries)
		for i := range 6 * entries {
			c.Add(digest(i), i)
			if n := c.Len(); n > entries+most-1 || entries < 128 && n > entries {
				t.Fatalf("%d entries: Len is %d", entries, n)
			}
		}
		if n := c.Len(); n < entries {
			t.Errorf("%d entries: Len is %d after many more were added", entries, n)
		}
	}
}

func TestDigestsSpreadOverAllShards(t *testing.T) {
	const entries = 10_000 // of which one shard alone would not hold six in ten
	c := shards.New[int](entries)
	for i := range entries * 6 / 10 {
		c.Add(digest(i), i)
	}
	if n := c.Len(); n != entries*6/10 {
		t.Errorf("Len = %d, want %d", n, entries*6/10)
	}
}

func TestPurgeForgetsAll(t *testing.T) {
	c := shards.New[int](10_000)
	for i := range 1000 {
		c.Add(digest(i), i)
	}
	c.Purge()
	if n := c.Len(); n != 0 {
		t.Errorf("Len = %d after Purge", n)
	}
	c.Add(digest(1), 1)
	if _, ok := c.Get(digest(1)); !ok {
		t.Error("nothing can be added after Purge")
	}
}

func TestNilCacheHoldsNothing(t *testing.T) {
	for _, entries := range []int{0, -1} {
		c := shards.New[int](entries)
		if c != nil {
			t.Fatalf("New(%d) is no nil cache", entries)
		}
		c.Add(digest(1), 1)
		c.Remove(digest(1))
		c.Purge()
		if v, ok := c.Get(digest(1)); ok || v != 0 || c.Len() != 0 {
			t.Errorf("Get = %d, %t, Len %d", v, ok, c.Len())
		}
	}
}

func TestCacheIsSafeForConcurrentUse(t *testing.T) {
	for _, entries := range []int{10, 2000} {
		c := shards.New[int](entries)
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := range 500 {
					key := (i*7 + worker) % 300
					c.Add(digest(key), key)
					if v, ok := c.Get(digest(key)); ok && v != key {
						t.Errorf("Get = %d, want %d", v, key)
					}
					c.Remove(digest(key + 1))
					if i%100 == 0 {
						c.Purge()
					}
					if n := c.Len(); n > entries+63 {
						t.Errorf("Len = %d of %d", n, entries)
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	c := shards.New[*int](1000)
	key := digest(1)
	c.Add(key, new(int))
	if got := testing.AllocsPerRun(100, func() { c.Get(key) }); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

func BenchmarkGetParallel(b *testing.B) {
	for _, bench := range []struct {
		name    string
		entries int
	}{{"one shard", 127}, {"many shards", 10_000}} {
		b.Run(bench.name, func(b *testing.B) {
			c := shards.New[*int](bench.entries)
			keys := make([][32]byte, 100)
			for i := range keys {
				keys[i] = digest(i)
				c.Add(keys[i], new(int))
			}
			b.ReportAllocs()
			b.SetParallelism(max(1, 8/runtime.GOMAXPROCS(0)))
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, ok := c.Get(keys[i%len(keys)]); !ok {
						b.Error("not found")
					}
				}
			})
		})
	}
}

func BenchmarkAddEvicting(b *testing.B) {
	c := shards.New[*int](1000)
	keys := make([][32]byte, 5000)
	for i := range keys {
		keys[i] = digest(i)
	}
	v := new(int)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Add(keys[i%len(keys)], v)
	}
}

func TestNilCachePeeksAtNothing(t *testing.T) {
	var c *shards.Cache[int]
	if v, ok := c.Peek([32]byte{1}); ok || v != 0 {
		t.Errorf("a nil Cache holds %d", v)
	}
}
