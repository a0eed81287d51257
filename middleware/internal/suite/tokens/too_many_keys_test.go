package tokens_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A token that names no key is tried with eight. If its issuer publishes more, that none of those verifies it says nothing.
func TestTokenOfAnIssuerWithManyKeysOfOneName(t *testing.T) {
	own := make([]*ecdsa.PrivateKey, 10)
	for i := range own {
		own[i] = testkit.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	keys := func(kid string, count int) *jwks.Set {
		var list []*jwks.Key
		for _, key := range own[:count] {
			list = append(list, testkit.Must(jwks.NewKey(kid, "ES256", key.Public())))
		}
		return jwks.NewSet(list...)
	}
	stranger := testkit.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	for name, row := range map[string]struct {
		set    *jwks.Set
		header string
		key    *ecdsa.PrivateKey
		want   string
	}{
		"six keys without kid, the sixth":         {keys("", 6), `{"alg":"ES256","typ":"at+jwt"}`, own[5], "200"},
		"eight keys without kid, the eighth":      {keys("", 8), `{"alg":"ES256","typ":"at+jwt"}`, own[7], "200"},
		"eight keys, a token with a kid":          {keys("", 8), `{"alg":"ES256","typ":"at+jwt","kid":"x"}`, own[7], "200"},
		"a token without kid, the eighth of ten":  {keys("k", 10), `{"alg":"ES256","typ":"at+jwt"}`, own[7], "200"},
		"a token without kid, the tenth of ten":   {keys("k", 10), `{"alg":"ES256","typ":"at+jwt"}`, own[9], "503"},
		"four keys of one kid, the fourth":        {keys("k", 4), `{"alg":"ES256","typ":"at+jwt","kid":"k"}`, own[3], "200"},
		"five keys of one kid, the fifth":         {keys("k", 5), `{"alg":"ES256","typ":"at+jwt","kid":"k"}`, own[4], "503"},
		"a forgery where all keys were tried":     {keys("", 8), `{"alg":"ES256","typ":"at+jwt"}`, stranger, kit.BadToken},
		"a forgery where four keys have the kid":  {keys("k", 4), `{"alg":"ES256","typ":"at+jwt","kid":"k"}`, stranger, kit.BadToken},
		"a forgery where not all keys were tried": {keys("k", 5), `{"alg":"ES256","typ":"at+jwt","kid":"k"}`, stranger, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			var log kit.Log
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
				log.Reset()
				cfg.Issuers[0].Keys = row.set
				cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
			}, func(t *testing.T, v *middleware.Validator) {
				for range 3 {
					if got := kit.Serve(v.Require(), kit.Bearer(testkit.Sign(row.header, string(testkit.JSON(kit.GoodClaims(nil))), row.key))).String(); got != row.want {
						t.Errorf("got %s, want %s", got, row.want)
					}
				}
				want := 0
				if row.want == "503" {
					want = 1
				}
				if lines := strings.Count(log.String(), "level=ERROR"); lines != want {
					t.Errorf("%d lines at Error, want %d:\n%s", lines, want, log.String())
				}
				log.Reset()
			})
		})
	}
}
