package pgstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
)

// The clock of the database's machine is two days ahead for a moment (here: a function now() that comes first in search_path, as no test can
// set a clock). Within ten seconds one of the processes trims. redisstore goes by the clock that is behind; pgstore asks the server's alone.
func TestAServerWhoseClockIsAheadForgetsNothingThatLives(t *testing.T) {
	t.Parallel()
	s := server(t)
	admin := connect(t, s.URL("postgres"))
	log := newLog()
	log.TrimEvery = -1 // Trim is called below
	store := created(t, admin, log)
	for _, entry := range []string{"one", "two", "three"} {
		if err := store.Append(t.Context(), []byte(entry), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range []string{
		"create schema if not exists ahead",
		"create or replace function ahead.now() returns timestamptz language sql as 'select pg_catalog.now() + interval ''2 days'''",
	} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := pgxpool.ParseConfig(s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.RuntimeParams["search_path"] = "ahead, pg_catalog, public"
	wrong, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	while, err := pgstore.New(wrong, log)
	if err != nil {
		t.Fatal(err)
	}
	proof := time.Now().Add(5 * time.Minute)
	if fresh, err := store.Add(t.Context(), "proof", proof); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	if fresh, err := while.Add(t.Context(), "proof", proof); err != nil || fresh {
		t.Errorf("a proof that was used a moment ago, and is good for five minutes, is fresh: %t, %v", fresh, err)
	}
	if err := while.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The clock is right again. What does a process that starts now learn?
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got int
	_ = store.Follow(ctx, "", func([]byte, string) error { got++; return nil }, func(time.Time) { cancel() })
	if got != 3 {
		t.Errorf("%d of 3 entries are left, which live for another hour", got)
	}
}
