package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
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
		{&middleware.Error{Code: middleware.InvalidToken, Reason: middleware.ReasonExpired}, "middleware: expired"},
		{&middleware.Error{Reason: middleware.ReasonRule, Err: errors.New("the order is not yours")}, "middleware: rule: the order is not yours"},
	} {
		if got := row.err.Error(); got != row.want {
			t.Errorf("got %q, want %q", got, row.want)
		}
	}
}

func TestErrorIs(t *testing.T) {
	cause := errors.New("connection refused")
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = fixedAnswer{err: cause} })
	for _, row := range []struct {
		name     string
		request  *http.Request
		is, isnt []error
	}{
		{"no token", request("GET", nil), []error{middleware.ErrNoToken}, []error{middleware.ErrExpired, middleware.ErrUnavailable}},
		{"an expired token", bearer(mint(good(claims{"exp": now.Unix() - 60}))), []error{middleware.ErrExpired}, []error{middleware.ErrNoToken, middleware.ErrUnavailable}},
		{"an outage", bearer("opaque"), []error{middleware.ErrUnavailable, cause}, []error{middleware.ErrNoToken, middleware.ErrExpired, context.Canceled}},
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
	v := validator(t, nil)
	var answers []string
	for attack, token := range map[string]string{
		"garbage":             "garbage",
		"a forged signature":  sign(edHeader, string(toJSON(good(nil))), strangeKey()),
		"an unknown issuer":   mint(good(claims{"iss": "https://evil.example"})),
		"an unknown key":      sign(`{"alg":"EdDSA","kid":"other","typ":"at+jwt"}`, string(toJSON(good(nil))), edKey()),
		"expired":             mint(good(claims{"exp": now.Unix() - 600})),
		"another API's":       mint(good(claims{"aud": "https://other.example"})),
		"an ID token":         sign(`{"alg":"EdDSA","kid":"ed"}`, string(toJSON(good(claims{"nonce": "n", "scope": "openid"}))), edKey()),
		"a bound token":       mint(good(claims{"cnf": claims{"jkt": "x"}})),
		"encrypted":           "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d",
		"a malformed subject": mint(good(claims{"sub": 7})),
	} {
		got := answerTo(v.Require().Handler(mustNotRun(t)), bearer(token))
		answers = append(answers, fmt.Sprint(got.Code, got.Header(), got.Body))
		if answers[len(answers)-1] != answers[0] {
			t.Errorf("%s is told apart: %s", attack, answers[len(answers)-1])
		}
	}
}
