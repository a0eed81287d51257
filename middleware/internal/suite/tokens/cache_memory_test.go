//go:build !race

package tokens_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
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

// A server may write tokens of any form. What is kept of them is counted, or TokenCache.Bytes would be no limit.
func TestBytesBoundTheCacheOfOddTokens(t *testing.T) {
	kit.NeedsCache(t)
	breaks, long := strings.Repeat("\n", 4000), strings.Repeat("x", 4000)
	for name, row := range map[string]struct {
		member string // of the header, in which %08d is the number of the token
		tokens int    // in a row have this header; zero: one
		claims kit.Claims
	}{
		"ordinary ones":             {},
		"large":                     {claims: kit.Claims{"text": long}},
		"a header of its own":       {member: `,"nonce":"%08d"`},
		"a long header of its own":  {member: `,"nonce":"%08d` + long + `"`},
		"a long header of many":     {member: `,"nonce":"%08d` + long + `"`, tokens: 36},
		"a long kid of its own":     {member: `,"kid":"%08d` + long[:1000] + `"`},
		"one scope many times":      {claims: kit.Claims{"scope": strings.TrimSpace(strings.Repeat("read ", 250))}},
		"a scope and many spaces":   {claims: kit.Claims{"scope": "read" + strings.Repeat(" ", 250)}},
		"a scope between escapes":   {claims: kit.Claims{"scope": "read" + strings.Repeat(" ", 4000) + "\n"}},
		"scopes of escapes":         {claims: kit.Claims{"scope": breaks}},
		"commas in an audience":     {claims: kit.Claims{"aud": []string{testkit.Audience, strings.Repeat(",", 250)}}},
		"many scopes":               {claims: kit.Claims{"scope": counted(1000, "s%d ")}},
		"many scopes, then roles":   {claims: kit.Claims{"scope": counted(300, "s%d "), "roles": strings.Fields(counted(900, "r%d "))}},
		"roles of escapes":          {claims: kit.Claims{"roles": []string{breaks[:2000], breaks[:1000]}}},
		"a subject of escapes":      {claims: kit.Claims{"sub": breaks}},
		"acr and sid of escapes":    {claims: kit.Claims{"acr": breaks[:2000], "sid": breaks[:2000]}},
		"an actor of escapes":       {claims: kit.Claims{"act": kit.Claims{"sub": breaks}}},
		"a status list":             {claims: kit.Claims{"status": kit.Claims{"status_list": kit.Claims{"idx": 1, "uri": breaks}}}},
		"authorization details":     {claims: kit.Claims{"authorization_details": []kit.Claims{{"type": "a"}, {"type": breaks[:2000]}}}},
		"escapes that nobody reads": {claims: kit.Claims{"text": breaks}},
	} {
		text := string(testkit.JSON(kit.GoodClaims(kit.Claims{"jti": "JTI", "token_type": "Bearer", "active": true}).With(row.claims)))
		payload := func(number int) string { return strings.Replace(text, "JTI", fmt.Sprintf("%08d", number), 1) }
		signed := func(number int) string {
			header := `{"alg":"HS256","typ":"at+jwt"` + row.member + "}"
			if row.member != "" {
				header = fmt.Sprintf(header, number/max(1, row.tokens))
			}
			return testkit.Sign(header, payload(number), sharedSecret)
		}
		opaque := func(number int) string { return fmt.Sprintf("opaque-%d", number) }
		for about, kind := range map[string]struct {
			token  func(number int) string
			mode   middleware.JWTMode
			caches float64
		}{
			"JWTs":              {signed, middleware.VerifyJWTs, 1},
			"introspected JWTs": {signed, middleware.VerifyAndIntrospectJWTs, 2},
			"opaque tokens":     {opaque, middleware.VerifyJWTs, 1},
		} {
			if row.member != "" && about == "opaque tokens" {
				continue
			}
			t.Run(name+", "+about, func(t *testing.T) {
				const limit = 1 << 20
				number := 0
				v := kit.NewValidator(t, func(cfg *middleware.Config) {
					cfg.Issuers[0].Keys, cfg.TokenCache = testkit.Must(jwks.HMAC("HS256", sharedSecret)), middleware.TokenCache{Bytes: limit}
					cfg.Issuers[0].JWTs = kind.mode
					cfg.Issuers[0].Introspector = kit.IntrospectFunc(func(context.Context, string) (*introspection.Response, error) {
						return introspection.ParseResponse([]byte(payload(number)))
					})
				})
				guard := v.Require()
				admit := func(count int) {
					for range count {
						if _, err := guard.Check(kit.Bearer(kind.token(number))); err != nil {
							t.Fatal(err)
						}
						number++
					}
				}
				admit(1)
				grown := heapAfter(func() { admit(2 * limit / (700 + len(text) + len(row.member)/max(1, row.tokens))) })
				runtime.KeepAlive(v)
				if most := 1.15 * kind.caches * limit; grown > most || grown < 0.5*limit {
					t.Errorf("the heap has grown by %.2f of the limit", grown/limit/kind.caches)
				}
			})
		}
	}
}

func counted(count int, format string) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, format, i)
	}
	return strings.TrimSpace(b.String())
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
