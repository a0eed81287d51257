package middleware_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// unnamed is a key set whose one RSA key names no algorithm.
func unnamed() *jwks.Set {
	return must(jwks.Static(toJSON(claims{"keys": []claims{{"kty": "RSA", "kid": "rsa", "n": b64(rsaKey().N.Bytes()), "e": "AQAB"}}})))
}

func rsaToken(alg string, c claims, key *rsa.PrivateKey) string {
	return sign(`{"alg":"`+alg+`","kid":"rsa","typ":"at+jwt"}`, string(toJSON(c)), key)
}

// RFC 8725bis section 3.1: one key, one algorithm. The JWK names none, so it is that of the first token that is accepted. Who signs
// under two is the issuer, so a token that is good in all else is not judged, rather than called bad.
func TestKeyKeepsToTheAlgorithmOfTheFirstAcceptedToken(t *testing.T) {
	var log bytes.Buffer
	change := func(cfg *middleware.Config) {
		log.Reset()
		cfg.Issuers[0].Keys = unnamed()
		cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	eachWay(t, change, func(t *testing.T, v *middleware.Validator) {
		wantAdmitted(t, v, rsaToken("RS256", good(nil), rsaKey()))
		for range 3 {
			wantRefused(t, v, rsaToken("PS256", good(nil), rsaKey()), "503", middleware.ReasonKeysUnavailable)
		}
		wantAdmitted(t, v, rsaToken("RS256", good(nil), rsaKey()))
		lines := strings.Count(log.String(), "level=ERROR")
		if lines != 1 || !strings.Contains(log.String(), "RS256") || !strings.Contains(log.String(), "PS256") || !strings.Contains(log.String(), "Algorithms") {
			t.Errorf("%d lines, want one with both algorithms and the remedy:\n%s", lines, log.String())
		}
		log.Reset()
	})
	eachWay(t, func(cfg *middleware.Config) {
		change(cfg)
		cfg.Issuers[0].Algorithms = []string{"RS256", "PS256"} // asked for by name
	}, func(t *testing.T, v *middleware.Validator) {
		wantAdmitted(t, v, rsaToken("RS256", good(nil), rsaKey()))
		wantAdmitted(t, v, rsaToken("PS256", good(nil), rsaKey()))
	})
}

// A server may let its clients choose the algorithm of their ID tokens (OpenID Connect Dynamic Registration section 2), so a token
// that is refused, or a request that is, must decide nothing about the key that made it.
func TestRefusedTokenBindsNoKey(t *testing.T) {
	stranger := must(rsa.GenerateKey(rand.Reader, 2048))
	mallory := rsaToken("PS256", good(claims{"sub": "mallory"}), rsaKey())
	no := func(*middleware.Token) error { return errors.New("no") }
	for name, row := range map[string]struct {
		token   string
		change  func(*middleware.Config)
		guard   func(*middleware.Guard) *middleware.Guard
		outcome string
	}{
		"a forgery":                 {token: rsaToken("PS256", good(nil), stranger), outcome: badToken},
		"another audience":          {token: rsaToken("PS256", good(claims{"aud": "client-of-mallory"}), rsaKey()), outcome: badToken},
		"expired a year ago":        {token: rsaToken("PS256", good(claims{"exp": now.Unix() - 365*86400}), rsaKey()), outcome: badToken},
		"not valid yet":             {token: rsaToken("PS256", good(claims{"nbf": now.Unix() + 600}), rsaKey()), outcome: badToken},
		"a malformed claim":         {token: rsaToken("PS256", good(claims{"sub": 1}), rsaKey()), outcome: badToken},
		"bound, and nothing proven": {token: rsaToken("PS256", good(boundTo(edKey())), rsaKey()), outcome: badToken},
		"no scope": {
			token: rsaToken("PS256", good(nil), rsaKey()), outcome: "403 insufficient_scope",
			guard: func(g *middleware.Guard) *middleware.Guard { return g.Require("admin") },
		},
		"a rule that says no": {
			token: rsaToken("PS256", good(nil), rsaKey()), outcome: "403 insufficient_scope",
			guard: func(g *middleware.Guard) *middleware.Guard { return g.Allow(refuse("no")) },
		},
		"Accept says no": {
			token: mallory, outcome: badToken,
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
			token: mallory, outcome: badToken,
			change: func(cfg *middleware.Config) {
				cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
				cfg.Issuers[0].Introspector = introspectorFunc(func(_ context.Context, token string) claims {
					if token == mallory {
						return claims{"active": false}
					}
					return active(nil)
				})
			},
		},
	} {
		eachWay(t, func(cfg *middleware.Config) {
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
					if got := serve(guard, bearer(row.token)).String(); got != row.outcome {
						t.Errorf("got %s, want %s", got, row.outcome)
					}
				}
				refused()
				refused()
				wantAdmitted(t, v, rsaToken("RS256", good(nil), rsaKey()))
				refused() // the conflict is the issuer's, and the refusal is still its own
				wantAdmitted(t, v, rsaToken("RS256", good(nil), rsaKey()))
			})
		})
	}
}

// The key is the same whether the token is verified, remembered or introspected as well.
func TestKeyIsBoundByTokensThatAreIntrospectedToo(t *testing.T) {
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys, cfg.Issuers[0].JWTs = unnamed(), middleware.VerifyAndIntrospectJWTs
		cfg.Issuers[0].Introspector = answering(active(nil))
	}, func(t *testing.T, v *middleware.Validator) {
		wantAdmitted(t, v, rsaToken("PS256", good(nil), rsaKey()))
		wantRefused(t, v, rsaToken("RS256", good(nil), rsaKey()), "503", middleware.ReasonKeysUnavailable)
		wantAdmitted(t, v, rsaToken("PS256", good(nil), rsaKey()))
	})
}
