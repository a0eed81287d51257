package middleware_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// payment is an authorization detail of an application.
type payment struct {
	Actions []string `json:"actions"`
	Amount  struct {
		Currency string `json:"currency"`
	} `json:"amount"`
}

func detailed(list any) string { return mint(good(claims{"authorization_details": list})) }

// RFC 9396 section 9.
func TestDetails(t *testing.T) {
	pays := func(changes claims) claims {
		return changed(claims{"type": "payment", "actions": []string{"initiate"}, "amount": claims{"currency": "EUR"}}, changes)
	}
	guard := validator(t, nil).Require().Allow(middleware.AnyDetail("payment", func(_ context.Context, p payment) bool {
		return len(p.Actions) == 1 && p.Actions[0] == "initiate" && p.Amount.Currency == "EUR"
	}))
	const refused = "403 insufficient_scope"
	for _, row := range []struct {
		name    string
		list    any
		outcome string
		reason  middleware.Reason
	}{
		{"one that grants", []any{pays(nil)}, "200", ""},
		{"one among others", []any{claims{"type": "account", "x": 1}, pays(claims{"actions": []string{"read"}}), pays(nil)}, "200", ""},
		{"with a location of ours", []any{pays(claims{"locations": []string{"https://other.ex", audience}})}, "200", ""},
		{"with a location of others", []any{pays(claims{"locations": []string{"https://other.ex"}})}, refused, middleware.ReasonRule},
		{"with no location at all", []any{pays(claims{"locations": []string{}})}, refused, middleware.ReasonRule},
		{"none", nil, refused, middleware.ReasonRule},
		{"an empty list", []any{}, refused, middleware.ReasonRule},
		{"of another type", []any{pays(claims{"type": "Payment"})}, refused, middleware.ReasonRule},
		{"that does not grant this", []any{pays(claims{"actions": []string{"status"}})}, refused, middleware.ReasonRule},
		{"with a field that is not understood", []any{pays(claims{"limit": 5})}, refused, middleware.ReasonRule},
		{"with such a field further down", []any{pays(claims{"amount": claims{"currency": "EUR", "limit": 5}})}, refused, middleware.ReasonRule},
		{"a good one beside one that is not understood", []any{pays(nil), pays(claims{"limit": 5})}, refused, middleware.ReasonRule},
		{"with a field of another type", []any{pays(claims{"actions": "initiate"})}, refused, middleware.ReasonRule},
		{"an object", pays(nil), badToken, middleware.ReasonMalformedClaim},
		{"a string", "payment", badToken, middleware.ReasonMalformedClaim},
		{"null", jwtNull{}, badToken, middleware.ReasonMalformedClaim},
		{"a list of strings", []any{"payment"}, badToken, middleware.ReasonMalformedClaim},
		{"without a type", []any{pays(claims{"type": nil})}, badToken, middleware.ReasonMalformedClaim},
		{"with a number for a type", []any{pays(claims{"type": 1})}, badToken, middleware.ReasonMalformedClaim},
		{"with an empty type", []any{pays(claims{"type": ""})}, badToken, middleware.ReasonMalformedClaim},
		{"with a location that is no list", []any{pays(claims{"locations": audience})}, badToken, middleware.ReasonMalformedClaim},
		{"a bad one behind a good one", []any{pays(nil), 1}, badToken, middleware.ReasonMalformedClaim},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 {
				wantServed(t, guard, bearer(detailed(row.list)), row.outcome, row.reason)
			}
		})
	}
}

func TestDetailsOfAnIntrospectedToken(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = answering(active(claims{"authorization_details": []claims{{"type": "payment", "actions": []string{"a"}}}}))
	})
	got := wantServed(t, v.Require(), bearer("opaque-token"), "200", "")
	found, err := middleware.Details[payment](got.token, "payment")
	if err != nil || len(found) != 1 || len(found[0].Actions) != 1 || found[0].Actions[0] != "a" {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestDetailsWithoutAToken(t *testing.T) {
	if found, err := middleware.Details[payment](nil, "payment"); !errors.Is(err, middleware.ErrNoToken) || found != nil {
		t.Errorf("of no token: %v, %v", found, err)
	}
	if found, err := middleware.Details[payment](&middleware.Token{}, "payment"); err == nil || found != nil {
		t.Errorf("of a token made by hand: %v, %v", found, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("AnyDetail without a function does not panic")
		}
	}()
	middleware.AnyDetail[payment]("payment", nil)
}
