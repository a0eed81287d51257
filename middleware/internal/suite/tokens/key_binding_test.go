package tokens_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// unnamed is a key set whose one RSA key names no algorithm.
func unnamed() *jwks.Set {
	return testkit.Must(
		jwks.Static(testkit.JSON(kit.Claims{"keys": []kit.Claims{{"kty": "RSA", "kid": "rsa", "n": testkit.B64(testkit.RSAKey().N.Bytes()), "e": "AQAB"}}})),
	)
}

func rsaToken(alg string, c kit.Claims, key *rsa.PrivateKey) string {
	return testkit.Sign(`{"alg":"`+alg+`","kid":"rsa","typ":"at+jwt"}`, string(testkit.JSON(c)), key)
}

// RFC 8725bis section 3.1: one key, one algorithm. The JWK names none, so it is that of the first token that is accepted. Who signs
// under two is the issuer, so a token that is good in all else is not judged, rather than called bad.
func TestKeyKeepsToTheAlgorithmOfTheFirstAcceptedToken(t *testing.T) {
	var log kit.Log
	change := func(cfg *middleware.Config) {
		log.Reset()
		cfg.Issuers[0].Keys = unnamed()
		cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	kit.WithAndWithoutCache(t, change, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, rsaToken("RS256", kit.GoodClaims(nil), testkit.RSAKey()))
		for range 3 {
			kit.WantRefused(t, v, rsaToken("PS256", kit.GoodClaims(nil), testkit.RSAKey()), "503", middleware.ReasonKeysUnavailable)
		}
		kit.WantAdmitted(t, v, rsaToken("RS256", kit.GoodClaims(nil), testkit.RSAKey()))
		lines := strings.Count(log.String(), "level=ERROR")
		if lines != 1 || !strings.Contains(log.String(), "RS256") || !strings.Contains(log.String(), "PS256") || !strings.Contains(log.String(), "Algorithms") {
			t.Errorf("%d lines, want one with both algorithms and the remedy:\n%s", lines, log.String())
		}
		log.Reset()
	})
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		change(cfg)
		cfg.Issuers[0].Algorithms = []string{"RS256", "PS256"} // asked for by name
	}, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, rsaToken("RS256", kit.GoodClaims(nil), testkit.RSAKey()))
		kit.WantAdmitted(t, v, rsaToken("PS256", kit.GoodClaims(nil), testkit.RSAKey()))
	})
}

// A server may let its clients choose the algorithm of their ID tokens (OpenID Connect Dynamic Registration section 2), so a token
// that is refused, or a request that is, must decide nothing about the key that made it.
func TestRefusedTokenBindsNoKey(t *testing.T) {
	stranger := testkit.Must(rsa.GenerateKey(rand.Reader, 2048))
	mallory := rsaToken("PS256", kit.GoodClaims(kit.Claims{"sub": "mallory"}), testkit.RSAKey())
	good := rsaToken("RS256", kit.GoodClaims(nil), testkit.RSAKey())
	no := func(*middleware.Token) error { return errors.New("no") }
	for name, row := range map[string]struct {
		token   string
		change  func(*middleware.Config)
		guard   func(*middleware.Guard) *middleware.Guard
		outcome string
	}{
		"a forgery":        {token: rsaToken("PS256", kit.GoodClaims(nil), stranger), outcome: kit.BadToken},
		"another audience": {token: rsaToken("PS256", kit.GoodClaims(kit.Claims{"aud": "client-of-mallory"}), testkit.RSAKey()), outcome: kit.BadToken},
		"expired a year ago": {
			token:   rsaToken("PS256", kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 365*86400}), testkit.RSAKey()),
			outcome: kit.BadToken,
		},
		"not valid yet":             {token: rsaToken("PS256", kit.GoodClaims(kit.Claims{"nbf": testkit.Now.Unix() + 600}), testkit.RSAKey()), outcome: kit.BadToken},
		"a malformed claim":         {token: rsaToken("PS256", kit.GoodClaims(kit.Claims{"sub": 1}), testkit.RSAKey()), outcome: kit.BadToken},
		"bound, and nothing proven": {token: rsaToken("PS256", kit.GoodClaims(kit.BoundTo(testkit.EdKey())), testkit.RSAKey()), outcome: kit.BadToken},
		"no scope": {
			token: rsaToken("PS256", kit.GoodClaims(nil), testkit.RSAKey()), outcome: "403 insufficient_scope",
			guard: func(g *middleware.Guard) *middleware.Guard { return g.Require("admin") },
		},
		"a rule that says no": {
			token: rsaToken("PS256", kit.GoodClaims(nil), testkit.RSAKey()), outcome: "403 insufficient_scope",
			guard: func(g *middleware.Guard) *middleware.Guard { return g.Allow(kit.Refuse("no")) },
		},
		"Accept says no": {
			token: mallory, outcome: kit.BadToken,
			change: func(cfg *middleware.Config) {
				cfg.Issuers[0].Accept = func(t *middleware.Token) error {
					if t.Subject == "mallory" {
						return no(t)
					}
					return nil
				}
			},
		},
		"its server says no": {
			token: mallory, outcome: kit.BadToken,
			change: func(cfg *middleware.Config) {
				cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
				cfg.Issuers[0].Introspector = kit.AnswerFunc(func(_ context.Context, token string) kit.Claims {
					if token == mallory {
						return kit.Claims{"active": false}
					}
					return kit.ActiveAnswer(nil)
				})
			},
		},
	} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].Keys = unnamed()
			if row.change != nil {
				row.change(cfg)
			}
		}, func(t *testing.T, v *middleware.Validator) {
			t.Run(name, func(t *testing.T) {
				guard := v.Require()
				if row.guard != nil {
					guard = row.guard(guard)
				}
				refused := func() {
					if got := kit.Serve(guard, kit.Bearer(row.token)).String(); got != row.outcome {
						t.Errorf("got %s, want %s", got, row.outcome)
					}
				}
				refused()
				refused()
				kit.WantAdmitted(t, v, good)
				refused() // the conflict is the issuer's, and the refusal is still its own
				kit.WantAdmitted(t, v, good)
			})
		})
	}
}

// The key is the same whether the token is verified, remembered or introspected as well.
func TestKeyIsBoundByTokensThatAreIntrospectedToo(t *testing.T) {
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys, cfg.Issuers[0].JWTs = unnamed(), middleware.VerifyAndIntrospectJWTs
		cfg.Issuers[0].Introspector = kit.Answering(kit.ActiveAnswer(nil))
	}, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, rsaToken("PS256", kit.GoodClaims(nil), testkit.RSAKey()))
		kit.WantRefused(t, v, rsaToken("RS256", kit.GoodClaims(nil), testkit.RSAKey()), "503", middleware.ReasonKeysUnavailable)
		kit.WantAdmitted(t, v, rsaToken("PS256", kit.GoodClaims(nil), testkit.RSAKey()))
	})
}
