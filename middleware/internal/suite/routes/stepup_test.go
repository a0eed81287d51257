package routes_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// RFC 9470: acr and auth_time are met exactly or answered with a challenge that says all that is needed.
func TestStepUp(t *testing.T) {
	const base = `Bearer realm="api", error="insufficient_user_authentication", error_description="A different or more recent authentication is required."`
	v := kit.NewValidator(t, nil)
	acr := func(values ...string) *middleware.Guard { return v.Require().ACR(values...) }
	age := func(d time.Duration) *middleware.Guard { return v.Require().MaxAge(d) }
	ago := func(d time.Duration) int64 { return testkit.Now.Add(-d).Unix() }
	both := v.Require("admin", "b").ACR("gold").MaxAge(5 * time.Minute)
	for _, row := range []struct {
		name   string
		guard  *middleware.Guard
		claims kit.Claims
		params string // what follows base; "" for 200
	}{
		{"the one context", acr("gold"), kit.Claims{"acr": "gold"}, ""},
		{"one of several contexts", acr("gold", "silver"), kit.Claims{"acr": "silver"}, ""},
		{"in every choice of several", acr("gold", "silver").ACR("silver", "bronze"), kit.Claims{"acr": "silver"}, ""},
		{"no context", acr("gold", "silver"), nil, `, acr_values="gold silver"`},
		{"another context, though it may rank higher", acr("2"), kit.Claims{"acr": "3"}, `, acr_values="2"`},
		{"another case", acr("gold"), kit.Claims{"acr": "GOLD"}, `, acr_values="gold"`},
		{"two contexts in one text", acr("gold"), kit.Claims{"acr": "gold silver"}, `, acr_values="gold"`},
		{"an empty context", acr("gold"), kit.Claims{"acr": ""}, `, acr_values="gold"`},
		{"a list in the place of a text", acr("gold"), kit.Claims{"acr": []string{"gold"}}, `, acr_values="gold"`},
		{"a number in the place of a text", acr("0"), kit.Claims{"acr": 0}, `, acr_values="0"`},
		{"an object in the place of a text", acr("gold"), kit.Claims{"acr": kit.Claims{"value": "gold"}}, `, acr_values="gold"`},
		{"in one choice only: what they have in common is named", acr("gold", "silver").ACR("silver"), kit.Claims{"acr": "gold"}, `, acr_values="silver"`},
		{"choices that have nothing in common", acr("gold").ACR("silver"), kit.Claims{"acr": "gold"}, `, acr_values="gold"`},

		{"fresh", age(5 * time.Minute), kit.Claims{"auth_time": ago(time.Minute)}, ""},
		{"as old as may be, with the leeway", age(5 * time.Minute), kit.Claims{"auth_time": ago(5*time.Minute + 30*time.Second)}, ""},
		{"one second older", age(5 * time.Minute), kit.Claims{"auth_time": ago(5*time.Minute + 31*time.Second)}, `, max_age="300"`},
		{"no age at all", age(0), kit.Claims{"auth_time": ago(31 * time.Second)}, `, max_age="0"`},
		{"fractions are dropped", age(1999 * time.Millisecond), kit.Claims{"auth_time": float64(testkit.Now.Unix()) - 31.5}, `, max_age="1"`},
		{"the shortest limit counts", age(time.Minute).MaxAge(time.Hour), kit.Claims{"auth_time": ago(10 * time.Minute)}, `, max_age="60"`},
		{"the shortest limit counts, named last", age(time.Hour).MaxAge(time.Minute), kit.Claims{"auth_time": ago(10 * time.Minute)}, `, max_age="60"`},
		{"no limit that time can reach", age(math.MaxInt64), kit.Claims{"auth_time": ago(time.Hour)}, ""},
		{"no time", age(time.Minute), nil, `, max_age="60"`},
		{"a time as text", age(time.Minute), kit.Claims{"auth_time": fmt.Sprint(testkit.Now.Unix())}, `, max_age="60"`},
		{"a time as null", age(time.Minute), kit.Claims{"auth_time": []any{nil}}, `, max_age="60"`},
		{"true in the place of a time", age(time.Minute), kit.Claims{"auth_time": true}, `, max_age="60"`},
		{"a list of times", age(time.Minute), kit.Claims{"auth_time": []int64{testkit.Now.Unix()}}, `, max_age="60"`},
		{"a time in milliseconds", age(time.Minute), kit.Claims{"auth_time": testkit.Now.UnixMilli()}, `, max_age="60"`},
		{"a time beyond all calendars", age(time.Minute), kit.Claims{"auth_time": 1e300}, `, max_age="60"`},
		{"the year 1", age(math.MaxInt64), kit.Claims{"auth_time": time.Time{}.Unix()}, `, max_age="9223372036"`},
		{"a time to come, within the leeway", age(time.Minute), kit.Claims{"auth_time": ago(-30 * time.Second)}, ""},
		{"a time to come", age(time.Hour), kit.Claims{"auth_time": ago(-31 * time.Second)}, `, max_age="3600"`},
		{"a time to come by a century", age(time.Hour), kit.Claims{"auth_time": testkit.Now.AddDate(100, 0, 0).Unix()}, `, max_age="3600"`},

		{"both met", both, kit.Claims{"scope": "admin b", "acr": "gold", "auth_time": ago(time.Minute)}, ""},
		{"both missing: one challenge", both, kit.Claims{"scope": "admin b"}, `, acr_values="gold", max_age="300"`},
		{"the context met, the age not: the whole requirement is named", both, kit.Claims{"scope": "admin b", "acr": "gold"}, `, acr_values="gold", max_age="300"`},
		{"a scope missing as well: named in the same challenge", both, kit.Claims{"scope": "b"}, `, acr_values="gold", max_age="300", scope="admin b"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := kit.Serve(row.guard, kit.Bearer(kit.Mint(kit.GoodClaims(row.claims))))
			if row.params == "" {
				if got.String() != "200" {
					t.Errorf("got %v, want 200", got)
				}
				return
			}
			challenge := got.Header["Www-Authenticate"]
			if got.StatusCode != 401 || got.Ran || len(challenge) != 1 || challenge[0] != base+row.params {
				t.Errorf("got  %v %q\nwant 401 %q", got, challenge, base+row.params)
			}
		})
	}
}

// A token that is no good must not learn what a route protects (RFC 9470 section 8).
func TestStepUpComesAfterTheToken(t *testing.T) {
	g := kit.NewValidator(t, nil).Require().ACR("gold").MaxAge(time.Minute)
	got := kit.Serve(g, kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 60}))))
	if challenge := got.Header.Get("Www-Authenticate"); challenge != kit.InvalidTokenChallenge {
		t.Errorf("got  %s\nwant %s", challenge, kit.InvalidTokenChallenge)
	}
	if challenge := kit.Serve(g, kit.Request("GET", nil)).Header.Get("Www-Authenticate"); challenge != kit.NoTokenChallenge {
		t.Errorf("got  %s\nwant %s", challenge, kit.NoTokenChallenge)
	}
}

// RFC 9470 section 6: the claims may as well come from introspection.
func TestStepUpByIntrospection(t *testing.T) {
	for _, row := range []struct{ name, more, want string }{
		{"met", `,"acr":"gold","auth_time":` + fmt.Sprint(testkit.Now.Unix()), "200"},
		{"absent", ``, "401 insufficient_user_authentication"},
		{"malformed", `,"acr":["gold"],"auth_time":"now"`, "401 insufficient_user_authentication"},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Issuers[0].Introspector = kit.FixedAnswer{Answer: `{"active":true,"aud":"` + testkit.Audience + `"` + row.more + `}`}
			})
			if got := kit.Serve(v.Require().ACR("gold").MaxAge(time.Minute), kit.Bearer("opaque")); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
}
