package revocation_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// The issuer's clock is ten seconds ahead, which Issuer.Leeway allows. "Log me out everywhere" is called with a token that was just issued.
func TestWhoIsLoggedOutEverywhereIsLoggedOutHere(t *testing.T) {
	list := newList(t, revocation.Config{})
	issuer := authtest.NewIssuer(t)
	cfg := issuer.Config("https://api.example.com")
	cfg.Revocations = []middleware.Revocations{list}
	auth, err := middleware.New(cfg)
	do(t, err)
	defer auth.Close()
	token := issuer.Token(authtest.Claims{"aud": "https://api.example.com", "sub": "alice", "iat": time.Now().Add(10 * time.Second)})
	ask := func() error {
		r, _ := http.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		ctx, err := auth.Require().Check(r)
		if err == nil && list.Status().Entries == 0 {
			mine, _ := middleware.TokenFromContext(ctx)
			do(t, list.Revoke(t.Context(), revocation.BySubject(mine, time.Time{})))
		}
		return err
	}
	do(t, ask())
	if err := ask(); err == nil {
		t.Error("every token of the user until now was revoked by this token, and this token is good")
	}
}

func TestAnEntryThatHasEndedIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t, storetest.NewMemory())
		err := one.Revoke(t.Context(), revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "j", Until: time.Now().Add(-24 * time.Hour)})
		synctest.Wait()
		if err == nil && two.Judge(facts()).Kind == "" {
			t.Errorf("Revoke has said that all instances have it; here it is revoked by %q, there by %q", one.Judge(facts()).Kind, two.Judge(facts()).Kind)
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"kind":"token","issuer":"https://i","value":"k","until":"1999-01-01T00:00:00Z"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		one.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("a mistyped until is answered with %d", w.Code)
		}
	})
}

// "Until now" includes the token that it is said of, though its issuer's clock be ahead. Nothing else does a token's iat decide.
func TestWhatUntilNowIncludes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := at(-100)
		for _, row := range []struct {
			name         string
			iat          time.Time
			before, want time.Time
		}{
			{"now, of a token of the past", at(-60), time.Time{}, time.Time{}},
			{"now, of a token that is ahead by less than what now includes", at(1), time.Time{}, time.Time{}},
			{"now, of a token that is ahead by more", at(30), time.Time{}, at(30)},
			{"now, of a token without a date", time.Time{}, time.Time{}, time.Time{}},
			{"a date, of a token of the past", at(-60), before, before},
			{"a date, of a token that is ahead", at(30), before, before},
		} {
			token := &middleware.Token{Issuer: "https://i", Subject: "u", ClientID: "c", IssuedAt: row.iat}
			for _, e := range []revocation.Entry{revocation.BySubject(token, row.before), revocation.ByClient(token, row.before)} {
				if !e.IssuedBefore.Equal(row.want) {
					t.Errorf("%s: %s, %v; want %v", row.name, e.Kind, e.IssuedBefore, row.want)
				}
			}
		}
	})
}

// Two that revoke the same at once may each be the first to return, and then it holds, for tokens that were looked up before as well.
func TestWhoeverRevokesHasTokensLookedUpAgain(t *testing.T) {
	list, e := newList(t, revocation.Config{}), revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "j", Until: at(600)}
	for range 3 {
		before := list.Version()
		do(t, list.Revoke(t.Context(), e))
		if list.Version() == before {
			t.Error("tokens that were looked up before Revoke are not looked up after it")
		}
	}
}
