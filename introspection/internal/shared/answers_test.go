package shared_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection/internal/shared"
)

// counting is a cache that holds nothing.
type counting struct {
	gets, sets atomic.Int64
	err        error
}

func (c *counting) Get(context.Context, string) ([]byte, bool, error) {
	c.gets.Add(1)
	return nil, false, c.err
}

func (c *counting) Set(context.Context, string, []byte, time.Duration) error {
	c.sets.Add(1)
	return c.err
}

func newAnswers(t *testing.T, cache shared.Cache) (answers *shared.Answers, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	answers, err := shared.NewAnswers(shared.Config{
		Cache: cache, Secrets: [][]byte{[]byte(secret)}, Timeout: 50 * time.Millisecond, TTL: 10 * time.Second, Base: ctx,
		Failed: func(error) {}, Rejected: func() {}, Panicked: func(any) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return answers, cancel
}

func none(shared.Answer) bool { return false }

// A request may be on its way when the end comes.
func TestNothingBeginsAfterClose(t *testing.T) {
	for name, err := range map[string]error{"a cache that was well": nil, "one that had failed": errors.New("down")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := &counting{err: err}
				answers, end := newAnswers(t, cache)
				answers.Find(t.Context(), token, none)
				answers.Keep(token, shared.Answer{Claims: claims, Asked: time.Now()}, time.Time{})
				synctest.Wait()
				time.Sleep(time.Second) // beyond the pause after a failure
				start := time.Now()
				for range 2 {
					answers.Close(time.Second)
				}
				if waited := time.Since(start); waited != 0 {
					t.Errorf("Close waited %v for nothing", waited)
				}
				for range 3 {
					answers.Find(t.Context(), token, none)
					answers.Keep(token, shared.Answer{Claims: claims, Asked: time.Now()}, time.Time{})
				}
				synctest.Wait()
				if gets, sets := cache.gets.Load(), cache.sets.Load(); gets != 1 || sets != 1 {
					t.Errorf("%d reads and %d writes, want those before Close", gets, sets)
				}
				end()
			})
		})
	}
}

func TestNilAnswersShareNothing(t *testing.T) {
	var answers *shared.Answers
	answers.Keep(token, shared.Answer{}, time.Time{})
	answers.Close(time.Hour)
	if answers.Readable() || answers.Status() != (shared.Status{}) {
		t.Errorf("readable %t, %+v", answers.Readable(), answers.Status())
	}
}
