package requests_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestStatus(t *testing.T) {
	for _, row := range []struct {
		name string
		err  *middleware.Error
		want int
	}{
		{"a nil *Error", nil, 500},
		{"an Error that says nothing", &middleware.Error{}, 500},
		{"invalid_request", &middleware.Error{Code: middleware.InvalidRequest}, 400},
		{"invalid_token", &middleware.Error{Code: middleware.InvalidToken}, 401},
		{"insufficient_user_authentication", &middleware.Error{Code: middleware.InsufficientUserAuthentication}, 401},
		{"insufficient_scope", &middleware.Error{Code: middleware.InsufficientScope}, 403},
		{"a code of the application's own", &middleware.Error{Code: "account_locked"}, 403},
		{"a cause that could not judge", &middleware.Error{Err: fmt.Errorf("database: %w", middleware.ErrUnavailable)}, 503},
		{"a code stands above its cause", &middleware.Error{Code: middleware.InvalidToken, Err: middleware.ErrUnavailable}, 401},
		{"a reason that nobody knows", &middleware.Error{Reason: "made_up"}, 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.err.Status(); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	for _, row := range []struct {
		err  *middleware.Error
		want string
	}{
		{nil, "middleware: refused"},
		{&middleware.Error{}, "middleware: internal"},
		{&middleware.Error{Code: middleware.InsufficientScope}, "middleware: insufficient_scope"},
		{&middleware.Error{Code: middleware.InvalidToken, Reason: middleware.ReasonExpired}, "middleware: invalid_token: expired"},
		{&middleware.Error{Reason: middleware.ReasonRule, Err: errors.New("the order is not yours")}, "middleware: rule"},
	} {
		if got := row.err.Error(); got != row.want {
			t.Errorf("got %q, want %q", got, row.want)
		}
	}
}

func TestErrorIs(t *testing.T) {
	cause := errors.New("connection refused")
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = kit.FixedAnswer{Err: cause} })
	for _, row := range []struct {
		name     string
		request  *http.Request
		is, isnt []error
	}{
		{"no token", kit.Request("GET", nil), []error{middleware.ErrNoToken}, []error{middleware.ErrExpired, middleware.ErrUnavailable}},
		{
			"an expired token", kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 60}))),
			[]error{middleware.ErrExpired}, []error{middleware.ErrNoToken, middleware.ErrUnavailable},
		},
		{"an outage", kit.Bearer("opaque"), []error{middleware.ErrUnavailable, cause}, []error{middleware.ErrNoToken, middleware.ErrExpired, context.Canceled}},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := v.Require().Check(row.request)
			for _, target := range row.is {
				if !errors.Is(err, target) {
					t.Errorf("%v is not %v", err, target)
				}
			}
			for _, target := range row.isnt {
				if errors.Is(err, target) {
					t.Errorf("%v is %v", err, target)
				}
			}
		})
	}
	if none := (*middleware.Error)(nil); none.Is(middleware.ErrUnavailable) || none.Unwrap() != nil {
		t.Error("a nil *Error is something")
	}
}

// One public text per code: a refusal must be no oracle for which check failed (and no claim may be echoed).
func TestInvalidTokenIsNoOracle(t *testing.T) {
	v := kit.NewValidator(t, nil)
	var answers []string
	for attack, token := range map[string]string{
		"garbage":            "garbage",
		"a forged signature": testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()),
		"an unknown issuer":  kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://evil.example"})),
		"an unknown key":     testkit.Sign(`{"alg":"EdDSA","kid":"other","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
		"expired":            kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 600})),
		"another API's":      kit.Mint(kit.GoodClaims(kit.Claims{"aud": "https://other.example"})),
		"an ID token": testkit.Sign(
			`{"alg":"EdDSA","kid":"ed"}`, string(testkit.JSON(kit.GoodClaims(kit.Claims{"nonce": "n", "scope": "openid"}))),
			testkit.EdKey(),
		),
		"a bound token":       kit.Mint(kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"jkt": "x"}})),
		"encrypted":           "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d",
		"a malformed subject": kit.Mint(kit.GoodClaims(kit.Claims{"sub": 7})),
	} {
		got := kit.AnswerTo(v.Require().Handler(kit.MustNotRun(t)), kit.Bearer(token))
		answers = append(answers, fmt.Sprint(got.Code, got.Header(), got.Body))
		if answers[len(answers)-1] != answers[0] {
			t.Errorf("%s is told apart: %s", attack, answers[len(answers)-1])
		}
	}
}

func TestNilErrorIsNoRefusal(t *testing.T) {
	var none *middleware.Error
	for _, kind := range []error{middleware.ErrUnavailable, middleware.ErrExpired, middleware.ErrNoToken} {
		if errors.Is(none, kind) {
			t.Errorf("a nil *Error is %v", kind)
		}
	}
}
