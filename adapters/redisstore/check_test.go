//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

// A server that may forget is refused with what to do about it, before it is relied on, also one that begins to.
func TestAServerThatMayForgetIsRefused(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		for name, row := range map[string]struct {
			args   []string
			change func(*redisstore.Config)
			want   string // part of the error; empty: it suits
		}{
			"one that keeps everything":    {args: redistest.Durable},
			"no append-only file":          {want: "appendonly yes"},
			"one that evicts":              {args: []string{"--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"}, want: "noeviction"},
			"one that evicts what expires": {args: []string{"--appendonly", "yes", "--maxmemory-policy", "volatile-ttl"}, want: "noeviction"},
			"neither, taken for what it is": {
				args:   []string{"--maxmemory-policy", "allkeys-lru"},
				change: func(cfg *redisstore.Config) { cfg.DangerouslyVolatile = true },
			},
			"no disk to wait for, taken for that": {
				change: func(cfg *redisstore.Config) { cfg.DangerouslyVolatile, cfg.Fsync = true, true }, want: "append-only",
			},
			"fewer replicas than Replicas asks for": {
				args: redistest.Durable, change: func(cfg *redisstore.Config) { cfg.Replicas = 1 }, want: "0 are connected",
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newStore(t, e.Start(t, row.args...).Client(), row.change)
				ctx := context.Background()
				ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
				defer cancel()
				_, addErr := s.Add(ctx, "a", soon())
				for what, err := range map[string]error{"Check": s.Check(ctx), "Append": s.Append(ctx, []byte("a"), soon()), "Add": addErr} {
					if what == "Check" && strings.Contains(row.want, "connected") {
						continue // replicas come and go
					}
					if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
						t.Errorf("%s: %v, want %q in it", what, err, row.want)
					}
				}
				if err := s.Set(ctx, "a", []byte("b"), time.Minute); err != nil {
					t.Errorf("a cache may forget: %v", err)
				}
			})
		}
	})
}

// Behind Sentinel the promoted server is another one, with settings of its own.
func TestAPromotedServerIsCheckedToo(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), nil)
		if _, err := s.Add(context.Background(), "a", soon()); err != nil {
			t.Fatal(err)
		}
		server.Must("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
		if _, err := s.Add(context.Background(), "b", soon()); err != nil {
			t.Errorf("it was checked less than a minute ago: %v", err)
		}
		server.Must("REPLICAOF", "127.0.0.1", "1")
		server.Must("REPLICAOF", "NO", "ONE") // a new replication id
		for _, key := range []string{"c", "d"} {
			if fresh, err := s.Add(context.Background(), key, soon()); err == nil || fresh || !strings.Contains(err.Error(), "noeviction") {
				t.Errorf("fresh %t, error %v, want one about eviction", fresh, err)
			}
		}
	})
}

// Every command that the documentation lists is enough, on the keys that it lists.
func TestTheDocumentedPermissionsAreEnough(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		grant := append([]any{"ACL", "SETUSER", "cardea", "on", ">secret"}, permissions("cardea")...)
		server.Must(grant...)
		server.Must("ACL", "SETUSER", "less", "on", ">secret", "~*", "+ping")
		connect := func(user string) *redisstore.Store {
			client := redis.NewClient(&redis.Options{Addr: server.Addr, Username: user, Password: "secret", ContextTimeoutEnabled: true})
			t.Cleanup(func() { _ = client.Close() })
			return newStore(t, client, nil)
		}
		s, ctx := connect("cardea"), context.Background()
		if err := s.Check(ctx); err != nil {
			t.Error(err)
		}
		for range 3 {
			mustAppend(t, s, "a")
		}
		h := follow(t, s, "")
		h.awaitAlive(t, time.Now().Add(-time.Hour))
		h.wait(t, "a")
		h.stop()
		h.ended(t)
		start := time.Now()
		follow(t, s, h.position()).awaitAlive(t, start)
		if fresh, err := s.Add(ctx, "a", soon()); err != nil || !fresh {
			t.Errorf("fresh %t, error %v", fresh, err)
		}
		if err := s.Set(ctx, "a", []byte("b"), time.Minute); err != nil {
			t.Error(err)
		}
		if _, found, err := s.Get(ctx, "a"); err != nil || !found {
			t.Errorf("found %t, error %v", found, err)
		}
		if err := connect("less").Check(ctx); err == nil || !strings.Contains(err.Error(), "documentation lists") {
			t.Errorf("a user that may do nothing: %v", err)
		}
	})
}

// permissions are those of the package's documentation.
func permissions(prefix string) []any {
	return []any{
		"~" + prefix + ":*", "~{" + prefix + ":log}:*", "+@connection", "+info", "+time", "+wait",
		"+set", "+getrange", "+pexpire", "+xadd", "+xread", "+xrange", "+xtrim",
	}
}

func TestTheDocumentedPermissionsAreEnoughInACluster(t *testing.T) {
	inGroups(t, func(t *testing.T, e redistest.Engine) {
		cluster := e.Cluster(t)
		var addrs []string
		for _, n := range cluster.Nodes {
			grant := append([]any{"ACL", "SETUSER", "cardea", "on", ">secret", "+cluster|slots", "+cluster|shards", "+command"}, permissions("cardea")...)
			n.Must(grant...)
			addrs = append(addrs, n.Addr)
		}
		client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, Username: "cardea", Password: "secret", ContextTimeoutEnabled: true})
		t.Cleanup(func() { _ = client.Close() })
		s, ctx := newStore(t, client, nil), context.Background()
		if err := s.Check(ctx); err != nil {
			t.Error(err)
		}
		mustAppend(t, s, "a")
		follow(t, s, "").wait(t, "a")
		for i := range 30 { // of all three
			key := fmt.Sprint("key", i)
			if fresh, err := s.Add(ctx, key, soon()); err != nil || !fresh {
				t.Errorf("fresh %t, error %v", fresh, err)
			}
			if err := s.Set(ctx, key, []byte("b"), time.Minute); err != nil {
				t.Error(err)
			}
			if _, found, err := s.Get(ctx, key); err != nil || !found {
				t.Errorf("found %t, error %v", found, err)
			}
		}
		for _, n := range cluster.Nodes {
			if n.Must("DBSIZE") == int64(0) {
				t.Error("a server of the cluster has nothing to do")
			}
		}
	})
}

// Each primary of a Cluster is asked, and what is wrong with one names it.
func TestEachServerOfAClusterIsChecked(t *testing.T) {
	inGroups(t, func(t *testing.T, e redistest.Engine) {
		cluster := e.Cluster(t)
		s := newStore(t, cluster.Client(), nil)
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		bad := cluster.Nodes[1]
		bad.Must("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
		if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "noeviction") || strings.Count(err.Error(), "127.0.0.1:") != 1 ||
			!strings.Contains(err.Error(), bad.Addr) {
			t.Errorf("%v, want one about %s", err, bad.Addr)
		}
	})
}

func TestFsyncNeedsAServerThatCan(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		s := newStore(t, server.Client(), func(cfg *redisstore.Config) { cfg.Fsync = true })
		ctx := context.Background()
		_, err := server.Do("WAITAOF", 0, 0, 1)
		if able := err == nil; able {
			mustAppend(t, s, "a")
			if err := s.Check(ctx); err != nil {
				t.Error(err)
			}
			server.Must("CONFIG", "SET", "appendfsync", "no")
			hurried, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			defer cancel()
			if err := s.Append(hurried, []byte("b"), soon()); err == nil {
				t.Error("nothing is synced, and it was acknowledged")
			}
			return
		}
		for what, err := range map[string]error{"Check": s.Check(ctx), "Append": s.Append(ctx, []byte("a"), soon())} {
			if err == nil || !strings.Contains(err.Error(), "7.2") {
				t.Errorf("%s: %v, want one about the version", what, err)
			}
		}
	})
}
