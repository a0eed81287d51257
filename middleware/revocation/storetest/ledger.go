package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

var entries atomic.Uint64

// newEntry returns an entry that no other is equal to.
func newEntry() []byte {
	entry := make([]byte, 40)
	binary.BigEndian.PutUint64(entry, entries.Add(1))
	for i := 8; i < len(entry); i++ {
		entry[i] = byte(i * 7)
	}
	return entry
}

// ledger notes what was appended. It is safe for concurrent use.
type ledger struct {
	mu    sync.Mutex
	begun map[string]bool
	acked map[string]time.Time // when Append had returned nil
	order []string             // of acked
}

func newLedger() *ledger {
	return &ledger{begun: make(map[string]bool), acked: make(map[string]time.Time)}
}

func (l *ledger) begin(entry []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[string(entry)] = true
}

func (l *ledger) acknowledge(entry []byte) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[string(entry)] = now
	l.order = append(l.order, string(entry))
}

// append appends an entry that lives.
func (l *ledger) append(s revocation.Store, entry []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l.begin(entry)
	if err := s.Append(ctx, entry, time.Now().Add(life)); err != nil {
		return fmt.Errorf("Append: %w", err)
	}
	l.acknowledge(entry)
	return nil
}

// appendN appends n entries that live.
func (l *ledger) appendN(s revocation.Store, n int) error {
	for range n {
		if err := l.append(s, newEntry()); err != nil {
			return err
		}
	}
	return nil
}

// appendAtOnce appends n entries that live, some at the same time.
func (l *ledger) appendAtOnce(s revocation.Store, n int) error {
	const atOnce = 20
	appended := make(chan error, atOnce)
	for i := range atOnce {
		go func() { appended <- l.appendN(s, (n+i)/atOnce) }()
	}
	var errs []error
	for range atOnce {
		errs = append(errs, <-appended)
	}
	return errors.Join(errs...)
}

// all returns the acknowledged entries.
func (l *ledger) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.order...)
}

func (l *ledger) since(n int) []string { return l.all()[n:] }
