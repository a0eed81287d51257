package storetest

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

// Engine is one log, empty at first, and what can be done to it. Functions that are nil are what the engine cannot do.
type Engine struct {
	// Open returns a Store on the log, as another process would open it. It is required, and called several times.
	Open func() revocation.Store

	// Other returns a Store on another log of the same engine.
	Other func() revocation.Store

	// Delay begins an Append that takes its place in the log now and is seen by others once commit is called: a transaction that
	// commits late. commit returns when the entry is acknowledged.
	Delay func(entry []byte, until time.Time) (commit func() error, err error)

	// Trim forgets at once what has ended.
	Trim func() error

	// Restart kills the engine, with no chance to save anything, and starts it again. Stores that were opened before work afterwards.
	Restart func() error

	// Backup takes a copy of the log, and restore puts it back in place of the log.
	Backup func() (restore func() error, err error)

	// Stall makes the engine answer nobody, without closing connections, until resume is called.
	Stall func() (resume func() error, err error)
}

// Run tests a Store, one subtest for each clause of the contract. A failed one prints the clause and what was seen in its place. open is
// called for every clause anew, and may use t to clean up.
func Run(t *testing.T, open func(t *testing.T) Engine) {
	t.Helper()
	for _, c := range contract() {
		t.Run(c.name, func(t *testing.T) {
			e := open(t)
			if c.needs != nil && !c.needs(e) {
				t.Skip("the Engine leaves out the function that this needs")
			}
			if err := c.test(e); err != nil {
				t.Errorf("%s\n%v", c.promise, err)
			}
		})
	}
}

// clause is one promise of the contract. That its check returns an error instead of failing a test is what lets the kit be tested with
// Stores that break the promise.
type clause struct {
	name    string // of the subtest
	promise string // one sentence, printed when it is broken
	needs   func(Engine) bool
	check   func(Engine) error
}

func contract() []clause {
	return slices.Concat(deliveries(), times(), positions(), disasters(), crowds(), endings())
}

// test turns a panic of the Store into a broken promise, so that the clauses after it are still tested.
func (c clause) test(e Engine) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	during, end := newScope()
	defer func() { err = errors.Join(err, end()) }()
	return c.check(during.engine(e))
}

// patience is how long the kit waits for what must happen. It is no measure of speed.
const patience = 30 * time.Second

// life is how long an entry lives that must not be forgotten.
const life = time.Hour
