package revocation_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// BenchmarkJudge is a look-up in a list of a million entries of each kind of value, by a token that none of them hits.
func BenchmarkJudge(b *testing.B) {
	for _, n := range []int{0, 1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := newList(b, revocation.Config{})
			fill(b, l, n)
			f := facts()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if l.Judge(f).Kind != "" {
						b.Error("revoked")
					}
				}
			})
		})
	}
}

// BenchmarkMemory reports the bytes that an entry takes in a full list.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	for range b.N {
		before := heap()
		l := newList(b, revocation.Config{})
		fill(b, l, n)
		b.ReportMetric(float64(heap()-before)/n, "B/entry")
		runtime.KeepAlive(l)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func fill(b *testing.B, l *revocation.List, n int) {
	b.Helper()
	kinds := []revocation.Kind{revocation.Token, revocation.Session, revocation.Subject, revocation.Client}
	for i := range n {
		if err := l.Revoke(b.Context(), revocation.Entry{Kind: kinds[i%len(kinds)], Issuer: "https://i", Value: fmt.Sprint("value ", i)}); err != nil {
			b.Fatal(err)
		}
	}
}

var _ middleware.Revocations = (*revocation.List)(nil)
