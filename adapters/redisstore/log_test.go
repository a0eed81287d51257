//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

func isGap(err error) bool {
	var gap interface{ Gap() bool }
	return errors.As(err, &gap) && gap.Gap()
}

func mustAppend(t *testing.T, s *redisstore.Store, entry string) {
	t.Helper()
	if err := s.Append(context.Background(), []byte(entry), time.Now().Add(time.Hour)); err != nil {
		t.Fatalf("%s: %v", entry, err)
	}
}

func (h *heard) wait(t *testing.T, entry string) {
	t.Helper()
	eventually(t, entry+" is delivered", func() bool { return h.times(entry) > 0 })
}

func TestAnEntryHasBounds(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	defer client.Close()
	s := newStore(t, client, nil)
	for _, n := range []int{0, 513} {
		if err := s.Append(context.Background(), make([]byte, n), time.Now()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d bytes", n)) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// What has happened to a log while nobody followed is a gap exactly if something may be missing.
func TestAPositionIsGoodWhileWhatWasReadIsThere(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		for name, row := range map[string]struct {
			happens func(*testing.T, *redistest.Server, *redisstore.Store)
			gap     bool
		}{
			"nothing": {},
			"more entries, in another stream too": {happens: func(t *testing.T, _ *redistest.Server, s *redisstore.Store) {
				if err := s.Append(context.Background(), []byte("short"), time.Now().Add(time.Second)); err != nil {
					t.Fatal(err)
				}
			}},
			"everything deleted": {happens: func(_ *testing.T, r *redistest.Server, _ *redisstore.Store) { r.Must("FLUSHALL") }, gap: true},
			"the log's name deleted": {happens: func(_ *testing.T, r *redistest.Server, s *redisstore.Store) {
				r.Must("DEL", s.LogKey("id"))
			}, gap: true},
			"the log's name changed": {happens: func(_ *testing.T, r *redistest.Server, s *redisstore.Store) {
				r.Must("SET", s.LogKey("id"), "x")
			}, gap: true},
			"a stream deleted": {happens: func(_ *testing.T, r *redistest.Server, s *redisstore.Store) {
				r.Must("DEL", s.StreamKey(redisstore.StreamFor(time.Hour)))
			}, gap: true},
			"a stream cut to nothing": {happens: func(_ *testing.T, r *redistest.Server, s *redisstore.Store) {
				r.Must("XTRIM", s.StreamKey(redisstore.StreamFor(time.Hour)), "MAXLEN", 0)
			}, gap: true},
			"a stream replaced by an older one": {happens: func(_ *testing.T, r *redistest.Server, s *redisstore.Store) {
				key := s.StreamKey(redisstore.StreamFor(time.Hour))
				r.Must("DEL", key)
				r.Must("XADD", key, "1-1", "e", "old")
			}, gap: true},
			"a restart, which no replica would go on after": {happens: func(_ *testing.T, r *redistest.Server, _ *redisstore.Store) {
				r.Kill()
				r.Restart()
			}, gap: true},
		} {
			t.Run(name, func(t *testing.T) {
				server.Must("FLUSHALL")
				s := newStore(t, server.Client(), nil)
				mustAppend(t, s, "first")
				h := follow(t, s, "")
				h.wait(t, "first")
				h.stop()
				if err := h.ended(t); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if row.happens != nil {
					row.happens(t, server, s)
				}
				mustAppend(t, s, "second")
				again := follow(t, s, h.position())
				if row.gap {
					if err := again.ended(t); !isGap(err) || again.times("second") > 0 && again.position() != h.position() {
						t.Fatalf("error %v, %d deliveries, want a gap", err, again.times("second"))
					}
					again = follow(t, s, "")
				}
				again.wait(t, "second")
				if !row.gap && again.times("first") > 0 {
					t.Error("what was read before was delivered again")
				}
			})
		}
	})
}

// Whoever follows notices as much while it does.
func TestAFollowerNoticesThatTheLogIsGone(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		mustAppend(t, s, "first")
		h := follow(t, s, "")
		h.wait(t, "first")
		server.Must("FLUSHALL")
		flushed := time.Now()
		if err := h.ended(t); !isGap(err) {
			t.Errorf("Follow ended with %v, want a gap", err)
		}
		if h.aliveSince(flushed) {
			t.Error("it was alive after the log was gone")
		}
	})
}

func TestOtherPositionsAreGaps(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server, another := e.Start(t, redistest.Durable...), e.Start(t, redistest.Durable...)
		s, strange := newStore(t, server.Client(), nil), newStore(t, another.Client(), nil)
		for _, store := range []*redisstore.Store{s, strange} {
			mustAppend(t, store, "first")
		}
		h := follow(t, strange, "")
		h.wait(t, "first")
		for name, position := range map[string]string{
			"another server's":  h.position(),
			"another version's": "2" + strings.TrimPrefix(h.position(), "1"),
			"another Store's":   "7/A0B1",
			"nonsense":          "1....",
		} {
			if err := follow(t, s, position).ended(t); !isGap(err) {
				t.Errorf("%s position %q: %v, want a gap", name, position, err)
			}
		}
	})
}

// Entries that somebody else has put into a stream reach the List, which cannot open them: what it does then is for it to say.
func TestForeignEntriesAreDelivered(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		mustAppend(t, s, "ours")
		server.Must("XADD", s.StreamKey(0), "*", "e", "forged", "other", "field")
		server.Must("XADD", s.StreamKey(1), "*", "field", "value")
		h := follow(t, s, "")
		for _, entry := range []string{"ours", "forged", ""} {
			h.wait(t, entry)
		}
	})
}

// Lists retry what was not shared. The log must not grow by that.
func TestAnEntryThatTooFewReplicasHaveIsNotAddedAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		s := newStore(t, group.Primary.Client(), nil)
		mustAppend(t, s, "shared")
		resume := group.Replica.Pause()
		defer resume()
		for range 2 {
			if err := s.Append(context.Background(), []byte("unshared"), time.Now().Add(time.Hour)); err == nil {
				t.Fatal("no replica has it, and it was acknowledged")
			}
		}
		resume()
		mustAppend(t, s, "unshared")
		if n := group.Primary.Must("XLEN", s.StreamKey(redisstore.StreamFor(time.Hour))); n != int64(2) {
			t.Errorf("the stream has %v entries, want 2", n)
		}
		mustAppend(t, s, "unshared") // an entry may repeat once it was acknowledged
		if n := group.Replica.Must("XLEN", s.StreamKey(redisstore.StreamFor(time.Hour))); n != int64(3) {
			t.Errorf("the replica has %v entries, want 3", n)
		}
	})
}

// What was written and not confirmed may be gone when it is offered again, such as with the server that had it. Then it is written anew.
func TestAnEntryThatWasLostBeforeItWasSharedIsAddedAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		s := newStore(t, group.Primary.Client(), nil)
		mustAppend(t, s, "first")
		stream := s.StreamKey(redisstore.StreamFor(time.Hour))
		newest := func() redis.XMessage {
			found, err := group.Primary.Client().XRevRangeN(t.Context(), stream, "+", "-", 1).Result()
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			return found[0]
		}
		for name, lose := range map[string]func(id string){
			"deleted": func(id string) { group.Primary.Must("XDEL", stream, id) },
			"another entry has its place": func(id string) {
				group.Primary.Must("DEL", stream)
				group.Primary.Must("XADD", stream, id, "e", "another")
			},
		} {
			resume := group.Replica.Pause()
			if err := s.Append(t.Context(), []byte(name), time.Now().Add(time.Hour)); err == nil {
				t.Fatal("no replica has it, and it was acknowledged")
			}
			lose(newest().ID)
			resume()
			redistest.Eventually(t, "it is acknowledged", func() error { return s.Append(t.Context(), []byte(name), time.Now().Add(time.Hour)) })
			if got := newest().Values["e"]; got != name {
				t.Errorf("%s: the newest entry is %v", name, got)
			}
		}
	})
}

// The primary that is cut off from its replica may have been replaced by it: nobody may take its silence for news.
func TestNobodyIsAliveWhileThePrimaryIsCutOff(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		first, second := newStore(t, group.Primary.Client(), nil), newStore(t, group.Primary.Client(), nil)
		start := time.Now()
		followers := []*heard{follow(t, first, ""), follow(t, second, "")}
		for _, h := range followers {
			h.awaitAlive(t, start)
		}
		resume := group.Replica.Pause()
		defer resume()
		cut := time.Now()
		for _, h := range followers {
			if err := h.ended(t); err == nil || isGap(err) || !strings.Contains(err.Error(), "replicas") {
				t.Errorf("Follow ended with %v, want too few replicas", err)
			}
			if h.aliveSince(cut) {
				t.Error("alive after the replica was silent")
			}
		}
		resume()
		eventually(t, "alive again", func() bool {
			h := follow(t, first, "")
			defer h.stop()
			for range 100 {
				if h.aliveSince(cut) {
					return true
				}
				time.Sleep(20 * time.Millisecond)
			}
			return false
		})
		// It is the same with a replica that is gone for good.
		group.Replica.Kill()
		eventually(t, "nothing is acknowledged", func() bool {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			return first.Append(ctx, []byte("alone"), time.Now().Add(time.Hour)) != nil
		})
	})
}

func TestAReplicaIsNoPrimary(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		s := newStore(t, group.Replica.Client(), nil)
		ctx := context.Background()
		fresh, err := s.Add(ctx, "a", soon())
		for what, err := range map[string]error{
			"Check": s.Check(ctx), "Append": s.Append(ctx, []byte("a"), soon()), "Add": err,
			"Follow": s.Follow(ctx, "", func([]byte, string) error { return nil }, func(time.Time) { t.Error("alive") }),
		} {
			if err == nil || !strings.Contains(err.Error(), "replica") || fresh {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// Entries that have ended go, those of the other streams stay, and a position of before is still good.
func TestTrimmingForgetsWhatHasEnded(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		client := server.Client()
		s := newStore(t, client, nil)
		ctx := context.Background()
		for i := range 300 {
			if err := s.Append(ctx, fmt.Appendf(nil, "short %d", i), time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		mustAppend(t, s, "long")
		h := follow(t, s, "")
		h.wait(t, "long")
		h.stop()
		if err := s.Cut(ctx, client, 0, time.Now().Add(redisstore.LifeIn(0)-time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n := server.Must("XLEN", s.StreamKey(0)); n != int64(300) {
			t.Errorf("%v of 300 entries are left before they have rested for as long as the stream's do", n)
		}
		if err := s.Cut(ctx, client, 0, time.Now().Add(redisstore.LifeIn(0)+time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n := server.Must("XLEN", s.StreamKey(0)); n.(int64) > 100 { // whole blocks of 100 go
			t.Errorf("%v entries are left", n)
		}
		if n := server.Must("XLEN", s.StreamKey(redisstore.StreamFor(time.Hour))); n != int64(1) {
			t.Errorf("%v entries are left that live on, want 1", n)
		}
	})
}

// The trimmer goes by turns, by two clocks, and only with Append: entries of long ago are gone after a round of it.
func TestAppendingTrims(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		pipe := server.Client().Pipeline()
		for i := range 300 {
			old := fmt.Sprintf("%d-%d", time.Now().Add(-2*redisstore.LifeIn(3)).UnixMilli(), i)
			pipe.Do(context.Background(), "XADD", s.StreamKey(3), old, "e", "old")
			pipe.Do(context.Background(), "XADD", s.StreamKey(redisstore.Streams-1), fmt.Sprintf("1-%d", i+1), "e", "for ever")
		}
		if _, err := pipe.Exec(context.Background()); err != nil {
			t.Fatal(err)
		}
		for range redisstore.Streams + 1 {
			mustAppend(t, s, "new")
		}
		if n := server.Must("XLEN", s.StreamKey(3)); n != int64(0) {
			t.Errorf("%v old entries are left", n)
		}
		if n := server.Must("XLEN", s.StreamKey(redisstore.Streams-1)); n != int64(300) {
			t.Errorf("%v entries are left that never end, want 300", n)
		}
	})
}

// A server that lets nobody trim takes what is appended, and the log that grows is told of once a minute.
func TestALogThatCannotBeTrimmedIsToldOf(t *testing.T) {
	server := redistest.Engines(t)[0].Start(t, redistest.Durable...)
	server.Must(append([]any{"ACL", "SETUSER", "cardea", "on", ">secret"}, append(permissions("cardea"), "-xtrim")...)...)
	client := redis.NewClient(&redis.Options{Addr: server.Addr, Username: "cardea", Password: "secret", ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	var log strings.Builder
	s := newStore(t, client, func(cfg *redisstore.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 4 {
		mustAppend(t, s, "a")
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "the log grows") || !strings.Contains(log.String(), "documentation lists") {
		t.Errorf("the log is %s", log.String())
	}
}

func TestEntriesRestLongerThanTheyLive(t *testing.T) {
	for life := -time.Hour; life < 50*365*24*time.Hour; life += life/10 + time.Minute + 30*time.Second {
		i := redisstore.StreamFor(life)
		if i < redisstore.Streams-1 && redisstore.LifeIn(i) < life+5*time.Minute {
			t.Errorf("an entry that lives for %v rests for %v", life, redisstore.LifeIn(i))
		}
		if i > 0 && i < redisstore.Streams-1 && redisstore.LifeIn(i) > 2*(life+5*time.Minute) {
			t.Errorf("an entry that lives for %v rests for %v, more than twice as long", life, redisstore.LifeIn(i))
		}
		if life < 0 {
			life = 0
		}
	}
}
