//go:build unix

package replicas

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/pgstore"
	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// The forms of the address of a Redis. Anything else is the connection string of a PostgreSQL.
const (
	atRedis     = "redis:"    // ADDRESS
	atSentinels = "sentinel:" // MASTER@ADDRESS,ADDRESS
)

type store interface {
	revocation.Store
	middleware.ReplayStore
}

// open opens what processes share. Proofs may wait so long for a Redis.
func open(ctx context.Context, at string, patience time.Duration) (store, error) {
	var client *redis.Client
	if address, ok := strings.CutPrefix(at, atRedis); ok {
		client = redis.NewClient(&redis.Options{Addr: address, ContextTimeoutEnabled: true, DialTimeout: time.Second})
	} else if names, ok := strings.CutPrefix(at, atSentinels); ok {
		master, addresses, _ := strings.Cut(names, "@")
		client = redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: master, SentinelAddrs: strings.Split(addresses, ","), ContextTimeoutEnabled: true, DialTimeout: time.Second,
		})
	} else {
		return openPostgres(ctx, at)
	}
	return redisstore.New(redisstore.Config{Client: client, Timeout: patience, Logger: slog.New(slog.DiscardHandler)})
}

func openPostgres(ctx context.Context, database string) (store, error) {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return nil, err
	}
	s, err := pgstore.New(pool, pgstore.Config{})
	if err != nil {
		return nil, err
	}
	return s, s.Create(ctx)
}

func listOn(s revocation.Store) (*revocation.List, error) {
	return revocation.New(revocation.Config{Store: s, Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}, Logger: slog.New(slog.DiscardHandler)})
}
