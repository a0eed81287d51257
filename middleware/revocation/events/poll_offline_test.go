package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// asked is a request to a transmitter that is played by a test.
type asked struct {
	Max     int      `json:"maxEvents"`
	AtOnce  bool     `json:"returnImmediately"`
	Ack     []string `json:"ack"`
	SetErrs map[string]struct {
		Err         string `json:"err"`
		Description string `json:"description"`
	} `json:"setErrs"`

	Stream string `json:"stream_id"`
	State  string `json:"state"`

	at      time.Duration // since the start of the test
	header  http.Header
	address string
}

// offline makes a Receiver whose transmitter is a function, for tests in a bubble: nothing is sent.
func offline(t *testing.T, play func(n int, a asked, ctx context.Context) (*http.Response, error), change ...func(*events.Config)) (*events.Receiver, *revocation.List, *[]asked) {
	t.Helper()
	list, err := revocation.New(revocation.Config{Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	r, all := offlineOn(t, list, play, change...)
	return r, list, all
}

func offlineOn(t *testing.T, list *revocation.List, play func(n int, a asked, ctx context.Context) (*http.Response, error), change ...func(*events.Config)) (*events.Receiver, *[]asked) {
	t.Helper()
	auth, err := middleware.New(middleware.Config{
		Issuers:     []middleware.Issuer{{URL: testkit.Issuer, Keys: testkit.KeySet()}},
		Audiences:   []string{testkit.Audience},
		Revocations: []middleware.Revocations{list},
		Logger:      silent,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	began, all := time.Now(), new([]asked)
	var mu sync.Mutex // keys may be fetched ahead meanwhile
	cfg := events.Config{
		Transmitter: testkit.Issuer,
		Audiences:   []string{audience},
		StreamID:    "s",
		PollURL:     "https://idp.example.com/poll?secret=x",
		Logger:      silent,
		HTTPClient: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			var a asked
			if r.Body != nil {
				if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
					t.Errorf("%s: %v", r.URL, err)
				}
			}
			a.at, a.header, a.address = time.Since(began), r.Header, r.URL.String()
			mu.Lock()
			*all = append(*all, a)
			n := len(*all)
			mu.Unlock()
			return play(n, a, r.Context())
		})},
	}
	for _, change := range change {
		change(&cfg)
	}
	r, err := events.New(auth, list, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r, all
}

// pushTo pushes a token to a Receiver of offline.
func pushTo(r *events.Receiver, token string) *httptest.ResponseRecorder {
	return (&fixture{Receiver: r}).push(token)
}

// set is a token of the transmitter that offline plays.
func set(id, sub string) string {
	payload := fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"jti":%q,"sub_id":{"format":"iss_sub","iss":%q,"sub":%q},"events":{%q:{}}}`,
		testkit.Issuer, audience, time.Now().Unix(), id, testkit.Issuer, sub, caep+"session-revoked")
	return signed(payload)
}

func signed(payload string) string {
	return testkit.Sign(`{"typ":"secevent+jwt","alg":"EdDSA","kid":"ed"}`, payload, testkit.EdKey())
}

func respond(status int, body string, header ...string) (*http.Response, error) {
	h := make(http.Header)
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func sets(more bool, tokens ...string) (*http.Response, error) {
	all := make(map[string]string)
	for i := 0; i+1 < len(tokens); i += 2 {
		all[tokens[i]] = tokens[i+1]
	}
	body, _ := json.Marshal(map[string]any{"sets": all, "moreAvailable": more})
	return respond(200, string(body))
}

// silence is a transmitter that lets a poll wait until it is given up.
func silence(ctx context.Context) (*http.Response, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// pollFor polls for a while of the bubble's time.
func pollFor(t *testing.T, r *events.Receiver, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := r.Poll(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	synctest.Wait()
}

func s(seconds int) time.Duration { return time.Duration(seconds) * time.Second }
