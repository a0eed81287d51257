package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// A handler may do to its copy of the Token what it likes: the stream ends when the token that was judged does.
func TestContextWithExpiryOfAChangedToken(t *testing.T) {
	clock := now
	v := validator(t, clockAt(&clock))
	for name, expiry := range map[string]time.Time{"erased": {}, "put off": now.Add(1000 * time.Hour)} {
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			token, _ := middleware.TokenFromContext(r.Context())
			token.Expiry = expiry
			ctx, cancel := middleware.ContextWithExpiry(r.Context())
			defer cancel()
			if end, ok := ctx.Deadline(); !ok || time.Until(end) > time.Hour {
				t.Errorf("expiry %s: the context ends at %v, %t", name, end, ok)
			}
		})
		rec := newRecorder()
		v.Require("read").Handler(handler).ServeHTTP(rec, request("GET", fields("Authorization", "Bearer "+mint(good(nil)))))
		if rec.Code != http.StatusOK {
			t.Fatalf("status %d", rec.Code)
		}
	}
}
