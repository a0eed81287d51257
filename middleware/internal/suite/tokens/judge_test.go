package tokens_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const (
	expired = middleware.ReasonExpired
	early   = middleware.ReasonNotYetValid
	ahead   = middleware.ReasonIssuedInFuture
)

// RFC 7519 sections 4.1.4 and 4.1.5: good while now < exp + leeway and nbf - leeway <= now.
func TestTimeBoundaries(t *testing.T) {
	for name, leeway := range map[string]struct{ set, real time.Duration }{
		"the default of 30 seconds": {0, 30 * time.Second},
		"none":                      {-1, 0},
		"one second":                {time.Second, time.Second},
		"half a second":             {500 * time.Millisecond, 500 * time.Millisecond},
		"five minutes":              {5 * time.Minute, 5 * time.Minute},
	} {
		offsets := []time.Duration{0, 1, -1, time.Second, -time.Second, 30 * time.Second, -30 * time.Second, 31 * time.Second, -31 * time.Second, 29 * time.Second,
			-29 * time.Second, time.Hour, -time.Hour, 500 * time.Millisecond, -500 * time.Millisecond, leeway.real, -leeway.real, leeway.real + 1, -leeway.real - 1, leeway.real - 1, 1 - leeway.real}
		t.Run(name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Leeway = leeway.set }, func(t *testing.T, v *middleware.Validator) {
				for _, offset := range offsets {
					date := fmt.Sprintf("%d.%09d", testkit.Now.Add(offset).Unix(), testkit.Now.Add(offset).Nanosecond())
					for claim, reason := range map[string]middleware.Reason{"exp": expired, "nbf": early, "iat": ahead} {
						bad := offset > leeway.real
						if claim == "exp" {
							bad = offset <= -leeway.real
						}
						if !bad {
							reason = ""
						}
						t.Run(fmt.Sprintf("%s is %v from now", claim, offset), func(t *testing.T) {
							kit.WantOutcome(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{claim: nil}), claim, date)), reason)
						})
					}
				}
			})
		})
	}
}

// A NumericDate is a JSON number between the years 1 and 9999, in whatever spelling.
func TestSpellingsOfDates(t *testing.T) {
	at := func(d time.Duration) string { return strconv.FormatInt(testkit.Now.Add(d).Unix(), 10) }
	hour := at(time.Hour)
	exponent := func(seconds string) string { return seconds[:1] + "." + seconds[1:] + "e9" }
	bad := middleware.ReasonMalformedClaim
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for claim, rows := range map[string]map[string]middleware.Reason{
			"exp": {
				hour: "", hour + ".0": "", hour + ".999999999999": "", exponent(hour): "", exponent(hour)[:len(
					exponent(hour),
				)-2] + "E+09": "", hour + "e0": "", hour + "00e-2": "",
				at(-time.Hour): expired, exponent(
					at(-time.Hour),
				): expired, "0": expired, "-0": expired, "0.5": expired, "1": expired, "-1": expired, "1e-400": expired, "-1e9": expired,
				"253402300799": "", "253402300799.999999999": "", "253402300800": bad, "2.534023008e11": bad, "9e300": bad, "1e400": bad, "-1e400": bad, "1e2147483648": bad,
				"9223372036854775807": bad, "9223372036854775808": bad, "18446744073709551616": bad, "-9223372036854775809": bad, "-62135596800": bad, "-62135596801": bad, "-62135596799": expired,
				"1" + strings.Repeat(
					"0", 1000,
				): bad, "1" + strings.Repeat(
					"0", 1000,
				) + "e-1000": expired, `"` + hour + `"`: bad, "[" + hour + "]": bad, "true": bad, "null": middleware.ReasonMissingClaim, at(time.Hour) + "000": bad,
			},
			"nbf": {
				hour: early, at(0): "", at(-time.Hour): "", exponent(hour): early, "1e300": bad, "9223372036854775808": bad,
				"253402300799": early, "0": "", "-1": "", `"0"`: bad, "false": bad, "null": "",
			},
			"iat": {
				hour: ahead, at(0): "", at(-time.Hour): "", exponent(hour): ahead, "1e300": bad, "253402300799": ahead, "0": "", "-1": "",
				`"0"`: bad, "null": "", "{}": bad,
			},
		} {
			for date, reason := range rows {
				t.Run(claim+" "+date[:min(len(date), 40)], func(t *testing.T) {
					kit.WantOutcome(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{claim: nil}), claim, date)), reason)
				})
			}
		}
	})
}

// RFC 7519 section 4.1.3, RFC 8725 section 3.9, RFC 8707: bytes, no patterns, no guesses. Advisories: GO-2023-1520, CVE-2026-30223, CVE-2026-55689.
func TestAudiences(t *testing.T) {
	bad, other := middleware.ReasonMalformedClaim, middleware.ReasonAudience
	rows := map[string]middleware.Reason{
		`"https://api.example.com"`:                             "",
		`["https://api.example.com"]`:                           "",
		`["other","https://api.example.com"]`:                   "",
		`["https://api.example.com","https://api.example.com"]`: "",
		`"https:\/\/api.example.com"`:                           "", // an escape is the same text
		`"https:\u002f/api.example.com"`:                        "",
		`"https://api.example.com/"`:                            other,
		`"https://api.example.com/orders"`:                      other,
		`"https://api.example.com:443"`:                         other,
		`"https://API.example.com"`:                             other,
		`"HTTPS://api.example.com"`:                             other,
		`"http://api.example.com"`:                              other,
		`"api.example.com"`:                                     other,
		`" https://api.example.com"`:                            other,
		`"https://api.example.com "`:                            other,
		`"https://api.example.com\u0000"`:                       other,
		`"https://api.example.com\n"`:                           other,
		`"https://api.example.com.evil.example"`:                other,
		`"https://api.example.com@evil.example"`:                other,
		`"https://api.example.com other"`:                       other,
		`"https://api.example.com,other"`:                       other,
		`"[\"https://api.example.com\"]"`:                       other,
		`"*"`:                                                   other,
		`".*"`:                                                  other,
		`"https://*.example.com"`:                               other,
		`"https://api.exаmple.com"`:                             other, // a Cyrillic letter
		`""`:                                                    other,
		`[]`:                                                    other,
		`[""]`:                                                  other,
		`["other"]`:                                             other,
		`["https://api.example.com other"]`:                     other,
		`[["https://api.example.com"]]`:                         bad,
		`["https://api.example.com",1]`:                         bad,
		`["https://api.example.com",null]`:                      bad,
		`["https://api.example.com",["x"]]`:                     bad,
		`[1,2]`:                                                 bad,
		`{"0":"https://api.example.com"}`:                       bad,
		`{"https://api.example.com":true}`:                      bad,
		`null`:                                                  other,
		`true`:                                                  bad,
		`1`:                                                     bad,
		`["` + strings.Repeat(`x","`, 2000) + `https://api.example.com"]`: "",
	}
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for aud, reason := range rows {
			t.Run(aud[:min(len(aud), 60)], func(t *testing.T) {
				kit.WantOutcome(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{"aud": nil}), "aud", aud)), reason)
			})
		}
	})
	// Several spellings, each of them listed; an issuer's own list replaces the common one.
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Audiences = []string{"https://api.example.com/", "urn:api"}
	}, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"aud": "urn:api"})))
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"aud": "https://api.example.com/"})))
		kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(nil)), kit.BadToken, other)
	})
}

func TestReplacementsOfAnAudience(t *testing.T) {
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].AllowedClients = []string{
			"client-1", "client-2",
		}
	}, func(t *testing.T, v *middleware.Validator) {
		for name, row := range map[string]struct {
			changes kit.Claims
			reason  middleware.Reason
		}{
			"a client of the list and no aud":         {kit.Claims{"aud": nil}, ""},
			"a client of the list and a strange aud":  {kit.Claims{"aud": "other"}, ""},
			"a client that is named by azp":           {kit.Claims{"client_id": nil, "azp": "client-2"}, ""},
			"another client with our aud":             {kit.Claims{"client_id": "stranger"}, middleware.ReasonClient},
			"no client":                               {kit.Claims{"client_id": nil}, middleware.ReasonClient},
			"the client in another case":              {kit.Claims{"client_id": "CLIENT-1"}, middleware.ReasonClient},
			"a client that begins like ours":          {kit.Claims{"client_id": "client-10"}, middleware.ReasonClient},
			"two clients in one text":                 {kit.Claims{"client_id": "client-1 client-2"}, middleware.ReasonClient},
			"our client as subject":                   {kit.Claims{"client_id": nil, "sub": "client-1"}, middleware.ReasonClient},
			"a strange client hides ours in azp":      {kit.Claims{"client_id": "stranger", "azp": "client-1"}, middleware.ReasonClient},
			"a malformed aud is refused all the same": {kit.Claims{"aud": 1}, middleware.ReasonMalformedClaim},
		} {
			t.Run(name, func(t *testing.T) { kit.WantOutcome(t, v, kit.Mint(kit.GoodClaims(row.changes)), row.reason) })
		}
	})
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].DangerouslyNoAudience = true }, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"aud": nil, "client_id": nil})))
		kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"aud": []any{1}})), kit.BadToken, middleware.ReasonMalformedClaim)
		kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"exp": nil})), kit.BadToken, middleware.ReasonMissingClaim)
	})
}

// RFC 8693 section 4.1: the outermost actor is the current one; the others are history, and few.
func TestActors(t *testing.T) {
	chain := func(depth int, innermost string) string {
		return strings.Repeat(`{"sub":"a","act":`, depth-1) + innermost + strings.Repeat("}", depth-1)
	}
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for act, want := range map[string]middleware.Actor{
			`{"sub":"agent"}`: {Subject: "agent"},
			`{"sub":"agent","iss":"https://i","client_id":"c","x":[1]}`: {Subject: "agent", Issuer: "https://i", ClientID: "c"},
			`{"client_id":"c"}`:                             {ClientID: "c"},
			`{"sub":"agent","act":{"sub":"admin"}}`:         {Subject: "agent"}, // a privileged actor further in grants nothing
			chain(8, `{"sub":"z"}`):                         {Subject: "a"},
			`{"sub":"agent","SUBJECT":"admin"}`:             {Subject: "agent"}, // nobody reads such a name
			`{"sub":"agent","act":{"note":"no name here"}}`: {Subject: "agent"},
		} {
			if got := kit.WantAdmitted(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "act", act))).Actor; got != want {
				t.Errorf("the actor of %s is %+v, want %+v", act, got, want)
			}
		}
		for name, act := range map[string]string{
			"text": `"admin"`, "an array": `[{"sub":"admin"}]`, "null": "null", "true": "true", "a number": "1", "no name": "{}", "an empty name": `{"sub":""}`, "a number as sub": `{"sub":1}`,
			"null as sub": `{"sub":null}`, "an array as sub": `{"sub":["admin"]}`, "a number as iss": `{"sub":"a","iss":1}`, "an object as client": `{"sub":"a","client_id":{}}`,
			"text further in": `{"sub":"a","act":"admin"}`, "null further in": `{"sub":"a","act":null}`, "an array further in": `{"sub":"a","act":[]}`, "a number as sub further in": `{"sub":"a","act":{"sub":2}}`,
			"a member that looks like sub": `{"client_id":"a","Sub":"admin"}`, "a member that looks like act": `{"sub":"a","Act":1}`, "nine actors": chain(
				9, `{"sub":"z"}`,
			), "sixty actors": chain(
				60, `{"sub":"z"}`,
			), "text as the ninth": chain(9, `"z"`),
		} {
			t.Run(name, func(t *testing.T) {
				kit.WantRefused(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "act", act)), kit.BadToken, middleware.ReasonMalformedClaim)
			})
		}
		kit.WantRefused(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "act", chain(64, `{"sub":"z"}`))), kit.BadToken, malformed)
	})
}

// RFC 9449 section 6, RFC 8705 section 3, RFC 7800: whoever takes a bound token for a bearer token undoes the binding.
func TestBoundTokens(t *testing.T) {
	var attacks []hostile
	for _, cnf := range []string{
		`{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`, `{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`, `{"jkt":"a","x5t#S256":"b"}`, `{"jwk":{"kty":"OKP"}}`, `{"jwe":"x"}`,
		`{"kid":"ed"}`, `{"jku":"https://evil.example"}`, `{"osc":{}}`, `{"unheard_of":1}`, `{"jkt":""}`, `{"jkt":null}`, `{"jkt":1}`, `{"JKT":"a"}`, `{}`, `[]`, `[{"jkt":"a"}]`, `null`, `true`, `false`, `0`, `""`, `"jkt"`,
	} {
		for _, typ := range []string{`,"typ":"at+jwt"`, `,"typ":"JWT"`, ""} {
			header := `{"alg":"EdDSA","kid":"ed"` + typ + `}`
			attacks = append(
				attacks,
				hostile{
					"cnf " + cnf + " in a header with " + typ,
					testkit.Sign(header, kit.WithJSON(kit.GoodClaims(nil), "cnf", cnf), testkit.EdKey()), middleware.ReasonConfirmation,
				},
			)
		}
	}
	wantAllRefused(t, nil, attacks)
}

func TestTypedClaimsOfAToken(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		token := kit.WantAdmitted(
			t, v,
			kit.Mint(
				kit.GoodClaims(
					kit.Claims{
						"acr": "loa2", "amr": []string{"pwd", "otp"}, "auth_time": testkit.Now.Add(-time.Minute).Unix(),
						"nbf": testkit.Now.Unix(), "aud": []string{testkit.Audience, "b"},
					},
				),
			),
		)
		if token.Issuer != testkit.Issuer || token.Subject != "user-1" || token.ClientID != "client-1" || token.ID != "token-1" || token.ACR != "loa2" || token.Opaque {
			t.Errorf("token is %+v", token)
		}
		if !slices.Equal(token.AMR.Slice(), []string{"pwd", "otp"}) || !slices.Equal(token.Audience.Slice(), []string{testkit.Audience, "b"}) {
			t.Errorf("amr and aud are %q, %q", token.AMR, token.Audience)
		}
		if !token.AuthTime.Equal(
			testkit.Now.Add(-time.Minute),
		) || !token.NotBefore.Equal(testkit.Now) || !token.IssuedAt.Equal(testkit.Now) || !token.Expiry.Equal(testkit.Now.Add(time.Hour)) {
			t.Errorf("dates are %v, %v, %v, %v", token.AuthTime, token.NotBefore, token.IssuedAt, token.Expiry)
		}
		poor := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"acr": []string{"loa2"}, "amr": "otp", "auth_time": "0", "sub": nil, "jti": nil})))
		if poor.ACR != "" || poor.AMR.Len() != 0 || !poor.AuthTime.IsZero() || poor.Subject != "" || poor.ID != "" {
			t.Errorf("claims of another type are read: %+v", poor)
		}
	})
}

func TestAcceptIsTheIssuersLastWord(t *testing.T) {
	var answer error
	asked := 0
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Accept = func(token *middleware.Token) error {
			asked++
			token.Subject, token.Scopes = "changed by Accept", middleware.SetOf("admin") // to no effect
			return answer
		}
	}, func(t *testing.T, v *middleware.Validator) {
		answer, asked = nil, 0
		token := kit.Mint(kit.GoodClaims(nil))
		if got := kit.WantAdmitted(t, v, token); got.Subject != "user-1" || got.Scopes.Has("admin") {
			t.Errorf("Accept has changed the token to %+v", got)
		}
		if asked != 2 {
			t.Errorf("Accept was asked %d times for 2 requests", asked)
		}
		answer = errors.New("token_use is refresh")
		kit.WantRefused(t, v, token, kit.BadToken, middleware.ReasonNotAccepted)
		answer = fmt.Errorf("directory: %w", middleware.ErrUnavailable)
		kit.WantRefused(t, v, token, "503", middleware.ReasonRuleUnavailable)
		asked = 0
		kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Add(-time.Hour).Unix()})), kit.BadToken, expired)
		kit.WantRefused(
			t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()), kit.BadToken,
			middleware.ReasonSignature,
		)
		if asked != 0 {
			t.Errorf("Accept was asked %d times about tokens that are no good", asked)
		}
		answer = nil
		kit.WantAdmitted(t, v, token)
	})
}

// CVE-2024-51744: the signature comes first, so that "expired" is never said of a forged token.
func TestForgedTokenIsForgedWhateverElseIsWrong(t *testing.T) {
	for name, changes := range map[string]kit.Claims{
		"expired": {"exp": 1}, "not yet valid": {
			"nbf": testkit.Now.Add(time.Hour).Unix(),
		}, "for another API": {"aud": "other"}, "bound": {"cnf": kit.Claims{"jkt": "a"}}, "malformed": {"sub": 1}, "without exp": {"exp": nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := kit.NewValidator(t, nil)
			kit.WantRefused(
				t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(changes))), testkit.StrangeKey()), kit.BadToken,
				middleware.ReasonSignature,
			)
		})
	}
}

func TestClockIsAskedOnEachRequest(t *testing.T) {
	at := testkit.Now
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Clock = func() time.Time { return at } }, func(t *testing.T, v *middleware.Validator) {
		token := kit.Mint(kit.GoodClaims(kit.Claims{"nbf": testkit.Now.Unix()}))
		for _, step := range []struct {
			at     time.Time
			reason middleware.Reason
		}{
			{testkit.Now, ""}, {testkit.Now.Add(time.Hour + 29*time.Second), ""}, {
				testkit.Now.Add(time.Hour + 30*time.Second), expired,
			}, {testkit.Now.Add(1000 * time.Hour), expired},
			{testkit.Now, ""}, {testkit.Now.Add(-30 * time.Second), ""}, {
				testkit.Now.Add(-31 * time.Second), early,
			}, {testkit.Now.Add(-time.Hour), early}, {testkit.Now, ""}, // the clock may jump back
		} {
			at = step.at
			kit.WantOutcome(t, v, token, step.reason)
		}
	})
}
