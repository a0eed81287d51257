//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// Whatever is wrong with the server: requests with proofs are not judged, and nobody else notices. Tokens that are known cost nobody anything, new
// ones a question to the authorization server, what was revoked before stays so, and what is revoked now holds here. Each trouble is one line.
func TestAnOutageIsNoticedByProofsAlone(t *testing.T) {
	inGroups(t, func(t *testing.T, e redistest.Engine) {
		for _, o := range outages {
			t.Run(o.name, func(t *testing.T) {
				t.Parallel()
				issuer := authtest.NewIssuer(t)
				server := e.Start(t, append(o.args, redistest.Durable...)...)
				opts := &redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true}
				if o.opts != nil {
					o.opts(opts)
				}
				client := redis.NewClient(opts)
				t.Cleanup(func() { _ = client.Close() })
				fromTheStart := o.make == nil // then there is no list: before the first full read it would judge nothing
				start := func() *instance {
					return with(t, issuer, ours, func(logger *slog.Logger) *redisstore.Store {
						return newStore(t, client, func(cfg *redisstore.Config) { cfg.Timeout, cfg.CacheTimeout, cfg.Logger = 0, 0, logger })
					}, !fromTheStart)
				}
				a, c := start(), newBound(t, issuer)
				mustGet := func(name, authorization string, want int) {
					t.Helper()
					if got := a.status(authorization, ""); got != want {
						t.Errorf("%s: %d, want %d", name, got, want)
					}
				}
				known, jwt, before, now := a.opaque(), a.jwt("good"), a.jwt("before"), a.jwt("now")
				mustGet("an opaque token", known, http.StatusOK)
				if !fromTheStart {
					if err := a.list.Revoke(t.Context(), a.entry("before")); err != nil {
						t.Fatal(err)
					}
					o.make(t, server)
				}

				for i := range 5 {
					if got := a.status(c.authorization(), c.proof()); got != http.StatusServiceUnavailable {
						t.Errorf("proof %d: %d, want 503", i, got)
					}
				}
				asked := a.asked()
				const crowd = 50
				for range crowd {
					mustGet("a new opaque token", a.opaque(), http.StatusOK)
					mustGet("a known one", known, http.StatusOK)
					mustGet("a JWT", jwt, http.StatusOK)
				}
				if n := a.asked() - asked; n != crowd {
					t.Errorf("the authorization server was asked %d times about %d tokens", n, crowd)
				}
				if !fromTheStart {
					mustGet("revoked before", before, http.StatusUnauthorized)
					ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
					defer cancel()
					if err := a.list.Revoke(ctx, a.entry("now")); !errors.Is(err, revocation.ErrNotShared) {
						t.Errorf("Revoke: %v, want ErrNotShared", err)
					}
					mustGet("revoked now", now, http.StatusUnauthorized)
				}
				for message, n := range a.warn.messages() {
					if n != 1 {
						t.Errorf("%d lines: %s", n, message)
					}
				}
				if text := a.warn.String(); !strings.Contains(text, "proofs are not judged") || strings.Contains(text, strings.TrimPrefix(known, "Bearer ")) {
					t.Errorf("no line about proofs, or one with a token:\n%s", text)
				}

				if o.end == nil {
					return
				}
				o.end(t, server)
				eventually(t, "proofs are judged again", func() bool { return a.status(c.authorization(), c.proof()) == http.StatusOK })
				eventually(t, "what is revoked is shared", func() bool { return a.list.Status().Pending == 0 })
				later := start()
				for id, authorization := range map[string]string{"before": before, "now": now} {
					eventually(t, fmt.Sprintf("one that starts later refuses what was revoked %s", id), func() bool {
						return later.status(authorization, "") == http.StatusUnauthorized
					})
				}
			})
		}
	})
}
