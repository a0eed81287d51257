package faults_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// meter counts what a client takes from the bodies of answers, after they have been unpacked.
type meter struct {
	http.RoundTripper
	read atomic.Int64
}

func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &meteredBody{resp.Body, &m.read}
	}
	return resp, err
}

type meteredBody struct {
	io.ReadCloser
	read *atomic.Int64
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	return n, err
}

const gigabyte = 1 << 30

// zeros is endless.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// packed is so many zeros in a thousandth of the space. A file of gzip may have many members (RFC 1952 section 2.2).
func packed(size int) []byte {
	const part = 16 << 20
	var text bytes.Buffer
	z := gzip.NewWriter(&text)
	_, _ = io.CopyN(z, zeros{}, part)
	_ = z.Close()
	return bytes.Repeat(text.Bytes(), size/part)
}

// hugeAnswers are sent over a real connection, as decompression is the HTTP client's work.
func hugeAnswers() map[string]http.HandlerFunc {
	bomb := packed(gigabyte)
	return map[string]http.HandlerFunc{
		"a gigabyte": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, zeros{}, gigabyte) },
		"a gigabyte that says its length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1073741824")
			_, _ = io.CopyN(w, zeros{}, gigabyte)
		},
		"a megabyte that unpacks to a gigabyte": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		},
		"white space without end before the set": func(w http.ResponseWriter, _ *http.Request) {
			pour(w, ' ')
		},
	}
}

// pour writes one byte over and over until nobody takes it any more.
func pour(w io.Writer, b byte) {
	much := bytes.Repeat([]byte{b}, 1<<16)
	for {
		if _, err := w.Write(much); err != nil {
			return
		}
	}
}

func TestHugeAnswerIsReadToAMegabyteAndRefused(t *testing.T) {
	const (
		slack    = 4096
		expected = 1<<20 + slack // of the body
		spent    = 10 << 20      // of memory, the server of this very process included
	)
	for name, answer := range hugeAnswers() {
		for _, endpoint := range []string{"/keys", "/.well-known/openid-configuration"} {
			t.Run(name+" "+endpoint, func(t *testing.T) {
				a, m := newAuthority("login.example.com"), &meter{RoundTripper: ownTransport(t)}
				var huge atomic.Bool
				mux := http.NewServeMux()
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if huge.Load() && r.URL.Path == endpoint {
						answer(w, r)
						return
					}
					mux.ServeHTTP(w, r)
				}))
				t.Cleanup(server.Close)
				a.url, a.host = server.URL, strings.TrimPrefix(server.URL, "http://")
				mux.HandleFunc("/", a.serve)

				// Before the first load the answer is 503, with either endpoint.
				huge.Store(true)
				first := newService(
					t,
					middleware.Config{Issuers: []middleware.Issuer{{URL: a.url}}, Audiences: []string{ordersAPI}, HTTPClient: &http.Client{Transport: m}},
				)
				cost := allocated(func() { _ = first.validator.Warm(t.Context()) })
				if n := m.read.Load(); n > 2*expected { // metadata is looked for at two addresses
					t.Errorf("%d bytes were read", n)
				}
				if cost > spent {
					t.Errorf("%d bytes of memory were allocated, want at most %d", cost, spent)
				}
				first.good(a.token(a.key()))
				if c := first.take(); c.unavailable != 1 {
					t.Errorf("%+v; want 503", c)
				}

				// Afterwards the keys stay.
				huge.Store(false)
				warm(t, first.validator)
				huge.Store(true)
				tr := a.usual(1)
				m.read.Store(0)
				err := first.validator.Warm(t.Context())
				if n := m.read.Load(); n > expected {
					t.Errorf("%d bytes were read", n)
				}
				if (err == nil) != (endpoint != "/keys") { // metadata is a day good
					t.Errorf("the fetch: %v", err)
				}
				for _, token := range tr.good {
					first.good(token)
				}
				for _, token := range tr.bad {
					first.bad(token)
				}
				first.wantServed("with the keys from before")
			})
		}
	}
}

func TestHeaderWithoutEndIsCut(t *testing.T) {
	a := newAuthority("login.example.com")
	poured := make(chan int64, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := http.NewResponseController(w).Hijack()
		defer func() { _ = c.Close() }()
		_ = c.(*net.TCPConn).SetWriteBuffer(1 << 16)
		counted := &countingWriter{Writer: c}
		_, _ = io.WriteString(counted, "HTTP/1.1 200 OK\r\nX-Pad: ")
		pour(counted, 'x')
		poured <- counted.n
	}))
	defer server.Close()
	s := newService(t, middleware.Config{Issuers: []middleware.Issuer{{URL: a.url, JWKSURI: server.URL}}, Audiences: []string{ordersAPI}})
	if err := s.validator.Warm(t.Context()); err == nil {
		t.Error("a header without end is a key set")
	}
	if n := <-poured; n > 8<<20 { // what the system's buffers hold, and 64 KiB
		t.Errorf("%d bytes of the header were taken", n)
	}
	s.good(a.token(a.key()))
	if c := s.take(); c.unavailable != 1 {
		t.Errorf("%+v; want 503", c)
	}
}

type countingWriter struct {
	io.Writer
	n int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.n += int64(n)
	return n, err
}

// ownTransport is one whose connections end with the test.
func ownTransport(t *testing.T) *http.Transport {
	tr := &http.Transport{DialContext: new(net.Dialer).DialContext}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// serve is answer over a real connection.
func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	resp, err := a.answer(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}
