package middleware_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// firstWaits is a KeySource whose first answer comes when it is let go.
type firstWaits struct {
	first chan struct{} // holds one
	let   chan struct{}
}

func (k *firstWaits) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	select {
	case <-k.first:
		<-k.let
	default:
	}
	return keySet().VerificationKeys(ctx, kid, alg)
}

// Callers with one token share its first verification. One whose token has that token's signature, and says something else,
// shares nothing: neither the verdict nor the wait.
func TestASignatureSharesNoFlight(t *testing.T) {
	user, admin := mint(good(nil)), mint(good(claims{"sub": "admin"}))
	forged := admin[:strings.LastIndexByte(admin, '.')] + user[strings.LastIndexByte(user, '.'):]
	synctest.Test(t, func(t *testing.T) {
		keys := &firstWaits{make(chan struct{}, 1), make(chan struct{})}
		keys.first <- struct{}{}
		v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
		outcomes := make(chan string, 2)
		ask := func() { outcomes <- serve(v.Require(), bearer(user)).String() }
		go ask()
		synctest.Wait() // its flight has begun
		wantRefused(t, v, forged, badToken, middleware.ReasonSignature)
		if !cacheIsOff() {
			go ask()
			synctest.Wait() // it waits for the first
		}
		if len(outcomes) > 0 {
			t.Fatalf("somebody was answered before the keys had come: %s", <-outcomes)
		}
		close(keys.let)
		synctest.Wait()
		for range len(outcomes) {
			if got := <-outcomes; got != "200" {
				t.Errorf("outcome is %q", got)
			}
		}
		wantAdmitted(t, v, user)
	})
}
