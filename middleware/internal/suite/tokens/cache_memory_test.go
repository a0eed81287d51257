//go:build !race

package tokens_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// heapAfter is how the heap grows by what is reachable after do.
func heapAfter(do func()) float64 {
	reachable := func() float64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC() // pools let go in the second round
		runtime.ReadMemStats(&stats)
		return float64(stats.HeapAlloc)
	}
	before := reachable()
	do()
	return reachable() - before
}

var sharedSecret = []byte("0123456789-random-enough-for-32b")

// cachingValidator trusts a shared secret, with which thousands of tokens are soon signed and verified. What is kept of a token does not
// depend on who has signed it.
func cachingValidator(t *testing.T, cache middleware.TokenCache, observe *middleware.Decision) *middleware.Validator {
	return kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys, cfg.TokenCache = testkit.Must(jwks.HMAC("HS256", sharedSecret)), cache
		if observe != nil {
			cfg.Observe = kit.ObserveInto(observe)
		}
	})
}

// numberedTokens returns tokens of the claims that differ in the jti alone.
func numberedTokens(claims kit.Claims) func(number int) string {
	before, behind, _ := strings.Cut(string(testkit.JSON(claims.With(kit.Claims{"jti": "JTI"}))), "JTI")
	return func(number int) string {
		return testkit.Sign(`{"alg":"HS256","typ":"at+jwt"}`, fmt.Sprintf("%s6a0c6e7e-7c0e-4b62-8d38-%012d%s", before, number, behind), sharedSecret)
	}
}

// admitMany has tokens of about 1 kB admitted, each another one.
func admitMany(t *testing.T, guard *middleware.Guard, count int) {
	token := numberedTokens(typical())
	for i := range count {
		if _, err := guard.Check(kit.Bearer(token(i))); err != nil {
			t.Fatal(err)
		}
	}
}

// What is kept of a token is its claims, once, and less than half as much again.
func TestACachedTokenTakesLittleMemory(t *testing.T) {
	kit.NeedsCache(t)
	v := cachingValidator(t, middleware.TokenCache{}, nil)
	guard := v.Require("read")
	admitMany(t, guard, 1)
	const count = 2000
	size := len(numberedTokens(typical())(0))
	per := heapAfter(func() { admitMany(t, guard, count) }) / (count - 1)
	runtime.KeepAlive(v)
	t.Logf("%.0f bytes for a token of %d", per, size)
	if most := 1.5 * float64(size); per > most {
		t.Errorf("a cached token of %d bytes takes %.0f, want at most %.0f", size, per, most)
	}
}

// TokenCache.Bytes is kept, and not by far.
func TestBytesBoundTheCacheOfTokens(t *testing.T) {
	kit.NeedsCache(t)
	for name, row := range map[string]struct {
		cache     middleware.TokenCache
		low, high float64 // MiB
	}{
		"bytes alone":   {middleware.TokenCache{Bytes: 2 << 20}, 1.5, 2.2},
		"fewer entries": {middleware.TokenCache{Bytes: 2 << 20, Entries: 256}, 0.2, 0.6},
	} {
		t.Run(name, func(t *testing.T) {
			v := cachingValidator(t, row.cache, nil)
			guard := v.Require("read")
			admitMany(t, guard, 1)
			grown := heapAfter(func() { admitMany(t, guard, 2000) }) / (1 << 20)
			runtime.KeepAlive(v)
			if grown < row.low || grown > row.high {
				t.Errorf("the heap has grown by %.2f MiB, want %v to %v", grown, row.low, row.high)
			}
		})
	}
}

// With Bytes there is no number of tokens but the one that is asked for.
func TestBytesStandInForEntries(t *testing.T) {
	kit.NeedsCache(t)
	var d middleware.Decision
	guard := cachingValidator(t, middleware.TokenCache{Bytes: 64 << 20}, &d).Require()
	token := numberedTokens(kit.GoodClaims(nil))
	const more = 8192 + 1024 // than without
	for i := range more {
		if _, err := guard.Check(kit.Bearer(token(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		kit.Serve(guard, kit.Bearer(token(i)))
		if !d.Cached {
			t.Fatalf("token %d of %d is not in the cache", i, more)
		}
	}
}

// The cache is bounded, and who falls out is verified again.
func TestEntriesBoundTheCache(t *testing.T) {
	keys := &kit.CountedKeys{Set: testkit.KeySet()}
	var d middleware.Decision
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys, cfg.TokenCache.Entries, cfg.Observe = keys, 2, kit.ObserveInto(&d)
	})
	token := func(i int) string { return kit.Mint(kit.GoodClaims(kit.Claims{"sub": fmt.Sprint("user-", i)})) }
	for _, step := range []struct {
		token  int
		cached bool
	}{{1, false}, {2, false}, {1, true}, {3, false}, {2, false}, {3, true}, {1, false}} {
		got := kit.Serve(v.Require(), kit.Bearer(token(step.token)))
		if want := fmt.Sprint("user-", step.token); got.Token.Subject != want || d.Cached != step.cached {
			t.Errorf("token %d: subject %q, cached %t, want %t", step.token, got.Token.Subject, d.Cached, step.cached)
		}
	}
}
