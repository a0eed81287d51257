package middleware_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// The limits that SECURITY.md states, each with the last value that passes and the first that does not, where no other test of this
// package has both.

func TestLimitOfIntrospectedTokens(t *testing.T) {
	server := transportFunc(func(*http.Request) (*http.Response, error) {
		body := io.NopCloser(bytes.NewReader(toJSON(active(nil))))
		return &http.Response{StatusCode: http.StatusOK, Header: fields("Content-Type", "application/json"), Body: body}, nil
	})
	v := validator(t, func(cfg *middleware.Config) {
		cfg.MaxTokenBytes = 1 << 20
		cfg.Issuers[0].Introspector = introspectionClient(t, server)
	})
	for length, want := range map[int]string{64 << 10: "200", 64<<10 + 1: "400 invalid_request"} {
		if got := serve(v.Require(), bearer(strings.Repeat("o", length))).String(); got != want {
			t.Errorf("%d bytes: outcome is %q, want %q", length, got, want)
		}
	}
}

func TestLimitOfForms(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) { cfg.TokenSources = []middleware.TokenSource{middleware.FromForm()} })
	field := "access_token=" + mint(good(nil)) + "&pad="
	for length, want := range map[int]string{1 << 20: "200", 1<<20 + 1: "400 invalid_request"} {
		body := field + strings.Repeat("x", length-len(field))
		if got := serve(v.Require(), form("POST", urlencoded, body, nil)).String(); got != want {
			t.Errorf("%d bytes: outcome is %q, want %q", length, got, want)
		}
	}
}

// A claim is one level below the top, so 63 arrays in it make 64 levels.
func TestLimitOfDepth(t *testing.T) {
	v := validator(t, nil)
	for depth, want := range map[int]string{64: "200", 65: badToken} {
		deep := strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1)
		if got := serve(v.Require(), bearer(mintText(withText(good(nil), "deep", deep)))).String(); got != want {
			t.Errorf("depth %d: outcome is %q, want %q", depth, got, want)
		}
	}
}

func TestLimitOfKeyIDs(t *testing.T) {
	for length, want := range map[int]string{1 << 10: "200", 1<<10 + 1: badToken} {
		kid := strings.Repeat("k", length)
		v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = oneKey(kid, edKey()) })
		token := sign(`{"alg":"EdDSA","typ":"at+jwt","kid":"`+kid+`"}`, string(toJSON(good(nil))), edKey())
		if got := serve(v.Require(), bearer(token)).String(); got != want {
			t.Errorf("a kid of %d bytes: outcome is %q, want %q", length, got, want)
		}
	}
}

func TestLimitOfProofs(t *testing.T) {
	token := mint(good(boundTo(edKey())))
	guard := withDPoP(t, nil).Require()
	plain := proof{key: edKey(), token: token}
	length := func(pad int) string {
		p := plain
		p.claims = claims{"pad": strings.Repeat("x", pad)}
		return p.String()
	}
	pad := 0
	for len(length(pad+1)) <= 8<<10 {
		pad++
	}
	fits, over := length(pad), length(pad+1)
	if len(fits) < 8<<10-1 { // a segment of base64 has no length of 4n+1
		t.Fatalf("the proof to fit has %d bytes", len(fits))
	}
	for text, want := range map[string]string{fits: "200", over: badProof} {
		if got := outcomeOf(guard, dpopRequest(token, text)); got != want {
			t.Errorf("a proof of %d bytes: outcome is %q, want %q", len(text), got, want)
		}
	}
	for _, row := range []struct {
		age  time.Duration
		want string
	}{{-61, badProof}, {-60, "200"}, {60, "200"}, {61, badProof}} {
		p := plain
		p.claims = claims{"iat": now.Add(-row.age * time.Second).Unix()}
		if got := outcomeOf(guard, dpopRequest(token, p.String())); got != row.want {
			t.Errorf("a proof of %d seconds ago: outcome is %q, want %q", row.age, got, row.want)
		}
	}
}

// Shards fill unevenly, so not all of the last 8192 tokens are known, but never more than that.
func TestLimitOfVerifiedTokens(t *testing.T) {
	aboutTheCache(t)
	const most, tokens = 8192, 10_000
	known := 0
	secret := bytes.Repeat([]byte("secret"), 8)
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Algorithms = []string{"HS256"} // which is quick
		cfg.Issuers[0].Keys = must(jwks.HMAC("HS256", secret))
		cfg.Observe = func(_ context.Context, d middleware.Decision) {
			if d.Cached {
				known++
			}
		}
	})
	signed := make([]string, tokens)
	for i := range signed {
		signed[i] = sign(`{"alg":"HS256","typ":"at+jwt"}`, string(toJSON(good(claims{"jti": fmt.Sprint("token-", i)}))), secret)
	}
	guard := v.Require()
	for _, token := range signed {
		_, _ = guard.Check(bearer(token))
	}
	for i := range signed { // newest first: each that is not known pushes out an older one
		_, _ = guard.Check(bearer(signed[len(signed)-1-i]))
	}
	if known > most || known < most*9/10 {
		t.Errorf("%d tokens were known, want %d at most", known, most)
	}
}
