package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

// Memory is a Store in this process, with faults to inject. Several Lists may use one, as instances that share it. It is safe for
// concurrent use, and works in a bubble of testing/synctest.
type Memory struct {
	mu      sync.Mutex
	epoch   uint64 // part of every position; a new one makes all former positions gaps
	log     []record
	changed chan struct{} // closed when anything here changes

	fails   error // of Append
	cuts    error // of the Follows that run
	cut     int   // how often they were cut
	stalled bool
	follows int
}

type record struct {
	entry string
	until time.Time
}

var epochs atomic.Uint64

var _ revocation.Store = (*Memory)(nil)

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{epoch: epochs.Add(1), changed: make(chan struct{})} }

// period is how often alive is called while nothing happens.
const period = 250 * time.Millisecond

// gapError is a position that a Memory cannot resume from.
type gapError struct{ after string }

func (e gapError) Error() string { return fmt.Sprintf("storetest: no such position: %.40q", e.after) }
func (gapError) Gap() bool       { return true }

// set changes what followers and appenders wait for.
func (m *Memory) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	close(m.changed)
	m.changed = make(chan struct{})
}

// Append is as revocation.Store has it.
func (m *Memory) Append(ctx context.Context, entry []byte, until time.Time) error {
	if len(entry) > revocation.MaxRecord {
		return fmt.Errorf("storetest: an entry of %d bytes, which may have %d", len(entry), revocation.MaxRecord)
	}
	for {
		m.mu.Lock()
		stalled, fails, changed := m.stalled, m.fails, m.changed
		m.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case fails != nil:
			return fails
		case !stalled:
			m.add(string(entry), until)
			return nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

func (m *Memory) add(entry string, until time.Time) {
	m.set(func() { m.log = append(m.log, record{entry, until}) })
}

// Follow is as revocation.Store has it. It delivers what has ended, too.
func (m *Memory) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	m.mu.Lock()
	cut := m.cut
	m.mu.Unlock()
	m.set(func() { m.follows++ })
	defer m.set(func() { m.follows-- })
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t := time.Now()
		news, stalled, changed, err := m.since(after, cut)
		if err != nil {
			return err
		}
		if !stalled {
			for _, n := range news {
				if err := deliver([]byte(n.entry), n.position); err != nil {
					return err
				}
				after = n.position
			}
			alive(t)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(period):
		}
	}
}

type positioned struct{ entry, position string }

// since returns what comes after a position.
func (m *Memory) since(after string, cut int) (news []positioned, stalled bool, changed <-chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut != cut {
		return nil, false, nil, m.cuts
	}
	if m.stalled {
		return nil, true, m.changed, nil
	}
	from := 0
	if after != "" {
		if n, err := fmt.Sscanf(after, "memory %d", new(uint64)); n != 1 || err != nil {
			return nil, false, nil, gapError{after}
		}
		var epoch uint64
		if n, _ := fmt.Sscanf(after, "memory %d %d", &epoch, &from); n != 2 || after != position(m.epoch, from) || epoch != m.epoch || from > len(m.log) {
			return nil, false, nil, gapError{after}
		}
	}
	for i, r := range m.log[from:] {
		if r.entry != forgotten {
			news = append(news, positioned{r.entry, position(m.epoch, from+i+1)})
		}
	}
	return news, false, m.changed, nil
}

// position names the place after n records.
func position(epoch uint64, n int) string { return fmt.Sprintf("memory %d %d", epoch, n) }

// forgotten stands in place of an entry that was trimmed. No entry is so long.
var forgotten = strings.Repeat("-", revocation.MaxRecord+1)

// Delay begins an Append that takes its place now and is seen once commit is called. It fits Engine.Delay.
func (m *Memory) Delay(entry []byte, until time.Time) (commit func() error, err error) {
	text := string(entry)
	return func() error { m.add(text, until); return nil }, nil
}

// Trim forgets what has ended.
func (m *Memory) Trim() error {
	now := time.Now()
	m.set(func() {
		for i, r := range m.log {
			if r.until.Before(now) {
				m.log[i].entry = forgotten
			}
		}
	})
	return nil
}

// FailAppends makes Append return err. Nil: it works again.
func (m *Memory) FailAppends(err error) { m.set(func() { m.fails = err }) }

// Cut ends every Follow that runs with err, as a lost connection would.
func (m *Memory) Cut(err error) { m.set(func() { m.cuts = err; m.cut++ }) }

// Gap makes every position that was given out one that cannot be resumed from, and ends every Follow that runs with such an error.
func (m *Memory) Gap() {
	m.set(func() { m.epoch = epochs.Add(1); m.cuts = gapError{"all of them"}; m.cut++ })
}

// Stall makes the Store silent until resume is called: Append waits for its ctx, and Follow delivers nothing and is not alive. It fits
// Engine.Stall.
func (m *Memory) Stall() (resume func() error, err error) {
	m.set(func() { m.stalled = true })
	return func() error { m.set(func() { m.stalled = false }); return nil }, nil
}

// Backup takes a copy of the log; restore puts it back, after which every position is a gap. It fits Engine.Backup.
func (m *Memory) Backup() (restore func() error, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	saved := slices.Clone(m.log)
	return func() error {
		m.set(func() { m.log = slices.Clone(saved) })
		m.Gap()
		return nil
	}, nil
}

// Restart ends every Follow that runs; nothing is lost. It fits Engine.Restart.
func (m *Memory) Restart() error {
	m.Cut(errors.New("storetest: the Store was restarted"))
	return nil
}

// Entries returns what is in the log.
func (m *Memory) Entries() [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all [][]byte
	for _, r := range m.log {
		if r.entry != forgotten {
			all = append(all, []byte(r.entry))
		}
	}
	return all
}

// Followers counts the Follows that run.
func (m *Memory) Followers() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.follows
}
