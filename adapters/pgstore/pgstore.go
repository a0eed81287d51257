package pgstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config says where a Store keeps what it keeps. Its zero value is complete.
type Config struct {
	_ [0]func() // keyed literals only

	// Schema is the schema of the tables. Empty: "public".
	Schema string

	// Prefix begins the names of the tables, of their indexes and of the channel. Empty: "cardea". Stores with the same Schema and
	// Prefix in one database are one log. Both are of lower case letters, digits and underscores, and have at most 24 of them.
	Prefix string

	// Timeout is how long one round trip may take before it has failed, whatever the context allows. Zero: 5 s.
	Timeout time.Duration

	// TrimEvery is how often what has ended is deleted, by one of all the processes. Zero: 10 s. Negative: never, because something
	// else calls Trim, under a role that may delete.
	TrimEvery time.Duration

	// NoListen says that connections go through a pooler in transaction mode, where LISTEN does not work. New entries are then seen
	// with the next poll, which is four times a second.
	NoListen bool

	// Logger gets what went wrong with deleting what has ended. Nil: slog.Default(), asked for at each line.
	Logger *slog.Logger
}

const (
	defaultTimeout   = 5 * time.Second
	defaultTrimEvery = 10 * time.Second
)

// Store keeps revocations and the replays of proofs in PostgreSQL. It is a revocation.Store and a middleware.ReplayStore. It is safe for
// concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	cfg     Config
	sql     statements
	maxPage int // rows that Follow reads at once
	appends appends
	trims   trims
}

var name = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,23}$`)

// New returns a Store that takes its connections from pool, which stays the caller's to close. It does no I/O: Create makes the tables. The
// pool needs two connections at least; each Follow takes one more out of it for as long as it runs.
func New(pool *pgxpool.Pool, cfg Config) (*Store, error) {
	var mistakes []error
	if pool == nil {
		mistakes = append(mistakes, errors.New("pgstore: the pool is nil: pass the one of pgxpool.New"))
	}
	for _, text := range []struct {
		field, standard string
		value           *string
	}{{"Schema", "public", &cfg.Schema}, {"Prefix", "cardea", &cfg.Prefix}} {
		if *text.value == "" {
			*text.value = text.standard
		}
		if !name.MatchString(*text.value) {
			mistakes = append(mistakes, fmt.Errorf("pgstore: Config.%s %q: use at most 24 lower case letters, digits and underscores, and begin with no digit",
				text.field, *text.value))
		}
	}
	if cfg.Timeout < 0 {
		mistakes = append(mistakes, fmt.Errorf("pgstore: Config.Timeout %v is negative: leave it zero for %v", cfg.Timeout, defaultTimeout))
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.TrimEvery == 0 {
		cfg.TrimEvery = defaultTrimEvery
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	return &Store{pool: pool, cfg: cfg, sql: newStatements(cfg.Schema, cfg.Prefix), maxPage: maxPage}, nil
}

func (s *Store) log() *slog.Logger {
	if s.cfg.Logger != nil {
		return s.cfg.Logger
	}
	return slog.Default()
}

// limited bounds one round trip.
func (s *Store) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.cfg.Timeout)
}

// failed says what could not be done. The error of ctx is what the caller looks for.
func failed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	return said(what, err)
}

// said is err with what to do about it, where PostgreSQL's text leaves that open.
func said(what string, err error) error {
	remedy := ""
	switch code, _ := answered(err); code {
	case "42P01", "3F000": // undefined_table, invalid_schema_name
		remedy = ": call Store.Create, or run Store.SQL, once"
	case "42501": // insufficient_privilege
		remedy = ": grant what the package's documentation lists under Rights"
	}
	return fmt.Errorf("pgstore: %s: %w%s", what, err, remedy)
}

// answered reports whether the server itself has refused, as opposed to a connection that failed. It then says with which code.
func answered(err error) (code string, ok bool) {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code, true
	}
	return "", false
}

// statements are the SQL of one Store.
type statements struct {
	channel  string // of NOTIFY
	listen   string
	schema   []string
	exists   string
	foreign  string
	append   string
	read     string
	witness  string
	trim     [2]string
	add      string
	lock     int64 // of whoever trims
	creating int64 // of whoever creates
}

func quoted(schema, table string) string { return pgx.Identifier{schema, table}.Sanitize() }
