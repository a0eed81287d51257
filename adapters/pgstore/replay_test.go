package pgstore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAProofIsFreshOnce(t *testing.T) {
	t.Parallel()
	url, cfg := server(t).URL("postgres"), newLog()
	one, other := created(t, connect(t, url), cfg), open(t, connect(t, url), cfg)
	var fresh atomic.Int64
	var adding sync.WaitGroup
	for i := range 64 {
		adding.Go(func() {
			s := one
			if i%2 == 0 {
				s = other
			}
			is, err := s.Add(t.Context(), "\x00 a key \xff", time.Now().Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			if is {
				fresh.Add(1)
			}
		})
	}
	adding.Wait()
	if fresh.Load() != 1 {
		t.Errorf("it was fresh %d times", fresh.Load())
	}
}

func TestHowLongAProofIsRemembered(t *testing.T) {
	t.Parallel()
	s := created(t, connect(t, server(t).URL("postgres")), newLog())
	now := time.Now()
	for i, row := range []struct {
		until time.Time
		again bool // fresh
	}{
		{now.Add(time.Hour), false},
		{now, false}, // clocks differ
		{now.Add(-30 * time.Second), false},
		{now.Add(-2 * time.Minute), true},
		{time.Time{}, true},
		{now.AddDate(20_000, 0, 0), false}, // more than PostgreSQL is asked to hold
	} {
		key := fmt.Sprint("key ", i)
		for n, want := range []bool{true, row.again} {
			if fresh, err := s.Add(t.Context(), key, row.until); fresh != want || err != nil {
				t.Errorf("until %v, time %d: %t, %v", row.until, n+1, fresh, err)
			}
		}
		if err := s.Trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		if fresh, err := s.Add(t.Context(), key, row.until); fresh != row.again || err != nil {
			t.Errorf("until %v, after trimming: %t, %v", row.until, fresh, err)
		}
	}
}

func TestProofsOutliveTheServer(t *testing.T) {
	sv := server(t)
	s := created(t, connect(t, sv.URL("postgres")), newLog())
	if fresh, err := s.Add(t.Context(), "key", time.Now().Add(time.Hour)); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if err := sv.Restart(); err != nil {
		t.Fatal(err)
	}
	var fresh bool
	err := retry(func() (err error) { fresh, err = s.Add(t.Context(), "key", time.Now().Add(time.Hour)); return err })
	if fresh || err != nil {
		t.Errorf("after a restart: %t, %v", fresh, err)
	}
}

// retry tries again, for instance while the connections of a pool are dead.
func retry(try func() error) error {
	for limit := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if err := try(); err == nil || time.Now().After(limit) {
			return err
		}
	}
}
