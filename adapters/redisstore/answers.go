package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxAnswer is how long a value of the cache may be: an introspection answer has at most 64 KiB, and sealing adds little.
const maxAnswer = 96 << 10

// Get returns what Set has put under key. It is the half of an introspection.SharedCache that a request waits for, at most for
// CacheTimeout; after some failures in a row it says at once that it cannot tell, and the issuer's server is asked instead. Whoever writes to
// the server can put anything there: that a value is good is for the core to find out, which has sealed it. A longer one than Set takes counts
// as absent, and no more of it is read.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	if key == "" || len(key) > maxKey {
		return nil, false, fmt.Errorf("redisstore: the key of an answer has %d bytes: it must have 1 to %d", len(key), maxKey)
	}
	value, err = ask(ctx, s, answer, s.cacheTimeout, s.answerKey(key),
		func(ctx context.Context, client *redis.Client, _ *node, key string) ([]byte, error) {
			got := client.GetRange(ctx, key, 0, maxAnswer)
			return []byte(got.Val()), firstOf(got)
		})
	if err != nil || len(value) == 0 || len(value) > maxAnswer {
		s.missed(ctx, err)
		return nil, false, err
	}
	return value, true, nil
}

// Set puts value under key for a while. It is the other half, and as bounded.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if key == "" || len(key) > maxKey || len(value) == 0 || len(value) > maxAnswer || ttl < time.Millisecond {
		return fmt.Errorf("redisstore: an answer of %d bytes under a key of %d for %v: it must have 1 to %d, the key 1 to %d, and live a millisecond at least",
			len(value), len(key), ttl, maxAnswer, maxKey)
	}
	_, err := ask(ctx, s, answer, s.cacheTimeout, s.answerKey(key),
		func(ctx context.Context, client *redis.Client, _ *node, key string) (struct{}, error) {
			return struct{}{}, firstOf(client.Set(ctx, key, value, ttl))
		})
	s.missed(ctx, err)
	return err
}

func (s *Store) answerKey(key string) string { return s.prefix + ":answer:" + key }

func (s *Store) missed(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errOpen) {
		s.answers.say(ctx, s.logger, time.Now(), slog.LevelWarn, "redisstore: introspection answers are not shared", err)
	}
}
