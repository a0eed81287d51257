package middleware_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

func TestToken(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	token := serve(v.Require(), bearer(mint(good(claims{
		"aud": []string{audience, "https://other.example", audience}, "acr": "gold", "amr": []string{"pwd", "otp"}, "auth_time": now.Unix() - 60,
		"nbf": now.Unix() - 1, "roles": []string{"admin"}, "act": claims{"iss": "https://a", "sub": "service", "client_id": "c", "act": claims{"sub": "earlier"}},
	})))).token
	for name, row := range map[string]struct{ got, want any }{
		"Issuer":    {token.Issuer, issuer},
		"Subject":   {token.Subject, "user-1"},
		"ClientID":  {token.ClientID, "client-1"},
		"ID":        {token.ID, "token-1"},
		"ACR":       {token.ACR, "gold"},
		"Audience":  {token.Audience.String(), audience + " https://other.example"},
		"Scopes":    {token.Scopes.String(), "read write"},
		"Roles":     {token.Roles.String(), "admin"},
		"AMR":       {token.AMR.String(), "pwd otp"},
		"IssuedAt":  {token.IssuedAt.Unix(), now.Unix()},
		"NotBefore": {token.NotBefore.Unix(), now.Unix() - 1},
		"Expiry":    {token.Expiry.Unix(), now.Add(time.Hour).Unix()},
		"AuthTime":  {token.AuthTime.Unix(), now.Unix() - 60},
		"Actor":     {token.Actor, middleware.Actor{Issuer: "https://a", Subject: "service", ClientID: "c"}},
		"Opaque":    {token.Opaque, false},
	} {
		if row.got != row.want {
			t.Errorf("%s is %v, want %v", name, row.got, row.want)
		}
	}
}

func TestTokenClaims(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = fixedAnswer{answer: `{"active":true,"aud":"` + audience + `","tenant":"t1"}`}
	})
	payload := good(claims{"tenant": "t1", "big": json.Number("9007199254740993")})
	var raw json.RawMessage
	if err := serve(v.Require(), bearer(mint(payload))).token.Claims(&raw); err != nil || string(raw) != string(toJSON(payload)) {
		t.Errorf("the claims are %s, %v; want them as they were signed", raw, err)
	}
	var big struct {
		Big int64 `json:"big"`
	}
	if err := serve(v.Require(), bearer(mint(payload))).token.Claims(&big); err != nil || big.Big != 9007199254740993 {
		t.Errorf("a large number is %d, %v: it went through a float", big.Big, err)
	}
	var answer struct {
		Tenant string `json:"tenant"`
	}
	if err := serve(v.Require(), bearer("opaque")).token.Claims(&answer); err != nil || answer.Tenant != "t1" {
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
	raw := mint(good(claims{"act": claims{"sub": "service"}, "email": "canary@example.com"}))
	log.Info("", "token", serve(validator(t, nil).Require(), bearer(raw)).token)
	want := `token.issuer=` + issuer + ` token.subject=user-1 token.client_id=client-1 token.actor=service token.token_id=token-1 ` +
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
