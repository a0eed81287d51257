package middleware_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

func TestNilErrorIsNoRefusal(t *testing.T) {
	var none *middleware.Error
	for _, kind := range []error{middleware.ErrUnavailable, middleware.ErrExpired, middleware.ErrNoToken} {
		if errors.Is(none, kind) {
			t.Errorf("a nil *Error is %v", kind)
		}
	}
}

// What an ErrorHandler has answered, however briefly, is not followed by the answer that it replaces.
func TestErrorHandlersThatAnswerBriefly(t *testing.T) {
	for name, row := range map[string]struct {
		handler func(w http.ResponseWriter)
		status  int
		body    string
	}{
		"a status and no body":              {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }, http.StatusTeapot, ""},
		"a status, and another behind it":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot); w.WriteHeader(http.StatusEarlyHints) }, http.StatusTeapot, ""},
		"a body, and then a hijack in vain": {func(w http.ResponseWriter) { _, _ = w.Write([]byte("no")); _, _, _ = w.(http.Hijacker).Hijack() }, http.StatusOK, "no"},
	} {
		v := validator(t, func(cfg *middleware.Config) {
			cfg.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ *middleware.Error) { row.handler(w) }
		})
		rec := newRecorder()
		v.Require().Handler(http.NotFoundHandler()).ServeHTTP(rec, request("GET", nil))
		if rec.Code != row.status || rec.Body.String() != row.body {
			t.Errorf("%s: %d %q, want %d %q", name, rec.Code, rec.Body, row.status, row.body)
		}
	}
}

// Quotes stand around a whole value. Elsewhere they would hide what stands between them, such as another Hash.
func TestForwardedClientCertWithQuotesInsideAValue(t *testing.T) {
	guard := proxied(t, "X-Forwarded-Client-Cert", middleware.ForwardedClientCert).Require()
	hash := "Hash=" + hexHash(ownCert())
	for _, value := range []string{hash + `;Subject=x"y"`, `Subject=x";Hash=0;";` + hash, `Subject=x"y";` + hash} {
		wantServed(t, guard, fromProxy(proxy, "X-Forwarded-Client-Cert", value), badToken, middleware.ReasonConfirmation)
	}
}
