package jwks_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

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

func TestLimitOfFetchTime(t *testing.T) {
	for latency, good := range map[time.Duration]bool{5*time.Second - 1: true, 5*time.Second + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(t, &issuer{answer: slow(latency, serving(publicJWK("k", "ES256", p256A())))})
			_, _ = c.VerificationKeys(t.Context(), "k", "ES256")
			time.Sleep(10 * time.Second)
			if _, err := c.VerificationKeys(t.Context(), "k", "ES256"); (err == nil) != good {
				t.Errorf("an answer after %v: %v", latency, err)
			}
		})
	}
}

func TestLimitOfWarmTime(t *testing.T) {
	for latency, good := range map[time.Duration]bool{time.Minute - 1: true, time.Minute + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(t, &issuer{answer: slow(latency, serving(publicJWK("k", "ES256", p256A())))})
			began := time.Now()
			if err := c.Refresh(t.Context()); (err == nil) != good || time.Since(began) > time.Minute {
				t.Errorf("an answer after %v: %v after %v", latency, err, time.Since(began))
			}
		})
	}
}

func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const date = "Sun, 22 Nov 2026 00:00:00 GMT"
		i := &issuer{answer: always(200, string(document(first())), "ETag", `"v1"`, "Last-Modified", date, "Date", date, "Age", "60")}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		if got := c.Status().ServerTime; got.UTC().Format(http.TimeFormat) != "Sun, 22 Nov 2026 00:01:00 GMT" {
			t.Errorf("the server's clock says %v", got)
		}
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

// What no client of ours does (jwks/internal/download), none that is given does either.
func TestTheClientOfACache(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			t.Error("cookies are sent along")
		}
		_, _ = w.Write(document(first()))
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	plain, secured := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	defer plain.Close()
	defer secured.Close()
	jar := must(cookiejar.New(nil))
	jar.SetCookies(must(url.Parse(plain.URL)), []*http.Cookie{{Name: "session", Value: "x"}})
	for _, row := range []struct {
		what   string
		url    string
		client *http.Client
		says   string
	}{
		{"our own", plain.URL + "/good", nil, ""},
		{"our own and a redirect", plain.URL + "/redirect", nil, "redirects are not followed"},
		{"our own and a server that nobody vouches for", secured.URL + "/good", nil, "certificate"},
		{"a given one", plain.URL + "/good", &http.Client{Jar: jar}, ""},
		{"a given one and a redirect", plain.URL + "/redirect", &http.Client{Jar: jar}, "redirects are not followed"},
		{"a given one with a private CA", secured.URL + "/good", secured.Client(), ""},
	} {
		c := must(jwks.New(jwks.Config{URL: row.url, HTTPClient: row.client}))
		if err := c.Refresh(t.Context()); (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want an error with %q", row.what, err, row.says)
		}
		_ = c.Close()
	}
}

// A client of the caller's own keeps connections, and over HTTP/2 it sends everything over one. If that one is dead, so would every fetch be.
func TestAFetchBesideAnotherHasItsOwnConnection(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what   string
		http2  bool
		kept   int32 // connections of the client's own that it keeps, although the request was given up
		change func(*http.Transport)
	}{
		{"HTTP/1.1", false, 0, func(*http.Transport) {}},
		{"HTTP/2", true, 1, func(*http.Transport) {}},
		{"HTTP/2 that was configured from outside", true, 1, func(transport *http.Transport) {
			transport.TLSClientConfig.NextProtos = []string{"h2", "http/1.1"}
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{
				"h2": func(string, *tls.Conn) http.RoundTripper { return &issuer{answer: hanging} },
			}
		}},
	} {
		// The HTTP/2 server of Go 1.25 keeps channels in a sync.Pool, and what one bubble has made no other may use. The first
		// collection only empties such pools into their victims.
		runtime.GC()
		runtime.GC()
		synctest.Test(t, func(t *testing.T) {
			listener := &pipes{made: make(chan net.Conn), closed: make(chan struct{})}
			var dead sync.Map // remote addresses of connections on which nothing is answered any more
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if (r.ProtoMajor == 2) != row.http2 {
					t.Errorf("%s: the request came in %s", row.what, r.Proto)
				}
				if _, hangs := dead.Swap(r.RemoteAddr, true); hangs {
					<-r.Context().Done()
					return
				}
				_, _ = w.Write(document(first()))
			}))
			server.Listener, server.EnableHTTP2 = listener, row.http2
			server.StartTLS()
			defer server.Close()
			client := server.Client()
			transport := client.Transport.(*http.Transport)
			transport.TLSClientConfig.InsecureSkipVerify = true
			transport.DialContext = listener.dial
			row.change(transport)
			defer transport.CloseIdleConnections()
			if r, err := client.Do(must(http.NewRequestWithContext(short(t, time.Second), http.MethodGet, keysURL, nil))); err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
			}

			c := newCache(t, nil, func(cfg *jwks.Config) { cfg.HTTPClient = client })
			defer func() { _ = c.Close() }()
			go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
			time.Sleep(time.Second)
			expect(t, row.what, c, "first", "found")
			time.Sleep(6 * time.Second) // tls.Conn.Close spends up to five seconds on its last word, to a pipe that nobody may be reading
			if made, open := listener.dialled.Load(), listener.open.Load(); made != 2 || open != row.kept {
				t.Errorf("%s: %d connections were made and %d are open, want 2 and %d", row.what, made, open, row.kept)
			}

			// The connection that is dead is still among those that the client keeps.
			go func() { _ = c.Refresh(short(t, time.Second)) }()
			time.Sleep(10 * time.Second)
			if s := c.Status(); s.LastError != nil || s.Failures > 1 {
				t.Errorf("%s: a fetch after a failure does not get through: %+v", row.what, s)
			}
		})
	}
}

// A given client without a Transport uses the one of net/http, which has connections of everybody's.
func TestAFetchAfterAFailureSharesNoConnection(t *testing.T) {
	t.Parallel()
	var closed []bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if closed = append(closed, r.Close); len(closed) == 1 {
			w.WriteHeader(500)
			return
		}
		_, _ = w.Write(document(first()))
	}))
	defer server.Close()
	c := newCache(t, nil, func(cfg *jwks.Config) { cfg.URL, cfg.HTTPClient = server.URL, &http.Client{} })
	for range 3 {
		_ = c.Refresh(t.Context())
	}
	if !slices.Equal(closed, []bool{false, true, false}) {
		t.Errorf("connections of their own: %v, want one for the fetch after the failure", closed)
	}
}

func short(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// pipes is a network without a network, for bubbles. Each connection has an address of its own.
type pipes struct {
	made    chan net.Conn
	closed  chan struct{}
	once    sync.Once
	dialled atomic.Int32
	open    atomic.Int32
}

type pipe struct {
	net.Conn
	from  net.Addr
	close func()
}

func (p pipe) RemoteAddr() net.Addr { return p.from }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	n := int(p.dialled.Add(1))
	p.open.Add(1)
	select {
	case p.made <- pipe{far, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n}, func() {}}:
		return pipe{near, far.RemoteAddr(), sync.OnceFunc(func() { p.open.Add(-1) })}, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.made:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p pipe) Close() error {
	p.close()
	return p.Conn.Close()
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}
