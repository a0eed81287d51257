//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

func TestFollowersRestByHowManyClientsThereAre(t *testing.T) {
	for clients, want := range map[int64]time.Duration{
		-1: 0, 0: 0, 1: 100 * time.Microsecond, 100: 10 * time.Millisecond,
		2500: 250 * time.Millisecond, 2501: 250 * time.Millisecond, 1 << 62: 250 * time.Millisecond,
	} {
		if got := redisstore.RestAfter(clients); got != want {
			t.Errorf("%d clients: %v, want %v", clients, got, want)
		}
	}
}

// While entries come one after the other, a follower asks for several at once. It counts looks by what nobody but a follower asks for.
func TestAFollowerOfABusyServerAsksSeldom(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		const clients, entries = 200, 300
		crowd := redis.NewClient(&redis.Options{Addr: server.Addr, PoolSize: clients})
		t.Cleanup(func() { _ = crowd.Close() })
		for range clients {
			conn := crowd.Conn()
			t.Cleanup(func() { _ = conn.Close() })
			if err := conn.Ping(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		}
		s := newStore(t, server.Client(), nil)
		h := follow(t, s, "")
		h.awaitAlive(t, time.Now())
		before, began := looks(t, server), time.Now()
		for i := range entries {
			if err := s.Append(t.Context(), []byte(fmt.Sprint("entry ", i)), soon()); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the last entry arrives", func() bool { return h.times(fmt.Sprint("entry ", entries-1)) == 1 })
		asked, most := looks(t, server)-before, 3+int(time.Since(began)/redisstore.RestAfter(clients))
		if asked > most {
			t.Errorf("it asked %d times for %d entries, want %d at most", asked, entries, most)
		}
	})
}

// A follower of a server on which nothing happens waits there for something to: between two looks there is one question that waits.
func TestAFollowerOfAnIdleServerWaits(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		alive := 0
		err := s.Follow(ctx, "", func([]byte, string) error { return nil }, func(time.Time) {
			if alive++; alive == 3 {
				stop()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		var asked int
		found := regexp.MustCompile(`cmdstat_xread:calls=(\d+)`).FindStringSubmatch(fmt.Sprint(server.Must("INFO", "commandstats")))
		if found != nil {
			asked, _ = strconv.Atoi(found[1])
		}
		if asked < 2*alive-1 {
			t.Errorf("%d questions for %d looks: it does not wait between them", asked, alive)
		}
	})
}

var getRange = regexp.MustCompile(`cmdstat_getrange:calls=(\d+)`)

func looks(t *testing.T, server *redistest.Server) int {
	t.Helper()
	found := getRange.FindStringSubmatch(fmt.Sprint(server.Must("INFO", "commandstats")))
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}
