package jwks_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// A document that ends early must not pass for a shorter one: the keys that are missing would refuse good tokens.
func TestDocumentsThatEndEarly(t *testing.T) {
	t.Parallel()
	whole := string(document(first()))
	if _, err := jwks.Static([]byte(strings.TrimSuffix(whole, "}"))); err == nil {
		t.Error("a document without its last brace is read")
	}
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: func(*http.Request) (*http.Response, error) {
			r := respond(200, "")
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(whole), broken{}))
			return r, nil
		}}
		err := newCache(t, i).Refresh(t.Context())
		if verdict(nil, err) != "unavailable" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a connection that breaks after the last brace: %v", err)
		}
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestATransportThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: func(*http.Request) (*http.Response, error) { panic("CANARY") }}
		c := newCache(t, i)
		err := c.Refresh(t.Context())
		if verdict(nil, err) != "unavailable" || !strings.Contains(err.Error(), "panicked") || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("a transport that panics: %v", err)
		}
		i.set(serving(first()))
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestOnlyARedirectIsCalledOne(t *testing.T) {
	t.Parallel()
	for status, redirect := range map[int]bool{204: false, 299: false, 300: true, 302: true, 304: false, 399: true, 400: false, 404: false, 500: false} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: always(status, "", "Location", "https://elsewhere.example/keys")}
			err := newCache(t, i).Refresh(t.Context())
			if verdict(nil, err) != "unavailable" || strings.Contains(err.Error(), "redirects are not followed") != redirect {
				t.Errorf("status %d: %v", status, err)
			}
		})
	}
}

// A tried and failed fetch is the answer to all who waited for it: each of them repeating it would be a burst on a server in trouble.
func TestRefreshThatJoinsAFailingFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: slow(time.Second, failing)}
		c := newCache(t, i)
		go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
		time.Sleep(time.Millisecond)
		if err := c.Refresh(t.Context()); verdict(nil, err) != "unavailable" {
			t.Errorf("the fetch that was joined failed: %v", err)
		}
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want the one that was under way", i.fetches())
		}
	})
}

// Without keys a token waits for the fetch that may bring them, unless it is one more try in a row of failures.
func TestWhoWaitsForAFetchWithoutKeys(t *testing.T) {
	t.Parallel()
	t.Run("the scheduled fetch is slow, and the keys end meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: serving(first())}
			c := newCache(t, i, func(cfg *jwks.Config) { cfg.Refresh, cfg.MaxStale = 2*time.Second, 2*time.Second })
			expect(t, "start", c, "first", "found")
			i.set(slow(time.Second, serving(first())))
			time.Sleep(2100 * time.Millisecond)
			if i.fetches() != 2 || c.Status().Keys != 0 {
				t.Fatalf("%d fetches, %+v: this is not the case in question", i.fetches(), c.Status())
			}
			expect(t, "nothing has failed", c, "first", "found")
		})
	})
	t.Run("after failures somebody refreshes by hand", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: failing}
			c := newCache(t, i)
			expect(t, "the server is down", c, "first", "unavailable")
			i.set(slow(100*time.Millisecond, serving(first())))
			go func() { _ = c.Refresh(t.Context()) }()
			time.Sleep(time.Millisecond)
			expect(t, "a fetch that was asked for", c, "first", "found")
		})
	})
}

func TestLogsNameTheIssuerAndNoEmptyList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name = "https://h"
		var log record
		s := newSite(name+"/.well-known/openid-configuration", metadata(name, keysURL), keysURL, string(document(first(), members{"kty": "oct"})))
		c := newDiscovering(t, &issuer{answer: s.answer}, name, func(cfg *jwks.Config) {
			cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		expect(t, "start", c, "first", "found")
		synctest.Wait()
		if !strings.Contains(log.String(), "source="+name) {
			t.Errorf("the log does not name the issuer: %s", &log)
		}
		s.pages.Store(keysURL, string(document(first())))
		before := log.String()
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if log.String() != before {
			t.Errorf("a set that has got better is complained of: %s", &log)
		}
	})
}
