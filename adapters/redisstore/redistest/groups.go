//go:build unix

package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Replicated is a primary with a replica, and three Sentinels that watch them.
type Replicated struct {
	Primary, Replica *Server
	Sentinels        []*Server

	t *testing.T
}

// MasterName is by which the Sentinels know the primary.
const MasterName = "cardea"

// Replicated starts a primary and a replica. The Sentinels come with Watch.
func (e Engine) Replicated(t *testing.T, args ...string) *Replicated {
	t.Helper()
	return e.Replicate(t, e.Start(t, append(args, Durable...)...), args...)
}

// Replicate starts a replica of a server that runs.
func (e Engine) Replicate(t *testing.T, primary *Server, args ...string) *Replicated {
	t.Helper()
	r := &Replicated{t: t, Primary: primary}
	r.Replica = e.Start(t, append(args[:len(args):len(args)], Durable...)...)
	r.Replica.Must("REPLICAOF", "127.0.0.1", primary.Port) // at once; one that starts as a replica connects a second later
	r.Replica.args = append(r.Replica.args, "--replicaof", "127.0.0.1 "+primary.Port)
	r.awaitReplica()
	return r
}

func (r *Replicated) awaitReplica() {
	r.t.Helper()
	Eventually(r.t, "the replica follows", func() error {
		info, err := r.Primary.Do("INFO", "replication")
		if err == nil && !strings.Contains(fmt.Sprint(info), "state=online") {
			return fmt.Errorf("%v", info)
		}
		return err
	})
	client := r.Primary.Client()
	Eventually(r.t, "the replica confirms", func() error {
		pipe := client.Pipeline()
		pipe.Set(r.t.Context(), "started", 1, time.Minute)
		confirmed := redis.NewIntCmd(r.t.Context(), "wait", 1, 1000)
		_ = pipe.Process(r.t.Context(), confirmed)
		if _, err := pipe.Exec(r.t.Context()); err != nil || confirmed.Val() != 1 {
			return fmt.Errorf("%d replicas, %v", confirmed.Val(), err)
		}
		return nil
	})
}

// Watch starts three Sentinels. They are told of the replica and of one another, which takes them seconds to find out.
func (e Engine) Watch(t *testing.T, r *Replicated) {
	t.Helper()
	const sentinels = 3
	for range sentinels {
		r.Sentinels = append(r.Sentinels, e.prepare(t))
	}
	id := func(i int) string { return fmt.Sprintf("%040x", i+1) }
	for i, s := range r.Sentinels {
		config := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel myid %s\nsentinel monitor %s 127.0.0.1 %s 2\n"+
			"sentinel down-after-milliseconds %[4]s 500\nsentinel failover-timeout %[4]s 3000\nsentinel known-replica %[4]s 127.0.0.1 %[6]s\n",
			s.Port, s.dir, id(i), MasterName, r.Primary.Port, r.Replica.Port)
		for n, other := range r.Sentinels {
			if n != i {
				config += fmt.Sprintf("sentinel known-sentinel %s 127.0.0.1 %s %s\n", MasterName, other.Port, id(n))
			}
		}
		file := filepath.Join(s.dir, "sentinel.conf")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		s.args = []string{file, "--sentinel"}
		s.Begin()
	}
	for _, s := range r.Sentinels {
		s.await()
		for _, ask := range []struct {
			subject string
			number  int
			good    func(text string) bool
		}{
			{"REPLICAS", 1, func(text string) bool { return strings.Contains(text, "master-link-status:ok") }},
			{"SENTINELS", sentinels - 1, func(text string) bool { return !strings.Contains(text, "disconnected") }},
		} {
			Eventually(t, "a Sentinel is connected to the "+ask.subject, func() error {
				found, err := s.Do("SENTINEL", ask.subject, MasterName)
				if all, _ := found.([]any); err == nil && (len(all) != ask.number || !ask.good(fmt.Sprint(all))) {
					return fmt.Errorf("%v", found)
				}
				return err
			})
		}
	}
}

// Client asks the Sentinels who is primary.
func (r *Replicated) Client() *redis.Client {
	var addrs []string
	for _, s := range r.Sentinels {
		addrs = append(addrs, s.Addr)
	}
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: MasterName, SentinelAddrs: addrs, ContextTimeoutEnabled: true, DialTimeout: time.Second,
	})
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// AwaitPromotion waits until the replica is a primary.
func (r *Replicated) AwaitPromotion() {
	r.t.Helper()
	Eventually(r.t, "the replica is promoted", func() error {
		info, err := r.Replica.Do("INFO", "replication")
		if err == nil && !strings.Contains(fmt.Sprint(info), "role:master") {
			return fmt.Errorf("%v", info)
		}
		return err
	})
}

// AwaitNamed waits until every Sentinel says that the replica is the primary.
func (r *Replicated) AwaitNamed() {
	r.t.Helper()
	for _, s := range r.Sentinels {
		Eventually(r.t, "a Sentinel names the promoted replica", func() error {
			named, err := s.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MasterName)
			if err == nil && !strings.Contains(fmt.Sprint(named), " "+r.Replica.Port) {
				return fmt.Errorf("%v", named)
			}
			return err
		})
	}
}
