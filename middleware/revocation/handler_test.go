package revocation_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

const audience = "https://api.example.com"

// service is an API with a logout and a page for administrators.
func service(t *testing.T) (http.Handler, *authtest.Issuer, *revocation.List) {
	issuer := authtest.NewIssuer(t)
	list := newList(t, revocation.Config{})
	cfg := issuer.Config(audience)
	cfg.Revocations, cfg.Logger = []middleware.Revocations{list}, silent
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require().HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	mux.Handle("/logout", auth.Require().Handler(list.RevokeOwn()))
	mux.Handle("/admin", auth.Require("admin").Handler(list.Handler()))
	mux.Handle("/open/logout", list.RevokeOwn())
	return mux, issuer, list
}

func send(h http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRevokeOwn(t *testing.T) {
	h, issuer, _ := service(t)
	mine := issuer.Token(authtest.Claims{"sub": "alice", "jti": "mine"})
	other := issuer.Token(authtest.Claims{"sub": "alice", "jti": "other"})
	nameless := issuer.Token(authtest.Claims{"sub": "alice", "jti": nil})
	for _, step := range []struct {
		name, method, path, token string
		want                      int
	}{
		{"the token is good", "GET", "/orders", mine, 200},
		{"a logout is a POST", "GET", "/logout", mine, 405},
		{"logout", "POST", "/logout", mine, 204},
		{"the token is refused at once, though it was cached", "GET", "/orders", mine, 401},
		{"a second logout", "POST", "/logout", mine, 401},
		{"another token of the same user", "GET", "/orders", other, 200},
		{"a token without jti", "POST", "/logout", nameless, 422},
		{"which stays good", "GET", "/orders", nameless, 200},
		{"a logout that no Guard protects", "POST", "/open/logout", mine, 401},
	} {
		if w := send(h, step.method, step.path, step.token, ""); w.Code != step.want {
			t.Errorf("%s: %d, want %d: %s", step.name, w.Code, step.want, w.Body)
		}
	}
}

func TestAdminHandler(t *testing.T) {
	h, issuer, list := service(t)
	admin := issuer.Token(authtest.Claims{"sub": "root", "scope": "admin"})
	alice := issuer.Token(authtest.Claims{"sub": "alice"})
	entry := `{"kind":"subject","issuer":"` + issuer.URL() + `","value":"alice","note":"lost laptop"}`
	for _, step := range []struct {
		name, method, token, body string
		want                      int
	}{
		{"not an administrator", "POST", alice, entry, 403},
		{"nothing to lift", "DELETE", admin, entry, 404},
		{"revoked", "POST", admin, entry, 204},
		{"alice is out", "POST", alice, entry, 401},
		{"lifted", "DELETE", admin, entry, 204},
		{"alice is in, and still no administrator", "POST", alice, entry, 403},
		{"no kind", "POST", admin, `{"issuer":"i","value":"alice"}`, 400},
		{"an empty value", "POST", admin, `{"kind":"subject","issuer":"i","value":""}`, 400},
		{"an end that has passed", "POST", admin, `{"kind":"issuer","issuer":"i","until":"2020-01-01T00:00:00Z"}`, 400},
		{"an unknown member", "POST", admin, `{"kind":"issuer","issuer":"i","subject":"alice"}`, 400},
		{"two entries", "POST", admin, entry + entry, 400},
		{"half an entry", "POST", admin, entry[:20], 400},
		{"a body beyond all", "POST", admin, `{"note":"` + strings.Repeat("x", 20<<10) + `"}`, 400},
		{"no media type", "POST", admin, "", 415},
		{"another method", "PUT", admin, entry, 405},
	} {
		w := send(h, step.method, "/admin", step.token, step.body)
		if w.Code != step.want || strings.Contains(w.Body.String(), "lost laptop") {
			t.Errorf("%s: %d, want %d: %s", step.name, w.Code, step.want, w.Body)
		}
	}
	if w := send(h, "GET", "/admin", admin, ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"entries":0`) {
		t.Errorf("status: %d %s", w.Code, w.Body)
	}
	_ = list.Close()
	if w := send(h, "GET", "/orders", alice, ""); w.Code != 503 {
		t.Errorf("with a closed list: %d", w.Code)
	}
}

// What was not revoked is never called revoked.
func TestChangesThatFail(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	entry := `{"kind":"issuer","issuer":"` + issuer.URL() + `"}`
	full := newList(t, revocation.Config{MaxEntries: 1})
	if err := full.Revoke(t.Context(), revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "j"}); err != nil {
		t.Fatal(err)
	}
	closed := newList(t, revocation.Config{})
	_ = closed.Close()
	token := middleware.ContextWithToken(t.Context(), &middleware.Token{Issuer: issuer.URL(), ID: "mine"})
	for _, row := range []struct {
		name    string
		h       http.Handler
		ctx     context.Context
		media   string
		want    int
		waiting bool // Retry-After
	}{
		{"an administrator, full", full.Handler(), t.Context(), "application/json", 503, true},
		{"an administrator, closed", closed.Handler(), t.Context(), "application/json", 503, true},
		{"an administrator who is gone", newList(t, revocation.Config{}).Handler(), cancelled, "application/json", 503, true},
		{"a bearer, full", full.RevokeOwn(), token, "", 503, true},
		{"a form", newList(t, revocation.Config{}).Handler(), t.Context(), "application/x-www-form-urlencoded", 415, false},
		{"a media type that is none", newList(t, revocation.Config{}).Handler(), t.Context(), "application/json;;", 415, false},
		{"one with a parameter", newList(t, revocation.Config{}).Handler(), t.Context(), "application/json; charset=utf-8", 204, false},
	} {
		r := httptest.NewRequestWithContext(row.ctx, http.MethodPost, "/", strings.NewReader(entry))
		r.Header.Set("Content-Type", row.media)
		w := httptest.NewRecorder()
		row.h.ServeHTTP(w, r)
		if w.Code != row.want || (w.Header().Get("Retry-After") != "") != row.waiting {
			t.Errorf("%s: %d, Retry-After %q; want %d", row.name, w.Code, w.Header().Get("Retry-After"), row.want)
		}
	}
}

func TestA401HasAChallenge(t *testing.T) {
	l := newList(t, revocation.Config{})
	w := httptest.NewRecorder()
	l.RevokeOwn().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/logout", nil)) // behind a Guard that lets anonymous requests pass
	if w.Code == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("401 without WWW-Authenticate (RFC 9110 section 15.5.2)")
	}
}

// Whoever closes a List before the last request is told so, and not only to read its Store.
func TestAListThatIsClosedTooEarly(t *testing.T) {
	issuer, list := authtest.NewIssuer(t), newList(t, revocation.Config{})
	cfg, log := issuer.Config(audience), new(strings.Builder)
	cfg.Revocations, cfg.Logger = []middleware.Revocations{list}, slog.New(slog.NewTextHandler(log, nil))
	auth, err := middleware.New(cfg)
	do(t, err)
	t.Cleanup(func() { _ = auth.Close() })
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(nil))
	_, err = auth.Require().Check(r)
	do(t, err, list.Close())
	if _, err = auth.Require().Check(r); !errors.Is(err, middleware.ErrUnavailable) || !strings.Contains(log.String(), "Close it after the last") {
		t.Errorf("a token that was good before: %v, and the log is %s", err, log)
	}
}
