//go:build unix

package main

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/examples/internal/demotest"
)

// A replica is this program again, which is a test here.
func TestMain(m *testing.M) {
	if os.Getenv(settingIssuer) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestALogoutHoldsAtBothReplicas(t *testing.T) {
	*database = pgtest.For(t, "fsync=off").URL("postgres")
	lines := demotest.Start(t, run)
	for _, line := range lines[:len(lines)-1] {
		if got := line.Do(t); got != line.Status {
			t.Errorf("got status %d from: %s", got, line.Text)
		}
	}
	there := lines[len(lines)-1]
	for limit := time.Now().Add(20 * time.Second); there.Do(t) != http.StatusUnauthorized; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("after 20 s still not 401 from: %s", there.Text)
		}
	}
}

func TestWithoutADatabase(t *testing.T) {
	*database = ""
	if err := run(t.Context(), demo.Site{}); err == nil {
		t.Error("it runs without a database")
	}
}
