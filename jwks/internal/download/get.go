// Package download gets one document over HTTP, within limits: of an answer that is too long, leads elsewhere or is none, nothing is used.
package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

const maxDocument = 1 << 20 // after decompression

// Getter gets documents. It is safe for concurrent use if Heard is. Both fields are required.
type Getter struct {
	Client *http.Client // from NewClient or FreshClient
	Heard  func()       // not nil; is called whenever the server says something, while Get runs
}

// Response is an answer with status 200 or 304.
type Response struct {
	Unchanged bool // 304: there is no Body, and the document is the one that the validators are of
	Body      []byte
	Header    http.Header
}

// Get makes one request, which ends when ctx does. Of an earlier answer only its validators are sent along ([ValidatorsOf]); nil: none. The
// error is a [*StatusError] if the server has answered with another status than 200, or 304 to validators. No error names the address, whose
// query may hold a secret.
func (g Getter) Get(ctx context.Context, address string, validators http.Header) (*Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("the address is not usable")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	for name, values := range validators {
		req.Header[name] = values
	}
	resp, err := g.Client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	g.Heard()
	defer func() { _ = resp.Body.Close() }()

	switch {
	case resp.StatusCode == http.StatusNotModified && len(validators) > 0:
		return &Response{Unchanged: true, Header: resp.Header}, nil
	case resp.StatusCode != http.StatusOK:
		return nil, newStatusError(resp)
	}
	body, err := io.ReadAll(io.LimitReader(listener{resp.Body, g.Heard}, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxDocument {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxDocument)
	}
	return &Response{Body: body, Header: resp.Header}, nil
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
