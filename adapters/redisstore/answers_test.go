//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

func TestAnAnswerIsFoundUntilItEnds(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t) // a cache may be one that forgets
		s, other := newStore(t, server.Client(), nil), newStore(t, server.Client(), nil)
		apart := newStore(t, server.Client(), func(cfg *redisstore.Config) { cfg.Prefix = "apart" })
		ctx := context.Background()
		value := []byte("sealed \x00\xff")
		if err := s.Set(ctx, "a", value, time.Minute); err != nil {
			t.Fatal(err)
		}
		for name, row := range map[string]struct {
			store *redisstore.Store
			key   string
			want  []byte
		}{"here": {s, "a", value}, "in another process": {other, "a", value}, "under another key": {s, "b", nil}, "under another prefix": {apart, "a", nil}} {
			got, found, err := row.store.Get(ctx, row.key)
			if err != nil || found != (row.want != nil) || !bytes.Equal(got, row.want) {
				t.Errorf("%s: %q, found %t, error %v", name, got, found, err)
			}
		}
		if left := server.Must("PTTL", "cardea:answer:a").(int64); left <= 0 || left > 60_000 {
			t.Errorf("it ends in %d ms", left)
		}
		if err := s.Set(ctx, "a", []byte("new"), time.Millisecond); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it has ended", func() bool { _, found, err := s.Get(ctx, "a"); return err == nil && !found })
	})
}

// A Store of a client alone has times that suit.
func TestZeroTimesAreTheDefaults(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		s := newStore(t, e.Start(t, redistest.Durable...).Client(), func(cfg *redisstore.Config) { cfg.Timeout, cfg.CacheTimeout = 0, 0 })
		ctx := context.Background()
		redistest.Eventually(t, "an answer is kept", func() error { return s.Set(ctx, "a", []byte("b"), time.Minute) })
		redistest.Eventually(t, "it is found", func() error { _, _, err := s.Get(ctx, "a"); return err })
		redistest.Eventually(t, "a proof is spent", func() error { _, err := s.Add(ctx, "a", soon()); return err })
	})
}

func TestAnAnswerHasBounds(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t)
		s, ctx := newStore(t, server.Client(), nil), context.Background()
		longest := bytes.Repeat([]byte("v"), redisstore.MaxAnswer)
		if err := s.Set(ctx, "k", longest, time.Minute); err != nil {
			t.Error(err)
		}
		if got, found, err := s.Get(ctx, "k"); err != nil || !found || !bytes.Equal(got, longest) {
			t.Errorf("%d bytes, found %t, error %v", len(got), found, err)
		}
		for name, row := range map[string]struct {
			key   string
			value []byte
			ttl   time.Duration
		}{
			"no key": {"", []byte("v"), time.Minute}, "a long key": {strings.Repeat("k", 257), []byte("v"), time.Minute},
			"no value": {"k", nil, time.Minute}, "a long value": {"k", append(longest, 'v'), time.Minute},
			"no end": {"k", []byte("v"), 0}, "an end before now": {"k", []byte("v"), -1}, "an end that is now": {"k", []byte("v"), time.Microsecond},
		} {
			if err := s.Set(ctx, row.key, row.value, row.ttl); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		for _, key := range []string{"", strings.Repeat("k", 257)} {
			if _, found, err := s.Get(ctx, key); found || err == nil {
				t.Errorf("a key of %d bytes: found %t, error %v", len(key), found, err)
			}
		}
	})
}

// What somebody else has put there is not read without end, and is not the server's failure.
func TestAPlantedAnswerIsNoneOrWhatTheCoreCannotOpen(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t)
		s, ctx := newStore(t, server.Client(), nil), context.Background()
		for name, row := range map[string]struct {
			plant []any
			found bool
			fails bool
		}{
			"one that is too long": {plant: []any{"EVAL", "return redis.call('SET','cardea:answer:p',string.rep('x',10000000))", 0}},
			"nothing":              {plant: []any{"SET", "cardea:answer:p", ""}},
			"a list":               {plant: []any{"RPUSH", "cardea:answer:p", "x"}, fails: true},
			"a forged one":         {plant: []any{"SET", "cardea:answer:p", "forged"}, found: true},
		} {
			server.Must("DEL", "cardea:answer:p")
			server.Must(row.plant...)
			for range redisstore.OpensAfter + 1 {
				got, found, err := s.Get(ctx, "p")
				if found != row.found || (err != nil) != row.fails || len(got) > redisstore.MaxAnswer {
					t.Errorf("%s: %d bytes, found %t, error %v", name, len(got), found, err)
				}
			}
		}
		if err := s.Set(ctx, "p", []byte("ours"), time.Minute); err != nil {
			t.Error(err)
		}
	})
}
