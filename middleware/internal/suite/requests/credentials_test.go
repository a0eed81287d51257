package requests_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

func TestAuthorizationField(t *testing.T) {
	good := kit.Mint(kit.GoodClaims(nil))
	const (
		none      = "401" // no error code: RFC 6750 section 3.1
		malformed = "400 invalid_request"
		noGood    = "401 invalid_token"
	)
	for _, row := range []struct {
		name, want string
		reason     middleware.Reason
		lines      []string
	}{
		{"a good token passes", "200", "", []string{"Authorization: Bearer " + good}},
		{"the scheme has no case", "200", "", []string{"authorization: bEaReR " + good}},
		{"several spaces may follow the scheme", "200", "", []string{"Authorization: Bearer   " + good}},
		{"space around the field is no part of it", "200", "", []string{"Authorization:   Bearer " + good + " \t "}},

		{"a request without the field", none, middleware.ReasonNoToken, nil},
		{"a proxy took the field away and names a user instead", none, middleware.ReasonNoToken,
			[]string{"X-Forwarded-User: admin", "X-Forwarded-Authorization: Bearer " + good, "X-Forwarded-Access-Token: " + good}},
		{"a token in Proxy-Authorization, which is not for origins", none, middleware.ReasonNoToken, []string{"Proxy-Authorization: Bearer " + good}},
		{"a token in a cookie, which nobody asked for", none, middleware.ReasonNoToken, []string{"Cookie: access_token=" + good}},
		{"a token in a header of its own, which nobody asked for", none, middleware.ReasonNoToken, []string{"X-Access-Token: " + good}},
		{"Basic credentials", none, middleware.ReasonOtherScheme, []string{"Authorization: Basic dXNlcjpwYXNz"}},
		{"the scheme Token", none, middleware.ReasonOtherScheme, []string{"Authorization: Token " + good}},
		{"a scheme that begins like Bearer", none, middleware.ReasonOtherScheme, []string{"Authorization: BearerX " + good}},
		{"a scheme that ends like Bearer", none, middleware.ReasonOtherScheme, []string{"Authorization: XBearer " + good}},
		{"the scheme DPoP, whose proofs are not judged", none, middleware.ReasonOtherScheme, []string{"Authorization: DPoP " + good}},
		{"Bearer behind another scheme, as proxies merge fields", none, middleware.ReasonOtherScheme, []string{"Authorization: Basic dXNlcg==, Bearer " + good}},
		{"the token alone, without a scheme", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: =" + good}},

		{"an empty field, which holds no credentials", "401", middleware.ReasonNoToken, []string{"Authorization:"}},
		{"the scheme alone", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer"}},
		{"the scheme and spaces", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer    "}},
		{"a tab in the place of the space", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer\t" + good}},
		{"a tab after the space", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer \t" + good}},
		{"a colon after the scheme", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer: " + good}},
		{"an equals sign in the place of the space", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer=" + good}},
		{"a quoted scheme", malformed, middleware.ReasonMalformedRequest, []string{`Authorization: "Bearer" ` + good}},
		{"the scheme in letters of another script", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Веarer " + good}},
		{"the scheme twice", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer Bearer " + good}},
		{"a quoted token", malformed, middleware.ReasonMalformedRequest, []string{`Authorization: Bearer "` + good + `"`}},
		{"parameters in the place of a token", malformed, middleware.ReasonMalformedRequest, []string{`Authorization: Bearer realm="x", token="` + good + `"`}},
		{"a comma list, as proxies merge fields", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer " + good + ", Bearer " + good}},
		{"a comma without a space", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer " + good + ",Bearer"}},
		{"words after the token", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer " + good + " admin"}},
		{"equals signs alone", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer ==="}},
		{"padding in the middle", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer a=b"}},
		{"a byte above ASCII", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer " + good + "\x80"}},
		{"a non-breaking space before the token", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer \u00a0" + good}},
		{"percent encoding, to be decoded by a lax reader", malformed, middleware.ReasonMalformedRequest, []string{"Authorization: Bearer %65" + good[1:]}},

		{"two good tokens", malformed, middleware.ReasonSeveralTokens, []string{"Authorization: Bearer " + good, "Authorization: Bearer " + good}},
		{"a good token before a bad one", malformed, middleware.ReasonSeveralTokens, []string{"Authorization: Bearer " + good, "Authorization: Bearer bad"}},
		{"a good token behind a bad one", malformed, middleware.ReasonSeveralTokens, []string{"Authorization: Bearer bad", "Authorization: Bearer " + good}},
		{
			"a good token beside Basic credentials", malformed, middleware.ReasonSeveralTokens,
			[]string{"Authorization: Basic dXNlcg==", "Authorization: Bearer " + good},
		},
		{"an empty field beside a good token", malformed, middleware.ReasonSeveralTokens, []string{"Authorization:", "Authorization: Bearer " + good}},

		{"padding after the signature, a second spelling of a good token", noGood, middleware.ReasonMalformed, []string{"Authorization: Bearer " + good + "="}},
		{"token68 that is no JWT and nobody introspects", noGood, middleware.ReasonNotIntrospected, []string{"Authorization: Bearer -._~+/9=="}},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := kit.NewValidator(t, nil)
			for _, state := range []string{"unknown", "cached"} {
				r := kit.ParseRequest(t, append([]string{"GET /orders HTTP/1.1", "Host: api.example.com"}, row.lines...)...)
				if got := kit.Serve(v.Require(), r); got.String() != row.want {
					t.Errorf("token %s: got %v, want %s", state, got, row.want)
				}
				if got := kit.ReasonOf(t, v.Require(), r); got != row.reason {
					t.Errorf("token %s: reason %q, want %q", state, got, row.reason)
				}
				kit.Serve(v.Require(), kit.Bearer(good)) // from here on the token is in the cache
			}
		})
	}
}

func TestQueryIsNeverRead(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromForm()}
	})
	good := kit.Mint(kit.GoodClaims(nil))
	for _, method := range []string{"GET", "POST"} {
		r := kit.ParseRequest(t, method+" /orders?access_token="+good+" HTTP/1.1", "Host: api.example.com", "Content-Type: application/x-www-form-urlencoded")
		if got := kit.Serve(v.Require(), r); got.String() != "401" {
			t.Errorf("%s with the token in the query: got %v, want 401", method, got)
		}
		r.Header.Set("Authorization", "Bearer "+good)
		if got := kit.Serve(v.Require(), r); got.String() != "200" {
			t.Errorf("%s with a token in the query beside the field: got %v, want 200: the query does not count", method, got)
		}
	}
}

func TestTrailerIsNoCredential(t *testing.T) {
	r := kit.ParseRequest(t, "POST /orders HTTP/1.1", "Host: api.example.com", "Transfer-Encoding: chunked", "Trailer: Authorization",
		"", "0", "Authorization: Bearer "+kit.Mint(kit.GoodClaims(nil)))
	if got := kit.Serve(kit.NewValidator(t, nil).Require(), r); got.String() != "401" {
		t.Errorf("got %v, want 401", got)
	}
}

func TestLongTokens(t *testing.T) {
	fits := kit.Mint(kit.GoodClaims(kit.Claims{"pad": strings.Repeat("x", 1000)}))
	for _, row := range []struct {
		name, token, want string
		limit             int
	}{
		{"a token as long as the limit", fits, "200", len(fits)},
		{"a good token one byte beyond the limit", fits, "400 invalid_request", len(fits) - 1},
		{"16 KiB, the limit unless one is set", strings.Repeat("x", 16<<10), "401 invalid_token", 0},
		{"garbage one byte beyond it", strings.Repeat("x", 16<<10+1), "400 invalid_request", 0},
		{"a million dots", strings.Repeat(".", 1<<20), "400 invalid_request", 0},
		{"a million quotes", strings.Repeat(`"`, 1<<20), "400 invalid_request", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.MaxTokenBytes = row.limit })
			if got := kit.Serve(v.Require(), kit.Bearer(row.token)); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
}

func TestLongTokenCostsNoMemory(t *testing.T) {
	v := kit.NewValidator(t, nil)
	r := kit.Bearer(strings.Repeat("A", 1<<20))
	guard := v.Require()
	_, _ = guard.Check(r)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const times = 20
	for range times {
		_, _ = guard.Check(r)
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / times; bytes > 8<<10 {
		t.Errorf("a token of 1 MiB costs %d bytes, want no cost that grows with it", bytes)
	}
}

func TestAuthorizeTakesAnyTransport(t *testing.T) {
	v := kit.NewValidator(t, nil)
	good := kit.Mint(kit.GoodClaims(nil))
	for _, row := range []struct {
		name   string
		header middleware.Header
		reason middleware.Reason
	}{
		{"a call with a token", kit.Fields("Authorization", "Bearer "+good), ""},
		{"a call without header fields", nil, middleware.ReasonNoToken},
		{"a call with a nil http.Header", http.Header(nil), middleware.ReasonNoToken},
		{"a call with two tokens", kit.Fields("Authorization", "Bearer "+good, "Authorization", "Bearer "+good), middleware.ReasonSeveralTokens},
		{"a line break, which other transports may let through", kit.Fields("Authorization", "Bearer "+good+"\r\n"), middleware.ReasonMalformedRequest},
		{"a line break inside the token", kit.Fields("Authorization", "Bearer "+good[:40]+"\r\n"+good[40:]), middleware.ReasonMalformedRequest},
		{"a zero byte", kit.Fields("Authorization", "Bearer "+good+"\x00"), middleware.ReasonMalformedRequest},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, err := v.Require().Authorize(context.Background(), middleware.Credentials{Header: row.header})
			if row.reason != "" {
				if e, ok := err.(*middleware.Error); !ok || e.Reason != row.reason || ctx != nil {
					t.Fatalf("got %v, %v; want no context and reason %s", ctx, err, row.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if token, ok := middleware.TokenFromContext(ctx); !ok || token.Subject != "user-1" {
				t.Errorf("token is %v, %v", token, ok)
			}
		})
	}
}

// FuzzAuthorizationField holds the field against the one rule: Bearer in any case, spaces, and exactly the good token.
func FuzzAuthorizationField(f *testing.F) {
	v := kit.NewValidator(f, nil)
	good := kit.Mint(kit.GoodClaims(nil))
	for _, seed := range []string{"Bearer " + good, "bearer  " + good, good, "Bearer", "Bearer\t" + good, "Bearer " + good + ",", "Basic x", ", ,", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		r := kit.Request(http.MethodGet, http.Header{"Authorization": {field}})
		got := kit.Serve(v.Require(), r)
		scheme, rest, _ := strings.Cut(field, " ")
		allowed := strings.EqualFold(scheme, "bearer") && strings.TrimLeft(rest, " ") == good
		if got.Ran != allowed || (got.StatusCode == 200) != allowed {
			t.Errorf("Authorization %q: got %v, want admitted %v", field, got, allowed)
		}
		if got.StatusCode >= 500 {
			t.Errorf("Authorization %q: got %v, want a fault of the caller", field, got)
		}
	})
}

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

func TestSchemesAsLongAsBearer(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(nil))
	v := kit.NewValidator(t, nil)
	for _, scheme := range []string{"Digest", "Tokens", "Bearex", "Hoarer"} {
		if got := kit.Serve(v.Require("read"), kit.Request("GET", kit.Fields("Authorization", scheme+" "+token))).String(); got != "401" {
			t.Errorf("the scheme %s gives %q, want 401 without an error code", scheme, got)
		}
	}
	for _, scheme := range []string{"Basic", "DPop2", "Digest", "Mutual"} {
		if got := kit.ReasonOf(
			t, kit.DPoPValidator(t, nil).Require(), kit.Request("GET", kit.Fields("Authorization", scheme+" "+token)),
		); got != middleware.ReasonOtherScheme {
			t.Errorf("the scheme %s beside DPoP: reason is %q", scheme, got)
		}
	}
	got := kit.Serve(v.Require("admin"), kit.Request("GET", kit.Fields("Authorization", "Digest "+token))).Header.Get("WWW-Authenticate")
	if want := `Bearer realm="api", scope="admin"`; got != want {
		t.Errorf("the challenge is %s, want %s: the client must fetch a token anyway", got, want)
	}
}

// An empty token must not pass for no token: an optional Guard would let it in.
func TestBearerAndNothing(t *testing.T) {
	v := kit.NewValidator(t, nil)
	for _, field := range []string{"Bearer", "Bearer ", "Bearer    ", "bearer "} {
		_, err := v.Optional().Authorize(context.Background(), middleware.Credentials{Header: kit.Fields("Authorization", field)})
		if e := (*middleware.Error)(nil); !errors.As(err, &e) || e.Reason != middleware.ReasonMalformedRequest {
			t.Errorf("%q gives %v, want a malformed request", field, err)
		}
	}
}

// Bytes are looked at eight at a time, so each of the eight has its row.
func TestBadByteAtEveryPlace(t *testing.T) {
	v := kit.NewValidator(t, nil)
	for place := range 19 {
		token := []byte("0123456789abcdefghi")
		token[place] = '"'
		if got := kit.ReasonOf(t, v.Require(), kit.Request("GET", kit.Fields("Authorization", "Bearer "+string(token)))); got != middleware.ReasonMalformedRequest {
			t.Errorf("a quote as byte %d of a token: reason is %q", place, got)
		}
	}
}
