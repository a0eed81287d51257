//go:build unix

package redisstore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

func TestOneServerKeepsTheContract(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Synced...)
		storetest.Run(t, func(t *testing.T) storetest.Engine {
			server.Must("FLUSHALL")
			engine := of(t, func() redis.UniversalClient {
				client := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true, DialTimeout: time.Second})
				t.Cleanup(func() { _ = client.Close() })
				return client
			})
			engine.Restart = func() error { server.Kill(); server.Restart(); return nil }
			engine.Stall = func() (func() error, error) {
				resume := server.Pause()
				return func() error { resume(); return nil }, nil
			}
			engine.Backup = func() (func() error, error) {
				copied := filepath.Join(t.TempDir(), "copy")
				files := filepath.Join(server.Dir(), "appendonlydir")
				if err := os.CopyFS(copied, os.DirFS(files)); err != nil {
					return nil, err
				}
				return func() error {
					server.Kill()
					if err := os.RemoveAll(files); err != nil {
						return err
					}
					if err := os.CopyFS(files, os.DirFS(copied)); err != nil {
						return err
					}
					server.Restart()
					return nil
				}, nil
			}
			return engine
		})
	})
}

func TestSentinelKeepsTheContract(t *testing.T) {
	inGroupsIfFull(t, func(t *testing.T, e redistest.Engine) {
		group := e.Replicated(t)
		e.Watch(t, group)
		for _, sentinel := range group.Sentinels { // that get nobody to replace a primary which has no time on a busy machine
			sentinel.Must("SENTINEL", "SET", redistest.MasterName, "down-after-milliseconds", "600000")
		}
		storetest.Run(t, func(t *testing.T) storetest.Engine {
			group.Primary.Must("FLUSHALL")
			return of(t, func() redis.UniversalClient { return group.Client() })
		})
	})
}

func TestAClusterKeepsTheContract(t *testing.T) {
	inGroupsIfFull(t, func(t *testing.T, e redistest.Engine) {
		cluster := e.Cluster(t)
		for _, n := range cluster.Nodes { // as above
			n.Must("CONFIG", "SET", "cluster-node-timeout", "600000")
		}
		storetest.Run(t, func(t *testing.T) storetest.Engine {
			for _, n := range cluster.Nodes {
				n.Must("FLUSHALL")
			}
			return of(t, func() redis.UniversalClient { return cluster.Client() })
		})
	})
}

// of is the log of a server, whichever client reaches it.
func of(t *testing.T, client func() redis.UniversalClient) storetest.Engine {
	return storetest.Engine{
		Open: func() revocation.Store { return newStore(t, client(), nil) },
		Other: func() revocation.Store {
			return newStore(t, client(), func(cfg *redisstore.Config) { cfg.Prefix = "other" })
		},
		Trim: func() error {
			one := client()
			s := newStore(t, one, nil)
			for i := range redisstore.Streams - 1 {
				if err := s.Cut(context.Background(), one, i, time.Now()); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
