package shards_test

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

// value is something to keep.
type value struct {
	shards.Entry

	of int
}

type cache = shards.Cache[value, *value]

func ofEntries(entries int) *cache { return shards.New[value](shards.Limits{Entries: entries}) }

// digest returns the i-th of an endless row of distinct keys.
func digest(i int) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

func add(c *cache, i, of int) { c.Add(digest(i), &value{of: of}, 100) }

func has(c *cache, i int) bool {
	_, ok := c.Get(digest(i))
	return ok
}

func TestCacheKeepsWhatIsAdded(t *testing.T) {
	for _, entries := range []int{1, 100, 10_000} {
		c := ofEntries(entries)
		if v, ok := c.Get(digest(1)); ok || v != nil {
			t.Errorf("%d entries: Get before Add = %v, %t", entries, v, ok)
		}
		add(c, 1, 10)
		if v, ok := c.Get(digest(1)); !ok || v.of != 10 {
			t.Errorf("%d entries: Get = %v, %t; want 10", entries, v, ok)
		}
		add(c, 1, 11)
		if v, ok := c.Get(digest(1)); !ok || v.of != 11 || c.Len() != 1 || c.Bytes() != 100 {
			t.Errorf("%d entries: Get after the second Add = %v, %t, Len %d, Bytes %d; want 11 alone", entries, v, ok, c.Len(), c.Bytes())
		}
	}
}

func TestKeysThatDifferInOneBitAreDifferent(t *testing.T) {
	c := ofEntries(100_000)
	for bit := range 256 {
		var key [32]byte
		key[bit/8] = 1 << (bit % 8)
		c.Add(key, &value{of: bit}, 0)
	}
	for bit := range 256 {
		var key [32]byte
		key[bit/8] = 1 << (bit % 8)
		if v, ok := c.Get(key); !ok || v.of != bit {
			t.Errorf("bit %d: Get = %v, %t", bit, v, ok)
		}
	}
}

// All keys have one tag here, as no digests have: the table is one long row of collisions.
func TestKeysThatCollideAreToldApart(t *testing.T) {
	key := func(i int) (k [32]byte) {
		binary.BigEndian.PutUint64(k[24:], uint64(i))
		return k
	}
	c := ofEntries(100)
	for i := range 500 {
		c.Add(key(i), &value{of: i}, 0)
	}
	found := 0
	for i := range 500 {
		if v, ok := c.Get(key(i)); ok {
			found++
			if v.of != i {
				t.Errorf("key %d: %d", i, v.of)
			}
		}
	}
	if found != 100 {
		t.Errorf("%d values are found, want 100", found)
	}
}

func TestWhatWasUsedStays(t *testing.T) {
	const entries = 127
	c := ofEntries(entries)
	for i := range entries {
		add(c, i, i)
	}
	has(c, 0) // now 1 is the oldest
	add(c, entries, entries)
	for i := range entries + 1 {
		if !has(c, i) && i != 1 {
			t.Errorf("value %d went although another was used less recently", i)
		}
	}
	if has(c, 1) {
		t.Error("the least recently used value is still there")
	}
}

// The search ends where everything is in use, and whoever adds pays for no more than some steps.
func TestSomethingGoesWhereEverythingIsInUse(t *testing.T) {
	const entries = 100
	c := ofEntries(entries)
	for i := range 3 * entries {
		add(c, i, i)
		for j := range i + 1 {
			has(c, j)
		}
		if !has(c, i) {
			t.Fatalf("value %d is not there after it was added", i)
		}
	}
	if n := c.Len(); n != entries {
		t.Errorf("Len = %d", n)
	}
}

func TestCacheIsBounded(t *testing.T) {
	most := 64 // shards, of which each may round up
	for _, entries := range []int{1, 2, 63, 64, 127, 128, 129, 1000, 4096, 5000} {
		c := ofEntries(entries)
		for i := range 6 * entries {
			add(c, i, i)
			if entries > 200 && i%97 != 0 {
				continue
			}
			if n := c.Len(); n > entries+most-1 || entries < 128 && n > entries {
				t.Fatalf("%d entries: Len is %d", entries, n)
			}
		}
		n := c.Len()
		if n < entries {
			t.Errorf("%d entries: Len is %d after many more were added", entries, n)
		}
		found := 0
		for i := range 6 * entries {
			if has(c, i) {
				found++
			}
		}
		if found != n {
			t.Errorf("%d entries: %d are found, Len is %d", entries, found, n)
		}
	}
}

func TestBytesBoundTheCacheToo(t *testing.T) {
	for name, row := range map[string]struct {
		most      shards.Limits
		cost      func(i int) int
		low, high int // values in the end
	}{
		"bytes alone":           {shards.Limits{Bytes: 100_000}, func(int) int { return 1000 }, 100, 100},
		"bytes of many shards":  {shards.Limits{Bytes: 64 << 20}, func(int) int { return 32 << 10 }, 1800, 2048},
		"entries come first":    {shards.Limits{Entries: 10, Bytes: 100_000}, func(int) int { return 1000 }, 10, 10},
		"bytes come first":      {shards.Limits{Entries: 100, Bytes: 10_000}, func(int) int { return 1000 }, 10, 10},
		"values of all sizes":   {shards.Limits{Bytes: 100_000}, func(i int) int { return 1 + i*7919%5000 }, 30, 60},
		"too large for a shard": {shards.Limits{Bytes: 1000}, func(int) int { return 1001 }, 0, 0},
		"as large as a shard":   {shards.Limits{Bytes: 1000}, func(int) int { return 1000 }, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := shards.New[value](row.most)
			for i := range 5000 {
				c.Add(digest(i), &value{of: i}, row.cost(i))
				if b := c.Bytes(); b > row.most.Bytes {
					t.Fatalf("Bytes is %d", b)
				}
				if i > 0 && row.high > 1 && !c.Holds(digest(i-1)) {
					t.Fatalf("value %d, the last but one, went before older ones", i-1)
				}
			}
			if n := c.Len(); n < row.low || n > row.high {
				t.Errorf("Len is %d, want %d to %d", n, row.low, row.high)
			}
			sum, found := 0, 0
			for i := range 5000 {
				if has(c, i) {
					found++
					sum += row.cost(i)
				}
			}
			if found != c.Len() || sum != c.Bytes() {
				t.Errorf("%d values of %d bytes are found, Len is %d and Bytes %d", found, sum, c.Len(), c.Bytes())
			}
		})
	}
}

func TestBytesBoundWhatTakesThePlaceOfSmallerValues(t *testing.T) {
	const limit = 100_000
	c := shards.New[value](shards.Limits{Bytes: limit})
	for i := range 100 {
		c.Add(digest(i), &value{of: i}, 1000)
	}
	for i := range 100 {
		c.Add(digest(i), &value{of: i}, 50_000)
		if b := c.Bytes(); b > limit {
			t.Fatalf("Bytes is %d after %d values have grown, the limit is %d", b, i+1, limit)
		}
	}
}

func TestDigestsSpreadOverAllShards(t *testing.T) {
	const entries = 10_000 // of which one shard alone would not hold six in ten
	c := ofEntries(entries)
	for i := range entries * 6 / 10 {
		add(c, i, i)
	}
	if n := c.Len(); n != entries*6/10 {
		t.Errorf("Len = %d, want %d", n, entries*6/10)
	}
}

func TestNilCacheHoldsNothing(t *testing.T) {
	for _, most := range []shards.Limits{{}, {Entries: -1}, {Entries: -1, Bytes: -1}} {
		c := shards.New[value](most)
		if c != nil {
			t.Fatalf("New(%v) is no nil cache", most)
		}
		add(c, 1, 1)
		if v, ok := c.Get(digest(1)); ok || v != nil || c.Len() != 0 || c.Bytes() != 0 {
			t.Errorf("Get = %v, %t, Len %d", v, ok, c.Len())
		}
	}
}

func TestCacheIsSafeForConcurrentUse(t *testing.T) {
	for _, most := range []shards.Limits{{Entries: 10}, {Entries: 2000}, {Bytes: 20_000}} {
		c := shards.New[value](most)
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := range 5000 {
					key := (i*7 + worker) % 300
					add(c, key, key)
					for near := range 3 {
						if v, ok := c.Get(digest(key + near)); ok && v.of != key+near {
							t.Errorf("Get = %d, want %d", v.of, key+near)
						}
					}
					if n := c.Len(); most.Entries > 0 && n > most.Entries+63 {
						t.Errorf("Len = %d of %d", n, most.Entries)
					}
				}
			})
		}
		wg.Wait()
	}
}

// Nobody who looks something up waits for anybody, nor do those who wait for somebody else keep it from them.
func TestLookingUpTakesNoLock(t *testing.T) {
	c := ofEntries(100)
	add(c, 1, 1)
	release := c.LockAll()
	defer release()
	if !has(c, 1) || has(c, 2) {
		t.Error("wrong answers")
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	c := ofEntries(1000)
	key := digest(1)
	add(c, 1, 1)
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
			c := ofEntries(bench.entries)
			keys := make([][32]byte, 100)
			for i := range keys {
				keys[i] = digest(i)
				add(c, i, i)
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
	c := ofEntries(1000)
	keys := make([][32]byte, 5000)
	for i := range keys {
		keys[i] = digest(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Add(keys[i%len(keys)], new(value), 100)
	}
}
