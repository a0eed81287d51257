package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// keep is how much longer a proof is remembered than until it expires, for clocks that differ.
	keep = time.Minute

	// longest bounds that: proofs are good for minutes.
	longest = 24 * time.Hour
)

// maxKey is how long a key of a proof or an answer may be; those of Cardea are digests.
const maxKey = 256

var errKey = errors.New("redisstore: it says nothing of the server")

// Add puts the key of a proof in until it has expired, and reports whether it was not there yet. It is a middleware.ReplayStore: it answers
// within Timeout, and what it cannot prove is an error, which is 503. That is when the server is silent, gone, full, read-only, loading or of
// another mind, and when fewer replicas than Replicas says have the proof, as they would let it pass again after a failover. After some
// failures in a row it answers at once, and asks again twice a second.
func (s *Store) Add(ctx context.Context, key string, until time.Time) (bool, error) {
	if key == "" || len(key) > maxKey {
		return false, fmt.Errorf("redisstore: the key of a proof has %d bytes: it must have 1 to %d", len(key), maxKey)
	}
	fresh, err := ask(ctx, s, proof, s.timeout, s.prefix+":proof:"+key, func(ctx context.Context, client *redis.Client, n *node, key string) (bool, error) {
		return s.spend(ctx, client, n, key, until)
	})
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errOpen) {
		s.proofs.say(ctx, s.logger, time.Now(), slog.LevelError, "redisstore: DPoP proofs are not judged (503), as they cannot be stored", err)
	}
	return fresh && err == nil, err
}

// spend writes a value of its own unless the key is there, and reads back which one is: nothing but this very value says that the proof is
// fresh. So neither a command that the client has sent twice nor an answer that belongs to another question is taken for it.
func (s *Store) spend(ctx context.Context, client *redis.Client, n *node, key string, until time.Time) (bool, error) {
	mine, life := rand.Text(), min(max(time.Until(until), 0), longest)+keep
	for written := false; ; written = true {
		if err := s.vet(ctx, client, n); err != nil {
			return false, err
		}
		deadline, _ := ctx.Deadline()
		asked := n.next(s.replicas)
		pipe := client.Pipeline()
		var write redis.Cmder
		if written {
			write = pipe.PExpire(ctx, key, life) // WAIT is about what this connection has written
		} else {
			write = pipe.SetArgs(ctx, key, mine, redis.SetArgs{Mode: "NX", TTL: life})
		}
		got := pipe.GetRange(ctx, key, 0, 2*int64(len(mine)))
		info := pipe.Info(ctx, "replication")
		have := replicasHave(ctx, pipe, asked, waitFor(time.Until(deadline), client.Options().ReadTimeout))
		_, _ = pipe.Exec(ctx)
		if err := firstOf(write, got, info, have); err != nil {
			return false, err
		}
		switch got.Val() {
		case mine:
		case "":
			return false, fmt.Errorf("redisstore: a proof that was written is not there: something else removes keys: %w", errKey)
		default:
			return false, nil
		}
		st, err := parse(info.Val())
		if err != nil {
			return false, err
		}
		if errors.Is(write.Err(), redis.Nil) {
			continue // it was written all the same, by a command that the client has repeated, maybe on another connection
		}
		if again, err := n.confirmed(st, s.replicas, asked, int(have.Val())); !again {
			return err == nil, err
		}
	}
}

// firstOf returns the first error among the answers to a pipeline. That a key is not there, or was, is none.
func firstOf(answers ...redis.Cmder) error {
	for _, a := range answers {
		err := a.Err()
		switch {
		case err == nil || errors.Is(err, redis.Nil):
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			return fmt.Errorf("%w: %w", errKey, err)
		default:
			return explained(err)
		}
	}
	return nil
}

// ask runs do against the primary that holds key, within a time, unless that is known to be in vain.
func ask[T any](ctx context.Context, s *Store, k kind, timeout time.Duration, key string,
	do func(context.Context, *redis.Client, *node, string) (T, error),
) (T, error) {
	ways := &s.nodeAt("").breakers[k] // to a cluster of which no server answers
	if err := ways.enter(time.Now()); err != nil {
		var none T
		return none, err
	}
	var found atomic.Bool
	value, err := within(ctx, timeout, func(ctx context.Context) (T, error) {
		return onPrimary(ctx, s, key, func(ctx context.Context, client *redis.Client, n *node) (T, error) {
			found.Store(true)
			if err := n.breakers[k].enter(time.Now()); err != nil {
				var none T
				return none, err
			}
			value, err := do(ctx, client, n, key)
			if !errors.Is(err, context.Canceled) {
				n.breakers[k].leave(time.Now(), err != nil && !errors.Is(err, errKey) && !redis.HasErrorPrefix(err, "MOVED"))
			}
			return value, err
		})
	})
	if !errors.Is(err, context.Canceled) {
		ways.leave(time.Now(), err != nil && !found.Load())
	}
	return value, err
}
