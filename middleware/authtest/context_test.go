package authtest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestContextCarriesTokenAndClaims(t *testing.T) {
	t.Parallel()
	ctx := authtest.Context(t, authtest.Claims{"scope": "read write", "roles": []string{"clerk"}, "tenant": "blue"})
	token, ok := middleware.TokenFromContext(ctx)
	if !ok || token.Subject != "alice" || !token.Scopes.HasAll("read", "write") || !token.Roles.Has("clerk") ||
		token.ClientID != "authtest-client" || token.ID == "" || token.Opaque || token.Audience.Len() != 1 {
		t.Errorf("the token is %+v", token)
	}
	claims, err := middleware.ClaimsFromContext[struct {
		Tenant string `json:"tenant"`
	}](ctx)
	if err != nil || claims.Tenant != "blue" {
		t.Errorf("the claims are %+v, %v", claims, err)
	}
}

func TestContextTakesAnyIssuerAudienceAndSize(t *testing.T) {
	t.Parallel()
	ctx := authtest.Context(t, authtest.Claims{
		"iss": "urn:example:issuer", "aud": nil, "sub": nil, "jti": nil, "groups": strings.Repeat("g", 1<<17),
	})
	token, ok := middleware.TokenFromContext(ctx)
	if !ok || token.Issuer != "urn:example:issuer" || token.Audience.Len() != 0 || token.Subject != "" {
		t.Errorf("the token is %+v", token)
	}
}

func TestContextEndsStreamsAtTheExpiryOfItsToken(t *testing.T) {
	t.Parallel()
	// Inside the leeway, so the token is good, and its stream ends at once.
	ctx := authtest.Context(t, authtest.Claims{"exp": time.Now().Add(-10 * time.Second)})
	ctx, cancel := middleware.ContextWithExpiry(ctx)
	defer cancel()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), middleware.ErrExpired) {
		t.Errorf("the cause is %v", context.Cause(ctx))
	}
}

func TestContextRefusesClaimsThatNoGuardAdmits(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		claims authtest.Claims
		want   string
	}{
		"an expired token":          {authtest.Claims{"exp": time.Now().Add(-time.Hour)}, "expired"},
		"no expiry":                 {authtest.Claims{"exp": nil}, "exp"},
		"no issuer":                 {authtest.Claims{"iss": nil}, "iss"},
		"a bound token":             {authtest.Claims{"cnf": map[string]string{"jkt": "x"}}, "cnf"},
		"a claim that is no JSON":   {authtest.Claims{"f": func() {}}, "json"},
		"a subject that is no text": {authtest.Claims{"sub": 7}, "sub"},
	} {
		tb := new(recorder)
		ctx := authtest.Context(tb, row.claims)
		if ctx != nil || !strings.HasPrefix(tb.fatal, "authtest: Context: ") || !strings.Contains(tb.fatal, row.want) {
			t.Errorf("%s: it says %q", name, tb.fatal)
		}
	}
}

func TestNoGuardBelievesContext(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	auth, _ := newAPI(t, issuer.Config(api))
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r = r.WithContext(authtest.Context(t, authtest.Claims{"iss": issuer.URL(), "aud": api, "scope": "read"}))
	w := httptest.NewRecorder()
	auth.Require("read").HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") }).ServeHTTP(w, r)
	want(t, w, http.StatusUnauthorized)
}
