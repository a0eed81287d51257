package routes_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// between puts a handler between two Guards and serves one request through all three.
func between(outer, inner *middleware.Guard, r *http.Request, change func(r *http.Request)) int {
	innermost := inner.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	rec := httptest.NewRecorder()
	outer.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil {
			change(r)
		}
		innermost.ServeHTTP(w, r)
	})).ServeHTTP(rec, r)
	return rec.Code
}

// The signature alone does not make it the same token: what was signed must be the same text.
func TestOuterVerdictIsNotAboutAnotherTextUnderTheSameSignature(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		judged := kit.Mint(kit.GoodClaims(nil))
		parts := strings.Split(judged, ".")
		for name, forged := range map[string]string{
			"other claims":    parts[0] + "." + testkit.B64(testkit.JSON(kit.GoodClaims(kit.Claims{"sub": "admin"}))) + "." + parts[2],
			"another header":  testkit.B64([]byte(`{"alg":"EdDSA","kid":"ed"}`)) + "." + parts[1] + "." + parts[2],
			"the signature":   parts[2],
			"a shorter text":  parts[1] + "." + parts[2],
			"nothing changed": judged,
		} {
			want := http.StatusUnauthorized
			if forged == judged {
				want = http.StatusOK
			}
			got := between(v.Require("read"), v.Require("write"), kit.Request("GET", kit.Fields("Authorization", "Bearer "+judged)), func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+forged)
			})
			if got != want {
				t.Errorf("%s: %d, want %d", name, got, want)
			}
		}
	})
}

// A JWT that the issuer's server has judged is asked about once for all Guards of a request, and once for each request.
func TestIntrospectedJWTIsAskedAboutOncePerRequest(t *testing.T) {
	var asked atomic.Int32
	answer := testkit.Must(introspection.ParseResponse(testkit.JSON(kit.ActiveAnswer(nil))))
	cfg := func(ask func()) func(*middleware.Config) {
		return kit.ChangeIssuer(func(i *middleware.Issuer) {
			i.Keys, i.JWTs = nil, middleware.IntrospectJWTs
			i.Introspector = kit.IntrospectFunc(func(context.Context, string) (*introspection.Response, error) {
				asked.Add(1)
				ask()
				return answer, nil
			})
		})
	}
	token := kit.Mint(kit.GoodClaims(nil))
	v := kit.NewValidator(t, cfg(func() {}))
	if got := between(
		v.Require("read"), v.Require("write"), kit.Request("GET", kit.Fields("Authorization", "Bearer "+token)), nil,
	); got != http.StatusOK || asked.Load() != 1 {
		t.Errorf("two Guards: %d, asked %d times", got, asked.Load())
	}
	synctest.Test(t, func(t *testing.T) {
		asked.Store(0)
		release := make(chan struct{})
		v := kit.NewValidator(t, cfg(func() { <-release }))
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				if got := kit.Serve(v.Require("read"), kit.Request("GET", kit.Fields("Authorization", "Bearer "+token))).String(); got != "200" {
					t.Errorf("one of several requests at once: %s", got)
				}
			})
			synctest.Wait()
		}
		close(release)
		callers.Wait()
		if asked.Load() != 3 {
			t.Errorf("three requests at once: asked %d times", asked.Load())
		}
	})
}

// tokensOf is an introspector that knows one token as active and all others as inactive.
func tokensOf(good string) kit.IntrospectFunc {
	return func(_ context.Context, token string) (*introspection.Response, error) {
		return introspection.ParseResponse(testkit.JSON(kit.ActiveAnswer(kit.Claims{"active": token == good})))
	}
}

// The same holds for tokens that only the issuer's server can judge, whatever their parts look like: for each of them the whole text
// counts, to the last byte of the longest.
func TestOuterVerdictIsAboutTheWholeOfAnOpaqueToken(t *testing.T) {
	jwt := kit.Mint(kit.GoodClaims(nil))
	parts := strings.Split(jwt, ".")
	rows := map[string][2]string{
		"a JWT, and another under its signature": {jwt, parts[0] + "." + testkit.B64(testkit.JSON(kit.GoodClaims(kit.Claims{"sub": "admin"}))) + "." + parts[2]},
		"dots, and the same behind the last":     {"opaque.one.tail", "opaque.two.tail"},
		"dots, and only what is behind the last": {"opaque.one.tail", "tail"},
	}
	for _, length := range []int{1, 100, 768, 769, 1000, 4096, 4097, 5000} {
		text := strings.Repeat("x", length-1)
		rows[fmt.Sprint(length, " bytes, of which the last differs")] = [2]string{text + "a", text + "b"}
	}
	for name, row := range rows {
		v := kit.NewValidator(t, kit.ChangeIssuer(func(i *middleware.Issuer) {
			i.Keys, i.JWTs, i.Introspector = nil, middleware.IntrospectJWTs, tokensOf(row[0])
		}))
		for token, want := range map[string]int{row[0]: http.StatusOK, row[1]: http.StatusUnauthorized} {
			got := between(v.Require("read"), v.Require("write"), kit.Request("GET", kit.Fields("Authorization", "Bearer "+row[0])), func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+token)
			})
			if got != want {
				t.Errorf("%s: %d, want %d", name, got, want)
			}
		}
	}
}
