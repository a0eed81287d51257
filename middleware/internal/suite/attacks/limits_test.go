package attacks_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// The limits that SECURITY.md states, each with the last value that passes and the first that does not, where no other test of this
// package has both.

func TestLimitOfIntrospectedTokens(t *testing.T) {
	server := kit.TransportFunc(func(*http.Request) (*http.Response, error) {
		body := io.NopCloser(bytes.NewReader(testkit.JSON(kit.ActiveAnswer(nil))))
		return &http.Response{StatusCode: http.StatusOK, Header: kit.Fields("Content-Type", "application/json"), Body: body}, nil
	})
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.MaxTokenBytes = 1 << 20
		cfg.Issuers[0].Introspector = kit.NewIntrospectionClient(t, server)
	})
	for length, want := range map[int]string{64 << 10: "200", 64<<10 + 1: "400 invalid_request"} {
		if got := kit.Serve(v.Require(), kit.Bearer(strings.Repeat("o", length))).String(); got != want {
			t.Errorf("%d bytes: outcome is %q, want %q", length, got, want)
		}
	}
}

func TestLimitOfForms(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.TokenSources = []middleware.TokenSource{middleware.FromForm()} })
	field := "access_token=" + kit.Mint(kit.GoodClaims(nil)) + "&pad="
	for length, want := range map[int]string{1 << 20: "200", 1<<20 + 1: "400 invalid_request"} {
		body := field + strings.Repeat("x", length-len(field))
		if got := kit.Serve(v.Require(), kit.FormRequest("POST", kit.URLEncoded, body, nil)).String(); got != want {
			t.Errorf("%d bytes: outcome is %q, want %q", length, got, want)
		}
	}
}

// A claim is one level below the top, so 63 arrays in it make 64 levels.
func TestLimitOfDepth(t *testing.T) {
	v := kit.NewValidator(t, nil)
	for depth, want := range map[int]string{64: "200", 65: kit.BadToken} {
		deep := strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1)
		if got := kit.Serve(v.Require(), kit.Bearer(kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "deep", deep)))).String(); got != want {
			t.Errorf("depth %d: outcome is %q, want %q", depth, got, want)
		}
	}
}

func TestLimitOfKeyIDs(t *testing.T) {
	for length, want := range map[int]string{1 << 10: "200", 1<<10 + 1: kit.BadToken} {
		kid := strings.Repeat("k", length)
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = testkit.OneKey(kid, testkit.EdKey()) })
		token := testkit.Sign(`{"alg":"EdDSA","typ":"at+jwt","kid":"`+kid+`"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey())
		if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != want {
			t.Errorf("a kid of %d bytes: outcome is %q, want %q", length, got, want)
		}
	}
}

func TestLimitOfProofs(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	guard := kit.DPoPValidator(t, nil).Require()
	plain := testkit.Proof{Key: testkit.EdKey(), Token: token}
	length := func(pad int) string {
		p := plain
		p.Claims = kit.Claims{"pad": strings.Repeat("x", pad)}
		return p.String()
	}
	pad := sort.Search(8<<10, func(pad int) bool { return len(length(pad+1)) > 8<<10 })
	fits, over := length(pad), length(pad+1)
	if len(fits) < 8<<10-1 { // a segment of base64 has no length of 4n+1
		t.Fatalf("the proof to fit has %d bytes", len(fits))
	}
	for text, want := range map[string]string{fits: "200", over: kit.BadProof} {
		if got := kit.OutcomeOf(guard, kit.DPoPRequest(token, text)); got != want {
			t.Errorf("a proof of %d bytes: outcome is %q, want %q", len(text), got, want)
		}
	}
	for _, row := range []struct {
		age  time.Duration
		want string
	}{{-61, kit.BadProof}, {-60, "200"}, {60, "200"}, {61, kit.BadProof}} {
		p := plain
		p.Claims = kit.Claims{"iat": testkit.Now.Add(-row.age * time.Second).Unix()}
		if got := kit.OutcomeOf(guard, kit.DPoPRequest(token, p.String())); got != row.want {
			t.Errorf("a proof of %d seconds ago: outcome is %q, want %q", row.age, got, row.want)
		}
	}
}

// Shards fill unevenly, so not all of the last 8192 tokens are known, but never more than that.
func TestLimitOfVerifiedTokens(t *testing.T) {
	kit.NeedsCache(t)
	const most, tokens = 8192, 10_000
	known := 0
	secret := bytes.Repeat([]byte("secret"), 8)
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Algorithms = []string{"HS256"} // which is quick
		cfg.Issuers[0].Keys = testkit.Must(jwks.HMAC("HS256", secret))
		cfg.Observe = func(_ context.Context, d middleware.Decision) {
			if d.Cached {
				known++
			}
		}
	})
	signed := make([]string, tokens)
	for i := range signed {
		signed[i] = testkit.Sign(`{"alg":"HS256","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(kit.Claims{"jti": fmt.Sprint("token-", i)}))), secret)
	}
	guard := v.Require()
	for _, token := range signed {
		_, _ = guard.Check(kit.Bearer(token))
	}
	for i := range signed { // newest first: each that is not known pushes out an older one
		_, _ = guard.Check(kit.Bearer(signed[len(signed)-1-i]))
	}
	if known > most || known < most*9/10 {
		t.Errorf("%d tokens were known, want %d at most", known, most)
	}
}
