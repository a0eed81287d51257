package redisstore

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// What tests in other packages need to see of this one.

const (
	OpensAfter = opensAfter
	Streams    = streams
	MaxAnswer  = maxAnswer
	Batch      = batch
)

// Cut trims a stream as if it were that time.
func (s *Store) Cut(ctx context.Context, client redis.UniversalClient, stream int, now time.Time) error {
	pipe := client.Pipeline()
	s.cut(ctx, pipe, stream, now)
	_, err := pipe.Exec(ctx)
	return err
}

func (s *Store) StreamKey(stream int) string { return s.streamKey(stream) }
func (s *Store) LogKey(name string) string   { return s.logKey(name) }

func Mark(at time.Time) string                { m := mark{ms: uint64(at.UnixMilli())}; return m.String() }
func RestAfter(clients int64) time.Duration   { return restAfter(clients) }
func StreamFor(life time.Duration) int        { return streamFor(life) }
func LifeIn(stream int) time.Duration         { return lifeIn(stream) }
func ReadPosition(text string) (string, bool) { p, ok := parsePosition(text); return p.String(), ok }

// Continues reads an INFO and asks it about a position.
func Continues(info, id string, offset int64) (bool, error) {
	st, err := parse(info)
	return st.continues(id, offset), err
}

// Suits reads an INFO and asks it whether the server suits.
func Suits(info string, fsync bool) error {
	st, err := parse(info)
	if err != nil {
		return err
	}
	return st.suits(fsync, false)
}

// Replicas reads an INFO and counts.
func Replicas(info string) (int, error) {
	st, err := parse(info)
	return st.replicas, err
}

// Breaker is one that does not know what it guards.
type Breaker struct{ of breaker }

func (b *Breaker) Enter(now time.Time) error        { return b.of.enter(now) }
func (b *Breaker) Leave(now time.Time, failed bool) { b.of.leave(now, failed) }

// Fault says lines.
type Fault struct{ of fault }

func (f *Fault) Say(logger *slog.Logger, now time.Time, err error) {
	f.of.say(context.Background(), logger, now, slog.LevelError, "it failed", err)
}

// Node judges confirmations.
type Node struct{ of node }

// Confirmed is told the fixed number of replicas, for how many it was waited, how many have it, and what the primary said then.
func (n *Node) Confirmed(info string, fixed, asked, have int) (again bool, err error) {
	st, err := parse(info)
	if err != nil {
		return false, err
	}
	n.of.mu.Lock()
	if n.of.had == nil {
		n.of.had = make(map[string]bool)
	}
	n.of.vetted = st.id
	n.of.mu.Unlock()
	return n.of.confirmed(st, fixed, asked, have)
}
