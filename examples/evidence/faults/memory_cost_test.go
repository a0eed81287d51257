package faults_test

import (
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// To judge a token in full takes few allocations, and one that is forged takes no more than a good one: nobody can make the API work
// harder than its own clients do.
func TestForgedTokensCostNoMoreThanGoodOnes(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes allocations of its own")
	}
	o := newOracle()
	guard := newStock(t, o, introspection.Config{}, func(cfg *middleware.Config) { cfg.TokenCache.Entries = -1 }).validator.Require()
	good := o.jwt(nil)
	forged := good[:len(good)-4] + "AAAA"
	cost := func(token string, want middleware.Reason) float64 {
		request := requestWith(t.Context(), token)
		if _, err := guard.Check(request); reasonOf(err) != want {
			t.Fatalf("the reason is %q, want %q", reasonOf(err), want)
		}
		return testing.AllocsPerRun(500, func() { _, _ = guard.Check(request) })
	}
	ofGood, ofForged := cost(good, ""), cost(forged, middleware.ReasonSignature)
	if ofGood > 40 || ofForged > ofGood {
		t.Errorf("%v allocations for a good token, %v for a forged one; want at most 40, and no more for the forged one", ofGood, ofForged)
	}
}
