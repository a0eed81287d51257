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
	r.Replica = e.Start(t, append(append([]string{"--replicaof", "127.0.0.1 " + primary.Port}, args...), Durable...)...)
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

// Watch starts three Sentinels.
func (e Engine) Watch(t *testing.T, r *Replicated) {
	t.Helper()
	for range 3 {
		s := e.prepare(t)
		file := filepath.Join(s.dir, "sentinel.conf")
		config := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %s 2\nsentinel down-after-milliseconds %s 500\n"+
			"sentinel failover-timeout %s 3000\n", s.Port, s.dir, MasterName, r.Primary.Port, MasterName, MasterName)
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		s.args = []string{file, "--sentinel"}
		s.Restart()
		r.Sentinels = append(r.Sentinels, s)
	}
	for _, s := range r.Sentinels {
		Eventually(t, "the Sentinels know each other", func() error {
			state, err := s.Do("SENTINEL", "MASTER", MasterName)
			text := fmt.Sprint(state)
			if err == nil && !(strings.Contains(text, "num-other-sentinels:2") && strings.Contains(text, "num-slaves:1")) {
				return fmt.Errorf("%v", text)
			}
			return err
		})
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
