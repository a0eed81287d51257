//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

var theirs = secrets{list: "another tenant's secret, 32 bytes", cache: "another tenant's secret, as long"}

// on makes an instance of a deployment on a server.
func on(t *testing.T, server *redistest.Server, issuer *authtest.Issuer, s secrets, prefix string, change ...func(*introspection.Config)) *instance {
	t.Helper()
	client := server.Client()
	return with(t, issuer, s, func(logger *slog.Logger) *redisstore.Store {
		return newStore(t, client, func(cfg *redisstore.Config) { cfg.Prefix, cfg.Logger = prefix, logger })
	}, true, change...)
}

// A spent proof stays so whatever somebody makes of its value, short of deleting it.
func TestASpentProofIsNotMadeFresh(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		spend := func(key string) (bool, error) { return s.Add(context.Background(), key, soon()) }
		value := func(key string) string { return server.Must("GET", "cardea:proof:"+key).(string) }
		for _, key := range []string{"other", "apart"} {
			if fresh, err := spend(key); err != nil || !fresh {
				t.Fatal(fresh, err)
			}
		}
		for name, tampered := range map[string]func(was string) string{
			"that of another proof": func(string) string { return value("other") },
			"its own, cut":          func(was string) string { return was[:len(was)-1] },
			"nothing":               func(string) string { return "" },
			"its own, twice":        func(was string) string { return was + was },
			"a forged one":          func(string) string { return rand.Text() },
			"an old one":            func(string) string { return value("apart") },
		} {
			key := "spent " + name
			if fresh, err := spend(key); err != nil || !fresh {
				t.Fatal(fresh, err)
			}
			server.Must("SET", "cardea:proof:"+key, tampered(value(key)))
			for range redisstore.OpensAfter + 1 {
				if fresh, err := spend(key); fresh || name == "nothing" && err == nil { // then something else removes what is written
					t.Errorf("%s: fresh %t, error %v", name, fresh, err)
				}
			}
		}
	})
}

// Whoever writes to the cache makes no token good, and keeps none good for longer than it was.
func TestATamperedCacheMakesNoTokenGood(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server, issuer := e.Start(t, redistest.Durable...), authtest.NewIssuer(t)
		first, tenant := on(t, server, issuer, ours, ""), on(t, server, issuer, theirs, "tenant")
		// What the cache holds of a token: key and value, as one that asks puts them there.
		shared := func(a *instance, authorization string) (key, value string) {
			if got := a.status(authorization, ""); got != http.StatusOK {
				t.Fatal(got)
			}
			eventually(t, "the answer is shared", func() bool {
				keys := server.Must("KEYS", "*:answer:*").([]any)
				for _, k := range keys {
					key = k.(string)
				}
				return len(keys) == 1
			})
			value = server.Must("GET", key).(string)
			server.Must("DEL", key)
			return key, value
		}
		bad := first.opaque()
		key, once := shared(first, bad)
		_, other := shared(first, first.opaque())
		tenantKey, tenants := shared(tenant, bad)
		if _, name, _ := strings.Cut(tenantKey, ":answer:"); strings.HasSuffix(key, name) {
			t.Error("two tenants have one key for a token")
		}
		issuer.Revoke(strings.TrimPrefix(bad, "Bearer "))

		flipped := []byte(once)
		flipped[len(flipped)/2] ^= 1
		for name, value := range map[string]string{
			"that of another token":       other,
			"that of another tenant":      tenants,
			"its own, with a bit flipped": string(flipped),
			"its own, cut":                once[:len(once)-1],
			"its own, with more":          once + "x",
			"its own, cut to a byte":      once[:1],
			"a plain answer":              `{"active":true,"aud":"` + apiURL + `"}`,
			"a forged one":                rand.Text() + rand.Text() + rand.Text(),
		} {
			server.Must("SET", key, value)
			later := on(t, server, issuer, ours, "")
			asked := later.asked()
			if got := later.status(bad, ""); got != http.StatusUnauthorized {
				t.Errorf("%s: %d, want 401", name, got)
			}
			if later.asked() != asked+1 || later.asking.Status().Shared.Hits != 0 || later.asking.Status().Shared.Rejected != 1 {
				t.Errorf("%s: asked %d times, %+v", name, later.asked()-asked, later.asking.Status().Shared)
			}
		}
		// Its own, put back without an end: good for what is left of ActiveTTL since the question, and no longer.
		server.Must("SET", key, once)
		if got := on(t, server, issuer, ours, "").status(bad, ""); got != http.StatusOK {
			t.Errorf("its own, in time: %d, want 200 (or the rows above prove nothing)", got)
		}
		late := on(t, server, issuer, ours, "", func(cfg *introspection.Config) { cfg.ActiveTTL = time.Millisecond })
		if got := late.status(bad, ""); got != http.StatusUnauthorized || late.asking.Status().Shared.Outdated != 1 {
			t.Errorf("its own, too late: %d, want 401; %+v", got, late.asking.Status().Shared)
		}
	})
}

// Whoever writes to the log revokes nobody and makes no revocation undone. What cannot be read makes knowledge stand still, which is for
// RevocationsWithin to judge.
func TestATamperedLogRevokesAndRedeemsNobody(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server, issuer := e.Start(t, redistest.Durable...), authtest.NewIssuer(t)
		a, tenant := on(t, server, issuer, ours, ""), on(t, server, issuer, theirs, "tenant")
		client := server.Client()
		records := func(prefix string) (all []string) {
			for _, key := range server.Must("KEYS", "{"+prefix+":log}:*").([]any) {
				if kind, _ := client.Type(t.Context(), key.(string)).Result(); kind != "stream" {
					continue
				}
				found, err := client.XRange(t.Context(), key.(string), "-", "+").Result()
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range found {
					all = append(all, m.Values["e"].(string))
				}
			}
			return all
		}
		newest := func(prefix string, do func() error) string {
			before := records(prefix)
			if err := do(); err != nil {
				t.Fatal(err)
			}
			for _, r := range records(prefix) {
				if !slices.Contains(before, r) {
					return r
				}
			}
			t.Fatal("nothing was appended")
			return ""
		}
		ctx := t.Context()
		one := newest("cardea", func() error { return a.list.Revoke(ctx, a.entry("bad")) })
		newest("cardea", func() error { return a.list.Revoke(ctx, a.entry("twice")) })
		lift := newest("cardea", func() error { return a.list.Lift(ctx, a.entry("twice")) })
		newest("cardea", func() error { return a.list.Revoke(ctx, a.entry("twice")) })
		foreign := newest("tenant", func() error { return tenant.list.Revoke(ctx, tenant.entry("good")) })

		good, bad, twice := a.jwt("good"), a.jwt("bad"), a.jwt("twice")
		judge := func(name string, i *instance) {
			t.Helper()
			for token, want := range map[string]int{good: http.StatusOK, bad: http.StatusUnauthorized, twice: http.StatusUnauthorized} {
				if got := i.status(token, ""); got != want && got != http.StatusServiceUnavailable {
					t.Errorf("%s: %d, want %d, or 503", name, got, want)
				}
			}
		}
		plant := func(name, record string) {
			for _, stream := range []string{"{cardea:log}:00", "{cardea:log}:05", "{cardea:log}:21"} {
				if err := client.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"e", record}}).Err(); err != nil {
					t.Fatal(name, err)
				}
			}
		}
		// What was sealed by us may repeat, and in any stream.
		for name, record := range map[string]string{"an entry that is known": one, "a lift of before": lift} {
			plant(name, record)
			since := time.Now()
			later := on(t, server, issuer, ours, "")
			for who, i := range map[string]*instance{"who follows": a, "who starts": later} {
				eventually(t, "it is read", func() bool { return i.list.Status().AsOf.After(since) })
				judge(name+", to one "+who, i)
				if i.list.Status().Unreadable != 0 || i.status(good, "") != http.StatusOK || i.status(twice, "") != http.StatusUnauthorized {
					t.Errorf("%s, to one %s: %+v", name, who, i.list.Status())
				}
			}
		}
		flipped := []byte(one)
		flipped[8] ^= 1 // of the digest: another token's
		unreadable := uint64(0)
		for name, record := range map[string]string{
			"one of another tenant":                          foreign,
			"one that names another token, with the old tag": string(flipped),
			"one that was cut":                               one[:len(one)-1],
			"one with more":                                  one + "x",
			"a forged one":                                   string(bytes.Repeat([]byte{1}, len(one))),
			"nothing":                                        "",
		} {
			plant(name, record)
			unreadable += 3
			eventually(t, fmt.Sprint(name, " is read"), func() bool { return a.list.Status().Unreadable >= unreadable })
			judge(name, a)
		}
	})
}
