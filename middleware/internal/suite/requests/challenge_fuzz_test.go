package requests_test

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// FuzzRouteChallenge writes the challenges of a route with whatever realm, scopes, acr values and max_age it demands, and reads
// them back: each has exactly the parameters that the route gives it, and nothing in one becomes another. DPoP challenges have their
// algorithms, and a nonce is one word.
func FuzzRouteChallenge(f *testing.F) {
	f.Add("api", "read write", "mfa phr", int64(300), uint8(0))
	f.Add("shop 7", "", "urn:mace:incommon:iap:silver", int64(0), uint8(7))
	f.Add("a\", error=\"x", "a\"b", "c\\", int64(-1), uint8(2))
	f.Add("\r\nSet-Cookie: a=b", "é", "\x00", int64(1<<40), uint8(15))
	f.Fuzz(func(t *testing.T, realm, scopes, values string, age int64, flags uint8) {
		has := func(flag uint8) bool { return flags&(1<<flag) != 0 }
		cfg := kit.Config()
		cfg.Realm = realm
		if has(0) {
			cfg.PublicURL = testkit.Audience
			cfg.DPoP.Required = has(1)
			if has(2) {
				cfg.DPoP.NonceSecrets = [][]byte{make([]byte, 32)}
			}
		}
		v, err := middleware.New(cfg)
		if err != nil {
			if realm == safe(realm) {
				t.Fatalf("realm %q: %v", realm, err)
			}
			return
		}
		named := strings.Fields(scopes)
		guard := route(v, named, strings.Fields(values), time.Duration(age), has(3))
		if guard == nil {
			return // no route can want that, so New's caller has seen a panic at start-up
		}
		want := map[string]string{"realm": realm}
		if realm == "" {
			want["realm"] = "api"
		}
		if slices.Sort(named); len(named) > 0 {
			want["scope"] = strings.Join(slices.Compact(named), " ")
		}
		wantChallenges(t, kit.Serve(guard, kit.Request(http.MethodGet, nil)).Header, want, cfg)

		if cfg.DPoP.Required || !has(3) {
			return
		}
		good := kit.Mint(kit.GoodClaims(kit.Claims{"scope": strings.Join(named, " ")})) // it names neither acr nor auth_time
		got := kit.Serve(guard, kit.Bearer(good))
		delete(want, "scope")
		want["error"] = "insufficient_user_authentication"
		if got.StatusCode == 200 {
			if len(strings.Fields(values)) > 0 || age >= 0 {
				t.Fatalf("%q, %d: the token has no authentication context at all", values, age)
			}
			return
		}
		if acr := slices.Compact(strings.Fields(values)); len(acr) > 0 {
			c, err := kit.ParseChallenge(got.Header.Get("Www-Authenticate"))
			if err != nil || !maps.Equal(setOfWords(c.Params["acr_values"]), setOfWords(values)) {
				t.Fatalf("acr_values is %q, want %q: %v", c.Params["acr_values"], acr, err)
			}
		}
		if text := got.Header.Get("Www-Authenticate"); age >= 0 && !strings.Contains(
			text, `max_age="`+strconv.FormatInt(int64(time.Duration(age)/time.Second), 10)+`"`,
		) {
			t.Fatalf("max_age of %d is missing: %s", age, text)
		}
		wantChallenges(t, got.Header, want, cfg)
	})
}

// route is a Guard with these demands; nil if it panics at them.
func route(v *middleware.Validator, scopes, values []string, age time.Duration, stepUp bool) (g *middleware.Guard) {
	defer func() {
		if recover() != nil {
			g = nil
		}
	}()
	g = v.Require(scopes...)
	if stepUp && len(values) > 0 {
		g = g.ACR(values...)
	}
	if stepUp && age >= 0 {
		g = g.MaxAge(age)
	}
	return g
}

// wantChallenges reads all challenges of an answer, and the nonce.
func wantChallenges(t *testing.T, h http.Header, want map[string]string, cfg middleware.Config) {
	t.Helper()
	var schemes []string
	for _, line := range h.Values("Www-Authenticate") {
		c, err := kit.ParseChallenge(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		schemes = append(schemes, c.Scheme)
		if got := c.Params["algs"]; (c.Scheme == "DPoP") != strings.HasPrefix(got, "RS256 ") {
			t.Fatalf("%q: algs", line)
		}
		if want["error"] != "" && c.Scheme == "Bearer" && (c.Params["error_description"] == "" || c.Params["error_description"] != safe(
			c.Params["error_description"],
		)) {
			t.Fatalf("%q: error_description", line)
		}
		for _, own := range []string{"algs", "error_description", "acr_values", "max_age"} {
			if want["error"] != "" || own == "algs" {
				delete(c.Params, own)
			}
		}
		expected := maps.Clone(want)
		if c.Scheme == "DPoP" { // the token came as Bearer
			delete(expected, "error")
		}
		if !maps.Equal(c.Params, expected) {
			t.Fatalf("%q has the parameters %q, want %q", line, c.Params, expected)
		}
	}
	expected := []string{"Bearer"}
	switch {
	case cfg.DPoP.Required:
		expected = []string{"DPoP"}
	case cfg.PublicURL != "":
		expected = []string{"Bearer", "DPoP"}
	}
	if !slices.Equal(schemes, expected) {
		t.Fatalf("schemes are %q, want %q", schemes, expected)
	}
	nonces := h.Values("DPoP-Nonce")
	if (len(nonces) == 1) != (len(cfg.DPoP.NonceSecrets) > 0) || len(nonces) == 1 && !kit.EveryByte(nonces[0], kit.IsTchar) {
		t.Fatalf("nonces are %q", nonces)
	}
}

func setOfWords(s string) map[string]bool {
	words := make(map[string]bool)
	for _, word := range strings.Fields(s) {
		words[word] = true
	}
	return words
}
