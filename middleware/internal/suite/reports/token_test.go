package reports_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestToken(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	token := kit.Serve(v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{
		"aud": []string{
			testkit.Audience, "https://other.example", testkit.Audience,
		}, "acr": "gold", "amr": []string{"pwd", "otp"}, "auth_time": testkit.Now.Unix() - 60,
		"nbf": testkit.Now.Unix() - 1, "roles": []string{"admin"}, "act": kit.Claims{
			"iss": "https://a", "sub": "service", "client_id": "c", "act": kit.Claims{"sub": "earlier"},
		},
	})))).Token
	for name, row := range map[string]struct{ got, want any }{
		"Issuer":    {token.Issuer, testkit.Issuer},
		"Subject":   {token.Subject, "user-1"},
		"ClientID":  {token.ClientID, "client-1"},
		"ID":        {token.ID, "token-1"},
		"ACR":       {token.ACR, "gold"},
		"Audience":  {token.Audience.String(), testkit.Audience + " https://other.example"},
		"Scopes":    {token.Scopes.String(), "read write"},
		"Roles":     {token.Roles.String(), "admin"},
		"AMR":       {token.AMR.String(), "pwd otp"},
		"IssuedAt":  {token.IssuedAt.Unix(), testkit.Now.Unix()},
		"NotBefore": {token.NotBefore.Unix(), testkit.Now.Unix() - 1},
		"Expiry":    {token.Expiry.Unix(), testkit.Now.Add(time.Hour).Unix()},
		"AuthTime":  {token.AuthTime.Unix(), testkit.Now.Unix() - 60},
		"Actor":     {token.Actor, middleware.Actor{Issuer: "https://a", Subject: "service", ClientID: "c"}},
		"Opaque":    {token.Opaque, false},
	} {
		if row.got != row.want {
			t.Errorf("%s is %v, want %v", name, row.got, row.want)
		}
	}
}

func TestTokenClaims(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = kit.FixedAnswer{Answer: `{"active":true,"aud":"` + testkit.Audience + `","tenant":"t1"}`}
	})
	payload := kit.GoodClaims(kit.Claims{"tenant": "t1", "big": json.Number("9007199254740993")})
	var raw json.RawMessage
	if err := kit.Serve(v.Require(), kit.Bearer(kit.Mint(payload))).Token.Claims(&raw); err != nil || string(raw) != string(testkit.JSON(payload)) {
		t.Errorf("the claims are %s, %v; want them as they were signed", raw, err)
	}
	var big struct {
		Big int64 `json:"big"`
	}
	if err := kit.Serve(v.Require(), kit.Bearer(kit.Mint(payload))).Token.Claims(&big); err != nil || big.Big != 9007199254740993 {
		t.Errorf("a large number is %d, %v: it went through a float", big.Big, err)
	}
	var answer struct {
		Tenant string `json:"tenant"`
	}
	if err := kit.Serve(v.Require(), kit.Bearer("opaque")).Token.Claims(&answer); err != nil || answer.Tenant != "t1" {
		t.Errorf("the members of the answer are %+v, %v", answer, err)
	}
	var none *middleware.Token
	if err := none.Claims(&raw); !errors.Is(err, middleware.ErrNoToken) {
		t.Errorf("a nil Token: %v, want ErrNoToken", err)
	}
	if err := (&middleware.Token{}).Claims(&raw); err == nil {
		t.Error("a Token made by hand has claims")
	}
}

func TestTokenLogValue(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key != "token" {
			return slog.Attr{}
		}
		return a
	}}))
	raw := kit.Mint(kit.GoodClaims(kit.Claims{"act": kit.Claims{"sub": "service"}, "email": "canary@example.com"}))
	log.Info("", "token", kit.Serve(kit.NewValidator(t, nil).Require(), kit.Bearer(raw)).Token)
	want := `token.issuer=` + testkit.Issuer + ` token.subject=user-1 token.client_id=client-1 token.actor=service token.token_id=token-1 ` +
		`token.scopes="read write" token.expiry=2100-11-22T13:00:00.000Z`
	if got := strings.TrimSpace(b.String()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	b.Reset()
	log.Info("", "token", &middleware.Token{})
	log.Info("", "token", (*middleware.Token)(nil))
	if strings.Contains(b.String(), "panic") || strings.Contains(b.String(), "PANIC") {
		t.Errorf("an empty Token: %s", b.String())
	}
}
