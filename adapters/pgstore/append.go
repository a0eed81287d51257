package pgstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// appends gathers the entries that are appended while others are being committed, so that they share the next commit. Nobody waits for
// company: an entry that comes alone is written at once.
type appends struct {
	mu      sync.Mutex
	waiting []*appending
	writers int
}

// appending is one Append.
type appending struct {
	ctx   context.Context
	entry []byte
	until time.Time
	done  chan error // has room for one
}

const (
	maxWriters = 2    // transactions at a time, in one process
	maxBatch   = 1000 // entries of one transaction
)

// Append adds an entry to the log, as revocation.Store has it. It returns nil once the transaction has been committed and, as
// synchronous_standby_names has it, the standbys have it too. It takes Config.Timeout at most for each transaction that it has to wait for.
func (s *Store) Append(ctx context.Context, entry []byte, until time.Time) error {
	if err := ctx.Err(); err != nil {
		return said("append", err)
	}
	s.tidy()
	a := &appending{ctx, bytes.Clone(entry), within(until), make(chan error, 1)}
	if a.entry == nil {
		a.entry = []byte{} // not NULL
	}
	s.appends.mu.Lock()
	s.appends.waiting = append(s.appends.waiting, a)
	if s.appends.writers < maxWriters {
		s.appends.writers++
		go s.write()
	}
	s.appends.mu.Unlock()
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("pgstore: append: %w", ctx.Err())
	}
}

// within brings a time into what PostgreSQL can hold.
func within(t time.Time) time.Time {
	earliest, latest := time.Unix(0, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	default:
		return t
	}
}

// write commits batches until nothing waits.
func (s *Store) write() {
	for {
		batch := s.appends.next()
		if batch == nil {
			return
		}
		err := s.commit(batch)
		for _, a := range batch {
			a.done <- err
		}
	}
}

// next takes a batch, without those that nobody waits for any more. Nil: nothing waits, and the writer has ended.
func (p *appends) next() []*appending {
	p.mu.Lock()
	defer p.mu.Unlock()
	var batch []*appending
	taken := 0
	for _, a := range p.waiting {
		if len(batch) == maxBatch {
			break
		}
		taken++
		if a.ctx.Err() == nil {
			batch = append(batch, a)
		}
	}
	p.waiting = p.waiting[taken:]
	if len(p.waiting) == 0 {
		p.waiting = nil // lets the array go
	}
	if batch == nil {
		p.writers--
	}
	return batch
}

// attempts is how often a batch is tried on connections that break: after a restart of the server those of the pool are dead. Entries may
// repeat, so that it does not matter if the first one was committed.
const attempts = 3

func (s *Store) commit(batch []*appending) error {
	entries, untils := make([][]byte, len(batch)), make([]time.Time, len(batch))
	for i, a := range batch {
		entries[i], untils[i] = a.entry, a.until
	}
	ctx, cancel := s.limited(context.Background())
	defer cancel()
	var err error
	for range attempts {
		var n int
		if err = s.pool.QueryRow(ctx, s.sql.append, entries, untils, s.sql.channel).Scan(&n, nil, nil); err == nil {
			if n != len(batch) {
				return fmt.Errorf("pgstore: append: %d of %d entries were inserted: is there a trigger or a rule on the table?", n, len(batch))
			}
			return nil
		}
		if _, refused := answered(err); refused || ctx.Err() != nil {
			break
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("pgstore: append: no answer within %v: %w", s.cfg.Timeout, err)
	}
	return said("append", err)
}
