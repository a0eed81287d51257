//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

func TestAProofIsFreshOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		one, other := newStore(t, server.Client(), nil), newStore(t, server.Client(), nil)
		apart := newStore(t, server.Client(), func(cfg *redisstore.Config) { cfg.Prefix = "apart" })
		for i, row := range []struct {
			store *redisstore.Store
			key   string
			fresh bool
		}{{one, "a", true}, {one, "a", false}, {other, "a", false}, {other, "b", true}, {apart, "a", true}} {
			if fresh, err := row.store.Add(context.Background(), row.key, soon()); err != nil || fresh != row.fresh {
				t.Errorf("question %d: fresh %t, error %v, want %t", i, fresh, err, row.fresh)
			}
		}
		// The key is the same in every version, or a rolling upgrade would let a proof pass twice.
		if n := server.Must("EXISTS", "cardea:proof:a", "cardea:proof:b", "apart:proof:a"); n != int64(3) {
			t.Errorf("%v of three keys are there", n)
		}
	})
}

// Clocks differ: a proof is remembered for a minute more than it is good for, and never for less than that.
func TestAProofIsRememberedUntilItHasExpiredEverywhere(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		for name, row := range map[string]struct {
			until       time.Time
			least, most time.Duration
		}{
			"five minutes":        {time.Now().Add(5 * time.Minute), 5 * time.Minute, 6 * time.Minute},
			"past":                {time.Now().Add(-time.Hour), 30 * time.Second, time.Minute},
			"never":               {time.Time{}, 30 * time.Second, time.Minute},
			"the end of all time": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 24 * time.Hour, 25 * time.Hour},
		} {
			key := strings.ReplaceAll(name, " ", "-")
			if fresh, err := s.Add(context.Background(), key, row.until); err != nil || !fresh {
				t.Errorf("%s: fresh %t, error %v", name, fresh, err)
			}
			left := time.Duration(server.Must("PTTL", "cardea:proof:"+key).(int64)) * time.Millisecond
			if left < row.least || left > row.most {
				t.Errorf("%s: it expires in %v, want %v to %v", name, left, row.least, row.most)
			}
		}
		for _, key := range []string{"", strings.Repeat("k", 257)} {
			if fresh, err := s.Add(context.Background(), key, soon()); err == nil || fresh {
				t.Errorf("a key of %d bytes: fresh %t", len(key), fresh)
			}
		}
	})
}

func TestWhoeverWritesToTheServerMakesNoProofFresh(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		if fresh, err := s.Add(context.Background(), "spent", soon()); err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		for name, plant := range map[string][]any{
			"another value":       {"SET", "cardea:proof:p", "x"},
			"an empty value":      {"SET", "cardea:proof:p", ""},
			"a long value":        {"SET", "cardea:proof:p", strings.Repeat("A", 1<<20)},
			"a list":              {"RPUSH", "cardea:proof:p", "x"},
			"a hash":              {"HSET", "cardea:proof:p", "x", "y"},
			"a stream":            {"XADD", "cardea:proof:p", "*", "x", "y"},
			"one without end":     {"SET", "cardea:proof:p", "x", "KEEPTTL"},
			"that of another key": {"EVAL", "redis.call('SET',KEYS[1],redis.call('GET',KEYS[2])) return 1", 2, "cardea:proof:p", "cardea:proof:spent"},
		} {
			server.Must("DEL", "cardea:proof:p")
			server.Must(plant...)
			for range redisstore.OpensAfter + 1 { // what a key says is no failure of the server
				if fresh, err := s.Add(context.Background(), "p", soon()); fresh {
					t.Errorf("%s: fresh, error %v", name, err)
				}
			}
			server.Must("DEL", "cardea:proof:p")
			if fresh, err := s.Add(context.Background(), "p", soon()); err != nil || !fresh {
				t.Errorf("%s, and gone: fresh %t, error %v", name, fresh, err)
			}
		}
	})
}

const asSpender = "CARDEA_TEST_SPENDER"

// spendAll is the whole of a process that sends some proofs, each once from each of ten goroutines, the last one so many times, and says how often
// each was fresh, and how many times it could not ask.
func spendAll() int {
	var addr string
	var proofs, times int
	if _, err := fmt.Sscan(os.Getenv(asSpender), &addr, &proofs, &times); err != nil {
		fmt.Println(err)
		return 1
	}
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	defer client.Close()
	s, err := redisstore.New(redisstore.Config{Client: client, Timeout: 20 * time.Second})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for proof := range proofs {
		repeats := 1
		if proof == proofs-1 {
			repeats = times
		}
		var fresh, failed atomic.Int64
		var all sync.WaitGroup
		for range spenders {
			all.Go(func() {
				for range repeats {
					switch ok, err := s.Add(context.Background(), fmt.Sprint("proof ", proof), time.Now().Add(time.Minute)); {
					case err != nil:
						failed.Add(1)
					case ok:
						fresh.Add(1)
					}
				}
			})
		}
		all.Wait()
		fmt.Println(fresh.Load(), failed.Load())
	}
	return 0
}

const spenders = 10 // of each process

func TestOfEightProcessesOneSpendsAProof(t *testing.T) {
	proofs, times := 20, 1
	if *full {
		times = 100
	}
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		fresh, failed := make([]int64, proofs), int64(0)
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), fmt.Sprint(asSpender, "=", server.Addr, " ", proofs, " ", times))
				out, err := cmd.CombinedOutput()
				mu.Lock()
				defer mu.Unlock()
				said := bytes.NewReader(out)
				for proof := range proofs {
					var f, n int64
					if _, scan := fmt.Fscan(said, &f, &n); err != nil || scan != nil {
						t.Errorf("%v, %v: %s", err, scan, out)
					}
					fresh[proof] += f
					failed += n
				}
			})
		}
		all.Wait()
		for proof, n := range fresh {
			if n != 1 {
				t.Errorf("proof %d was fresh %d times", proof, n)
			}
		}
		if failed != 0 {
			t.Errorf("%d questions failed", failed)
		}
	})
}
