package logout_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/logout"
)

func TestWhenALogoutTokenIsTaken(t *testing.T) {
	strict := func(c *logout.Config) { c.Leeway, c.MaxAge = -1, time.Hour }
	for name, row := range map[string]struct {
		change func(*logout.Config)
		iat    time.Duration // from now
		exp    time.Duration
		want   int
	}{
		"made now":                                {nil, 0, 2 * time.Minute, 200},
		"expired within the leeway":               {nil, -time.Minute, -30*time.Second + 1, 200},
		"expired":                                 {nil, -time.Minute, -30 * time.Second, 400},
		"a clock that is ahead":                   {nil, 30 * time.Second, time.Minute, 200},
		"a clock that is further ahead":           {nil, 30*time.Second + 1, time.Minute, 400},
		"ten minutes old":                         {nil, -10*time.Minute - 30*time.Second, time.Hour, 200},
		"older":                                   {nil, -10*time.Minute - 30*time.Second - 1, time.Hour, 400},
		"without leeway":                          {strict, 0, 1, 200},
		"expired without leeway":                  {strict, -time.Minute, 0, 400},
		"ahead without leeway":                    {strict, 1, time.Minute, 400},
		"an hour old, where that is allowed":      {strict, -time.Hour, time.Minute, 200},
		"more than an hour, where that is not":    {strict, -time.Hour - 1, time.Minute, 400},
		"a leeway and an age of one's own":        {func(c *logout.Config) { c.Leeway, c.MaxAge = 5*time.Minute, 24*time.Hour }, -24*time.Hour - 5*time.Minute, -4 * time.Minute, 200},
		"beyond a leeway and an age of one's own": {func(c *logout.Config) { c.Leeway, c.MaxAge = 5*time.Minute, 24*time.Hour }, -24*time.Hour - 6*time.Minute, 0, 400},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI(t, testkit.KeySet(), revocation.Config{}, row.change)
			w := a.send(signed(claims{"iat": date(row.iat), "exp": date(row.exp)}))
			if w.Code != row.want {
				t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, row.want)
			}
		})
	}
}

// date is a NumericDate so long from now, to the nanosecond, which a float64 would round.
func date(d time.Duration) json.Number {
	at := time.Now().Add(d)
	return json.Number(fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond()))
}

func TestLogoutTokensWithoutExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, testkit.KeySet(), revocation.Config{}, func(c *logout.Config) { c.DangerouslyNoExpiry = true })
		for name, row := range map[string]struct {
			changes claims
			want    int
		}{
			"no exp":                    {claims{"exp": nil}, 200},
			"an exp":                    {nil, 200},
			"an exp that has passed":    {claims{"exp": date(-time.Minute)}, 400},
			"an exp of zero":            {claims{"exp": 0}, 400},
			"no exp, and no iat":        {claims{"exp": nil, "iat": nil}, 400},
			"no exp, ten minutes old":   {claims{"exp": nil, "iat": date(-10 * time.Minute)}, 200},
			"no exp, and too old":       {claims{"exp": nil, "iat": date(-11 * time.Minute)}, 400},
			"no exp, and of the future": {claims{"exp": nil, "iat": date(time.Minute)}, 400},
		} {
			if w := a.send(signed(row.changes)); w.Code != row.want {
				t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, row.want)
			}
		}
	})
}

// A login that comes after the logout stands, however late the logout token arrives.
func TestALogoutOfAUserEndsWhatWasIssuedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := usual(t)
		at := time.Now()
		token := signed(claims{"sid": nil})
		time.Sleep(time.Minute)
		a.wantEnded("late", a.send(token), 1)
		for issued, want := range map[time.Time]string{
			at.Add(-time.Hour): "subject", at: "subject", at.Add(999 * time.Millisecond): "subject", at.Add(time.Second): "", {}: "subject",
		} {
			if got := a.ended(middleware.TokenFacts{Subject: "alice", IssuedAt: issued, Expiry: at.Add(time.Hour)}); got != want {
				t.Errorf("issued at %v: %q, want %q", issued, got, want)
			}
		}
	})
}

// A session ends with all its tokens, whenever they were issued; the user's other tokens only where that is asked for.
func TestWholeSubject(t *testing.T) {
	a := newAPI(t, testkit.KeySet(), revocation.Config{}, func(c *logout.Config) { c.WholeSubject = true })
	ahead := time.Now().Add(time.Hour)
	a.wantEnded("both", a.send(signed(nil)), 2)
	for name, row := range map[string]struct {
		facts middleware.TokenFacts
		want  string
	}{
		"a later token of the session":        {middleware.TokenFacts{SessionID: "session-1", Subject: "alice", IssuedAt: ahead}, "session"},
		"a token of the user, without sid":    {middleware.TokenFacts{Subject: "alice", IssuedAt: ahead.Add(-2 * time.Hour)}, "subject"},
		"another session of the user":         {middleware.TokenFacts{SessionID: "session-2", Subject: "alice", IssuedAt: ahead.Add(-2 * time.Hour)}, "subject"},
		"another session that began later on": {middleware.TokenFacts{SessionID: "session-2", Subject: "alice", IssuedAt: ahead}, ""},
	} {
		row.facts.Expiry = ahead.Add(time.Hour)
		if got := a.ended(row.facts); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
	a.wantEnded("a session alone", a.send(signed(claims{"sub": nil, "sid": "session-3"})), 3)
	a.wantEnded("a user alone", a.send(signed(claims{"sub": "bob", "sid": nil})), 4)
}

func TestIssuersThatAreTaken(t *testing.T) {
	foreign := func() string {
		return testkit.Sign(`{"typ":"logout+jwt","alg":"EdDSA"}`, string(testkit.JSON(good(claims{"iss": other}))), testkit.StrangeKey())
	}
	a := newAPI(t, testkit.KeySet(), revocation.Config{}, func(c *logout.Config) { c.Issuers = []string{alias} })
	a.wantError("another", a.send(foreign()), http.StatusBadRequest, invalid("The issuer is none whose logout tokens are taken."))
	a.wantEnded("the one that is named", a.send(signed(nil)), 1)
	if s := a.receiver.Status(); len(s.Feeds) != 1 || s.Feeds[0].Issuer != testkit.Issuer {
		t.Errorf("status is %+v", s)
	}
	a = usual(t)
	a.wantEnded("any", a.send(foreign()), 1)
	if got := a.ended(middleware.TokenFacts{Issuer: other, SessionID: "session-1"}); got != "session" {
		t.Errorf("ended %q", got)
	}
}
