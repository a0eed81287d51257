package authtest_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/logout"
)

// logoutFlaws are the broken logout tokens, and what the answer must speak of: were another check to refuse one, a second thing would be wrong
// with it, and it would prove nothing about the first.
var logoutFlaws = map[string]string{
	"no token":                     "cannot be read",
	"two segments":                 "cannot be read",
	"a critical extension (crit)":  "cannot be read",
	"an access token":              "typ",
	"a security event":             "typ",
	"a payload that is no JSON":    "cannot be read",
	"a claim twice":                "cannot be read",
	"a claim in two spellings":     "cannot be read",
	"no issuer":                    "cannot be read",
	"another issuer":               "issuer is none",
	"alg none":                     "cannot be read", // it ends with a dot
	"no audience":                  "another client",
	"another client":               "another client",
	"an ID token":                  "nonce",
	"no events":                    "a claim",
	"another event":                "a claim",
	"an event that is no object":   "a claim",
	"no time":                      "a claim",
	"no expiry":                    "a claim",
	"expired":                      "expired",
	"issued days ago":              "too old",
	"issued in the future":         "dated ahead",
	"no jti":                       "a claim",
	"neither a user nor a session": "a claim",
	"a session that is no text":    "cannot be read",
	"an unknown kid":               "signature",
	"an altered signature":         "signature",
	"somebody else's key":          "signature",
	"claims changed after signing": "signature",
}

// logoutReceiver hears the logouts of issuer, and its list refuses tokens of the Validator.
func logoutReceiver(t *testing.T, issuer *authtest.Issuer) (*logout.Receiver, *revocation.List, *middleware.Validator) {
	t.Helper()
	list, err := revocation.New(revocation.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	cfg := issuer.Config(orders)
	cfg.Revocations = []middleware.Revocations{list}
	v, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	id, _ := issuer.Client()
	receiver, err := logout.New(v, list, logout.Config{ClientIDs: []string{id}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return receiver, list, v
}

func TestBrokenLogoutTokensAreRefusedByTheCheckTheyAreMadeFor(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	receiver, list, _ := logoutReceiver(t, issuer)
	seen := 0
	for name, token := range issuer.BrokenLogoutTokens() {
		seen++
		want, known := logoutFlaws[name]
		r := httptest.NewRequest("POST", "/", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		var answer struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(w.Body.Bytes(), &answer)
		if !known || w.Code != http.StatusBadRequest || answer.Error != "invalid_request" || !strings.Contains(answer.Description, want) {
			t.Errorf("%s: %d %s, want 400 about %q", name, w.Code, w.Body, want)
		}
	}
	if entries := list.Status().Entries; seen != len(logoutFlaws) || entries != 0 {
		t.Errorf("there are %d broken logout tokens, want %d; %d entries", seen, len(logoutFlaws), entries)
	}
	for range issuer.BrokenLogoutTokens() {
		break
	}
}

func TestALogoutEndsTheTokensOfASession(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	receiver, _, v := logoutReceiver(t, issuer)
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	api := http.NewServeMux()
	api.Handle("GET /orders", v.Require().Handler(ok))
	one, two := issuer.Token(authtest.Claims{"sid": "one"}), issuer.Token(authtest.Claims{"sid": "two"})
	bob := issuer.Token(authtest.Claims{"sub": "bob"})
	want := func(when string, statuses ...int) {
		t.Helper()
		for i, token := range []string{one, two, bob} {
			if got := ask(api, token).Code; got != statuses[i] {
				t.Errorf("%s: token %d gets %d, want %d", when, i, got, statuses[i])
			}
		}
	}
	send := func(token string) {
		t.Helper()
		if status, err := issuer.SendLogout(t.Context(), server.URL, token); err != nil || status != http.StatusOK {
			t.Errorf("the answer is %d, %v", status, err)
		}
	}
	want("before", 200, 200, 200)
	send(issuer.LogoutToken(authtest.Claims{"sid": "one"}))
	want("after the logout of a session", 401, 200, 200)
	send(issuer.LogoutToken(nil))
	want("after the logout of a user", 401, 401, 200)

	server.Close()
	if status, err := issuer.SendLogout(t.Context(), server.URL, ""); err == nil || status != 0 {
		t.Errorf("nobody answers %d", status)
	}
	if _, err := issuer.SendLogout(t.Context(), "\x00", ""); err == nil {
		t.Error("an address that is none is called")
	}
}
