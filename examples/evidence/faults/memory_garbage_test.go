package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// garbage returns JWTs that look right to the last bit but one, and opaque tokens that nobody has issued: each another one.
type garbage struct {
	beginning string // of a JWT, up to a place in the payload
	end       string
	sent      int
}

func newGarbage(o *oracle) *garbage {
	_, rest, _ := strings.Cut(o.jwt(nil), ".")
	_, signature, _ := strings.Cut(rest, ".")
	return &garbage{
		beginning: base64url([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"one"}`)) + ".",
		end:       "." + signature,
	}
}

func (g *garbage) jwt() string {
	g.sent++
	return g.beginning + base64url(fmt.Appendf(nil, `{"iss":%q,"aud":%q,"sub":"%d","exp":4000000000}`, oracleURL, stockAPI, g.sent)) + g.end
}

func (g *garbage) opaque() string {
	g.sent++
	return "garbage-" + strconv.Itoa(g.sent)
}

// Whatever number of tokens was refused, what stays of them is bounded, and no goroutine does.
func TestGarbageLeavesNothingBehind(t *testing.T) {
	number := 2000 // of each kind
	switch {
	case *soak:
		number = 5_000_000
	case *full:
		number = 25_000
	}
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		stock := newStock(t, o, introspection.Config{}, nil)
		var good, bad verdicts
		ask := func(token string) {
			status, subject := stock.ask(t.Context(), token)
			bad.note("", status, subject)
		}
		known := o.jwt(nil)
		status, subject := stock.ask(t.Context(), known)
		good.note("jwt", status, subject)
		before, goroutines := heap(), runtime.NumGoroutine()
		g := newGarbage(o)
		for range number {
			ask(g.jwt())
			ask(g.opaque())
		}
		bad.mustCount(t, 0, 2*number, 0)
		if grown := heap() - before; grown > 16<<20 {
			t.Errorf("the heap grew by %d bytes over %d tokens", grown, 2*number)
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines, %d before", n, goroutines)
		}
		status, subject = stock.ask(t.Context(), known)
		good.note("jwt", status, subject)
		good.mustCount(t, 2, 0, 0)
	})
}

// The caches are as large as configured and no larger: of 256 good tokens those that were used last are known, the others are
// judged again.
func TestCachesHoldAsManyEntriesAsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const entries, tokens = 64, 256
		var cached int
		o := newOracle()
		stock := newStock(t, o, introspection.Config{Entries: entries, ActiveTTL: time.Hour}, func(cfg *middleware.Config) {
			cfg.TokenCache.Entries = entries
			cfg.Observe = func(_ context.Context, d middleware.Decision) {
				if d.Cached {
					cached++
				}
			}
		})
		var jwts, opaque []string
		for i := range tokens {
			jwts, opaque = append(jwts, o.jwt(map[string]any{"sub": fmt.Sprint(i)})), append(opaque, fmt.Sprint("good.", i))
		}
		for name, kind := range map[string][]string{"JWTs": jwts, "opaque tokens": opaque} {
			cached = 0
			for _, token := range kind {
				stock.ask(t.Context(), token)
			}
			for i := len(kind) - 1; i >= 0; i-- { // the newest first, so that asking pushes out what was asked for already
				stock.ask(t.Context(), kind[i])
			}
			if cached != entries {
				t.Errorf("%s: %d were known, want %d", name, cached, entries)
			}
		}
	})
}

// Tokens that are made to be expensive are refused before anything of them is decoded.
func TestOversizedTokensCostNothing(t *testing.T) {
	o := newOracle()
	stock := newStock(t, o, introspection.Config{}, nil)
	roomy := newStock(t, o, introspection.Config{}, func(cfg *middleware.Config) { cfg.MaxTokenBytes = 1 << 20 })
	header, rest, _ := strings.Cut(o.jwt(nil), ".")
	for name, row := range map[string]struct {
		stock  *stockService
		token  string
		reason middleware.Reason
	}{
		"a JWT of 1 MiB":           {stock, header + "." + strings.Repeat("A", 1<<20), middleware.ReasonTokenTooLong},
		"an opaque token of 1 MiB": {stock, strings.Repeat("a", 1<<20), middleware.ReasonTokenTooLong},
		"100 000 dots":             {stock, header + strings.Repeat(".", 100_000), middleware.ReasonTokenTooLong},
		"a kid of 100 000 characters": {
			stock, base64url([]byte(`{"alg":"EdDSA","kid":"`+strings.Repeat("k", 100_000)+`"}`)) + "." + rest,
			middleware.ReasonTokenTooLong,
		},
		"as many dots as the limit allows":          {stock, header + strings.Repeat(".", 16<<10-len(header)), middleware.ReasonMalformed},
		"a million dots, if such are let in":        {roomy, header + strings.Repeat(".", 1<<20-len(header)), middleware.ReasonMalformed},
		"half a million segments, if such are":      {roomy, header + strings.Repeat(".A", (1<<20-len(header))/2), middleware.ReasonMalformed},
		"an opaque token of 1 MiB, if such are":     {roomy, strings.Repeat("a", 1<<20), middleware.ReasonTokenTooLong},
		"a JWE of five empty segments, and no more": {stock, header + "....", middleware.ReasonEncrypted},
	} {
		t.Run(name, func(t *testing.T) {
			guard, request := row.stock.validator.Require(), requestWith(t.Context(), row.token)
			if _, err := guard.Check(request); reasonOf(err) != row.reason {
				t.Fatalf("refused for %v, want %s", err, row.reason)
			}
			if n := bytesPerRun(10, func() { _, _ = guard.Check(request) }); n > 2<<10 {
				t.Errorf("%d bytes are allocated for it, want at most 2 KiB", n)
			}
		})
	}
	if calls, _ := o.counts(); calls != 0 {
		t.Errorf("the authorization server was asked %d times", calls)
	}
}

// bytesPerRun is testing.AllocsPerRun for bytes.
func bytesPerRun(runs uint64, f func()) uint64 {
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

const memoryLimit = 96 << 20

// In a process that may use 96 MiB, with garbage, huge key sets and good tokens at once, nothing is accepted wrongly, and memory stays
// far below the limit.
func TestLoadUnderAMemoryLimit(t *testing.T) {
	if os.Getenv("FAULTS_CHILD") == "memory" {
		loadUnderAMemoryLimit(t)
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program, "-test.run=^TestLoadUnderAMemoryLimit$", "-test.count=1")
	child.Env = append(os.Environ(), "FAULTS_CHILD=memory", fmt.Sprint("GOMEMLIMIT=", memoryLimit))
	if output, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, output)
	}
}

func loadUnderAMemoryLimit(t *testing.T) {
	if limit := debug.SetMemoryLimit(-1); limit != memoryLimit {
		t.Fatalf("the limit is %d", limit)
	}
	o := newOracle()
	stock := newStock(t, o, introspection.Config{Timeout: time.Minute}, nil)
	hostile := &hugeKeys{good: o}
	var err error
	cfg := middleware.Config{
		Issuers: []middleware.Issuer{
			{URL: oracleURL, JWKSURI: oracleURL + "/jwks", Introspector: stock.asker},
			{URL: "https://huge.example.com", JWKSURI: "https://huge.example.com/jwks"},
		},
		Audiences:  []string{stockAPI},
		HTTPClient: &http.Client{Transport: hostile},
	}
	validator, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer validator.Close()
	guarded := validator.Require().HandlerFunc(tellSubject)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	peak := make(chan uint64)
	go func() {
		var m runtime.MemStats
		var most uint64
		for pause(ctx, 20*time.Millisecond) == nil {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		peak <- most
	}()
	var good, bad verdicts
	var all sync.WaitGroup
	requests := part(10_000) // of each worker, and as many of each kind
	for worker := range 4 {
		all.Go(func() {
			g := newGarbage(o)
			g.sent = worker << 24
			for i := range requests {
				for _, token := range []string{g.jwt(), g.opaque()} {
					status, subject := serve(guarded, requestWith(ctx, token))
					bad.note("", status, subject)
				}
				token := fmt.Sprintf("good.%d-%d", worker, i%2000)
				status, subject := serve(guarded, requestWith(ctx, token))
				good.note(token, status, subject)
				if i%(requests/8) == 0 { // one after the other, so each has a fetch of its own; those of workers may be shared
					if err := validator.Warm(ctx); err == nil {
						t.Error("the huge key set was taken")
					}
				}
			}
		})
	}
	all.Wait()
	stop()
	good.mustCount(t, 4*requests, 0, 0)
	bad.mustCount(t, 0, 2*4*requests, 0)
	if most := <-peak; most > memoryLimit {
		t.Errorf("%d bytes of heap were in use", most)
	}
	if n := hostile.fetches(); n < 8 {
		t.Errorf("the huge key set was asked for %d times", n)
	}
}

// hugeKeys answers for one issuer with a key set of a gigabyte, and leaves the rest to a good server.
type hugeKeys struct {
	good http.RoundTripper

	mu    sync.Mutex
	asked int
}

func (h *hugeKeys) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "huge.example.com" {
		return h.good.RoundTrip(r)
	}
	h.mu.Lock()
	h.asked++
	h.mu.Unlock()
	response := jsonAnswer("")
	response.Body = io.NopCloser(bufio.NewReader(io.LimitReader(io.MultiReader(strings.NewReader(`{"keys":[`), blanks{}), 1<<30)))
	return response, nil
}

func (h *hugeKeys) fetches() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}
