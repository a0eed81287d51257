package statuslist_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

func benchmarked(tb testing.TB) *statuslist.Lists {
	s := &server{}
	s.serves(nil, 5)
	lists := newLists(tb, keys(tb), statuslist.Config{HTTPClient: &http.Client{Transport: s}})
	judged(tb, lists, facts(0))
	return lists
}

// A token of a list costs this at every request, as it cannot be said of all tokens at once that nothing has changed.
func BenchmarkJudge(b *testing.B) {
	lists := benchmarked(b)
	for name, f := range map[string]middleware.TokenFacts{"good": facts(0), "revoked": facts(5), "no status": {Issuer: testkit.Issuer}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					lists.Judge(f)
				}
			})
		})
	}
}

// A cached token costs no allocation more for having a status.
func TestAStatusCostsNoAllocationMore(t *testing.T) {
	a := newAPI(t, nil)
	cfg := a.issuer.Config(audience)
	bare := newValidator(t, cfg).Require()
	cfg.Revocations = []middleware.Revocations{a.lists}
	with := newValidator(t, cfg).Require()
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+a.issuer.Token(authtest.Claims{"status": a.issuer.StatusList(1).Claim(3)}))
	allocations := func(guard *middleware.Guard) float64 {
		return testing.AllocsPerRun(200, func() {
			if _, err := guard.Check(r); err != nil {
				t.Fatal(err)
			}
		})
	}
	if with, bare := allocations(with), allocations(bare); with > bare {
		t.Errorf("%v allocations, and %v without Revocations", with, bare)
	}
}

func TestJudgeDoesNotAllocate(t *testing.T) {
	lists := benchmarked(t)
	for name, f := range map[string]middleware.TokenFacts{
		"good": facts(0), "revoked": facts(5), "out of range": facts(1 << 20), "no status": {Issuer: testkit.Issuer},
		"unreadable": {Issuer: testkit.Issuer, StatusIndex: -1}, "not known": {Issuer: testkit.Issuer, StatusURI: testkit.Issuer + "/2"},
	} {
		if n := testing.AllocsPerRun(100, func() { lists.Judge(f) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
