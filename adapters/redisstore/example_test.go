package redisstore_test

import (
	"context"
	"crypto/tls"
	"log"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/middleware"
)

func Example() {
	client := redis.NewClient(&redis.Options{
		Addr:                  "redis.internal:6379",
		Username:              "api",
		Password:              os.Getenv("REDIS_PASSWORD"),
		TLSConfig:             &tls.Config{},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	store, err := redisstore.New(redisstore.Config{Client: client})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := store.Check(ctx); err != nil {
		log.Fatal(err) // such as: set maxmemory-policy to noeviction
	}
	_, err = middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com"}},
		Audiences: []string{"https://api.example.com"},
		PublicURL: "https://api.example.com",
		DPoP:      middleware.DPoP{Required: true, Replays: store}, // a proof is good once, at whichever instance it comes
	})
	if err != nil {
		log.Fatal(err)
	}
}

// Behind Sentinel the client finds the primary by itself, also after a failover.
func ExampleNew_sentinel() {
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:            "cardea",
		SentinelAddrs:         []string{"10.0.0.1:26379", "10.0.0.2:26379", "10.0.0.3:26379"},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	store, err := redisstore.New(redisstore.Config{
		Client:   client,
		Replicas: 1, // of two: either may be lost
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = store
}

func ExampleNew_cluster() {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs:                 []string{"10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6379"},
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	store, err := redisstore.New(redisstore.Config{Client: client, Prefix: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	_ = store
}

// A replica knows what its primary knew a moment ago, and takes no writes: New cannot see it, Check and every use refuse it.
func ExampleNew_incorrect() {
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:            "cardea",
		SentinelAddrs:         []string{"10.0.0.1:26379"},
		ReplicaOnly:           true, // wrong
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	store, err := redisstore.New(redisstore.Config{Client: client})
	if err != nil {
		log.Fatal(err)
	}
	_ = store
}
