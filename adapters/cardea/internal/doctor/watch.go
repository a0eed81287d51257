package doctor

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"sync"
	"time"
)

// maxBody is how much of an answer is remembered. Documents that are longer are refused by those who read them.
const maxBody = 1 << 20

// exchange is one request and what became of it.
type exchange struct {
	address string // without the query, which may hold a secret
	path    string
	host    string
	method  string
	status  int // zero: no answer
	header  http.Header
	tls     *tls.ConnectionState
	err     error
	began   time.Time
	took    time.Duration // until the head of the answer was there
	body    bytes.Buffer
}

// watch remembers every exchange that passes through it. What the report says of metadata and keys is what the code that judges tokens
// has asked and been told, not what a second implementation of it would.
type watch struct {
	base http.RoundTripper
	now  func() time.Time

	mu  sync.Mutex
	all []*exchange
}

// RoundTrip implements http.RoundTripper.
func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	address := *r.URL
	address.RawQuery, address.User = "", nil
	x := &exchange{address: address.String(), path: r.URL.EscapedPath(), host: r.URL.Host, method: r.Method, began: w.now()}
	resp, err := w.base.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, x)
	x.took, x.err = w.now().Sub(x.began), err
	if err != nil {
		return resp, err
	}
	x.status, x.header, x.tls = resp.StatusCode, resp.Header.Clone(), resp.TLS
	resp.Body = &recorded{resp.Body, x, w}
	return resp, nil
}

// recorded is the body of an answer, of which a copy is kept.
type recorded struct {
	io.ReadCloser
	of *exchange
	by *watch
}

// Read implements io.Reader.
func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.by.mu.Lock()
	defer r.by.mu.Unlock()
	r.of.body.Write(p[:min(n, maxBody-r.of.body.Len())])
	return n, err
}

// since returns the exchanges from the one with this number on.
func (w *watch) since(number int) []*exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*exchange(nil), w.all[number:]...)
}

func (w *watch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}
