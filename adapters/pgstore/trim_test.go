package pgstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
)

// rows counts the rows of a table.
func rows(t *testing.T, pool *pgxpool.Pool, table string) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// end puts n entries into the log that ended some time ago.
func end(t *testing.T, pool *pgxpool.Pool, cfg pgstore.Config, n int, ago string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), fmt.Sprintf("insert into %s_revocations (entry, until) select int8send(n), now() - interval '%s' from generate_series(1, %d) n",
		cfg.Prefix, ago, n)); err != nil {
		t.Fatal(err)
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	cfg.TrimEvery = -1
	s, table := created(t, pool, cfg), cfg.Prefix+"_revocations"
	fill(t, pool, cfg, 1, 10)
	end(t, pool, cfg, 12_000, "61 seconds")
	end(t, pool, cfg, 20, "59 seconds") // clocks differ
	if err := s.Append(t.Context(), make([]byte, 8), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, pool, table); n != 31 {
		t.Errorf("%d rows are left, want 10 that live, 21 that ended just now", n)
	}
	if numbers, _, err := read(t, s, ""); err != nil || len(numbers) != 31 {
		t.Errorf("%d entries, %v", len(numbers), err)
	}
}

// A position names the newest row. As long as nothing new comes it stays, so that followers resume.
func TestTheNewestRowStays(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	cfg.TrimEvery = -1
	s, table := created(t, pool, cfg), cfg.Prefix+"_revocations"
	fill(t, pool, cfg, 1, 3)
	_, position, err := read(t, s, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "update "+table+" set until = now() - interval '1 hour'"); err != nil {
		t.Fatal(err)
	}
	if err := s.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if numbers, _, err := read(t, s, position); err != nil || len(numbers) != 0 {
		t.Errorf("resuming: %v, %v", numbers, err)
	}
	if n := rows(t, pool, table); n != 1 {
		t.Errorf("%d rows are left, want the newest one", n)
	}
	fill(t, pool, cfg, 4, 4)
	if err := s.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t, s, position); !isGap(err) {
		t.Errorf("a position whose row was trimmed: %v", err)
	}
}

func TestOneProcessTrims(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	cfg.TrimEvery = -1
	s, table := created(t, pool, cfg), cfg.Prefix+"_revocations"
	end(t, pool, cfg, 3, "1 hour")
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "select pg_advisory_xact_lock($1)", pgstore.Lock(s)); err != nil {
		t.Fatal(err)
	}
	if err := s.Trim(t.Context()); err != nil || rows(t, pool, table) != 3 {
		t.Errorf("while another trims: %d rows, %v", rows(t, pool, table), err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Trim(t.Context()); err != nil || rows(t, pool, table) != 1 {
		t.Errorf("afterwards: %d rows, %v", rows(t, pool, table), err)
	}
}

func TestWhoeverAppendsTrims(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	s, table := created(t, pool, cfg), cfg.Prefix+"_revocations"
	end(t, pool, cfg, 10, "1 hour")
	if err := s.Append(t.Context(), make([]byte, 8), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := retry(func() error {
		if n := rows(t, pool, table); n > 2 { // the newest of that moment may be one that ended
			return fmt.Errorf("%d rows are left", n)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
