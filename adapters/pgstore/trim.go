package pgstore

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	trimBatch = 5000             // rows of one transaction
	trimFor   = 30 * time.Second // of work at most, at a time
)

// trims says when what has ended was last deleted, by this process.
type trims struct {
	mu      sync.Mutex
	last    time.Time
	running bool
}

// tidy begins to delete what has ended, if it is time to.
func (s *Store) tidy() {
	if s.cfg.TrimEvery < 0 {
		return
	}
	s.trims.mu.Lock()
	defer s.trims.mu.Unlock()
	if s.trims.running || time.Since(s.trims.last) < s.cfg.TrimEvery {
		return
	}
	s.trims.running = true
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), trimFor)
		defer cancel()
		err := s.Trim(ctx)
		if code, refused := answered(err); refused {
			s.log().Warn("pgstore: what has ended was not deleted; if another role is to call Trim, set Config.TrimEvery to a negative value",
				"error", err.Error(), "code", code)
		}
		s.trims.mu.Lock()
		defer s.trims.mu.Unlock()
		s.trims.running, s.trims.last = false, time.Now()
	}()
}

// Trim deletes what ended more than a minute ago, by the server's clock and by the one here, in transactions of a few thousand rows. If another process does so, it does nothing. A
// Store calls it by itself, as Config.TrimEvery has it.
func (s *Store) Trim(ctx context.Context) error {
	for _, statement := range s.sql.trim {
		for {
			n, err := s.trimBatch(ctx, statement)
			if err != nil {
				return failed(ctx, "deleting what has ended", err)
			}
			if n < trimBatch {
				break
			}
		}
	}
	return nil
}

func (s *Store) trimBatch(ctx context.Context, statement string) (n int64, err error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var mine bool
		// Nothing is lost if a deletion is, so that it need not wait for the disk.
		if err := tx.QueryRow(
			ctx, "select pg_try_advisory_xact_lock($1), set_config('synchronous_commit', 'off', true)", s.sql.lock,
		).Scan(&mine, nil); err != nil || !mine {
			return err
		}
		done, err := tx.Exec(ctx, statement, trimBatch, time.Now())
		n = done.RowsAffected()
		return err
	})
	return n, err
}
