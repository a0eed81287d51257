//go:build unix

package redistest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Cluster is three primaries that share the slots, and, if it has them, a replica of each.
type Cluster struct {
	Nodes    []*Server
	Replicas []*Server // none, or one of each of Nodes

	t *testing.T
}

func (e Engine) clusterNode(t *testing.T) *Server {
	t.Helper()
	return e.Start(t, append([]string{"--cluster-enabled", "yes", "--cluster-port", freePort(t), "--cluster-node-timeout", "1000"}, Durable...)...)
}

// Cluster starts three primaries and joins them.
func (e Engine) Cluster(t *testing.T) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	for range 3 {
		c.Nodes = append(c.Nodes, e.clusterNode(t))
	}
	const slots = 16384
	for i, n := range c.Nodes {
		n.Must("CLUSTER", "ADDSLOTSRANGE", i*slots/3, (i+1)*slots/3-1)
		n.Must("CLUSTER", "SET-CONFIG-EPOCH", i+1)
	}
	for _, n := range c.Nodes[1:] {
		c.join(n)
	}
	c.awaitWhole(c.Nodes)
	return c
}

// ReplicatedCluster starts a Cluster whose primaries have a replica each.
func (e Engine) ReplicatedCluster(t *testing.T) *Cluster {
	t.Helper()
	c := e.Cluster(t)
	for range c.Nodes {
		n := e.clusterNode(t)
		c.join(n)
		c.Replicas = append(c.Replicas, n)
	}
	all := append(c.Nodes[:len(c.Nodes):len(c.Nodes)], c.Replicas...)
	c.awaitWhole(all)
	for i, n := range c.Replicas {
		id := c.ID(c.Nodes[i])
		Eventually(t, "a replica knows its primary", func() error { _, err := n.Do("CLUSTER", "REPLICATE", id); return err })
		Eventually(t, "the replica follows", func() error {
			info, err := c.Nodes[i].Do("INFO", "replication")
			if err == nil && !strings.Contains(fmt.Sprint(info), "state=online") {
				return fmt.Errorf("%v", info)
			}
			return err
		})
	}
	return c
}

func (c *Cluster) join(n *Server) {
	c.t.Helper()
	n.Must("CLUSTER", "MEET", "127.0.0.1", c.Nodes[0].Port, busPort(c.Nodes[0]))
}

func (c *Cluster) awaitWhole(all []*Server) {
	c.t.Helper()
	known := fmt.Sprint("cluster_known_nodes:", len(all))
	for _, n := range all {
		Eventually(c.t, "the cluster is whole", func() error {
			info, err := n.Do("CLUSTER", "INFO")
			text := fmt.Sprint(info)
			if err == nil && !(strings.Contains(text, "cluster_state:ok") && strings.Contains(text, known)) {
				return fmt.Errorf("%v", text)
			}
			return err
		})
	}
}

// ID is the name that a server has in the Cluster.
func (c *Cluster) ID(n *Server) string {
	c.t.Helper()
	return n.Must("CLUSTER", "MYID").(string)
}

// Move moves a slot from one primary to another, key by key, as resharding does.
func (c *Cluster) Move(slot int64, from, to *Server) {
	c.t.Helper()
	to.Must("CLUSTER", "SETSLOT", slot, "IMPORTING", c.ID(from))
	from.Must("CLUSTER", "SETSLOT", slot, "MIGRATING", c.ID(to))
	for {
		keys := from.Must("CLUSTER", "GETKEYSINSLOT", slot, 10).([]any)
		if len(keys) == 0 {
			break
		}
		from.Must(append([]any{"MIGRATE", "127.0.0.1", to.Port, "", 0, 5000, "KEYS"}, keys...)...)
	}
	for _, n := range []*Server{to, from} {
		n.Must("CLUSTER", "SETSLOT", slot, "NODE", c.ID(to))
	}
}

func busPort(s *Server) string {
	for i, a := range s.args {
		if a == "--cluster-port" {
			return s.args[i+1]
		}
	}
	return ""
}

// Client is a client of the cluster.
func (c *Cluster) Client() *redis.ClusterClient {
	var addrs []string
	for _, n := range c.Nodes {
		addrs = append(addrs, n.Addr)
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true, DialTimeout: time.Second})
	c.t.Cleanup(func() { _ = client.Close() })
	return client
}
