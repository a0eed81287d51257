package reports_test

import (
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// asking is an Introspector with a status.
type asking struct {
	kit.FixedAnswer
	status introspection.Status
}

func (a asking) Status() introspection.Status { return a.status }

func TestHealth(t *testing.T) {
	loaded, empty := &kit.RefreshableKeys{
		Set: testkit.KeySet(), Reported: jwks.Status{Keys: 3, LoadedAt: testkit.Now},
	}, &kit.RefreshableKeys{Set: testkit.KeySet()}
	open := asking{status: introspection.Status{BreakerOpen: true, InFlight: 2}}
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			{URL: "https://loaded.example", Keys: loaded},
			{URL: "https://empty.example", Keys: empty},
			{URL: "https://fixed.example", Keys: testkit.KeySet()},
			{URL: "https://open.example", Keys: loaded, Introspector: open, OpaquePrefixes: []string{"a"}},
			{URL: "https://asks.example", JWTs: middleware.IntrospectJWTs, Introspector: kit.FixedAnswer{}, OpaquePrefixes: []string{"b"}},
			{URL: "https://fetched.example"},
		}
	})
	want := []struct {
		issuer string
		ready  bool
	}{
		{"https://loaded.example", true}, {"https://empty.example", false}, {"https://fixed.example", true},
		{"https://open.example", false}, {"https://asks.example", true}, {"https://fetched.example", false},
	}
	health := v.Health()
	if len(health) != len(want) {
		t.Fatalf("got %d entries, want %d", len(health), len(want))
	}
	for i, h := range health {
		if h.Issuer != want[i].issuer || h.Ready != want[i].ready {
			t.Errorf("entry %d is %s, ready %v; want %s, %v", i, h.Issuer, h.Ready, want[i].issuer, want[i].ready)
		}
	}
	if health[0].Keys.Keys != 3 || !health[0].Keys.LoadedAt.Equal(testkit.Now) || health[3].Introspection.InFlight != 2 {
		t.Errorf("the states are not handed on: %+v, %+v", health[0].Keys, health[3].Introspection)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	for _, h := range v.Health() {
		if h.Ready {
			t.Errorf("%s is ready after Close", h.Issuer)
		}
	}
}
