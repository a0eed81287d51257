package middleware_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

func TestGoodToken(t *testing.T) {
	v := validator(t, nil)
	for range 2 { // the second one comes from the cache
		got := serve(v.Require("read"), bearer(mint(good(nil))))
		if got.String() != "200" {
			t.Fatalf("got %v, %v", got, reasonOf(t, v.Require("read"), bearer(mint(good(nil)))))
		}
		if got.token.Subject != "user-1" || !got.token.Scopes.HasAll("read", "write") {
			t.Errorf("token is %+v", got.token)
		}
		c, err := middleware.ClaimsFromContext[struct{ Sub string }](got.context)
		if err != nil || c.Sub != "user-1" {
			t.Errorf("claims are %+v, %v", c, err)
		}
	}
}
