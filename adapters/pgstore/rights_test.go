package pgstore_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestManyProcessesCreateTheTablesAtOnce(t *testing.T) {
	t.Parallel()
	url, cfg := server(t).URL("postgres"), newLog()
	var creating sync.WaitGroup
	for range 8 {
		s := open(t, connect(t, url), cfg)
		creating.Go(func() {
			for range 3 {
				if err := s.Create(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	creating.Wait()
}

// The rights that doc.go lists are enough, and none of them is too many.
func TestTheLeastRights(t *testing.T) {
	t.Parallel()
	sv := server(t)
	admin, cfg := connect(t, sv.URL("postgres")), newLog()
	cfg.TrimEvery = -1 // while the Store trims by itself, Trim has nothing to do and needs no right
	api := connect(t, strings.Replace(sv.URL("postgres"), "user=postgres", "user=api", 1))
	s := open(t, api, cfg)
	ctx := t.Context()
	run := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(ctx, strings.NewReplacer("LOG", cfg.Prefix+"_revocations", "REPLAYS", cfg.Prefix+"_replays").Replace(sql)); err != nil {
			t.Fatal(err)
		}
	}
	run("drop role if exists api")
	run("create role api login")
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "drop owned by api; drop role api"); err != nil {
			t.Error(err)
		}
	})
	for what, try := range map[string]func() error{
		"Append": func() error { return s.Append(ctx, make([]byte, 8), time.Now().Add(time.Hour)) },
		"Follow": func() error { _, _, err := read(t, s, ""); return err },
		"Add":    func() error { _, err := s.Add(ctx, "key", time.Now()); return err },
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), "call Store.Create, or run Store.SQL, once") {
			t.Errorf("%s without tables: %v", what, err)
		}
	}
	if err := s.Create(ctx); err == nil || !strings.Contains(err.Error(), "Store.SQL is what a role that may do so has to run") {
		t.Errorf("Create without the right to: %v", err)
	}
	if err := sv.Load("postgres", []byte(s.SQL())); err != nil {
		t.Fatal(err)
	}
	if err := sv.Load("postgres", []byte(s.SQL())); err != nil {
		t.Errorf("once more: %v", err)
	}
	grants := []string{
		"select on LOG", "insert (entry, until) on LOG", "delete on LOG",
		"select on REPLAYS", "insert on REPLAYS", "delete on REPLAYS", "update (until) on REPLAYS",
	}
	for _, g := range grants {
		run("grant " + g + " to api")
	}
	everything := func() error {
		if err := s.Create(ctx); err != nil {
			return err
		}
		if err := s.Append(ctx, make([]byte, 8), time.Now().Add(time.Hour)); err != nil {
			return err
		}
		if _, _, err := read(t, s, ""); err != nil {
			return err
		}
		if _, err := s.Add(ctx, "key", time.Now()); err != nil {
			return err
		}
		return s.Trim(ctx)
	}
	if err := everything(); err != nil {
		t.Errorf("with all of them: %v", err)
	}
	for _, g := range grants {
		run("revoke " + g + " from api")
		if err := everything(); err == nil || !strings.Contains(
			err.Error(), "permission denied",
		) || !strings.Contains(err.Error(), "Rights") && !strings.Contains(err.Error(), "Store.SQL") {
			t.Errorf("without %s: %v", g, err)
		}
		run("grant " + g + " to api")
	}
}

func TestWhatIsLoggedWithoutTheRightToDelete(t *testing.T) {
	t.Parallel()
	sv := server(t)
	admin, cfg := connect(t, sv.URL("postgres")), newLog()
	var out lockedBuffer
	cfg.Logger = slog.New(slog.NewTextHandler(&out, nil))
	created(t, admin, cfg)
	// A trigger that the server refuses to run stands in for a right that is missing.
	if _, err := admin.Exec(
		t.Context(),
		"create trigger no before delete on "+cfg.Prefix+"_replays for each statement execute function suppress_redundant_updates_trigger()",
	); err != nil {
		t.Fatal(err)
	}
	s := open(t, admin, cfg)
	if err := s.Append(t.Context(), make([]byte, 8), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := retry(func() error {
		if !strings.Contains(out.String(), "what has ended was not deleted") || !strings.Contains(out.String(), "set Config.TrimEvery to a negative value") {
			return errNotLogged
		}
		return nil
	}); err != nil {
		t.Errorf("%v: %s", err, &out)
	}
	cfg.TrimEvery = -1
	out.Reset()
	s = open(t, admin, cfg)
	if err := s.Append(t.Context(), make([]byte, 8), time.Now()); err != nil {
		t.Fatal(err)
	}
	if out.String() != "" {
		t.Errorf("with a negative TrimEvery: %s", &out)
	}
}

var errNotLogged = errors.New("nothing was logged")

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func (b *lockedBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Buffer.Reset()
}
