package tokens_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// slowly is a form with a token in it that takes its time.
func slowly(token string, wait func()) *http.Request {
	body := io.MultiReader(waiting(wait), strings.NewReader("access_token="+token))
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

type waiting func()

func (w waiting) Read([]byte) (int, error) {
	w()
	return 0, io.EOF
}

// A token counts from when it is here: a client that begins a request early and sends its token late gains nothing.
func TestATokenInASlowFormIsJudgedWhenItHasCome(t *testing.T) {
	at := testkit.Now
	var d middleware.Decision
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromForm()}
		cfg.Clock, cfg.Observe = func() time.Time { return at }, kit.ObserveInto(&d)
	})
	token := kit.Mint(kit.GoodClaims(nil))
	for range 2 { // the second time from the cache
		at = testkit.Now
		if got := kit.Serve(v.Require(), slowly(token, func() { at = testkit.Now.Add(10 * time.Minute) })).String(); got != "200" {
			t.Errorf("in time: outcome is %q", got)
		}
		if !d.Start.Equal(at) {
			t.Errorf("the decision began at %v, want %v", d.Start, at)
		}
		at = testkit.Now
		if got := kit.Serve(v.Require(), slowly(token, func() { at = testkit.Now.Add(2 * time.Hour) })).String(); got != kit.BadToken {
			t.Errorf("too late: outcome is %q", got)
		}
		at = testkit.Now
		r := slowly("", func() { at = testkit.Now.Add(2 * time.Hour) })
		r.Header.Set("Authorization", "Bearer "+token)
		if got := kit.Serve(v.Require(), r).String(); got != kit.BadToken {
			t.Errorf("in the field, before a form that comes late: outcome is %q", got)
		}
	}
}

// How old an answer may be counts to that moment as well.
func TestASlowFormMakesNoAnswerYounger(t *testing.T) {
	for name, own := range map[string]func() time.Time{"real time": nil, "own clock": func() time.Time { return testkit.Now }} {
		bubble(t, name, func(t *testing.T) {
			c, server := askedClient(t, kit.ActiveAnswer(kit.Claims{"exp": nil, "iat": nil}))
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				askingAbout(middleware.VerifyJWTs, c)(cfg)
				cfg.Clock, cfg.TokenSources = own, []middleware.TokenSource{middleware.FromForm()}
			})
			kit.WantAdmitted(t, v, "opaque")
			server.Say(kit.Claims{"active": false})
			if got := kit.Serve(v.Require(), slowly("opaque", func() { time.Sleep(11 * time.Second) })).String(); got != kit.BadToken {
				t.Errorf("outcome is %q: the answer was too old when the token had come", got)
			}
		})
	}
}
