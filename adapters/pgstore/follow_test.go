package pgstore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
	"github.com/cardea-auth/cardea/adapters/pgstore"
)

// read follows from a position until alive, and returns the numbers of the entries that were delivered, and the last position.
func read(t *testing.T, s *pgstore.Store, after string) (numbers []uint64, resume string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	resume = after
	err = s.Follow(ctx, after, func(entry []byte, position string) error {
		numbers = append(numbers, binary.BigEndian.Uint64(entry))
		if position != "" {
			resume = position
		}
		return nil
	}, func(time.Time) { cancel() })
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return numbers, resume, err
}

func isGap(err error) bool {
	var gap interface{ Gap() bool }
	return errors.As(err, &gap) && gap.Gap()
}

// fill puts entries with the numbers from to to into the log, in one statement.
func fill(t *testing.T, pool *pgxpool.Pool, cfg pgstore.Config, from, to int) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), "insert into "+cfg.Prefix+"_revocations (entry, until) select int8send(n), now() + interval '1 hour' from generate_series($1::int8, $2::int8) n",
		from, to); err != nil {
		t.Fatal(err)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	s := created(t, pool, cfg)
	position, total := "", 0
	for _, n := range []int{1, 1999, 2000, 2001, 4000, 7} { // a page has 2000 rows
		fill(t, pool, cfg, total+1, total+n)
		total += n
		everything, _, err := read(t, s, "")
		if err != nil || len(everything) != total || !inOrder(everything) {
			t.Fatalf("everything: %d entries, want %d: %v", len(everything), total, err)
		}
		var news []uint64
		if news, position, err = read(t, s, position); err != nil || len(news) != n || !inOrder(news) || news[n-1] != uint64(total) {
			t.Fatalf("what is new: %d entries, want %d: %v", len(news), n, err)
		}
	}
	if numbers, _, err := read(t, s, position); len(numbers) != 0 || err != nil {
		t.Errorf("%d entries came again, %v", len(numbers), err)
	}
}

// What commits between two pages is visible to the second one, and lies before its place.
func TestWhatCommitsBetweenPages(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	s := created(t, pool, cfg)
	const late = 1_000_000
	commit, err := delay(pool, cfg, binary.BigEndian.AppendUint64(nil, late), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, pool, cfg, 1, 3000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var count, looks int
	found := false
	err = s.Follow(ctx, "", func(entry []byte, _ string) error {
		if count++; count == 1 {
			return commit()
		}
		found = found || binary.BigEndian.Uint64(entry) == late
		return nil
	}, func(time.Time) {
		if looks++; looks == 2 {
			cancel()
		}
	})
	if !found || !errors.Is(err, context.Canceled) {
		t.Errorf("it was delivered: %t, among %d entries, %v", found, count, err)
	}
}

// In files that are put back, transactions get numbers that a follower has seen others have.
func TestNumbersThatAreGivenAgain(t *testing.T) {
	sv := server(t)
	pool, cfg := connect(t, sv.URL("postgres")), newLog()
	s := created(t, pool, cfg)
	burn := func(n int) {
		t.Helper()
		for range n {
			if err := retry(func() error { _, err := pool.Exec(t.Context(), "select pg_current_xact_id()"); return err }); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(t, pool, cfg, 1, 3)
	restore, err := sv.Backup()
	if err != nil {
		t.Fatal(err)
	}
	burn(50)
	_, position, err := read(t, s, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	burn(1)
	for n := 4; n <= 8; n++ {
		fill(t, pool, cfg, n, n)
	}
	burn(100)
	if numbers, _, err := read(t, s, position); err != nil || len(numbers) != 5 {
		t.Errorf("%v, %v: want the 5 entries that are new", numbers, err)
	}
}

func inOrder(numbers []uint64) bool {
	for i := range numbers {
		if numbers[i] != numbers[0]+uint64(i) {
			return false
		}
	}
	return true
}

// A transaction that stays open, in this database or another, holds up nobody: what comes later is delivered once, and positions go on.
func TestATransactionThatStaysOpen(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	s := created(t, pool, cfg)
	commit, err := delay(pool, cfg, binary.BigEndian.AppendUint64(nil, 1000), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	position, all := "", 0
	for n := 1; n <= 5; n++ {
		fill(t, pool, cfg, n, n)
		numbers, resume, err := read(t, s, position)
		if err != nil || len(numbers) != 1 || numbers[0] != uint64(n) || resume == position {
			t.Fatalf("%v, %q: %v", numbers, resume, err)
		}
		position, all = resume, all+1
	}
	if err := commit(); err != nil {
		t.Fatal(err)
	}
	if numbers, _, err := read(t, s, position); err != nil || len(numbers) != 1 || numbers[0] != 1000 {
		t.Errorf("what was committed late: %v, %v", numbers, err)
	}
	if numbers, _, err := read(t, s, ""); err != nil || len(numbers) != all+1 {
		t.Errorf("everything: %v, %v", numbers, err)
	}
}

func TestWithoutListen(t *testing.T) {
	t.Parallel()
	cfg := newLog()
	cfg.NoListen = true
	pool := connect(t, server(t).URL("postgres"))
	s := created(t, pool, cfg)
	got := make(chan uint64)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- s.Follow(ctx, "", func(entry []byte, _ string) error { got <- binary.BigEndian.Uint64(entry); return nil }, func(time.Time) {})
	}()
	for n := range uint64(3) {
		if err := s.Append(t.Context(), binary.BigEndian.AppendUint64(nil, n), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if came := <-got; came != n {
			t.Errorf("%d came, want %d", came, n)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What pg_dump writes holds the numbers of transactions, which mean nothing in another cluster, and in the same one lacks what came after.
func TestTablesThatWereDumpedAndRestored(t *testing.T) {
	t.Parallel()
	sv := server(t)
	pool, cfg := connect(t, sv.URL("postgres")), newLog()
	s := created(t, pool, cfg)
	table := cfg.Prefix + "_revocations"
	fill(t, pool, cfg, 1, 5)
	_, before, err := read(t, s, "")
	if err != nil {
		t.Fatal(err)
	}
	dump, err := sv.Dump("postgres", "--data-only", "-t", table)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, pool, cfg, 6, 10)
	_, ahead, err := read(t, s, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := sv.Load("postgres", append([]byte("truncate "+table+";"), dump...)); err != nil {
		t.Fatal(err)
	}
	fill(t, pool, cfg, 11, 20)
	if _, _, err := read(t, s, ahead); !isGap(err) {
		t.Errorf("a position of rows that the dump lacks: %v", err)
	}
	if numbers, _, err := read(t, s, before); err != nil || len(numbers) != 10 {
		t.Errorf("a position from before the dump: %v, %v", numbers, err)
	}

	if _, err := pool.Exec(t.Context(), "update "+table+" set xid = '123456789012345' where id <= 5"); err != nil { // as of another cluster
		t.Fatal(err)
	}
	numbers, position, err := read(t, s, "")
	if err != nil || len(numbers) != 15 {
		t.Fatalf("a full read with rows of another cluster: %v, %v", numbers, err)
	}
	fill(t, pool, cfg, 21, 21)
	if numbers, _, err := read(t, s, position); !isGap(err) && (err != nil || len(numbers) != 1) {
		t.Errorf("rows of another cluster are delivered again and again: %v, %v", numbers, err)
	}
	if err := s.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, position, err = read(t, s, ""); err != nil {
		t.Fatal(err)
	}
	fill(t, pool, cfg, 22, 22)
	if numbers, _, err := read(t, s, position); err != nil || len(numbers) != 1 {
		t.Errorf("after Create: %v, %v", numbers, err)
	}
}

func TestAStandbyAndItsPromotion(t *testing.T) {
	t.Parallel()
	primary := pgtest.For(t, "fsync=off")
	pool, cfg := connect(t, primary.URL("postgres")), newLog()
	s := created(t, pool, cfg)
	fill(t, pool, cfg, 1, 5)
	replica, err := primary.Replica("fsync=off", "wal_retrieve_retry_interval=50ms") // promotion waits for the end of a pause
	if err != nil {
		t.Fatal(err)
	}
	standby := open(t, connect(t, replica.URL("postgres")), cfg)
	if _, _, err := read(t, standby, ""); err == nil || !strings.Contains(err.Error(), "is a standby") || isGap(err) {
		t.Errorf("Follow of a standby: %v", err)
	}
	if err := standby.Append(t.Context(), []byte("x"), time.Now().Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("Append to a standby: %v", err)
	}
	if fresh, err := standby.Add(t.Context(), "x", time.Now().Add(time.Hour)); err == nil || fresh {
		t.Errorf("Add to a standby: %t, %v", fresh, err)
	}
	_, position, err := read(t, s, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := retry(func() error { // until the standby has what the position names
		var n int
		err := connect(t, replica.URL("postgres")).QueryRow(t.Context(), "select count(*) from "+cfg.Prefix+"_revocations").Scan(&n)
		if err == nil && n != 5 {
			err = fmt.Errorf("it has %d rows", n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(primary.Kill(), replica.Promote()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t, standby, position); !isGap(err) || !strings.Contains(err.Error(), "failed over") {
		t.Errorf("a position of before the failover: %v", err)
	}
	numbers, position, err := read(t, standby, "")
	if err != nil || len(numbers) != 5 {
		t.Errorf("after the failover: %v, %v", numbers, err)
	}
	if err := standby.Append(t.Context(), make([]byte, 8), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if numbers, _, err := read(t, standby, position); err != nil || len(numbers) != 1 {
		t.Errorf("resuming after the failover: %v, %v", numbers, err)
	}
}

// A database of the same cluster counts the same transactions; only a row tells them apart.
func TestAPositionOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	sv, cfg := server(t), newLog()
	other := cfg.Prefix + "other"
	if err := sv.Load("postgres", []byte("create database "+other)); err != nil {
		t.Fatal(err)
	}
	pools := []*pgxpool.Pool{connect(t, sv.URL("postgres")), connect(t, sv.URL(other))}
	var positions []string
	for _, pool := range pools {
		s := created(t, pool, cfg)
		fill(t, pool, cfg, 1, 3)
		_, p, err := read(t, s, "")
		if err != nil {
			t.Fatal(err)
		}
		positions = append(positions, p)
	}
	for i, pool := range pools {
		if _, _, err := read(t, open(t, pool, cfg), positions[1-i]); !isGap(err) {
			t.Errorf("the position %q in database %d: %v", positions[1-i], i, err)
		}
	}
}
