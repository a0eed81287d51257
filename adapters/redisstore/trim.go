package redisstore

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// trimmer cuts what has ended off the streams, one with each Append, by turns. It goes by the server's clock and by this process's, and by the
// one that is behind: neither alone can make entries end early.
type trimmer struct {
	mu     sync.Mutex
	server time.Time // the server's time, zero before it is known
	at     time.Time // when that was
	turn   int

	fault fault
}

// maxTrim bounds what one Append cuts off. It is more than the streams together take in between two turns.
const maxTrim = 1000

// trim adds a cut to a pipeline; nil: the server's time is not known yet.
func (t *trimmer) trim(ctx context.Context, s *Store, pipe redis.Pipeliner) *redis.IntCmd {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.server.IsZero() {
		return nil
	}
	now := time.Now()
	if there := t.server.Add(now.Sub(t.at)); there.Before(now) {
		now = there
	}
	turn := t.turn
	t.turn = (t.turn + 1) % (streams - 1) // never the last
	return s.cut(ctx, pipe, turn, now)
}

// trimmed says once a minute that the log grows. What was appended is there all the same.
func (s *Store) trimmed(ctx context.Context, cut *redis.IntCmd) {
	if cut != nil && cut.Err() != nil {
		s.trimmer.fault.say(ctx, s.logger, time.Now(), slog.LevelWarn, "redisstore: what has ended is not cut off, so that the log grows", explained(cut.Err()))
	}
}

// cut cuts a stream, to the nearest of the blocks that it consists of.
func (s *Store) cut(ctx context.Context, pipe redis.Pipeliner, stream int, now time.Time) *redis.IntCmd {
	before := mark{ms: uint64(max(now.Add(-lifeIn(stream)).UnixMilli(), 0))}
	return pipe.XTrimMinIDApprox(ctx, s.streamKey(stream), before.String(), maxTrim)
}

// learn takes the time that the server said.
func (t *trimmer) learn(server time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.server, t.at = server, time.Now()
}
