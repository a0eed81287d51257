package jwks_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// The limits that SECURITY.md states, each with the last value that passes and the first that does not, where no other test of this
// package has both.

// padTo appends blanks, which JSON allows after an object.
func padTo(text string, length int) string { return text + strings.Repeat(" ", length-len(text)) }

func TestLimitOfDocuments(t *testing.T) {
	const name, place = "https://issuer.example", "https://issuer.example/.well-known/openid-configuration"
	keys := string(document(publicJWK("k", "ES256", p256A())))
	about := metadata(name, keysURL)
	for _, row := range []struct {
		name           string
		keys, metadata int
		good           bool
	}{
		{"1 MiB of keys", 1 << 20, len(about), true},
		{"1 MiB and a byte of keys", 1<<20 + 1, len(about), false},
		{"1 MiB of metadata", len(keys), 1 << 20, true},
		{"1 MiB and a byte of metadata", len(keys), 1<<20 + 1, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
				switch r.URL.String() {
				case keysURL:
					return respond(200, padTo(keys, row.keys)), nil
				case place:
					return respond(200, padTo(about, row.metadata)), nil
				}
				return respond(404, ""), nil
			}}
			c := newCache(t, i, func(cfg *jwks.Config) { cfg.URL, cfg.Issuer = "", name })
			if err := c.Refresh(t.Context()); (err == nil) != row.good {
				t.Errorf("Refresh: %v", err)
			}
		})
	}
}

func TestLimitOfFetchTime(t *testing.T) {
	for latency, good := range map[time.Duration]bool{5*time.Second - 1: true, 5*time.Second + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(t, &issuer{answer: slow(latency, serving(publicJWK("k", "ES256", p256A())))})
			_, _ = c.VerificationKeys(t.Context(), "k", "ES256")
			time.Sleep(10 * time.Second)
			if _, err := c.VerificationKeys(t.Context(), "k", "ES256"); (err == nil) != good {
				t.Errorf("an answer after %v: %v", latency, err)
			}
		})
	}
}

func TestLimitOfWarmTime(t *testing.T) {
	for latency, good := range map[time.Duration]bool{time.Minute - 1: true, time.Minute + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(t, &issuer{answer: slow(latency, serving(publicJWK("k", "ES256", p256A())))})
			began := time.Now()
			if err := c.Refresh(t.Context()); (err == nil) != good || time.Since(began) > time.Minute {
				t.Errorf("an answer after %v: %v after %v", latency, err, time.Since(began))
			}
		})
	}
}

func TestLimitOfStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(publicJWK("k", "ES256", p256A()))}
		c := newCache(t, i)
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		i.set(failing)
		time.Sleep(24*time.Hour - 1)
		if _, err := c.VerificationKeys(t.Context(), "k", "ES256"); err != nil {
			t.Errorf("just before a day: %v", err)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if keys, err := c.VerificationKeys(t.Context(), "k", "ES256"); err == nil {
			t.Errorf("after a day %d keys are still used", len(keys))
		}
	})
}
