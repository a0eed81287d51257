package requests_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

func TestErrorHandlerRendersAndNeverOverrules(t *testing.T) {
	for _, row := range []struct {
		name   string
		handle func(http.ResponseWriter, *http.Request, *middleware.Error)
		status int
		body   string
	}{
		{"it renders", func(w http.ResponseWriter, _ *http.Request, e *middleware.Error) {
			w.WriteHeader(e.Status())
			fmt.Fprint(w, e.Reason)
		}, 401, "no_token"},
		{"it writes a body and no status", func(w http.ResponseWriter, _ *http.Request, _ *middleware.Error) { fmt.Fprint(w, "no") }, 200, "no"},
		{"it calls the default", func(w http.ResponseWriter, r *http.Request, e *middleware.Error) { middleware.WriteError(w, r, e) }, 401, noTokenBody},
		{"it writes nothing", func(http.ResponseWriter, *http.Request, *middleware.Error) {}, 401, noTokenBody},
		{"it only sets a field", func(w http.ResponseWriter, _ *http.Request, _ *middleware.Error) { w.Header().Set("X-Seen", "1") }, 401, noTokenBody},
		{"it only sends early hints", func(w http.ResponseWriter, _ *http.Request, _ *middleware.Error) {
			w.WriteHeader(http.StatusEarlyHints)
		}, 401, noTokenBody},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.ErrorHandler = row.handle })
			got := kit.AnswerTo(hintless(v.Require().Handler(kit.MustNotRun(t))), kit.Request("GET", nil))
			if got.Code != row.status || got.Body.String() != row.body {
				t.Errorf("got %d %s, want %d %s", got.Code, got.Body, row.status, row.body)
			}
		})
	}
}

const noTokenBody = `{"type":"about:blank","title":"Unauthorized","status":401,"detail":"This resource requires an access token."}`

// hintless swallows 1xx answers, which an httptest.ResponseRecorder takes for the final one.
func hintless(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(finalOnly{w}, r) })
}

type finalOnly struct{ http.ResponseWriter }

func (w finalOnly) WriteHeader(status int) {
	if status >= 200 {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w finalOnly) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestErrorHandlerThatFlushes(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ *middleware.Error) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("Flush: %v", err)
			}
		}
	})
	if got := kit.AnswerTo(v.Require().Handler(kit.MustNotRun(t)), kit.Request("GET", nil)); got.Body.Len() > 0 {
		t.Errorf("a flushed answer was answered again: %s", got.Body)
	}
}

// What took over the connection has answered; writing after it would garble what it says.
func TestErrorHandlerThatHijacks(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ *middleware.Error) {
			if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
				t.Errorf("Hijack: %v", err)
			}
		}
	})
	w := &hijackable{ResponseRecorder: httptest.NewRecorder()}
	v.Require().Handler(kit.MustNotRun(t)).ServeHTTP(w, kit.Request("GET", nil))
	if w.Body.Len() > 0 {
		t.Errorf("a hijacked connection was answered again: %s", w.Body)
	}
}

type hijackable struct{ *httptest.ResponseRecorder }

func (*hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

func TestDeny(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Realm = "shop" })
	own := &middleware.Error{Code: middleware.InsufficientScope, Scopes: middleware.SetOf("orders:own")}
	for _, row := range []struct {
		name      string
		guard     *middleware.Guard
		err       error
		status    int
		challenge string
	}{
		{"a refusal of a handler's own", v.Require(), own, 403,
			`Bearer realm="shop", error="insufficient_scope", error_description="The access token does not allow this request.", scope="orders:own"`},
		{"a wrapped refusal", v.Require(), fmt.Errorf("handler: %w", own), 403,
			`Bearer realm="shop", error="insufficient_scope", error_description="The access token does not allow this request.", scope="orders:own"`},
		{"any other error", v.Require(), errors.New("database: password is hunter2"), 500, ""},
		{"no error at all", v.Require(), nil, 500, ""},
		{"a nil *Error", v.Require(), (*middleware.Error)(nil), 500, ""},
		{"a nil Guard", nil, own, 403,
			`Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this request.", scope="orders:own"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			row.guard.Deny(w, kit.Request("GET", nil), row.err)
			if w.Code != row.status || w.Header().Get("Www-Authenticate") != row.challenge {
				t.Errorf("got %d %s\nwant %d %s", w.Code, w.Header().Get("Www-Authenticate"), row.status, row.challenge)
			}
			if row.status == 500 && w.Body.String() != `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The request could not be judged."}` {
				t.Errorf("body is %s", w.Body)
			}
		})
	}
}

// What an ErrorHandler has answered, however briefly, is not followed by the answer that it replaces.
func TestErrorHandlersThatAnswerBriefly(t *testing.T) {
	for name, row := range map[string]struct {
		handler func(w http.ResponseWriter)
		status  int
		body    string
	}{
		"a status and no body": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }, http.StatusTeapot, ""},
		"a status, and another behind it": {
			func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot); w.WriteHeader(http.StatusEarlyHints) }, http.StatusTeapot, "",
		},
		"a body, and then a hijack in vain": {
			func(w http.ResponseWriter) { _, _ = w.Write([]byte("no")); _, _, _ = w.(http.Hijacker).Hijack() }, http.StatusOK, "no",
		},
	} {
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ *middleware.Error) { row.handler(w) }
		})
		rec := httptest.NewRecorder()
		v.Require().Handler(http.NotFoundHandler()).ServeHTTP(rec, kit.Request("GET", nil))
		if rec.Code != row.status || rec.Body.String() != row.body {
			t.Errorf("%s: %d %q, want %d %q", name, rec.Code, rec.Body, row.status, row.body)
		}
	}
}
