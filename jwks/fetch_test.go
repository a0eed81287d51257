package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

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

// A program may set its default after it has made a Cache, so it is asked for at each line. Not parallel: the default is everybody's.
func TestWithoutALoggerTheDefaultIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log record
		c := newCache(t, &issuer{answer: failing})
		before := slog.Default()
		defer slog.SetDefault(before)
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		_ = c.Refresh(t.Context())
		synctest.Wait()
		if !strings.Contains(log.String(), "the keys could not be fetched") {
			t.Errorf("the default logger was told %q", &log)
		}
	})
}

func TestLogsTellChangesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log record
		i := &issuer{answer: serving(first(), members{"kty": "oct", "k": "Q0FOQVJZ", "kid": "CANARY"})}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		count := func(what, text string, want int) {
			t.Helper()
			synctest.Wait()
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%s: %d lines with %q, want %d:\n%s", what, got, text, want, &log)
			}
		}
		for range 5 {
			_ = c.Refresh(t.Context())
		}
		count("one skipped key, five fetches", "key 1: a symmetric key", 1)
		i.set(failing)
		for range 5 {
			_ = c.Refresh(t.Context())
		}
		count("one outage, five fetches", "could not be fetched", 1)
		time.Sleep(5*time.Minute - time.Second)
		count("an outage of five minutes", "could not be fetched", 6)
		i.set(serving(first()))
		for range 5 {
			_ = c.Refresh(t.Context())
		}
		count("recovery", "can be fetched again", 1)
		if strings.Contains(log.String(), "CANARY") || strings.Contains(log.String(), "Q0FOQVJZ") {
			t.Errorf("the log quotes the document: %s", &log)
		}
	})
}

// A key for encryption is what many servers publish; one that is broken, or stolen, is worth a warning.
func TestHowLoudASkippedKeyIs(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what string
		keys []any
		want string
	}{
		{"a key for encryption", []any{first(), second().with("use", "enc")}, "level=DEBUG"},
		{"a key for other operations", []any{first(), second().with("key_ops", []string{"deriveBits"})}, "level=DEBUG"},
		{"a private key", []any{first(), second().with("d", "AA")}, "level=WARN"},
		{"both", []any{first(), second().with("use", "enc"), second().with("d", "AA")}, "level=WARN"},
		{"none", []any{first(), second()}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log record
			c := newCache(t, &issuer{answer: serving(row.keys...)}, func(cfg *jwks.Config) {
				cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			_ = c.Refresh(t.Context())
			synctest.Wait()
			if !strings.Contains(log.String(), row.want) || row.want == "" && log.String() != "" {
				t.Errorf("%s: %s", row.what, &log)
			}
		})
	}
}

func TestRefreshFetchesWhatIsPublishedNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: slow(time.Second, serving(first()))}
		c := newCache(t, i)
		go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
		time.Sleep(time.Millisecond)
		i.set(serving(second())) // while the fetch of the old set is under way
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, "the key that was withdrawn before Refresh was called", c, "first", "not found")
		expect(t, "the new key", c, "second", "found")
	})
}

func TestRefreshDisregardsTheBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: always(503, "", "Retry-After", "300")}
		c := newCache(t, i)
		if err := c.Refresh(t.Context()); verdict(nil, err) != "unavailable" {
			t.Errorf("the server is down: %v", err)
		}
		i.set(serving(first()))
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("at once again: %v", err)
		}
		expect(t, "then", c, "first", "found")

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		i.set(slow(time.Second, serving(first(), second())))
		if err := c.Refresh(ctx); verdict(nil, err) != "unavailable" || !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that has left: %v", err)
		}
		time.Sleep(time.Second)
		expect(t, "its fetch goes on", c, "second", "found")
	})
}

// A server that is slower than five seconds is served by Warm, which is bounded by its context.
func TestRefreshIsBoundedByItsContext(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what     string
		timeout  time.Duration // of the context; zero: none
		latency  time.Duration
		good     bool
		returned time.Duration
		gaveUp   time.Duration // when the request was given up; zero: it was answered
	}{
		{"a slow server, and no limit", 0, 7 * time.Second, true, 7 * time.Second, 0},
		{"a slow server, and a limit that it keeps", 10 * time.Second, 7 * time.Second, true, 7 * time.Second, 0},
		{"a limit that it does not keep", 10 * time.Second, 20 * time.Second, false, 10 * time.Second, 10 * time.Second},
		{"a limit that is short for everybody else", 3 * time.Second, 20 * time.Second, false, 3 * time.Second, 5 * time.Second},
		{"a server that never answers", 0, time.Hour, false, time.Minute, time.Minute},
		{"a limit of an hour", time.Hour, time.Hour, false, time.Minute, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if row.timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, row.timeout)
				defer cancel()
			}
			began := time.Now()
			var gaveUp atomic.Int64
			i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
				context.AfterFunc(r.Context(), func() { gaveUp.CompareAndSwap(0, int64(time.Since(began))) })
				return slow(row.latency, serving(first()))(r)
			}}
			c := newCache(t, i)
			err := c.Refresh(ctx)
			if (err == nil) != row.good || time.Since(began) != row.returned {
				t.Errorf("%s: %v after %v, want %v", row.what, err, time.Since(began), row.returned)
			}
			time.Sleep(2 * time.Minute)
			if at := time.Duration(gaveUp.Load()); row.gaveUp > 0 && at != row.gaveUp {
				t.Errorf("%s: the request was given up after %v, want %v", row.what, at, row.gaveUp)
			}
		})
	}
}

func TestRefreshAfterAFetchWithLessTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: slow(7*time.Second, serving(first()))}
		c := newCache(t, i)
		go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
		time.Sleep(2 * time.Second)
		if err := c.Refresh(t.Context()); err != nil || i.fetches() != 2 {
			t.Errorf("after %d fetches: %v", i.fetches(), err)
		}
	})
}

// While keys are held, a patient fetch that hangs keeps no new key out for longer than others would.
func TestAPatientFetchDoesNotHoldTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: numbered(serving(first()), hanging, serving(first(), second()))}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		for range 3 {
			go func() { _ = c.Refresh(t.Context()) }() // all wait for one
		}
		time.Sleep(time.Second)
		expect(t, "in the time that every fetch has", c, "second", "unavailable")
		time.Sleep(3 * time.Second)
		expect(t, "after it", c, "second", "found")
		if i.fetches() != 3 && i.fetches() != 4 { // those that called Refresh may be told that the set is fresh enough, or ask again
			t.Errorf("%d fetches", i.fetches())
		}
	})
}

func TestAnswersThatLeaveTheOldKeysInPlace(t *testing.T) {
	t.Parallel()
	good := string(document(second()))
	many := make([]any, 101)
	for i := range many {
		many[i] = second().with("kid", fmt.Sprint(i))
	}
	for _, row := range []struct {
		fault  string
		answer func(*http.Request) (*http.Response, error)
		says   string
	}{
		{"connection reset", failing, "unexpected EOF"},
		{"500", always(500, good), "it answered 500"},
		{"404", always(404, good), "it answered 404"},
		{"201 with a document", always(201, good), "it answered 201"},
		{"304 nobody asked for", always(304, ""), "it answered 304"},
		{"redirect to another host", always(302, good, "Location", "https://attacker.example/keys"), "redirects are not followed"},
		{"redirect to a file", always(307, good, "Location", "file:///etc/passwd"), "redirects are not followed"},
		{"an HTML page", always(200, "<html>", "Content-Type", "text/html"), "no JSON object"},
		{"an empty body", always(200, ""), "no JSON object"},
		{"no keys", serving(), "the key set is empty"},
		{"an error document", always(200, `{"error":"x"}`), `no array "keys"`},
		{"a symmetric key only", serving(members{"kty": "oct", "k": b64(secret)}), "symmetric key"},
		{"a cut document", always(200, good[:40]), "no JSON object"},
		{"more than a megabyte", always(200, strings.Repeat(" ", 1<<20)+good), "longer than 1048576 bytes"},
		{"101 keys", serving(many...), "it has more than 100 keys"},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: serving(first())}
			c := newCache(t, i)
			expect(t, "start", c, "first", "found")
			i.set(row.answer)
			err := c.Refresh(t.Context())
			if verdict(nil, err) != "unavailable" || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), keysURL) {
				t.Errorf("%s: %v, want an error with %q", row.fault, err, row.says)
			}
			if s := c.Status(); s.Keys != 1 || s.LastError == nil {
				t.Errorf("%s: status %+v", row.fault, s)
			}
			expect(t, row.fault, c, "first", "found")
			if i.fetches() != 2 {
				t.Errorf("%s: %d requests, want 2", row.fault, i.fetches())
			}
			i.set(serving(second()))
			time.Sleep(time.Second)
			synctest.Wait()
			expect(t, row.fault+", one second later", c, "second", "found")
		})
	}
}

func TestLogNamesTheMarkOfROCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log record
		i := &issuer{}
		i.set(always(http.StatusOK, string(document(raw(markedJWK("")), first()))))
		cache := newCache(t, i, func(cfg *jwks.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status := cache.Status(); status.Keys != 1 || status.Skipped != 1 {
			t.Errorf("%d keys, %d skipped", status.Keys, status.Skipped)
		}
		synctest.Wait() // the log is written after the callers have gone on
		if !strings.Contains(log.String(), "key 0: the RSA modulus bears the mark of CVE-2017-15361") {
			t.Errorf("the log says %q", log.String())
		}
	})
}
