package pgstore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
)

// A transaction that begins after the first page was read, and is still open when the second one shows a row with a higher number, was seen by
// nobody: a position does not lie after it.
func TestWhatBeginsDuringAReadAndCommitsAfterItIsDelivered(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	s := created(t, pool, cfg)
	fill(t, pool, cfg, 1, 2000) // one page
	const late, higher = 5000, 6000
	var commit func() error
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got, resume := map[uint64]bool{}, ""
	err := s.Follow(ctx, "", func(entry []byte, position string) (err error) {
		got[binary.BigEndian.Uint64(entry)] = true
		if position != "" {
			resume = position
		}
		if commit == nil {
			commit, err = delay(pool, cfg, binary.BigEndian.AppendUint64(nil, late), time.Now().Add(time.Hour))
			fill(t, pool, cfg, higher, higher)
		}
		return err
	}, func(time.Time) { cancel() })
	if !errors.Is(err, context.Canceled) || !got[higher] || got[late] || resume == "" {
		t.Fatalf("the higher one: %t, the late one: %t, the position %q, %v", got[higher], got[late], resume, err)
	}
	if err := commit(); err != nil {
		t.Fatal(err)
	}
	numbers, resume, err := read(t, s, resume)
	for _, n := range numbers {
		got[n] = true
	}
	if err != nil || !got[late] {
		t.Errorf("the entry that committed late was never delivered: %v, %v", numbers, err)
	}
	if numbers, _, err := read(t, s, resume); err != nil || len(numbers) != 0 {
		t.Errorf("once nothing is late: %v, %v", numbers, err)
	}
}

// Both what was seen and the row that a position names have to be of this history.
func TestAPositionThatNamesARowOfTheFuture(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	s := created(t, pool, cfg)
	fill(t, pool, cfg, 1, 1)
	_, position, err := read(t, s, "")
	if err != nil {
		t.Fatal(err)
	}
	const future = "123456789012345"
	if _, err := pool.Exec(t.Context(), "update "+cfg.Prefix+"_revocations set xid = '"+future+"'"); err != nil {
		t.Fatal(err)
	}
	fields := strings.Split(position, " ")
	fields[6] = future
	if _, _, err := read(t, s, strings.Join(fields, " ")); !isGap(err) || !strings.Contains(err.Error(), "future") {
		t.Errorf("%v", err)
	}
}

// Transactions begin, commit and are rolled back in any order while pages are read, and connections are lost: whoever resumes from any of the
// positions gets what was not delivered before it.
func TestWhateverCommitsLateInAnyOrderIsDelivered(t *testing.T) {
	t.Parallel()
	pool := connect(t, server(t).URL("postgres")+" pool_max_conns=12") // of which transactions hold 7 at most
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			cfg := newLog()
			cfg.TrimEvery = -1
			s := created(t, pool, cfg)
			random := rand.New(rand.NewPCG(seed, 1))
			pgstore.SetPage(s, 1+random.IntN(4))
			disorder(t, s, &writers{t: t, pool: pool, cfg: cfg, random: random, committed: map[uint64]bool{}})
		})
	}
}

// place is a position, and what was delivered before it was.
type place struct {
	position string
	had      map[uint64]bool
}

func disorder(t *testing.T, s *pgstore.Store, w *writers) {
	places := []place{{"", map[uint64]bool{}}}
	lost := errors.New("the connection is lost")
	for range 6 {
		for range 12 { // so that what is new needs several pages
			w.step()
		}
		last := places[len(places)-1]
		had := maps.Clone(last.had)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Follow(ctx, last.position, func(entry []byte, position string) error {
			had[binary.BigEndian.Uint64(entry)] = true
			if position != "" {
				places = append(places, place{position, maps.Clone(had)})
			}
			if w.random.IntN(2) == 0 {
				w.step()
			}
			if w.random.IntN(60) == 0 {
				return lost
			}
			return nil
		}, func(time.Time) {
			if w.random.IntN(2) == 0 {
				cancel()
			}
			w.notify()
		})
		cancel()
		if !errors.Is(err, lost) && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	for len(w.open) > 0 {
		w.end(true)
	}
	if len(places) == 1 {
		t.Fatal("no position was given")
	}
	pgstore.SetPage(s, 20) // a look from any of the places needs several still
	for i, p := range places {
		numbers, _, err := read(t, s, p.position)
		for _, n := range numbers {
			p.had[n] = true
		}
		if err != nil || !maps.Equal(p.had, w.committed) {
			t.Errorf("position %d, %q: %d entries were delivered before or after it, of %d: %v", i, p.position, len(p.had), len(w.committed), err)
		}
	}
}

// writers are transactions that append.
type writers struct {
	t         *testing.T
	pool      *pgxpool.Pool
	cfg       pgstore.Config
	random    *rand.Rand
	open      []*writer
	number    uint64 // of the entry that was appended last
	committed map[uint64]bool
}

type writer struct {
	tx      pgx.Tx
	entries []uint64
}

func (w *writers) step() {
	switch w.random.IntN(6) {
	case 0, 1: // one that stays open
		if len(w.open) == 6 {
			w.end(true)
		}
		w.begin(w.random.IntN(2))
	case 2, 3: // one that is over at once
		w.begin(1 + w.random.IntN(2))
		w.end(true)
	case 4:
		w.end(true)
	default:
		w.end(w.random.IntN(2) == 0)
	}
}

// begin begins a transaction, which has a number from then on, and appends n entries.
func (w *writers) begin(n int) {
	one, statements := &writer{}, "begin; select pg_current_xact_id()"
	for range n {
		statements += w.insert(one)
	}
	var err error
	if one.tx, err = w.pool.BeginTx(w.t.Context(), pgx.TxOptions{BeginQuery: statements}); err != nil { // in one round trip
		w.t.Fatal(err)
	}
	w.open = append(w.open, one)
}

// insert returns the statements that append an entry, to some of them in a transaction within the transaction, which has a number of its own.
func (w *writers) insert(one *writer) string {
	w.number++
	one.entries = append(one.entries, w.number)
	insert := fmt.Sprintf("; insert into %s_revocations (entry, until) values (int8send(%d), now() + interval '1 hour')", w.cfg.Prefix, w.number)
	if w.random.IntN(4) == 0 {
		return "; savepoint within" + insert + "; release within"
	}
	return insert
}

// end ends one of the open transactions.
func (w *writers) end(commit bool) {
	if len(w.open) == 0 {
		return
	}
	i := w.random.IntN(len(w.open))
	one := w.open[i]
	w.open = append(w.open[:i], w.open[i+1:]...)
	if !commit {
		if err := one.tx.Rollback(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	if w.random.IntN(2) == 0 {
		if _, err := one.tx.Exec(w.t.Context(), "select 1"+w.insert(one)); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := one.tx.Commit(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	for _, n := range one.entries {
		w.committed[n] = true
	}
}

// notify wakes whoever follows.
func (w *writers) notify() {
	if _, err := w.pool.Exec(w.t.Context(), "select pg_notify($1, '')", "public."+w.cfg.Prefix+"_revocations"); err != nil {
		w.t.Fatal(err)
	}
}
