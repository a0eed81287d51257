package pgstore_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
	"github.com/cardea-auth/cardea/adapters/pgstore"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

var (
	_ revocation.Store       = (*pgstore.Store)(nil)
	_ middleware.ReplayStore = (*pgstore.Store)(nil)
)

func TestContract(t *testing.T) {
	t.Parallel()
	s := pgtest.For(t, "fsync=off") // it is killed
	storetest.Run(t, func(t *testing.T) storetest.Engine { return engine(t, s) })
}

// The tests share a server. Those that kill it or make it silent run alone, before the others run side by side.
var start = sync.OnceValues(func() (*pgtest.Server, error) { return pgtest.Start("fsync=off") })

var started atomic.Bool

func server(t *testing.T) *pgtest.Server {
	t.Helper()
	started.Store(true)
	s, err := start()
	pgtest.Need(t, err)
	return s
}

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // they wait more than they work
	code := m.Run()
	if started.Load() {
		if s, err := start(); err == nil && s.Close() != nil {
			code = 1
		}
	}
	os.Exit(code)
}

var logs atomic.Int64

// newLog is the configuration of a log of its own.
func newLog() pgstore.Config {
	return pgstore.Config{Prefix: fmt.Sprint("test", logs.Add(1)), Logger: silent}
}

// connect returns a pool of connections.
func connect(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

var silent = slog.New(slog.DiscardHandler)

func open(t *testing.T, pool *pgxpool.Pool, cfg pgstore.Config) *pgstore.Store {
	t.Helper()
	s, err := pgstore.New(pool, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// created is a Store whose tables are there.
func created(t *testing.T, pool *pgxpool.Pool, cfg pgstore.Config) *pgstore.Store {
	t.Helper()
	s := open(t, pool, cfg)
	if err := s.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func engine(t *testing.T, server *pgtest.Server) storetest.Engine {
	url, cfg := server.URL("postgres"), newLog()
	pool := connect(t, url)
	first := created(t, pool, cfg)
	opened := 0
	return storetest.Engine{
		Open: func() revocation.Store {
			if opened++; opened == 1 {
				return first
			}
			cfg := cfg
			if opened > 2 { // two trim meanwhile, each on one more connection
				cfg.TrimEvery = -1
			}
			return open(t, connect(t, url), cfg)
		},
		Other:   func() revocation.Store { return created(t, pool, newLog()) },
		Delay:   func(entry []byte, until time.Time) (func() error, error) { return delay(pool, cfg, entry, until) },
		Trim:    func() error { return first.Trim(context.Background()) },
		Restart: server.Restart,
		Backup:  server.Backup,
		Stall:   server.Stall,
	}
}

// delay appends in a transaction that is committed later.
func delay(pool *pgxpool.Pool, cfg pgstore.Config, entry []byte, until time.Time) (commit func() error, err error) {
	ctx := context.Background()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	own := conn.Hijack() // many may be open at once
	tx, err := own.Begin(ctx)
	if err == nil {
		_, err = tx.Exec(ctx, "insert into "+cfg.Prefix+"_revocations (entry, until) values ($1, $2)", entry, until)
	}
	if err != nil {
		return nil, errors.Join(err, own.Close(ctx))
	}
	return func() error { return errors.Join(tx.Commit(ctx), own.Close(ctx)) }, nil
}
