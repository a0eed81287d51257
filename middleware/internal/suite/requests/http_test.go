package requests_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestRefusalsExactly(t *testing.T) {
	v := kit.NewValidator(t, nil)
	for _, row := range []struct {
		name      string
		guard     *middleware.Guard
		request   *http.Request
		status    int
		challenge string
		body      string
	}{
		{
			"no token", v.Require(), kit.Request("GET", nil), 401, kit.NoTokenChallenge,
			`{"type":"about:blank","title":"Unauthorized","status":401,"detail":"This resource requires an access token."}`,
		},
		{
			"no token, on a route with scopes", v.Require("write", "read"), kit.Request("GET", nil), 401, `Bearer realm="api", scope="read write"`,
			`{"type":"about:blank","title":"Unauthorized","status":401,"detail":"This resource requires an access token.","scope":"read write"}`,
		},
		{
			"an expired token", v.Require("read"), kit.Bearer(
				kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 60})),
			), 401, kit.InvalidTokenChallenge + `, scope="read"`,
			`{"type":"https://pkg.go.dev/github.com/cardea-auth/cardea/middleware#InvalidToken","title":"Unauthorized","status":401,` +
				`"detail":"The access token is malformed, expired, revoked or not meant for this API.","error":"invalid_token","scope":"read"}`,
		},
		{
			"two tokens", v.Require("read"), kit.Request("GET", kit.Fields("Authorization", "Bearer a", "Authorization", "Bearer b")), 400,
			`Bearer realm="api", error="invalid_request", error_description="The request must carry one well-formed access token."`,
			`{"type":"https://pkg.go.dev/github.com/cardea-auth/cardea/middleware#InvalidRequest","title":"Bad Request","status":400,` +
				`"detail":"The request must carry one well-formed access token.","error":"invalid_request"}`,
		},
		{
			"a missing scope", v.Require("write").Require("admin"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), 403,
			`Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this request.", scope="admin write"`,
			`{"type":"https://pkg.go.dev/github.com/cardea-auth/cardea/middleware#InsufficientScope","title":"Forbidden","status":403,` +
				`"detail":"The access token does not allow this request.","error":"insufficient_scope","scope":"admin write"}`,
		},
		{
			"an authentication that is too old", v.Require("read").ACR("gold", "silver").MaxAge(5 * 60e9), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), 401,
			`Bearer realm="api", error="insufficient_user_authentication", error_description="A different or more recent authentication is required.", acr_values="gold silver", max_age="300"`,
			`{"type":"https://pkg.go.dev/github.com/cardea-auth/cardea/middleware#InsufficientUserAuthentication","title":"Unauthorized","status":401,` +
				`"detail":"A different or more recent authentication is required.","error":"insufficient_user_authentication"}`,
		},
		{
			"a Guard that nobody made", new(middleware.Guard), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), 500, "",
			`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The request could not be judged."}`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD"} {
				r := row.request.Clone(t.Context())
				r.Method = method
				got := kit.AnswerTo(row.guard.Handler(kit.MustNotRun(t)), r)
				want := row.body
				if method == "HEAD" { // RFC 9110 section 9.3.2: the same fields and no body
					want = ""
				}
				if got.Code != row.status || got.Body.String() != want {
					t.Errorf("%s: got %d %s\nwant %d %s", method, got.Code, got.Body, row.status, want)
				}
				header := http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"application/problem+json"}}
				if method == "HEAD" { // for other methods net/http counts what is written
					header["Content-Length"] = []string{fmt.Sprint(len(row.body))}
				}
				if row.challenge != "" {
					header["Www-Authenticate"] = []string{row.challenge}
				}
				if g, w := fmt.Sprint(got.Header()), fmt.Sprint(header); g != w {
					t.Errorf("%s: got header  %s\nwant header %s", method, g, w)
				}
			}
		})
	}
}

func TestHostDoesNotReachTheAnswer(t *testing.T) {
	r := kit.ParseRequest(t, "GET /orders HTTP/1.1", "Host: evil.example", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example")
	got := kit.AnswerTo(kit.NewValidator(t, nil).Require().Handler(kit.MustNotRun(t)), r)
	if got.Header().Get("Www-Authenticate") != kit.NoTokenChallenge {
		t.Errorf("challenge is %s", got.Header().Get("Www-Authenticate"))
	}
}

// A preflight carries no token, so it never reaches a handler: two header fields would open every handler that does not
// look at the method.
func TestPreflight(t *testing.T) {
	v := kit.NewValidator(t, nil)
	preflight := kit.Fields("Origin", "https://app.example", "Access-Control-Request-Method", "DELETE")
	for _, row := range []struct {
		name, want string
		reason     middleware.Reason
		guard      *middleware.Guard
		request    *http.Request
	}{
		{"a preflight", "401", middleware.ReasonPreflight, v.Require(), kit.Request("OPTIONS", preflight)},
		{"a preflight at an optional Guard with a requirement", "401", middleware.ReasonPreflight, v.Optional().Require("read"), kit.Request("OPTIONS", preflight)},
		{"a preflight at an optional Guard", "200", "", v.Optional(), kit.Request("OPTIONS", preflight)},
		{"OPTIONS alone", "401", middleware.ReasonNoToken, v.Require(), kit.Request("OPTIONS", nil)},
		{"OPTIONS with an origin", "401", middleware.ReasonNoToken, v.Require(), kit.Request("OPTIONS", kit.Fields("Origin", "https://app.example"))},
		{"the fields of a preflight on another method", "401", middleware.ReasonNoToken, v.Require(), kit.Request("POST", preflight)},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := kit.Serve(row.guard, row.request); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
			if got := kit.ReasonOf(t, row.guard, row.request); got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
		})
	}
}

// No spelling of a path or method leads past the Guard of a route.
func TestGuardBehindServeMux(t *testing.T) {
	v := kit.NewValidator(t, nil)
	mux := http.NewServeMux()
	mux.Handle("/admin/", v.Require("admin").Handler(kit.MustNotRun(t)))
	mux.Handle("GET /admin/report", v.Require("admin").Handler(kit.MustNotRun(t)))
	for _, target := range []string{
		"GET /admin/x", "HEAD /admin/report", "POST /admin/report", "GET //admin/x", "GET /x/../admin/x", "GET /admin/../admin/x",
		"GET /admin/%2e%2e/x", "GET /%61dmin/x", "GET /admin%2Fx", "GET /admin/./x", "OPTIONS /admin/x", "TRACE /admin/x", "FOO /admin/x",
	} {
		r := kit.ParseRequest(
			t, target+" HTTP/1.1", "Host: api.example.com", "Authorization: Bearer "+kit.Mint(kit.GoodClaims(nil)),
			"X-HTTP-Method-Override: DELETE", "X-Original-URL: /public",
		)
		if got := kit.AnswerTo(mux, r); got.Code == 200 {
			t.Errorf("%s: got 200", target)
		}
	}
}

func TestAdmit(t *testing.T) {
	v := kit.NewValidator(t, nil)
	w := httptest.NewRecorder()
	r, ok := v.Require("read").Admit(w, kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
	if !ok || w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Fatalf("Admit wrote %v %v to an admitted request (%v)", w.Header(), w.Body, ok)
	}
	if token, ok := middleware.TokenFromContext(r.Context()); !ok || token.Subject != "user-1" {
		t.Errorf("token is %v, %v", token, ok)
	}
	w = httptest.NewRecorder()
	if r, ok := v.Require("read").Admit(w, kit.Request("GET", nil)); ok || r != nil || w.Code != 401 {
		t.Errorf("got %v, %v, %d; want no request and 401", r, ok, w.Code)
	}
}

func TestNilHandlerPanics(t *testing.T) {
	g := kit.NewValidator(t, nil).Require()
	kit.WantPanic(t, "middleware: Handler: the handler to protect is nil", func() { g.Handler(nil) })
	kit.WantPanic(t, "middleware: HandlerFunc: the handler to protect is nil", func() { g.HandlerFunc(nil) })
}

// An OPTIONS request is a preflight only with both fields (Fetch standard); without, the log must not blame CORS.
func TestWhatIsNoPreflight(t *testing.T) {
	guard := kit.NewValidator(t, nil).Require()
	for name, row := range map[string]struct {
		header http.Header
		want   middleware.Reason
	}{
		"both fields":   {kit.Fields("Origin", "https://app.example", "Access-Control-Request-Method", "POST"), middleware.ReasonPreflight},
		"no Origin":     {kit.Fields("Access-Control-Request-Method", "POST"), middleware.ReasonNoToken},
		"no wish":       {kit.Fields("Origin", "https://app.example"), middleware.ReasonNoToken},
		"neither field": {nil, middleware.ReasonNoToken},
	} {
		if got := kit.ReasonOf(t, guard, kit.Request(http.MethodOptions, row.header)); got != row.want {
			t.Errorf("%s: reason is %q, want %q", name, got, row.want)
		}
	}
}
