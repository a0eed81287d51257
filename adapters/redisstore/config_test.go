package redisstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// What a Store is to be used as. It imports none of these packages.
var (
	_ revocation.Store       = (*redisstore.Store)(nil)
	_ middleware.ReplayStore = (*redisstore.Store)(nil)
	_ interface {
		Get(ctx context.Context, key string) (value []byte, found bool, err error)
		Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	} = (*redisstore.Store)(nil)
)

func TestNewNamesEveryMistakeWithItsRemedy(t *testing.T) {
	bounded := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	defer bounded.Close()
	unbounded := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer unbounded.Close()
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer cluster.Close()
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer ring.Close()
	var none *redis.Client
	var noCluster *redis.ClusterClient
	for name, row := range map[string]struct {
		cfg  redisstore.Config
		want []string // parts of the error; none: it is good
	}{
		"a client alone": {cfg: redisstore.Config{Client: bounded}},
		"everything": {cfg: redisstore.Config{
			Client: bounded, Prefix: "orders:1", Replicas: 2, Timeout: time.Second, CacheTimeout: time.Millisecond, Fsync: true, DangerouslyVolatile: true,
		}},
		"no client":                                {want: []string{"Client is nil"}},
		"a nil client":                             {cfg: redisstore.Config{Client: none}, want: []string{"Client is nil"}},
		"a nil cluster":                            {cfg: redisstore.Config{Client: noCluster}, want: []string{"Client is nil"}},
		"a client that outlasts any time-out":      {cfg: redisstore.Config{Client: unbounded}, want: []string{"ContextTimeoutEnabled"}},
		"a cluster that outlasts any time-out":     {cfg: redisstore.Config{Client: cluster}, want: []string{"ContextTimeoutEnabled"}},
		"a ring, which has no replicas to ask for": {cfg: redisstore.Config{Client: ring}, want: []string{"*redis.Ring", "*redis.ClusterClient"}},
		"a prefix with a hash tag of its own":      {cfg: redisstore.Config{Client: bounded, Prefix: "a{b}"}, want: []string{"Prefix", `"a{b}"`}},
		"a prefix that begins a hash tag":          {cfg: redisstore.Config{Client: bounded, Prefix: "a{b"}, want: []string{"Prefix"}},
		"a prefix that ends a hash tag":            {cfg: redisstore.Config{Client: bounded, Prefix: "a}b"}, want: []string{"Prefix"}},
		"a prefix beyond ASCII":                    {cfg: redisstore.Config{Client: bounded, Prefix: "\u00e9"}, want: []string{"Prefix"}},
		"a prefix with a space":                    {cfg: redisstore.Config{Client: bounded, Prefix: "a b"}, want: []string{"Prefix"}},
		"a prefix that is too long":                {cfg: redisstore.Config{Client: bounded, Prefix: strings.Repeat("a", 65)}, want: []string{"Prefix", "64"}},
		"fewer replicas than none":                 {cfg: redisstore.Config{Client: bounded, Replicas: -1}, want: []string{"Replicas is -1"}},
		"more replicas than anybody has":           {cfg: redisstore.Config{Client: bounded, Replicas: 65}, want: []string{"Replicas is 65"}},
		"a negative time":                          {cfg: redisstore.Config{Client: bounded, Timeout: -1}, want: []string{"Timeout is -1ns"}},
		"a time in no unit":                        {cfg: redisstore.Config{Client: bounded, CacheTimeout: 50}, want: []string{"CacheTimeout is 50ns"}},
		"a time that holds up every request":       {cfg: redisstore.Config{Client: bounded, Timeout: time.Hour}, want: []string{"Timeout is 1h0m0s"}},
		"two mistakes":                             {cfg: redisstore.Config{Prefix: " ", Timeout: -1}, want: []string{"Client is nil", "Prefix", "Timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := redisstore.New(row.cfg)
			if (err == nil) != (len(row.want) == 0) || (s == nil) != (err != nil) {
				t.Fatalf("Store %v, error %v", s, err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %q, want %q in it", err, want)
				}
			}
		})
	}
}
