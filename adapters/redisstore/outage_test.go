//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

// outage is a way in which a server is of no use.
type outage struct {
	name string
	args []string // that the server starts with
	opts func(*redis.Options)
	make func(*testing.T, *redistest.Server)
	end  func(*testing.T, *redistest.Server) // nil: it cannot be ended
}

var outages = []outage{
	{name: "gone", make: func(_ *testing.T, s *redistest.Server) { s.Kill() }, end: func(_ *testing.T, s *redistest.Server) { s.Restart() }},
	{name: "silent", make: func(t *testing.T, s *redistest.Server) { t.Cleanup(s.Pause()) }, end: nil},
	{name: "slow", make: func(_ *testing.T, s *redistest.Server) { s.Must("CLIENT", "PAUSE", 60_000) }, end: nil},
	{
		name: "full", make: func(_ *testing.T, s *redistest.Server) { s.Must("CONFIG", "SET", "maxmemory", "1mb") },
		end: func(_ *testing.T, s *redistest.Server) { s.Must("CONFIG", "SET", "maxmemory", "0") },
	},
	{
		name: "read-only", make: func(_ *testing.T, s *redistest.Server) { s.Must("REPLICAOF", "127.0.0.1", "1") },
		end: func(_ *testing.T, s *redistest.Server) { s.Must("REPLICAOF", "NO", "ONE") },
	},
	{
		name: "loading", args: []string{"--key-load-delay", "3000", "--loading-process-events-interval-bytes", "1024", "--aof-use-rdb-preamble", "no"},
		make: func(_ *testing.T, s *redistest.Server) {
			for i := range 2000 {
				if i%500 == 0 {
					s.Must("EVAL", "for i=1,500 do redis.call('SET','k'..ARGV[1]..i,string.rep('x',100)) end return 1", 0, i)
				}
			}
			s.Kill()
			s.Begin()
		},
	},
	{name: "never there", opts: func(o *redis.Options) { o.Addr = "127.0.0.1:1" }},
	{name: "closed to us", args: []string{"--requirepass", "right"}, opts: func(o *redis.Options) { o.Password = "wrong" }},
	{name: "closed to everybody", args: []string{"--requirepass", "right"}},
	{
		name: "without a disk", make: func(_ *testing.T, s *redistest.Server) { s.Must("CONFIG", "SET", "min-replicas-to-write", 1) },
		end: func(_ *testing.T, s *redistest.Server) { s.Must("CONFIG", "SET", "min-replicas-to-write", 0) },
	},
}

// Whatever is wrong with the server: proofs and answers end as errors within the time, soon without asking; one line is logged of each; and
// when the server is well again so is the Store.
func TestAnOutageIsAnErrorWithinTheTime(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		for _, o := range outages {
			t.Run(o.name, func(t *testing.T) {
				t.Parallel()
				server := e.Start(t, append(o.args, redistest.Durable...)...)
				opts := &redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true}
				if o.opts != nil {
					o.opts(opts)
				}
				client, sent := redis.NewClient(opts), &counter{}
				t.Cleanup(func() { _ = client.Close() })
				client.AddHook(sent)
				var lines bytes.Buffer
				s := newStore(t, client, func(cfg *redisstore.Config) {
					cfg.Timeout, cfg.CacheTimeout = 100*time.Millisecond, 100*time.Millisecond
					cfg.Logger = slog.New(slog.NewTextHandler(&lines, nil))
				})
				ctx := context.Background()
				if o.opts == nil && len(o.args) != 2 {
					well := newStore(t, client, func(cfg *redisstore.Config) { cfg.Timeout = 20 * time.Second })
					if fresh, err := well.Add(ctx, "before", soon()); err != nil || !fresh {
						t.Fatalf("while it is well: fresh %t, error %v", fresh, err)
					}
				}
				if o.make != nil {
					o.make(t, server)
				}
				const most = redisstore.OpensAfter
				for i := range most {
					if fresh, err := s.Add(ctx, fmt.Sprint("proof", i), soon()); err == nil || fresh {
						t.Errorf("Add: fresh %t, error %v", fresh, err)
					}
					if _, found, err := s.Get(ctx, "answer"); found || err == nil && o.name != "full" && o.name != "read-only" && o.name != "without a disk" {
						t.Errorf("Get: found %t, error %v", found, err)
					}
					if err := s.Set(ctx, "answer", []byte("sealed"), time.Minute); err == nil {
						t.Error("Set: no error")
					}
				}
				asked := sent.sent.Load()
				for i := range 1000 {
					if fresh, err := s.Add(ctx, fmt.Sprint("proof", i), soon()); err == nil || fresh {
						t.Fatalf("Add: fresh %t, error %v", fresh, err)
					}
				}
				// Twice a second one call asks whether that has changed; asking is one or two commands, each repeated by the client.
				if again := sent.sent.Load() - asked; again > 20 {
					t.Errorf("the server was asked %d times for 1000 proofs", again)
				}
				if n := strings.Count(lines.String(), "proofs are not judged"); n != 1 {
					t.Errorf("%d lines about proofs:\n%s", n, lines.String())
				}
				if n := strings.Count(lines.String(), "answers are not shared"); n != 1 {
					t.Errorf("%d lines about answers:\n%s", n, lines.String())
				}
				if strings.Contains(lines.String(), "wrong") || strings.Contains(lines.String(), "proof1") {
					t.Errorf("a password or a key is logged:\n%s", lines.String())
				}
				actx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
				if err := s.Append(actx, []byte("entry"), soon()); err == nil {
					t.Error("Append: no error")
				}
				if o.end == nil {
					return
				}
				o.end(t, server)
				redistest.Eventually(t, "proofs are judged again", func() error {
					_, err := s.Add(ctx, "after", soon())
					return err
				})
				redistest.Eventually(t, "answers are shared again", func() error { return s.Set(ctx, "answer", []byte("sealed"), time.Minute) })
			})
		}
	})
}

// A caller who goes away says nothing about the server.
func TestCallersWhoLeaveDoNotOpenTheBreaker(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		var lines bytes.Buffer
		s := newStore(t, e.Start(t, redistest.Durable...).Client(), func(cfg *redisstore.Config) {
			cfg.Logger = slog.New(slog.NewTextHandler(&lines, nil))
		})
		gone, leave := context.WithCancel(context.Background())
		leave()
		for range 10 * redisstore.OpensAfter {
			if fresh, err := s.Add(gone, "a", soon()); !errors.Is(err, context.Canceled) || fresh {
				t.Fatalf("fresh %t, error %v", fresh, err)
			}
			if _, found, err := s.Get(gone, "a"); !errors.Is(err, context.Canceled) || found {
				t.Fatalf("found %t, error %v", found, err)
			}
		}
		if _, err := s.Add(context.Background(), "b", soon()); err != nil {
			t.Error(err)
		}
		if _, _, err := s.Get(context.Background(), "b"); err != nil {
			t.Error(err)
		}
		if lines.Len() > 0 {
			t.Errorf("they are logged:\n%s", lines.String())
		}
	})
}

// nonsense is a server that answers everything with the same bytes.
func nonsense(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				read := make([]byte, 4096)
				for {
					if _, err := conn.Read(read); err != nil {
						return
					}
					if _, err := conn.Write([]byte(strings.Repeat(answer, 8))); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// A server may answer anything. Nothing of it makes a proof fresh, an entry shared or a follower alive.
func TestNonsenseProvesNothing(t *testing.T) {
	for name, answer := range map[string]string{
		"OK to everything":       "+OK\r\n",
		"one to everything":      ":1\r\n",
		"nothing":                "$-1\r\n",
		"nil":                    "_\r\n",
		"a text that never ends": "$100000\r\nxxxx",
		"a list that never ends": "*10000\r\n:1\r\n",
		"a negative list":        "*-7\r\n",
		"lists in lists":         strings.Repeat("*1\r\n", 2000),
		"a map":                  "%1\r\n+a\r\n+b\r\n",
		"no protocol":            "HTTP/1.1 400 Bad Request\r\n\r\n",
		"an error with a lie":    "-READONLY \x1b[31mproof\r\n",
		"moved to itself":        "-MOVED 0 127.0.0.1:1\r\n",
		"an INFO of no server":   "$24\r\nrole:master\r\nconnected:0\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := nonsense(t, answer)
			single := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, Protocol: 2, DisableIdentity: true})
			cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true})
			for kind, client := range map[string]redis.UniversalClient{"single": single, "cluster": cluster} {
				t.Cleanup(func() { _ = client.Close() })
				s := newStore(t, client, func(cfg *redisstore.Config) {
					cfg.Timeout, cfg.CacheTimeout, cfg.DangerouslyVolatile = 100*time.Millisecond, 100*time.Millisecond, true
				})
				ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
				defer cancel()
				if fresh, err := s.Add(ctx, "a", soon()); err == nil || fresh {
					t.Errorf("%s: Add: fresh %t, error %v", kind, fresh, err)
				}
				_, _, _ = s.Get(ctx, "a")
				_ = s.Set(ctx, "a", []byte("b"), time.Minute)
				if err := s.Append(ctx, []byte("a"), soon()); err == nil {
					t.Errorf("%s: Append: no error", kind)
				}
				if err := s.Check(ctx); err == nil {
					t.Errorf("%s: Check: no error", kind)
				}
				err := s.Follow(ctx, "", func([]byte, string) error { return nil }, func(time.Time) { t.Errorf("%s: alive", kind) })
				if err == nil {
					t.Errorf("%s: Follow: no error", kind)
				}
			}
		})
	}
}

func TestTheBreakerLetsOneThroughAtATime(t *testing.T) {
	var b redisstore.Breaker
	now := time.Now()
	for range redisstore.OpensAfter - 1 {
		b.Leave(now, true)
	}
	if b.Enter(now) != nil {
		t.Error("it is open too soon")
	}
	b.Leave(now, false)
	for range redisstore.OpensAfter {
		if b.Enter(now) != nil {
			t.Error("a success has not been counted")
		}
		b.Leave(now, true)
	}
	for range 3 {
		if b.Enter(now) == nil {
			t.Error("it is not open")
		}
		now = now.Add(500 * time.Millisecond)
		if b.Enter(now) != nil || b.Enter(now) == nil {
			t.Error("not exactly one is let through")
		}
		b.Leave(now, true)
	}
	now = now.Add(500 * time.Millisecond)
	if b.Enter(now) != nil {
		t.Error("nobody is let through")
	}
	b.Leave(now, false)
	for range 2 {
		if b.Enter(now) != nil {
			t.Error("it is still open")
		}
	}
}

func TestAFaultIsSaidOnceAMinute(t *testing.T) {
	var f redisstore.Fault
	var lines bytes.Buffer
	logger, now := slog.New(slog.NewTextHandler(&lines, nil)), time.Now()
	for range 3 {
		for range 60 {
			f.Say(logger, now, errors.New("it is \x1b[31m\n"+strings.Repeat("long", 1000)))
			now = now.Add(time.Second)
		}
	}
	if n := strings.Count(lines.String(), "it failed"); n != 3 || strings.ContainsAny(lines.String(), "\x1b") || lines.Len() > 3*512 {
		t.Errorf("%d lines in three minutes:\n%s", n, lines.String())
	}
}

// kept keeps the values of lines as they are, which other handlers put into quotes.
type kept struct {
	slog.Handler
	values *[]string
}

func (k kept) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		*k.values = append(*k.values, a.Value.String())
		return true
	})
	return nil
}

// What a server has written into an error goes into no terminal.
func TestALineIsLegible(t *testing.T) {
	var values []string
	logger := slog.New(kept{slog.NewTextHandler(&bytes.Buffer{}, nil), &values})
	var f redisstore.Fault
	f.Say(logger, time.Now(), errors.New("a\x1b[31mb\x7fc\u00e9~ d\n"))
	if want := []string{"a?[31mb?c??~ d?"}; fmt.Sprint(values) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", values, want)
	}
}

func TestALineWithoutLoggerGoesToTheDefaultOne(t *testing.T) {
	var lines bytes.Buffer
	was := slog.Default()
	defer slog.SetDefault(was)
	slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
	var f redisstore.Fault
	f.Say(nil, time.Now(), errors.New("cause"))
	if !strings.Contains(lines.String(), "it failed") {
		t.Errorf("the default logger has %q", lines.String())
	}
}
