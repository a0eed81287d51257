//go:build unix

package redisstore_test

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

var full = flag.Bool("full", false, "run the rows with groups of servers on every engine, and under load for longer")

func TestMain(m *testing.M) {
	logging.Disable()
	if os.Getenv(asSpender) != "" {
		os.Exit(spendAll())
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // they wait more than they work
	os.Exit(m.Run())
}

// onEngines runs a test for every engine, side by side: they wait more than they work.
func onEngines(t *testing.T, test func(*testing.T, redistest.Engine)) {
	t.Helper()
	t.Parallel()
	for _, e := range redistest.Engines(t) {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// inGroups is onEngines for tests that take groups of servers, of one engine unless in full.
func inGroups(t *testing.T, test func(*testing.T, redistest.Engine)) {
	t.Helper()
	t.Parallel()
	engines := redistest.Engines(t)
	if !*full {
		engines = engines[:1]
	}
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

func newStore(t *testing.T, client redis.UniversalClient, change func(*redisstore.Config)) *redisstore.Store {
	t.Helper()
	cfg := redisstore.Config{Client: client, Timeout: 20 * time.Second, CacheTimeout: 20 * time.Second, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if change != nil {
		change(&cfg)
	}
	s, err := redisstore.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func soon() time.Time { return time.Now().Add(time.Minute) }

// heard is what a Follow has said.
type heard struct {
	mu      sync.Mutex
	entries map[string]int
	resume  string
	alive   time.Time
	err     error
	done    chan struct{}
	stop    context.CancelFunc
}

// follow follows a Store until the test ends.
func follow(t *testing.T, s *redisstore.Store, after string) *heard {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h := &heard{entries: make(map[string]int), done: make(chan struct{}), stop: cancel, resume: after}
	go func() {
		defer close(h.done)
		err := s.Follow(ctx, after, h.hear, h.live)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.err = err
	}()
	t.Cleanup(func() { cancel(); <-h.done })
	return h
}

func (h *heard) hear(entry []byte, resume string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries[string(entry)]++
	if resume != "" {
		h.resume = resume
	}
	return nil
}

func (h *heard) live(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.alive = at
}

func (h *heard) position() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.resume
}

func (h *heard) aliveSince(t time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.alive.After(t)
}

func (h *heard) times(entry string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entries[entry]
}

// awaitAlive waits for it to know everything up to a time.
func (h *heard) awaitAlive(t *testing.T, since time.Time) {
	t.Helper()
	eventually(t, "it is alive", func() bool {
		select {
		case <-h.done:
			t.Fatalf("Follow ended: %v", h.err)
		default:
		}
		return h.aliveSince(since)
	})
}

// ended waits for the end of it.
func (h *heard) ended(t *testing.T) error {
	t.Helper()
	select {
	case <-h.done:
	case <-time.After(time.Minute):
		t.Fatal("Follow goes on")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

// counter counts what a client sends.
type counter struct{ sent atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.sent.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.sent.Add(1)
		return next(ctx, cmds)
	}
}

// inGroupsIfFull leaves a test out unless in full, as .ci/run asks for: the whole contract once more takes a quarter of a minute for each.
func inGroupsIfFull(t *testing.T, test func(*testing.T, redistest.Engine)) {
	t.Helper()
	if !*full {
		t.Skip("this runs with -args -full")
	}
	inGroups(t, test)
}
