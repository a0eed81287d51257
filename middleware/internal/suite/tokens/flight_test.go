package tokens_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Callers with one token share its first verification. One whose token has that token's signature, and says something else,
// shares nothing: neither the verdict nor the wait.
func TestASignatureSharesNoFlight(t *testing.T) {
	user, admin := kit.Mint(kit.GoodClaims(nil)), kit.Mint(kit.GoodClaims(kit.Claims{"sub": "admin"}))
	forged := admin[:strings.LastIndexByte(admin, '.')] + user[strings.LastIndexByte(user, '.'):]
	synctest.Test(t, func(t *testing.T) {
		let, asked := make(chan struct{}), new(atomic.Int64)
		keys := kit.KeySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
			if asked.Add(1) == 1 {
				<-let
			}
			return testkit.KeySet().VerificationKeys(ctx, kid, alg)
		})
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
		outcomes := make(chan string, 2)
		ask := func() { outcomes <- kit.Serve(v.Require(), kit.Bearer(user)).String() }
		go ask()
		synctest.Wait() // its flight has begun
		kit.WantRefused(t, v, forged, kit.BadToken, middleware.ReasonSignature)
		if !kit.CacheIsOff() {
			go ask()
			synctest.Wait() // it waits for the first
		}
		if len(outcomes) > 0 {
			t.Fatalf("somebody was answered before the keys had come: %s", <-outcomes)
		}
		close(let)
		synctest.Wait()
		for range len(outcomes) {
			if got := <-outcomes; got != "200" {
				t.Errorf("outcome is %q", got)
			}
		}
		kit.WantAdmitted(t, v, user)
	})
}
