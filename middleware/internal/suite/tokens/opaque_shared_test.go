package tokens_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// sharedMemory is a SharedCache that forgets nothing.
type sharedMemory struct {
	mu     sync.Mutex
	values map[string][]byte
	gets   int
}

func (m *sharedMemory) Get(_ context.Context, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gets++
	value, found := m.values[key]
	return value, found, nil
}

func (m *sharedMemory) Set(_ context.Context, key string, value []byte, _ time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = make(map[string][]byte)
	}
	m.values[key] = value
	return nil
}

// Instances share what the server said, and each judges it by its own rules. A token that was revoked ends on all of them ActiveTTL after
// the question, also for those who ask anew.
func TestSharedAnswersAreJudgedByEachInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		cache, server := new(sharedMemory), new(kit.IntrospectionServer)
		server.Say(kit.ActiveAnswer(nil))
		instance := func(change func(*middleware.Config)) *middleware.Validator {
			return kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Issuers[0].Introspector = kit.NewIntrospectionClient(t, server, func(asks *introspection.Config) {
					asks.Shared, asks.SharedSecrets = cache, [][]byte{[]byte("a secret of thirty-two bytes, 32")}
				})
				change(cfg)
			})
		}
		unchanged := func(*middleware.Config) {}
		first, second := instance(unchanged).Require("read"), instance(unchanged)
		stranger := instance(func(cfg *middleware.Config) { cfg.Audiences = []string{"https://other.example"} }).Require()

		if _, err := first.Check(kit.Bearer("opaque")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := stranger.Check(kit.Bearer("opaque")); err == nil || !strings.Contains(err.Error(), "audience") {
			t.Errorf("a token for another API: %v", err)
		}
		if _, err := second.Require("admin").Check(kit.Bearer("opaque")); err == nil {
			t.Error("a scope is missing, and it passes")
		}
		stream := kit.Bearer("opaque")
		time.Sleep(time.Second)
		ctx, err := second.Require("read").Check(stream)
		if err != nil {
			t.Fatal(err)
		}
		stream = stream.WithContext(ctx)
		if asked := server.Asked.Load(); asked != 1 {
			t.Errorf("the server was asked %d times", asked)
		}
		gets := cache.gets
		for range 100 {
			if _, err := second.Require("read").Check(kit.Bearer("opaque")); err != nil {
				t.Fatal(err)
			}
		}
		if cache.gets != gets {
			t.Errorf("%d reads for a token that is known", cache.gets-gets)
		}
		if got := second.Health()[0].Introspection.Shared; !got.InUse || got.Hits != 1 {
			t.Errorf("Health says %+v", got)
		}

		server.Say(kit.Claims{"active": false})
		time.Sleep(time.Until(start.Add(10 * time.Second)))
		for name, ask := range map[string]func(*http.Request) (context.Context, error){
			"the instance that asked":    first.Check,
			"the one that was told":      second.Require("read").Check,
			"the stream that asks again": func(*http.Request) (context.Context, error) { return second.Require("read").Recheck(stream) },
		} {
			if _, err := ask(kit.Bearer("opaque")); err == nil || !strings.Contains(err.Error(), "inactive") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
