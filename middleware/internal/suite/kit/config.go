package kit

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Tests provoke refusals by the thousand; one that wants to read a line brings a Logger.
func init() { slog.SetDefault(slog.New(slog.DiscardHandler)) }

// AnyTenant is an Issuer.AllowTenant.
func AnyTenant(context.Context, string) bool { return true }

// ChangeIssuer makes a change to the only issuer of a Config.
func ChangeIssuer(f func(*middleware.Issuer)) func(*middleware.Config) {
	return func(cfg *middleware.Config) { f(&cfg.Issuers[0]) }
}

// SetFAPI2 is a configuration that the FAPI 2.0 Security Profile accepts.
func SetFAPI2(answer Claims) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		SetPublicURL(cfg)
		cfg.FAPI2 = true
		cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
		cfg.Issuers[0].Introspector = Answering(ActiveAnswer(answer))
	}
}

// NonceSecret is a secret of one byte, repeated.
func NonceSecret(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// Config is the default of the tests: one issuer, whose keys are testkit.KeySet, one audience, and the time testkit.Now.
func Config() middleware.Config {
	return middleware.Config{
		Issuers:   []middleware.Issuer{{URL: testkit.Issuer, Keys: testkit.KeySet()}},
		Audiences: []string{testkit.Audience},
		Clock:     func() time.Time { return testkit.Now },
		Logger:    slog.New(slog.DiscardHandler),
	}
}

// CacheIsOff reports whether the suite runs without the cache of verified tokens: CARDEA_CACHE=off go test ./middleware/...
// It asks each time, or go test would not know that the result depends on it.
func CacheIsOff() bool { return os.Getenv("CARDEA_CACHE") == "off" }

// NeedsCache leaves out a test that asserts what the cache does, where there is none.
func NeedsCache(t testing.TB) {
	t.Helper()
	if CacheIsOff() {
		t.Skip("the suite runs without the cache")
	}
}

// NewValidator makes a Validator of the default configuration with changes.
func NewValidator(t testing.TB, change func(*middleware.Config)) *middleware.Validator {
	t.Helper()
	cfg := Config()
	if change != nil {
		change(&cfg)
	}
	if CacheIsOff() && cfg.TokenCache.Entries == 0 {
		cfg.TokenCache.Entries = -1
	}
	v, err := middleware.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// WithAndWithoutCache runs test with the cache of verified tokens and without it, and never with a network.
func WithAndWithoutCache(t *testing.T, change func(*middleware.Config), test func(t *testing.T, v *middleware.Validator)) {
	t.Helper()
	for _, way := range []struct {
		name    string
		entries int
	}{{"with the cache", 0}, {"without a cache", -1}} {
		t.Run(way.name, func(t *testing.T) {
			test(t, NewValidator(t, func(cfg *middleware.Config) {
				cfg.HTTPClient = NoNetwork(t)
				if change != nil {
					change(cfg)
				}
				cfg.TokenCache.Entries = way.entries
			}))
		})
	}
}

// SetPublicURL switches DPoP on.
func SetPublicURL(cfg *middleware.Config) { cfg.PublicURL = testkit.Audience }

// DPoPValidator is a Validator that judges proofs, with changes.
func DPoPValidator(t testing.TB, change func(*middleware.Config)) *middleware.Validator {
	t.Helper()
	return NewValidator(t, func(cfg *middleware.Config) {
		SetPublicURL(cfg)
		if change != nil {
			change(cfg)
		}
	})
}

// SetClock judges by a time that the test moves.
func SetClock(t *time.Time) func(*middleware.Config) {
	return func(cfg *middleware.Config) { SetPublicURL(cfg); cfg.Clock = func() time.Time { return *t } }
}
