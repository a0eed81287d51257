package measure

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
	"github.com/cardea-auth/cardea/adapters/pgstore"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// postgresServer is a PostgreSQL of our own, with the settings that it comes with.
type postgresServer struct {
	server *pgtest.Server
	where  string
	pool   *pgxpool.Pool
	store  *pgstore.Store
}

// NewPostgres starts a PostgreSQL. The error wraps pgtest.ErrMissing where there is none.
func NewPostgres(ctx context.Context) (Server, error) {
	server, err := pgtest.Start()
	if err != nil {
		return nil, err
	}
	s := &postgresServer{server: server, where: server.URL("postgres")}
	s.pool, err = pgxpool.New(ctx, s.where+" pool_max_conns=64")
	if err == nil {
		s.store, err = pgstore.New(s.pool, pgstore.Config{TrimEvery: -1})
	}
	if err == nil {
		err = s.store.Create(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *postgresServer) Close() error {
	if s.pool != nil {
		s.pool.Close()
	}
	return s.server.Close()
}

func (s *postgresServer) Store() revocation.Store { return s.store }

func (s *postgresServer) Another() (revocation.Store, func(), error) { return s.store, func() {}, nil }

func (s *postgresServer) Where() (engine, where string) { return postgresName, s.where }

func (s *postgresServer) Clear(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, "truncate cardea_revocations")
	return err
}

// Fill has a thousand records in each transaction, as a Store has that many are given to at once.
func (s *postgresServer) Fill(ctx context.Context, records [][]byte, until time.Time) error {
	const batch = 1000
	for rest := records; len(rest) > 0; rest = rest[min(batch, len(rest)):] {
		_, err := s.pool.Exec(ctx, "insert into cardea_revocations (entry, until) select unnest($1::bytea[]), $2", rest[:min(batch, len(rest))], until)
		if err != nil {
			return err
		}
	}
	_, err := s.pool.Exec(ctx, "vacuum analyze cardea_revocations")
	return err
}

// Usage asks the server, and the system about the server's processes.
func (s *postgresServer) Usage(ctx context.Context) (u Usage, err error) {
	var version string
	err = s.pool.QueryRow(ctx, `select current_setting('server_version'), pg_total_relation_size('cardea_revocations'),
		pg_current_wal_lsn() - '0/0'::pg_lsn`).Scan(&version, &u.Disk, &u.WAL)
	if err != nil {
		return u, err
	}
	version, _, _ = strings.Cut(version, " ")
	u.Version = "PostgreSQL " + version
	var pid string
	if err := s.pool.QueryRow(ctx, "select pg_backend_pid()::text").Scan(&pid); err != nil {
		return u, err
	}
	u.CPU = family(pid)
	return u, nil
}

// family is the CPU time of a server process, of its parent and of all that have the same parent, those that have ended among them, in
// seconds; zero where the system does not tell.
func family(pid string) (seconds float64) {
	parent := stat(pid).parent
	if parent == "" {
		return 0
	}
	main := stat(parent)
	seconds = main.own + main.ended
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if s := stat(e.Name()); s.parent == parent {
			seconds += s.own
		}
	}
	return seconds
}

type processStat struct {
	parent     string
	own, ended float64 // seconds
}

func stat(pid string) processStat {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 15 {
		return processStat{}
	}
	const tick = 0.01
	seconds := func(at int) float64 {
		n, _ := strconv.ParseFloat(fields[at], 64)
		return n * tick
	}
	return processStat{parent: fields[1], own: seconds(11) + seconds(12), ended: seconds(13) + seconds(14)}
}
