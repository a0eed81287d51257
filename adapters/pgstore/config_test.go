package pgstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
)

// lazy returns a pool that has connected to nobody.
func lazy(t *testing.T) *pgxpool.Pool {
	return connect(t, "host=/nonexistent user=nobody dbname=nothing")
}

func TestMistakesInConfig(t *testing.T) {
	for want, cfg := range map[string]pgstore.Config{
		`Config.Schema "Public": use at most 24 lower case letters`:    {Schema: "Public"},
		`Config.Prefix "a\"; drop": use at most`:                       {Prefix: `a"; drop`},
		`Config.Prefix "1a": use at most`:                              {Prefix: "1a"},
		`Config.Prefix "aaaaaaaaaaaaaaaaaaaaaaaaa"`:                    {Prefix: strings.Repeat("a", 25)},
		`Config.Timeout -1s is negative: leave it zero for 5s`:         {Timeout: -time.Second},
		`Config.Schema "x y": use at most 24 lower case letters, digi`: {Schema: "x y", Timeout: -1},
	} {
		if s, err := pgstore.New(lazy(t), cfg); s != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if s, err := pgstore.New(nil, pgstore.Config{}); s != nil || err == nil || !strings.Contains(err.Error(), "pgstore: the pool is nil") {
		t.Errorf("without a pool: %v", err)
	}
	if _, err := pgstore.New(lazy(t), pgstore.Config{Schema: "auth", Prefix: strings.Repeat("a", 24)}); err != nil {
		t.Error(err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	s := open(t, lazy(t), pgstore.Config{})
	ctx := t.Context()
	for what, do := range map[string]func() error{
		"Create": func() error { return s.Create(ctx) },
		"Append": func() error { return s.Append(ctx, []byte("x"), time.Now()) },
		"Follow": func() error {
			return s.Follow(ctx, "", func([]byte, string) error { return nil }, func(time.Time) { t.Error("alive") })
		},
		"Add": func() error {
			fresh, err := s.Add(ctx, "x", time.Now())
			if fresh {
				t.Error("a proof is fresh that nobody could look up")
			}
			return err
		},
		"Trim": func() error { return s.Trim(ctx) },
	} {
		if err := do(); err == nil || !strings.HasPrefix(err.Error(), "pgstore: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
