package events_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// notLookedFor is what a jwks.Cache says of a key while Cooldown allows no fetch.
type notLookedFor struct{}

func (notLookedFor) Error() string  { return "no such key, as far as is known" }
func (notLookedFor) Unwrap() error  { return jwks.ErrKeyNotFound }
func (notLookedFor) Unsought() bool { return true }

// keysThat fail until they find.
type keysThat struct{ fail error }

func (k *keysThat) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	if k.fail != nil {
		return nil, k.fail
	}
	return testkit.KeySet().VerificationKeys(ctx, kid, alg)
}

// What a key has signed that may have been published since the last fetch is not refused.
func TestAnEventWhoseKeyIsNotLookedForNowIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := &keysThat{fail: notLookedFor{}}
		r, list, all := offline(t, func(n int, _ asked, ctx context.Context) (*http.Response, error) {
			if n <= 2 {
				return sets(false, "polled", set("polled", "alice"))
			}
			keys.fail = nil
			if n == 3 {
				return sets(false, "polled", set("polled", "alice"))
			}
			return silence(ctx)
		}, func(cfg *events.Config) { cfg.Keys, cfg.Algorithms = keys, []string{"EdDSA"} })
		if w := pushTo(r, set("pushed", "alice")); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("a push: %d %s", w.Code, w.Body)
		}
		pollFor(t, r, 20*time.Second)
		for n, a := range (*all)[:3] {
			if len(a.Ack) > 0 || len(a.SetErrs) > 0 {
				t.Errorf("poll %d: %+v", n, a)
			}
		}
		if a := (*all)[3]; len(a.Ack) != 1 || r.Status().Feed.Refused != 0 {
			t.Errorf("%+v, %+v", a, r.Status())
		}
		keys.fail = jwks.ErrKeyNotFound
		if w := pushTo(r, set("forged", "alice")); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "invalid_key") {
			t.Errorf("a key that was looked for: %d %s", w.Code, w.Body)
		}
		_ = list.Close()
	})
}
