package download_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks/internal/download"
)

const address = "https://issuer.example/keys?code=hunter2"

// round is a server without a network.
type round func(*http.Request) (*http.Response, error)

func (r round) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func answering(status int, body io.Reader, header ...string) round {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for n := 0; n < len(header); n += 2 {
			h.Add(header[n], header[n+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(body)}, nil
	}
}

func get(t *testing.T, r round, validators http.Header) (*download.Response, error) {
	t.Helper()
	ask := download.Getter{Client: download.NewClient(&http.Client{Transport: r}), Heard: func() {}}
	return ask.Get(t.Context(), address, validators)
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
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
	body := new(tap)
	if r, err := get(t, answering(200, body), nil); r != nil || err == nil || err.Error() != "the answer is longer than 1048576 bytes" {
		t.Errorf("%v, %v", r, err)
	}
	if body.taken != 1<<20+1 {
		t.Errorf("%d bytes were read, want 1 MiB and one", body.taken)
	}
}

func TestLimitOfDocuments(t *testing.T) {
	t.Parallel()
	for length, good := range map[int]bool{0: true, 1 << 20: true, 1<<20 + 1: false} {
		r, err := get(t, answering(200, bytes.NewReader(make([]byte, length))), nil)
		if (err == nil) != good || good && len(r.Body) != length {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

// A document that ends early must not pass for a shorter one: the keys that are missing would refuse good tokens.
func TestABodyThatBreaksIsNone(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader(`{"keys":[]}`), failure{io.ErrUnexpectedEOF})
	if r, err := get(t, answering(200, broken), nil); r != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, %v", r, err)
	}
}

type failure struct{ error }

func (f failure) Read([]byte) (int, error) { return 0, f.error }

func TestWhatIsAsked(t *testing.T) {
	t.Parallel()
	for what, validators := range map[string]http.Header{
		"nothing is known": nil, "a tag is known": {"If-None-Match": {`"v1"`}, "If-Modified-Since": {"Sun, 22 Nov 2026 00:00:00 GMT"}},
	} {
		_, err := get(t, func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet || r.URL.String() != address || r.Header.Get("Accept") != "application/jwk-set+json, application/json" {
				t.Errorf("%s: %s %s %v", what, r.Method, r.URL, r.Header)
			}
			for _, name := range []string{"If-None-Match", "If-Modified-Since"} {
				if r.Header.Get(name) != validators.Get(name) {
					t.Errorf("%s: %s is %q", what, name, r.Header.Get(name))
				}
			}
			return answering(200, nothing())(r)
		}, validators)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func nothing() io.Reader { return strings.NewReader("") }

// A 304 says something only about the document that somebody has.
func TestAnAnswerWithoutADocument(t *testing.T) {
	t.Parallel()
	known := http.Header{"If-None-Match": {`"v1"`}}
	r, err := get(t, answering(304, strings.NewReader("x"), "Cache-Control", "max-age=7"), known)
	if err != nil || !r.Unchanged || r.Body != nil || r.Header.Get("Cache-Control") != "max-age=7" {
		t.Errorf("to validators: %+v, %v", r, err)
	}
	for _, validators := range []http.Header{nil, {}} {
		var status *download.StatusError
		if r, err := get(t, answering(304, nothing()), validators); r != nil || !errors.As(err, &status) || status.Code != 304 {
			t.Errorf("that nobody asked for: %+v, %v", r, err)
		}
	}
	r, err = get(t, answering(200, strings.NewReader("x"), "ETag", "y"), known)
	if err != nil || r.Unchanged || string(r.Body) != "x" || r.Header.Get("ETag") != "y" {
		t.Errorf("a new document: %+v, %v", r, err)
	}
}

func TestErrorsShowNoAddress(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	ask := download.Getter{
		Client: download.NewClient(&http.Client{Transport: round(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })}),
		Heard:  func() { t.Error("nothing was heard") },
	}
	for _, row := range []struct {
		ctx     context.Context
		address string
		says    string
	}{
		{t.Context(), address, "unexpected EOF"},
		{t.Context(), "https://issuer.example/%zz?code=hunter2", "the address is not usable"},
		{ended, address, ""},
	} {
		_, err := ask.Get(row.ctx, row.address, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %q", row.address, err, row.says)
		}
	}
}

// Whoever waits wants to know whether the server is alive.
func TestWhatIsHeard(t *testing.T) {
	t.Parallel()
	heard := 0
	var before []int // each read of the body
	body := reader(func(p []byte) (int, error) {
		switch before = append(before, heard); len(before) {
		case 1:
			return 0, nil // nothing yet
		case 2:
			return copy(p, "{}"), nil
		}
		return 0, io.EOF
	})
	ask := download.Getter{Client: download.NewClient(&http.Client{Transport: answering(200, body)}), Heard: func() { heard++ }}
	if r, err := ask.Get(t.Context(), address, nil); err != nil || string(r.Body) != "{}" {
		t.Fatal(r, err)
	}
	if !slices.Equal(before, []int{1, 1, 2}) {
		t.Errorf("heard before each read: %v, want once for the answer, not again for nothing, and once for what came", before)
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }
