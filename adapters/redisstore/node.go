package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// node is what is known of the server at an address. Behind Sentinel that is whichever is primary.
type node struct {
	breakers [kinds]breaker

	mu        sync.Mutex
	had       map[string]bool // replication ids under which it had a replica
	replicas  int             // for how many to wait next time
	vetted    string          // the replication id under which it suited
	vettedFor time.Time       // until when that is believed
}

// kind is what is asked for, each with breakers of its own: they have different time-outs.
type kind int

const (
	proof kind = iota
	answer
	kinds
)

// vetEvery is how long a server is believed to be as it was: its settings can be changed while it runs.
const vetEvery = time.Minute

// primaryOf returns the server that holds key.
func (s *Store) primaryOf(ctx context.Context, key string) (*redis.Client, *node, error) {
	client := s.client
	if s.cluster != nil {
		var err error
		if client, err = s.cluster.MasterForKey(ctx, key); err != nil {
			s.cluster.ReloadState(ctx)
			return nil, nil, fmt.Errorf("redisstore: no server of the cluster is known to hold the key: %w", err)
		}
	}
	return client, s.nodeAt(client.Options().Addr), nil
}

func (s *Store) nodeAt(address string) *node {
	if n, ok := s.nodes.Load(address); ok {
		return n.(*node)
	}
	n, _ := s.nodes.LoadOrStore(address, &node{had: make(map[string]bool)})
	return n.(*node)
}

const (
	attempts = 4
	pause    = 20 * time.Millisecond
)

// onPrimary runs do against the server that holds key. A cluster that says another one holds it is asked for its map, and do is run again: it
// must be safe to run several times.
func onPrimary[T any](ctx context.Context, s *Store, key string, do func(context.Context, *redis.Client, *node) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		var result T
		client, n, err := s.primaryOf(ctx, key)
		if err == nil {
			result, err = do(ctx, client, n)
		}
		if err == nil || s.cluster == nil {
			return result, err
		}
		// The client's own map of the cluster is a minute old at worst, and what is done on one connection does not follow redirects.
		s.cluster.ReloadState(ctx)
		if attempt == attempts || !redis.HasErrorPrefix(err, "MOVED") {
			return result, err
		}
		select {
		case <-ctx.Done():
			return result, err
		case <-time.After(time.Duration(attempt) * pause):
		}
	}
}

// vet asks the server once a minute, and whenever it may be another one, whether it can hold what must not be forgotten.
func (s *Store) vet(ctx context.Context, client *redis.Client, n *node) error {
	n.mu.Lock()
	fresh := time.Now().Before(n.vettedFor)
	n.mu.Unlock()
	if fresh {
		return nil
	}
	info, err := client.Info(ctx, "server", "replication", "persistence", "memory").Result()
	if err != nil {
		return explained(err)
	}
	st, err := parse(info)
	if err != nil {
		return err
	}
	if err := st.suits(s.fsync, s.volatile); err != nil {
		return err
	}
	n.wants(st, s.replicas)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.vetted, n.vettedFor = st.id, time.Now().Add(vetEvery)
	return nil
}

// Check asks the server, or every primary of a cluster, whether it can hold revocations and proofs. Append, Follow and Add ask by themselves
// before they first use a server; a program that calls Check when it starts learns of it earlier. The error joins what is wrong, each with its
// remedy.
func (s *Store) Check(ctx context.Context) error {
	if s.cluster == nil {
		return s.checkOne(ctx, s.client)
	}
	var mu sync.Mutex
	var wrong []error
	err := s.cluster.ForEachMaster(ctx, func(ctx context.Context, client *redis.Client) error {
		if err := s.checkOne(ctx, client); err != nil {
			mu.Lock()
			defer mu.Unlock()
			wrong = append(wrong, fmt.Errorf("%s: %w", client.Options().Addr, err))
		}
		return nil
	})
	if err != nil {
		wrong = append(wrong, explained(err))
	}
	return errors.Join(wrong...)
}

func (s *Store) checkOne(ctx context.Context, client *redis.Client) error {
	_, err := within(ctx, appendTimeout, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.vet(ctx, client, &node{had: make(map[string]bool)})
	})
	return err
}

// explained says what to do about errors whose text does not.
func explained(err error) error {
	switch {
	case err == nil:
		return nil
	case redis.HasErrorPrefix(err, "NOPERM"):
		return fmt.Errorf("redisstore: the user that Client logs in as lacks a permission that the package's documentation lists: %w", err)
	case redis.HasErrorPrefix(err, "ASK"):
		return fmt.Errorf("redisstore: the cluster is moving the key to another server: %w", err)
	case redis.HasErrorPrefix(err, "READONLY"):
		return fmt.Errorf("%w: %w", errReplica, err)
	}
	return fmt.Errorf("redisstore: %w", err)
}

// within runs do in a goroutine of its own, so that neither a lock in the client nor a panic over what a server wrote holds up the caller.
func within[T any](ctx context.Context, timeout time.Duration, do func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r = result{err: fmt.Errorf("redisstore: the client panicked with a %T", p)}
			}
			done <- r
		}()
		r.value, r.err = do(ctx)
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("redisstore: no answer within %v, or its caller has gone: %w", timeout, ctx.Err())
	}
}
