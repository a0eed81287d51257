package main

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/soak"
)

// TestMain lets this very program be the server process.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, server.ServeFlag) {
		server.Main()
		return
	}
	os.Exit(m.Run())
}

func TestNothingIsWrongInAFewSecondsOfFaults(t *testing.T) {
	results, err := soak.Run(t.Context(), soak.Settings{
		Duration: 3 * time.Second, Every: time.Second, Lasts: [2]time.Duration{300 * time.Millisecond, 800 * time.Millisecond},
		Rate: 300, Conns: 16, Seed: 1, Log: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	if results.Decisions < 100 || len(results.Faults) < 2 {
		t.Errorf("%d decisions, %d faults: that shows nothing", results.Decisions, len(results.Faults))
	}
	for _, mistake := range results.Mistakes {
		t.Error(mistake)
	}
	if results.Wrong > 0 {
		t.Errorf("%d wrong answers of %d", results.Wrong, results.Decisions)
	}
}
