package jwks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	fetchTimeout  = 5 * time.Second  // metadata and keys together, to the last byte
	warmTimeout   = 60 * time.Second // the same for a fetch that Refresh began
	maxDocument   = 1 << 20          // after decompression
	dialTimeout   = 3 * time.Second
	maxHeaderSize = 64 << 10
)

// newClient keeps what fetching must not do out of reach of configuration: following redirects, which lead to hosts nobody
// configured, and sending cookies.
func newClient(given *http.Client) *http.Client {
	client := &http.Client{}
	if given == nil {
		client.Transport = newTransport()
	} else {
		*client = *given
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// newTransport has no proxy: HTTP_PROXY of the environment must not be able to put itself between an API and its issuer's
// keys. It keeps no connections either, as minutes lie between two fetches.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: maxHeaderSize,
		DisableKeepAlives:      true,
	}
}

// freshClient is client with connections of its own, none of which it keeps, so that one that hangs cannot hold up what is sent
// next. A RoundTripper that is not an *http.Transport is used as it is.
func freshClient(client *http.Client) *http.Client {
	given := client.Transport
	if given == nil {
		given = http.DefaultTransport
	}
	shared, ok := given.(*http.Transport)
	if !ok {
		return client
	}
	transport := shared.Clone()
	transport.DisableKeepAlives = true
	if len(transport.TLSNextProto) > 0 { // what is configured from outside for HTTP/2 leads to the connections of the original
		transport.TLSNextProto, transport.ForceAttemptHTTP2 = nil, true
	}
	fresh := *client
	fresh.Transport = transport
	return &fresh
}

// response is an answer with status 200 or 304.
type response struct {
	unchanged bool
	body      []byte
	header    http.Header
}

// statusError is an answer that is no document.
type statusError struct {
	code  int
	after time.Duration // how long a busy server has asked us to stay away
}

func newStatusError(resp *http.Response) *statusError {
	e := &statusError{code: resp.StatusCode}
	if e.busy() {
		e.after = retryAfter(resp.Header, time.Now())
	}
	return e
}

func (e *statusError) Error() string {
	if e.code >= 300 && e.code < 400 && e.code != http.StatusNotModified {
		return fmt.Sprintf("it answered %d, and redirects are not followed; configure the address it leads to", e.code)
	}
	return fmt.Sprintf("it answered %d", e.code)
}

// absent: the server says that there is no such document.
func (e *statusError) absent() bool {
	return e.code == http.StatusNotFound || e.code == http.StatusGone
}

// absentError says that the server knows of no keys at all.
type absentError struct{ error }

func (e absentError) Unwrap() error { return e.error }

// Absent tells others what isAbsent tells here.
func (e absentError) Absent() bool { return true }

// keylessError says that the server's metadata speaks of no keys, which is not to be taken for a server that is not there.
type keylessError struct{ error }

func (e keylessError) Unwrap() error { return e.error }

// Absent is that of absentError, for others.
func (e keylessError) Absent() bool { return true }

func isAbsent(err error) bool {
	var absent absentError
	return errors.As(err, &absent)
}

// busy: asking at another address of the same server would only add to its load.
func (e *statusError) busy() bool { return e.code == http.StatusTooManyRequests || e.code >= 500 }

// asker makes the requests of one fetch.
type asker struct {
	client *http.Client
	heard  func() // is called whenever the server says something
}

// get makes one request. Only validators of an earlier answer are sent along.
func (a asker) get(ctx context.Context, address string, validators http.Header) (*response, error) {
	r, err := a.request(ctx, address, validators)
	if err != nil {
		return nil, refused(address, err)
	}
	return r, nil
}

// refused says which document an error is about.
func refused(address string, err error) error {
	return fmt.Errorf("GET %s: %w", printable(address), err)
}

func (a asker) request(ctx context.Context, address string, validators http.Header) (*response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("the address is not usable")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	for name, values := range validators {
		req.Header[name] = values
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	a.heard()
	defer func() { _ = resp.Body.Close() }()

	switch {
	case resp.StatusCode == http.StatusNotModified && len(validators) > 0:
		return &response{unchanged: true, header: resp.Header}, nil
	case resp.StatusCode != http.StatusOK:
		return nil, newStatusError(resp)
	}
	body, err := io.ReadAll(io.LimitReader(listener{resp.Body, a.heard}, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxDocument {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxDocument)
	}
	return &response{body: body, header: resp.Header}, nil
}

// listener tells of every read that brought something.
type listener struct {
	io.Reader
	heard func()
}

func (l listener) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if n > 0 {
		l.heard()
	}
	return n, err
}

// withoutURL drops the address that net/http puts into its errors: its query may hold a secret.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// validatorsOf makes the next request for the same document conditional (RFC 9110 section 13.1).
func validatorsOf(h http.Header) http.Header {
	validators := make(http.Header)
	if tag := h.Get("ETag"); tag != "" {
		validators.Set("If-None-Match", tag)
	}
	if date := h.Get("Last-Modified"); date != "" {
		validators.Set("If-Modified-Since", date)
	}
	return validators
}
