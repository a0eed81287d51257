package pgstore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
	"github.com/cardea-auth/cardea/adapters/pgstore"
)

// BenchmarkAppend is one process that appends entries from 256 goroutines while it follows, on a server that waits for its disk. It
// reports how many are acknowledged in a second, and how long after Append was called the follower had half of them, and 99 of 100.
func BenchmarkAppend(b *testing.B) {
	server := pgtest.For(b)
	ctx, cancel := context.WithCancel(b.Context())
	pool, err := pgxpool.New(ctx, server.URL("postgres"))
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	s, err := pgstore.New(pool, pgstore.Config{})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Create(ctx); err != nil {
		b.Fatal(err)
	}
	var begun, came sync.Map
	var delivered, next atomic.Int64
	ended, alive := make(chan error, 1), make(chan struct{})
	go func() {
		once := sync.OnceFunc(func() { close(alive) })
		ended <- s.Follow(ctx, "", func(entry []byte, _ string) error {
			if _, again := came.LoadOrStore(binary.BigEndian.Uint64(entry), time.Now()); !again {
				delivered.Add(1)
			}
			return nil
		}, func(time.Time) { once() })
	}()
	<-alive
	b.SetParallelism(128)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		entry := make([]byte, 64)
		for pb.Next() {
			n := uint64(next.Add(1))
			binary.BigEndian.PutUint64(entry, n)
			begun.Store(n, time.Now())
			if err := s.Append(ctx, entry, time.Now().Add(time.Hour)); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	for delivered.Load() < next.Load() {
		time.Sleep(time.Millisecond)
	}
	var lags []time.Duration
	begun.Range(func(n, at any) bool {
		then, _ := came.Load(n)
		lags = append(lags, then.(time.Time).Sub(at.(time.Time)))
		return true
	})
	slices.Sort(lags)
	b.ReportMetric(float64(lags[len(lags)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(lags[len(lags)*99/100].Microseconds())/1000, "ms-p99")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		b.Error(err)
	}
}

// BenchmarkAdd is one process that remembers proofs from 256 goroutines.
func BenchmarkAdd(b *testing.B) {
	server := pgtest.For(b)
	pool, err := pgxpool.New(b.Context(), server.URL("postgres")+" pool_max_conns=32")
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	s, err := pgstore.New(pool, pgstore.Config{})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Create(b.Context()); err != nil {
		b.Fatal(err)
	}
	var next atomic.Uint64
	b.SetParallelism(128)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := binary.BigEndian.AppendUint64(nil, next.Add(1))
			if fresh, err := s.Add(b.Context(), string(key), time.Now().Add(time.Minute)); !fresh || err != nil {
				b.Error(fresh, err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
}
