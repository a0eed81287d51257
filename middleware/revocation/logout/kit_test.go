package logout_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/logout"
)

type claims = testkit.Claims

const (
	alias = "https://login.example.com/old"
	other = "https://other.example"
	event = "http://schemas.openid.net/event/backchannel-logout"
	typed = `{"typ":"logout+jwt","alg":"EdDSA","kid":"ed"}`
)

var tokens atomic.Int64

// good are the claims of a logout token, made now; changes override members, nil removes them.
func good(changes claims) claims {
	now := time.Now()
	return claims{
		"iss": testkit.Issuer, "aud": "web", "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": testkit.B64([]byte{byte(tokens.Add(1)), byte(tokens.Load() >> 8)}),
		"sub": "alice", "sid": "session-1", "events": claims{event: claims{}},
	}.With(changes)
}

func signed(changes claims) string {
	return testkit.Sign(typed, string(testkit.JSON(good(changes))), testkit.EdKey())
}

// api is an API that hears of logouts.
type api struct {
	t        *testing.T
	list     *revocation.List
	receiver *logout.Receiver
	log      strings.Builder
}

// newAPI trusts testkit.Issuer and another issuer.
func newAPI(t *testing.T, keys middleware.KeySource, list revocation.Config, change func(*logout.Config)) *api {
	t.Helper()
	a := &api{t: t}
	list.Logger = slog.New(slog.DiscardHandler)
	var err error
	if a.list, err = revocation.New(list); err != nil {
		t.Fatal(err)
	}
	cfg := logout.Config{ClientIDs: []string{"mobile", "web"}, Logger: slog.New(slog.NewTextHandler(&a.log, nil))}
	if change != nil {
		change(&cfg)
	}
	if a.receiver, err = logout.New(trusting(t, keys), a.list, cfg); err != nil {
		t.Fatal(err)
	}
	return a
}

func trusting(t testing.TB, keys middleware.KeySource) *middleware.Validator {
	t.Helper()
	v, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{
			{URL: testkit.Issuer, Aliases: []string{alias}, Keys: keys, Algorithms: []string{"EdDSA", "RS256"}},
			{URL: other, Keys: testkit.OneKey("other", testkit.StrangeKey())},
		},
		Audiences: []string{testkit.Audience},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func usual(t *testing.T) *api { return newAPI(t, testkit.KeySet(), revocation.Config{}, nil) }

// send posts a logout token.
func (a *api) send(token string) *httptest.ResponseRecorder {
	return a.post(url.Values{"logout_token": {token}}.Encode())
}

func (a *api) post(body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/backchannel-logout", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.serve(r)
}

func (a *api) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.receiver.ServeHTTP(w, r)
	if got := w.Header().Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
		a.t.Errorf("Cache-Control is %q", got)
	}
	return w
}

// ended is the kind of entry by which a token with these facts was revoked; empty: it was not.
func (a *api) ended(f middleware.TokenFacts) string {
	if f.Issuer == "" {
		f.Issuer = testkit.Issuer
	}
	return a.list.Judge(f).Kind
}

// wantEnded wants the answer of success, and so many entries.
func (a *api) wantEnded(name string, w *httptest.ResponseRecorder, entries int) {
	a.t.Helper()
	if got := a.list.Status().Entries; w.Code != http.StatusOK || w.Body.Len() != 0 || got != entries {
		a.t.Errorf("%s: %d %s, and %d entries, want 200 and %d", name, w.Code, w.Body, got, entries)
	}
}

// wantError wants an answer with an error, and no entry.
func (a *api) wantError(name string, w *httptest.ResponseRecorder, status int, body string) {
	a.t.Helper()
	if w.Code != status || strings.TrimSpace(w.Body.String()) != body || w.Header().Get("Content-Type") != "application/json" {
		a.t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, status, body)
	}
	if got := a.list.Status().Entries; got != 0 {
		a.t.Errorf("%s: there are %d entries", name, got)
	}
}

func invalid(description string) string {
	return `{"error":"invalid_request","error_description":"` + description + `"}`
}
