package interop_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// behindProxy is an API that trusts the provider, and reaches its keys through a proxy alone. It counts what it answered.
type behindProxy struct {
	t         *testing.T
	validator *middleware.Validator
	handler   http.Handler

	mu    sync.Mutex
	count map[string]int
}

// newBehindProxy fetches keys often, so that every fault is met within moments. keys says where they are.
func newBehindProxy(t *testing.T, p *provider, keys jwks.Config) *behindProxy {
	t.Helper()
	keys.Refresh, keys.Cooldown, keys.MaxStale = 50*time.Millisecond, 50*time.Millisecond, time.Hour
	cache, err := jwks.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	b := &behindProxy{t: t, count: make(map[string]int)}
	b.validator = newValidator(t, p, func(config *middleware.Config) {
		config.Issuers[0].Introspector = nil
		config.Issuers[0].Keys = cache
	})
	b.handler = b.validator.Require("orders:read").HandlerFunc(ok)
	return b
}

// send returns the status for a token that is to be accepted, or refused, or in both cases not judged.
func (b *behindProxy) send(token string, good bool) int {
	request := httptest.NewRequest(http.MethodGet, "/orders", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, request)

	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case good && w.Code == http.StatusOK:
		b.count["accepted"]++
	case !good && w.Code == http.StatusUnauthorized:
		b.count["refused"]++
	case strings.HasSuffix(token, forgedSignature) && w.Code == http.StatusServiceUnavailable:
		b.count["doubted"]++ // a key may have been published anew, and that cannot be told now
	case w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") != "" && w.Header().Get("WWW-Authenticate") == "":
		b.count["unavailable"]++
	default:
		b.t.Errorf("good token: %v; answer %d, challenge %q", good, w.Code, w.Header().Get("WWW-Authenticate"))
	}
	return w.Code
}

// wantServed wants all tokens since the last time to have been judged.
func (b *behindProxy) wantServed(what string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count["unavailable"] > 0 || b.count["accepted"] == 0 || b.count["refused"] == 0 {
		b.t.Errorf("%s: %v; want all judged", what, b.count)
	}
	clear(b.count)
}

// until sends tokens until the condition holds.
func (b *behindProxy) until(what string, condition func() bool, tokens labelled) {
	b.t.Helper()
	for began := time.Now(); !condition(); time.Sleep(time.Millisecond) {
		for _, token := range tokens.good {
			b.send(token, true)
		}
		for _, token := range tokens.bad {
			b.send(token, false)
		}
		if time.Since(began) > limit/2 {
			b.t.Fatalf("%s: not in %v", what, limit/2)
		}
	}
	for _, token := range tokens.good {
		b.send(token, true)
	}
	for _, token := range tokens.bad {
		b.send(token, false)
	}
}

func (b *behindProxy) failed() bool { return b.validator.Health()[0].Keys.LastError != nil }

func (b *behindProxy) healthy() bool {
	h := b.validator.Health()[0]
	return h.Ready && h.Keys.LastError == nil
}

// accepts is a condition: the token is let in.
func (b *behindProxy) accepts(token string) func() bool {
	return func() bool { return b.send(token, true) == http.StatusOK }
}

// forgedSignature is of the length of ES256, and of nobody.
var forgedSignature = strings.Repeat("A", 86)

// labelled are tokens with what is right for them.
type labelled struct{ good, bad []string }

func newLabelled(t *testing.T, p *provider) labelled {
	t.Helper()
	var tokens labelled
	for _, algorithm := range algorithms {
		tokens.good = append(tokens.good, p.token(t, "urn:api:"+algorithm, "orders:read"))
	}
	body := tokens.good[2][:strings.LastIndex(tokens.good[2], ".")]
	tokens.bad = []string{
		p.token(t, "urn:api:expired", "orders:read"),
		p.token(t, "urn:other", "orders:read"),
		body + "." + forgedSignature,
	}
	return tokens
}

// One provider serves all of this, as it takes long to start. Its issuer identifier is the address of the proxy.
func TestKeysThroughABrokenNetwork(t *testing.T) {
	front := startProxy(t)
	p := startProviderAs(t, "http://"+front.address, "")
	front.lead(p.Address)
	tokens := newLabelled(t, p)
	discovered := jwks.Config{Issuer: p.Issuer}

	t.Run("down at the start, and then up", func(t *testing.T) {
		front.refuse()
		b := newBehindProxy(t, p, discovered)
		if err := b.validator.Warm(t.Context()); err == nil {
			t.Error("keys come from nowhere")
		}
		for _, token := range tokens.good {
			if status := b.send(token, true); status != http.StatusServiceUnavailable {
				t.Errorf("status %d, want 503", status)
			}
		}
		front.listen(t)
		b.until("up again", b.accepts(tokens.good[0]), labelled{bad: tokens.bad})
		clear(b.count)
		b.until("everything is served", func() bool { return true }, tokens)
		b.wantServed("after the recovery")
	})

	t.Run("down after the load", func(t *testing.T) {
		b := newBehindProxy(t, p, discovered)
		if err := b.validator.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		front.refuse()
		front.closeAll()
		b.until("the fetches fail", b.failed, tokens)
		b.wantServed("while the provider is down")
		front.listen(t)
		b.until("the fetches succeed", b.healthy, tokens)
		b.wantServed("during the recovery")
	})

	// Each has a proxy of its own, so all fail at once.
	t.Run("while good tokens flow", func(t *testing.T) {
		for name, row := range map[string]struct {
			treat treatment
			cut   bool // the client has to give the connection up
			works int  // so many connections, and the keys come in spite of it
		}{
			"reset at once":            {treat: resetAtOnce},
			"reset after the request":  {treat: resetAfterTheRequest},
			"no answer":                {treat: hang, cut: true},
			"a byte each tenth second": {treat: trickle(100 * time.Millisecond), cut: true},
			"cut in the header":        {treat: truncate(30)},
			"cut in the body":          {treat: truncate(700)},
			"bytes":                    {treat: answer200("\x00\xff\x16\x03junk")},
			"a page": {
				treat: answer200("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!DOCTYPE html><title>Maintenance</title>"),
			},
			"a gateway's 502":             {treat: answer200("HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n")},
			"late":                        {treat: delay(500 * time.Millisecond), works: 1},
			"closed when they are reused": {treat: resetWhenReused, works: 3},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				own := startProxy(t)
				own.lead(p.Address)
				transport := new(http.Transport) // keeps connections
				defer transport.CloseIdleConnections()
				b := newBehindProxy(t, p, jwks.Config{URL: "http://" + own.address + "/jwks", HTTPClient: &http.Client{Transport: transport}})
				if err := b.validator.Warm(t.Context()); err != nil {
					t.Fatal(err)
				}
				own.tell(row.treat)
				told := time.Now()
				b.until("the fault is met", func() bool {
					connections, hungUp := own.counts()
					switch {
					case row.cut:
						return hungUp > 0 && b.failed()
					case row.works > 0:
						return connections >= row.works && b.validator.Health()[0].Keys.LoadedAt.After(told)
					default:
						return connections >= 2 && b.failed()
					}
				}, tokens)
				b.wantServed("during the fault")
				if row.works > 0 {
					if err := b.validator.Warm(t.Context()); err != nil {
						t.Errorf("such a fault ends no fetch: %v", err)
					}
				}
				own.tell(pass)
				b.until("the fetches succeed", b.healthy, tokens)
				b.wantServed("during the recovery")
			})
		}
	})

	t.Run("rotation during a fault", func(t *testing.T) {
		b := newBehindProxy(t, p, discovered)
		if err := b.validator.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		front.tell(resetAfterTheRequest)
		b.until("the fetches fail", b.failed, tokens)
		p.rotate(t, "overlap")
		rotated := newLabelled(t, p)
		for _, token := range rotated.good {
			if status := b.send(token, true); status != http.StatusServiceUnavailable {
				t.Errorf("a key that cannot be fetched: status %d, want 503", status)
			}
		}
		clear(b.count)
		b.until("the tokens from before", func() bool { return true }, tokens)
		b.wantServed("the tokens from before")

		front.tell(pass)
		b.until("the new keys are found", b.accepts(rotated.good[0]), tokens)
		clear(b.count)
		b.until("both keys", func() bool { return true }, tokens)
		b.until("both keys", func() bool { return true }, rotated)
		b.wantServed("both keys")

		p.rotate(t, "replace")
		last := newLabelled(t, p)
		b.until("the last keys are found", b.accepts(last.good[0]), labelled{good: last.good[:1]})
		b.until("the keys before are gone", func() bool { return true }, labelled{good: last.good, bad: append(tokens.good, rotated.good...)})
	})
}
