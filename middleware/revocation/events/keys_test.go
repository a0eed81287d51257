package events_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// tr is a transmitter that issues no tokens, so that its keys have to be found.
const tr = "https://tr.example.com"

// finds plays tr, and counts what is asked for.
type finds struct {
	mu     sync.Mutex
	change map[string]any
	asked  map[string]int
	took   time.Duration // of the configuration
	then   func()        // once it is read
}

func (f *finds) play(_ int, a asked, ctx context.Context) (*http.Response, error) {
	f.mu.Lock()
	if f.asked == nil {
		f.asked = make(map[string]int)
	}
	f.asked[strings.TrimPrefix(a.address, tr)]++
	change, took, then := maps.Clone(f.change), f.took, f.then
	f.mu.Unlock()
	if !strings.HasSuffix(a.address, "/.well-known/ssf-configuration") {
		public, _ := testkit.EdKey().Public().(ed25519.PublicKey)
		return respond(200, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","alg":"EdDSA","x":"`+testkit.B64(public)+`"}]}`)
	}
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if then != nil {
		then()
	}
	all := map[string]any{"issuer": tr, "jwks_uri": tr + "/jwks", "verification_endpoint": tr + "/verify"}
	maps.Copy(all, change)
	return document(all)
}

func (f *finds) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[path]
}

// set changes it while keys may be fetched.
func (f *finds) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// of is a token of tr.
func (f *finds) of(id string) string {
	return signed(
		fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":1,"jti":%q,"sub_id":{"format":"opaque","id":"s1"},"events":{%q:{}}}`, tr, audience, id, caep+"session-revoked"),
	)
}

func TestKeysThatTheConfigurationLeadsTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transmitter := new(finds)
		r, list, _ := offline(t, transmitter.play, func(cfg *events.Config) { cfg.Transmitter, cfg.Issuer = tr, testkit.Issuer })
		takes := func(id string, want int) {
			t.Helper()
			if w := pushTo(r, transmitter.of(id)); w.Code != want {
				t.Errorf("%s: %d %s", id, w.Code, w.Body)
			}
		}
		if w := pushTo(r, set("a", "alice")); w.Code != http.StatusBadRequest || transmitter.count("/.well-known/ssf-configuration") > 0 {
			t.Errorf("a token of somebody else: %d %s", w.Code, w.Body)
		}
		takes("one", http.StatusAccepted)
		takes("two", http.StatusAccepted)
		if transmitter.count("/.well-known/ssf-configuration") != 1 || transmitter.count("/jwks") != 1 {
			t.Errorf("%v", transmitter.asked)
		}
		if got := list.Judge(middleware.TokenFacts{Issuer: testkit.Issuer, SessionID: "s1"}).Kind; got != "session" {
			t.Errorf("revoked by %q", got)
		}

		time.Sleep(time.Hour)
		before := transmitter.count("/jwks") // with what was read ahead
		takes("three", http.StatusAccepted)
		if got := transmitter.count("/jwks"); got != before || transmitter.count("/.well-known/ssf-configuration") != 2 {
			t.Errorf("the keys at the same address were fetched again: %v", transmitter.asked)
		}

		transmitter.set(func() { transmitter.change = map[string]any{"jwks_uri": tr + "/keys"} })
		time.Sleep(time.Hour)
		takes("four", http.StatusAccepted)
		before = transmitter.count("/jwks")
		time.Sleep(30 * time.Minute)
		if transmitter.count("/keys") < 1 || transmitter.count("/jwks") != before {
			t.Errorf("the keys are not those of the new address, or the old ones are fetched on: %v", transmitter.asked)
		}

		if w := pushTo(r, strings.Replace(transmitter.of("five"), ".", ".e30", 1)); w.Code != http.StatusBadRequest {
			t.Errorf("another payload: %d", w.Code)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		before = transmitter.count("/keys")
		time.Sleep(time.Hour)
		if got := transmitter.count("/keys"); got != before {
			t.Error("keys are fetched after Close")
		}
		_ = list.Close()
	})
}

func TestAConfigurationWithoutTheKeysThatAreNeeded(t *testing.T) {
	for name, change := range map[string]map[string]any{"none": {"jwks_uri": nil}, "an empty one": {"jwks_uri": ""}} {
		synctest.Test(t, func(t *testing.T) {
			transmitter := &finds{change: change}
			r, list, _ := offline(t, transmitter.play, func(cfg *events.Config) { cfg.Transmitter, cfg.Issuer = tr, testkit.Issuer })
			if err := r.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "set Keys") {
				t.Errorf("%s: %v", name, err)
			}
			if w := pushTo(r, transmitter.of("a")); w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s: %d", name, w.Code)
			}
			_, _ = r.Close(), list.Close()
		})
	}
}

func TestATransmitterThatIsNoAddressHasNoConfiguration(t *testing.T) {
	r, _, all := offline(t, nil, func(cfg *events.Config) {
		cfg.Transmitter, cfg.Issuer, cfg.Keys = "starfly", testkit.Issuer, testkit.KeySet()
	})
	if err := r.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "no configuration") || len(*all) > 0 {
		t.Errorf("%v, %d requests", err, len(*all))
	}
}
