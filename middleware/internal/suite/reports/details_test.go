package reports_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// payment is an authorization detail of an application.
type payment struct {
	Actions []string `json:"actions"`
	Amount  struct {
		Currency string `json:"currency"`
	} `json:"amount"`
}

func detailed(list any) string {
	return kit.Mint(kit.GoodClaims(kit.Claims{"authorization_details": list}))
}

// RFC 9396 section 9.
func TestDetails(t *testing.T) {
	pays := func(changes kit.Claims) kit.Claims {
		return kit.Claims{"type": "payment", "actions": []string{"initiate"}, "amount": kit.Claims{"currency": "EUR"}}.With(changes)
	}
	guard := kit.NewValidator(t, nil).Require().Allow(middleware.AnyDetail("payment", func(_ context.Context, p payment) bool {
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
		{"one among others", []any{kit.Claims{"type": "account", "x": 1}, pays(kit.Claims{"actions": []string{"read"}}), pays(nil)}, "200", ""},
		{"with a location of ours", []any{pays(kit.Claims{"locations": []string{"https://other.ex", testkit.Audience}})}, "200", ""},
		{"with a location of others", []any{pays(kit.Claims{"locations": []string{"https://other.ex"}})}, refused, middleware.ReasonRule},
		{"with no location at all", []any{pays(kit.Claims{"locations": []string{}})}, refused, middleware.ReasonRule},
		{"none", nil, refused, middleware.ReasonRule},
		{"an empty list", []any{}, refused, middleware.ReasonRule},
		{"of another type", []any{pays(kit.Claims{"type": "Payment"})}, refused, middleware.ReasonRule},
		{"that does not grant this", []any{pays(kit.Claims{"actions": []string{"status"}})}, refused, middleware.ReasonRule},
		{"with a field that is not understood", []any{pays(kit.Claims{"limit": 5})}, refused, middleware.ReasonRule},
		{"with such a field further down", []any{pays(kit.Claims{"amount": kit.Claims{"currency": "EUR", "limit": 5}})}, refused, middleware.ReasonRule},
		{"a good one beside one that is not understood", []any{pays(nil), pays(kit.Claims{"limit": 5})}, refused, middleware.ReasonRule},
		{"with a field of another type", []any{pays(kit.Claims{"actions": "initiate"})}, refused, middleware.ReasonRule},
		{"an object", pays(nil), kit.BadToken, middleware.ReasonMalformedClaim},
		{"a string", "payment", kit.BadToken, middleware.ReasonMalformedClaim},
		{"null", kit.JSONNull{}, kit.BadToken, middleware.ReasonMalformedClaim},
		{"a list of strings", []any{"payment"}, kit.BadToken, middleware.ReasonMalformedClaim},
		{"without a type", []any{pays(kit.Claims{"type": nil})}, kit.BadToken, middleware.ReasonMalformedClaim},
		{"with a number for a type", []any{pays(kit.Claims{"type": 1})}, kit.BadToken, middleware.ReasonMalformedClaim},
		{"with an empty type", []any{pays(kit.Claims{"type": ""})}, kit.BadToken, middleware.ReasonMalformedClaim},
		{"with a location that is no list", []any{pays(kit.Claims{"locations": testkit.Audience})}, kit.BadToken, middleware.ReasonMalformedClaim},
		{"a bad one behind a good one", []any{pays(nil), 1}, kit.BadToken, middleware.ReasonMalformedClaim},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 {
				kit.WantServed(t, guard, kit.Bearer(detailed(row.list)), row.outcome, row.reason)
			}
		})
	}
}

func TestDetailsOfAnIntrospectedToken(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = kit.Answering(
			kit.ActiveAnswer(kit.Claims{"authorization_details": []kit.Claims{{"type": "payment", "actions": []string{"a"}}}}),
		)
	})
	got := kit.WantServed(t, v.Require(), kit.Bearer("opaque-token"), "200", "")
	found, err := middleware.Details[payment](got.Token, "payment")
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

// The common members of a detail count as well: one that does not fit the type leaves a detail half read.
func TestDetailWhoseLocationsDoNotFit(t *testing.T) {
	type narrow struct {
		Type      string `json:"type"`
		Locations string `json:"locations"`
		Amount    int    `json:"amount"`
	}
	v := kit.NewValidator(t, nil)
	token := kit.WantAdmitted(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "authorization_details",
		`[{"type":"payment","locations":["https://api.example.com"],"amount":5}]`)))
	if details, err := middleware.Details[narrow](token, "payment"); err == nil || details != nil {
		t.Errorf("decoded as %v, error %v", details, err)
	}
	type wide struct {
		Locations []string `json:"locations"`
		Amount    int      `json:"amount"`
	}
	if details, err := middleware.Details[wide](token, "payment"); err != nil || len(details) != 1 || details[0].Amount != 5 || len(details[0].Locations) != 1 {
		t.Errorf("decoded as %v, error %v", details, err)
	}
}

// RFC 9396 section 2: without a type nobody knows what a detail grants.
func TestMalformedAuthorizationDetails(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(
			t, v,
			kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "authorization_details", `[{"type":"payment","locations":["https://api.example.com"]},{"type":"x"}]`)),
		)
		for name, value := range map[string]string{
			"an object":                `{"type":"payment"}`,
			"text":                     `"payment"`,
			"null":                     `null`,
			"a detail that is text":    `["payment"]`,
			"a detail without a type":  `[{}]`,
			"an empty type":            `[{"type":""}]`,
			"a type that is a number":  `[{"type":1}]`,
			"locations that are text":  `[{"type":"payment","locations":"https://api.example.com"}]`,
			"a location that is none":  `[{"type":"payment","locations":[null]}]`,
			"locations do not mend it": `[{"type":1,"locations":["https://api.example.com"]}]`,
			"a bad one among others":   `[{"type":"payment"},{"type":null}]`,
			"a bad one before others":  `[{"type":null},{"type":"payment"}]`,
		} {
			t.Run(name, func(t *testing.T) {
				kit.WantRefused(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "authorization_details", value)), kit.BadToken, middleware.ReasonMalformedClaim)
			})
		}
	})
}
