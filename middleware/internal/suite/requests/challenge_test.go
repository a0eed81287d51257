package requests_test

import (
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestChallenge(t *testing.T) {
	const text = `, error_description="The access token does not allow this request."`
	for _, row := range []struct {
		name string
		err  *middleware.Error
		want []string
	}{
		{"one parameter at least, though no credentials were sent", &middleware.Error{Reason: middleware.ReasonNoToken}, []string{`Bearer realm="api"`}},
		{"the scopes in one order, each once", &middleware.Error{Code: middleware.InsufficientScope, Scopes: middleware.SetOf("b", "a", "b", "A")},
			[]string{`Bearer realm="api", error="insufficient_scope"` + text + `, scope="A a b"`}},
		{"no scopes where another token would not help", &middleware.Error{Code: middleware.InvalidRequest, Scopes: middleware.SetOf("a")},
			[]string{`Bearer realm="api", error="invalid_request", error_description="The request must carry one well-formed access token."`}},
		{"a description of a rule's own", &middleware.Error{Code: middleware.InsufficientScope, Description: "Only the owner may do this."},
			[]string{`Bearer realm="api", error="insufficient_scope", error_description="Only the owner may do this."`}},
		{"response splitting and quotes in a description", &middleware.Error{Code: middleware.InsufficientScope, Description: "a\"b\\c\r\nSet-Cookie: x=y\x00é\x7f"},
			[]string{`Bearer realm="api", error="insufficient_scope", error_description="abcSet-Cookie: x=y"`}},
		{
			"response splitting in a code", &middleware.Error{Code: "no\r\nway\""},
			[]string{`Bearer realm="api", error="noway", error_description="The request is not allowed."`},
		},
		{"a scope that ends the parameter", &middleware.Error{Code: middleware.InsufficientScope, Scopes: middleware.SetOf(`x", error="none`)},
			[]string{`Bearer realm="api", error="insufficient_scope"` + text + `, scope="x, error=none"`}},
		{"a request from another origin", &middleware.Error{Reason: middleware.ReasonCrossOrigin}, []string{`Bearer realm="api"`}},
		{"no challenge for what was not judged", &middleware.Error{Reason: middleware.ReasonKeysUnavailable}, nil},
		{"no challenge for our own fault", &middleware.Error{}, nil},
		{"no challenge of a nil *Error", nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.err.Header()["Www-Authenticate"]; !slices.Equal(got, row.want) {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for _, row := range []struct {
		wait time.Duration
		want string
	}{
		{0, "1"}, {-time.Hour, "1"}, {time.Nanosecond, "1"}, {time.Second, "1"}, {time.Second + 1, "2"}, {90 * time.Second, "90"},
		{math.MaxInt64, "9223372037"},
	} {
		h := (&middleware.Error{Reason: middleware.ReasonKeysUnavailable, RetryAfter: row.wait}).Header()
		if got := h.Get("Retry-After"); got != row.want {
			t.Errorf("%v: got %q, want %q", row.wait, got, row.want)
		}
	}
	h := (&middleware.Error{Code: middleware.InvalidToken, RetryAfter: time.Minute}).Header()
	if got := h.Get("Retry-After"); got != "" {
		t.Errorf("a 401 has Retry-After %q, want none", got)
	}
}

func TestEveryRefusalIsNeverStored(t *testing.T) {
	for _, e := range []*middleware.Error{
		nil, {}, {Code: middleware.InvalidRequest}, {Code: middleware.InvalidToken}, {Code: middleware.InsufficientScope},
		{Code: "own"}, {Reason: middleware.ReasonNoToken}, {Reason: middleware.ReasonKeysUnavailable},
	} {
		if got := e.Header()["Cache-Control"]; !slices.Equal(got, []string{"no-store"}) {
			t.Errorf("%v: Cache-Control is %q, want no-store", e, got)
		}
	}
}

// Transports that use Error.Header in the place of WriteError get the realm of the Config too.
func TestRealm(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Realm = "shop 7" })
	_, err := v.Require().Check(kit.Request(http.MethodGet, nil))
	var refusal *middleware.Error
	if !errors.As(err, &refusal) || refusal.Header().Get("Www-Authenticate") != `Bearer realm="shop 7"` {
		t.Errorf("the challenge is %v", refusal.Header())
	}
}

func TestHeaderIsTheCallersOwn(t *testing.T) {
	e := &middleware.Error{Code: middleware.InvalidToken}
	h := e.Header()
	h.Set("Www-Authenticate", "spoilt")
	h["Cache-Control"][0] = "public"
	if got := e.Header(); got.Get("Www-Authenticate") == "spoilt" || got.Get("Cache-Control") != "no-store" {
		t.Errorf("a changed header comes back: %v", got)
	}
}

// FuzzChallenge holds what is written against the grammar of RFC 9110, read by a parser of its own: whatever an Error
// of an application's rule holds, it stays inside its parameter.
func FuzzChallenge(f *testing.F) {
	f.Add("insufficient_scope", "text", "a b", 5, "realm")
	f.Add("x\", realm=\"evil", "\"\\\r\n\x00é", "a\"", 0, "a b")
	f.Add("", "", "", -1, "")
	f.Fuzz(func(t *testing.T, code, description, scopes string, age int, realm string) {
		e := &middleware.Error{Code: middleware.ErrorCode(code), Description: description, Scopes: middleware.SetOf(strings.Fields(scopes)...)}
		cfg := kit.Config()
		cfg.Realm = realm
		v, err := middleware.New(cfg)
		if err != nil {
			cfg.Realm = ""
			v = testkit.Must(middleware.New(cfg))
		}
		w := httptest.NewRecorder()
		v.Require().MaxAge(time.Duration(max(0, age))).Deny(w, kit.Request(http.MethodGet, nil), e)
		for name, values := range w.Header() {
			for _, value := range values {
				if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Fatalf("%s: %q holds what no field may", name, value)
				}
			}
		}
		field := w.Header().Get("Www-Authenticate")
		if field == "" {
			if status := e.Status(); status != 500 {
				t.Fatalf("%d without a challenge", status)
			}
			return
		}
		c, err := kit.ParseChallenge(field)
		if err != nil {
			t.Fatalf("%q: %v", field, err)
		}
		if want := safe(cfg.Realm); c.Scheme != "Bearer" || c.Params["realm"] != want && want != "" {
			t.Errorf("%q: scheme %q, realm %q; want Bearer, %q", field, c.Scheme, c.Params["realm"], want)
		}
		for name, value := range c.Params {
			if !slices.Contains([]string{"realm", "error", "error_description", "scope"}, name) || value != safe(value) {
				t.Errorf("%q: parameter %s is %q", field, name, value)
			}
		}
		if c.Params["error"] != safe(code) || description != "" && c.Params["error_description"] != safe(description) {
			t.Errorf("%q: want error %q and description %q", field, safe(code), safe(description))
		}
	})
}

// safe keeps the characters that RFC 6750 section 3 allows in error_description.
func safe(s string) string {
	var kept []byte
	for _, c := range []byte(s) {
		if c >= 0x20 && c <= 0x21 || c >= 0x23 && c <= 0x5b || c >= 0x5d && c <= 0x7e {
			kept = append(kept, c)
		}
	}
	return string(kept)
}
