package interop_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/logout"
)

// A server tells the API's address who has logged out (OpenID Connect Back-Channel Logout 1.0), and the API refuses their tokens.
func TestLogoutsOfAServer(t *testing.T) {
	var mux http.ServeMux
	server := httptest.NewServer(&mux)
	t.Cleanup(server.Close)
	orders := api{url: server.URL}
	p := startProviderAs(t, "", server.URL+"/logouts")
	list, err := revocation.New(revocation.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	auth := newValidator(t, p, func(cfg *middleware.Config) { cfg.Revocations = []middleware.Revocations{list} })
	receiver, err := logout.New(auth, list, logout.Config{ClientIDs: []string{p.App.ID, p.Namesake.ID}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/logouts", receiver)
	mux.Handle("/orders", auth.Require().HandlerFunc(ok))
	status := func(token string) int {
		t.Helper()
		got, err := orders.call(t.Context(), "GET", "/orders", token)
		if err != nil {
			t.Fatal(err)
		}
		return got.status
	}
	want := func(what, token string, want int) {
		t.Helper()
		if got := status(token); got != want {
			t.Errorf("%s: status %d, want %d; the receiver is %+v", what, got, want, receiver.Status())
		}
	}

	one, other := p.newBrowser(t), p.newBrowser(t)
	ended, kept := p.logInWith(t, one, p.App, "").Access, p.logInWith(t, other, p.App, "").Access
	want("a session", ended, http.StatusOK)
	p.logOut(t, one)
	want("the session, after its end", ended, http.StatusUnauthorized)
	want("another session of the user", kept, http.StatusOK)

	one = p.newBrowser(t)
	ended = p.logInWith(t, one, p.Namesake, "").Access
	want("a user", ended, http.StatusOK)
	p.logOut(t, one)
	want("the user, after the logout", ended, http.StatusUnauthorized)
	want("another session of the user", kept, http.StatusUnauthorized)
	for t.Context().Err() == nil { // what was issued in the second of the logout ends too
		if status(p.logIn(t, p.Namesake, "").Access) == http.StatusOK {
			break
		}
	}
	if s := receiver.Status(); s.Refused != 0 || s.Feeds[0].Events != 2 {
		t.Errorf("the receiver is %+v", s)
	}
}

var xsrf = regexp.MustCompile(`name="xsrf" value="([^"]+)"`)

// logOut ends the session of a browser at the provider (OpenID Connect RP-Initiated Logout 1.0).
func (p *provider) logOut(t *testing.T, browser *http.Client) {
	t.Helper()
	response, err := browser.Get(p.Issuer + "/session/end")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	secret := xsrf.FindSubmatch(page)
	if secret == nil {
		t.Fatalf("no form to log out: status %d: %s", response.StatusCode, page)
	}
	confirmed, err := browser.PostForm(p.Issuer+"/session/end/confirm", url.Values{"xsrf": {string(secret[1])}, "logout": {"yes"}})
	if err != nil {
		t.Fatal(err)
	}
	defer confirmed.Body.Close()
	if confirmed.StatusCode != http.StatusOK {
		t.Fatalf("no logout: status %d", confirmed.StatusCode)
	}
}
