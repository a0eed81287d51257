package jwks_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

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

// trickle sends one byte a second until its request is given up.
type trickle struct{ done <-chan struct{} }

func (s trickle) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-s.done:
		return 0, errors.New("given up")
	}
}

func TestABodyThatTricklesInIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		i.set(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(trickle{r.Context().Done()})}, nil
		})
		expect(t, "slow-loris", c, "unknown", "unavailable")
		time.Sleep(3*time.Second - 1)
		if s := c.Status(); s.Failures != 0 {
			t.Errorf("before five seconds are over: %+v", s)
		}
		time.Sleep(2 * time.Nanosecond)
		if s := c.Status(); s.Failures != 1 || s.LastError == nil {
			t.Errorf("after five seconds: %+v", s)
		}
	})
}

// tap is an endless body that counts what is taken from it.
type tap struct{ taken int }

func (b *tap) Read(p []byte) (int, error) {
	if b.taken += len(p); b.taken > 64<<20 {
		return 0, io.EOF // the test has failed, the machine need not
	}
	return spaces{}.Read(p)
}

func TestAnEndlessBodyIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		body := new(tap)
		i := &issuer{answer: func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(body)}, nil
		}}
		if err := newCache(t, i).Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "longer than") {
			t.Error(err)
		}
		if body.taken != 1<<20+1 {
			t.Errorf("%d bytes were read, want 1 MiB and one", body.taken)
		}
	})
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const date = "Sun, 22 Nov 2026 00:00:00 GMT"
		i := &issuer{answer: always(200, string(document(first())), "ETag", `"v1"`, "Last-Modified", date)}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		i.set(always(304, "", "Cache-Control", "max-age=120"))
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("unchanged: %v", err)
		}
		if r := i.request(1); r.Header.Get("If-None-Match") != `"v1"` || r.Header.Get("If-Modified-Since") != date {
			t.Errorf("second request: %v", r.Header)
		}
		if s := c.Status(); s.Keys != 1 || !s.LoadedAt.Equal(time.Now()) || time.Until(s.NextRefresh) > 2*time.Minute {
			t.Errorf("status after 304: %+v", s)
		}
		i.set(always(200, `{"keys":[]}`, "ETag", `"broken"`))
		_ = c.Refresh(t.Context())
		i.set(serving(second()))
		if err := c.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		if r := i.request(3); r.Header.Get("If-None-Match") != `"v1"` {
			t.Errorf("the tag of a refused document is used: %v", r.Header)
		}
		_ = c.Refresh(t.Context())
		if r := i.request(4); r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
			t.Errorf("a document without a tag is asked for with an old one: %v", r.Header)
		}
	})
}

func TestErrorsAndLogsShowNoQuery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log record
		i := &issuer{answer: failing}
		c := newCache(t, i, func(cfg *jwks.Config) {
			cfg.URL = keysURL + "?code=hunter2"
			cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		err := c.Refresh(t.Context())
		synctest.Wait()
		if err == nil || strings.Contains(err.Error()+log.String(), "hunter2") || !strings.Contains(log.String(), keysURL) {
			t.Errorf("error %v, log %s", err, &log)
		}
		if i.request(0).URL.RawQuery != "code=hunter2" {
			t.Errorf("the request lost its query: %s", i.request(0).URL)
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

// A real server, as what is tested here lies below the round trip.
func TestOwnClient(t *testing.T) {
	var evil atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { evil.Add(1) }))
	defer trap.Close()
	t.Setenv("HTTP_PROXY", trap.URL)
	t.Setenv("http_proxy", trap.URL)

	var bomb bytes.Buffer
	z := must(gzip.NewWriterLevel(&bomb, gzip.BestSpeed))
	_, _ = io.Copy(z, io.LimitReader(spaces{}, 16<<20))
	_ = z.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "x"})
		if len(r.Cookies()) > 0 {
			evil.Add(1)
		}
		_, _ = w.Write(document(first()))
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, trap.URL, http.StatusFound) })
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	jar := must(cookiejar.New(nil))
	jar.SetCookies(must(url.Parse(server.URL)), []*http.Cookie{{Name: "session", Value: "x"}})
	for what, client := range map[string]*http.Client{"our own": nil, "a given one": {Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}} {
		for path, says := range map[string]string{"/good": "", "/redirect": "redirects are not followed", "/bomb": "longer than 1048576 bytes"} {
			c := must(jwks.New(jwks.Config{URL: server.URL + path, HTTPClient: client}))
			for range 2 {
				err := c.Refresh(t.Context())
				if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
					t.Errorf("%s, %s: %v", what, path, err)
				}
			}
			_ = c.Close()
		}
	}
	if n := evil.Load(); n != 0 {
		t.Errorf("%d requests went to a proxy or a redirect's target, or carried a cookie", n)
	}
	tls := httptest.NewTLSServer(mux)
	defer tls.Close()
	c := must(jwks.New(jwks.Config{URL: tls.URL + "/good"}))
	defer func() { _ = c.Close() }()
	if err := c.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	known := must(jwks.New(jwks.Config{URL: tls.URL + "/good", HTTPClient: tls.Client()}))
	defer func() { _ = known.Close() }()
	if err := known.Refresh(t.Context()); err != nil {
		t.Errorf("a private CA through HTTPClient: %v", err)
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
