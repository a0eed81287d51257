//go:build !race

// What is measured here the race detector would disturb: it has pools forget what they hold.

package revocation_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
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

// BenchmarkMemory reports the bytes that an entry takes in a full list: of one process, in an instance that has made all entries, and in one that has got them
// from the Store. It makes a million each time, so no other number of times than one is of any use.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	report := func(b *testing.B, before int64, l *revocation.List) {
		if got := l.Status().Entries; got != n {
			b.Fatalf("there are %d entries", got)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/entry")
		runtime.KeepAlive(l)
	}
	b.Run("of one process", func(b *testing.B) {
		for range b.N {
			before := heap()
			l := newList(b, revocation.Config{})
			fill(b, l, n)
			report(b, before, l)
		}
	})
	b.Run("shared", func(b *testing.B) {
		for range b.N {
			before := heap()
			l := instance(b, conduit{})
			fill(b, l, n)
			report(b, before, l)
		}
	})
	b.Run("received", func(b *testing.B) {
		for range b.N {
			before := heap()
			entries := make(chan []byte)
			l := instance(b, conduit{out: entries})
			fillThrough(b, conduit{in: entries}, n)
			for l.Status().Entries < n {
				time.Sleep(time.Millisecond)
			}
			report(b, before, l)
		}
	})
}

// fillThrough has an instance revoke of which nothing is left afterwards.
func fillThrough(b *testing.B, store revocation.Store, n int) {
	l, err := revocation.New(revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, Logger: silent})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	fill(b, l, n)
}

// conduit is a Store that keeps nothing: what goes in at one comes out at another. Of a nil channel it takes everything, and gives nothing.
type conduit struct{ in, out chan []byte }

func (c conduit) Append(_ context.Context, entry []byte, _ time.Time) error {
	if c.in != nil {
		c.in <- bytes.Clone(entry)
	}
	return nil
}

func (c conduit) Follow(ctx context.Context, _ string, deliver func([]byte, string) error, alive func(time.Time)) error {
	for alive(time.Now()); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case entry := <-c.out:
			if err := deliver(entry, ""); err != nil {
				return err
			}
		}
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

// What is asked about a token that comes again allocates nothing, whatever has come since.
func TestJudgeAllocatesNothingWithAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, _ := pair(t, storetest.NewMemory())
		for _, f := range []middleware.TokenFacts{facts(), but(func(f *middleware.TokenFacts) { f.Subject = strings.Repeat("u", 1000) })} {
			for _, kind := range []revocation.Kind{revocation.Token, revocation.Session, revocation.Subject, revocation.Client} {
				do(t, list.Revoke(t.Context(), revocation.Entry{Kind: kind, Issuer: "https://i", Value: "other"}))
				synctest.Wait() // nothing else runs from now on
				made := list.ForToken(list, f)
				for what, judge := range map[string]func(){"Judge": func() { list.Judge(f) }, "what ForToken has returned": func() { made() }} {
					if got := testing.AllocsPerRun(100, judge); got != 0 {
						t.Errorf("%s: %v allocations", what, got)
					}
				}
			}
		}
	})
}
