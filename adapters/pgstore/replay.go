package pgstore

import (
	"context"
	"time"
)

// Add remembers key until a time, as middleware.ReplayStore has it, and reports whether it was not there. It is one statement, of which two
// with the same key wait for one another; whichever process it comes from, one is fresh.
func (s *Store) Add(ctx context.Context, key string, until time.Time) (fresh bool, err error) {
	s.tidy()
	limited, cancel := s.limited(ctx)
	defer cancel()
	if err := s.pool.QueryRow(limited, s.sql.add, []byte(key), within(until), time.Now()).Scan(&fresh, nil); err != nil {
		return false, said("adding a proof", err)
	}
	return fresh, nil
}
