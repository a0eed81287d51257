package revocation_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// looking is a log whose handler adds what the List says of itself, or sends its lines to an API that asks the List.
type looking struct {
	slog.Handler
	look func()
}

func (l looking) Enabled(context.Context, slog.Level) bool { return true }

func (l looking) Handle(context.Context, slog.Record) error { l.look(); return nil }

func TestALoggerThatLooksAtTheListDoesNotStopIt(t *testing.T) {
	t.Run("a failure of the Store", func(t *testing.T) { // shared.failed logs under shared.mu, which Status, Revoke and the follower need
		store := storetest.NewMemory()
		var l *revocation.List
		made := make(chan struct{})
		l, err := revocation.New(
			revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, Logger: slog.New(looking{slog.DiscardHandler, func() { <-made; l.Status() }})},
		)
		close(made)
		do(t, err, l.Warm(t.Context()))
		store.FailAppends(errors.New("disk full"))
		ends(t, "Revoke", func() { _ = l.Revoke(t.Context(), entryAbout("u")) })
	})
	t.Run("a long token", func(t *testing.T) { // noteLong logs inside a sync.Once
		var l *revocation.List
		l, err := revocation.New(revocation.Config{MaxAge: time.Minute, Logger: slog.New(looking{slog.DiscardHandler, func() { l.Judge(facts()) }})})
		do(t, err)
		ends(t, "Judge", func() { l.Judge(facts()) })
	})
}

func ends(t *testing.T, what string, call func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { call(); close(done) }()
	select {
	case <-done:
	case <-time.After(8 * time.Second):
		t.Errorf("%s hangs for ever", what)
	}
}
