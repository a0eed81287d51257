package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// idKey names the log: whoever deletes it, or everything, makes another one of it.
	idKey = "id"

	// beatKey is what a follower writes so that replicas have something to confirm: only a write of its own, as WAIT is about nothing else.
	beatKey = "beat"

	// block is how long the server holds a question when there is nothing new.
	block = 500 * time.Millisecond

	// batch is how much is asked for of each stream at once.
	batch = 512
)

// gapError is a position from which the log cannot be followed.
type gapError struct{ why string }

func (e *gapError) Error() string {
	return "redisstore: the log cannot be followed from this position: " + e.why
}

// Gap reports that everything has to be read anew.
func (e *gapError) Gap() bool { return true }

// Follow is that of a revocation.Store. It reads from the primary alone, on a connection of its own, and calls alive only while the primary
// still has the replicas that Replicas says: one that was cut off, while another was promoted, proves nothing. A position is good as
// long as the server, or one that was promoted when it had come as far, has all that was read before it; else it is a gap.
func (s *Store) Follow(ctx context.Context, after string, deliver func(entry []byte, resume string) error, alive func(t time.Time)) error {
	var at position
	if after != "" {
		var ok bool
		if at, ok = parsePosition(after); !ok {
			return &gapError{"this Store has not written it"}
		}
	}
	f := &follower{s: s, at: at, deliver: deliver, alive: alive}
	_, err := onPrimary(ctx, s, s.logKey(idKey), func(ctx context.Context, client *redis.Client, n *node) (struct{}, error) {
		return struct{}{}, f.follow(ctx, client, n)
	})
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		<-ctx.Done() // the connection's own timer was sooner
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// follower is one call of Follow.
type follower struct {
	s *Store

	client *redis.Client
	node   *node
	conn   *redis.Conn
	open   sync.WaitGroup // questions that the connection is busy with

	at      position      // id is empty before the first read
	rest    time.Duration // before the next question; zero if the last one brought nothing
	deliver func([]byte, string) error
	alive   func(time.Time)
}

func (f *follower) follow(ctx context.Context, client *redis.Client, n *node) error {
	f.client, f.node, f.conn = client, n, client.Conn()
	defer f.leave()
	var err error
	if f.at.id == "" {
		err = f.begin(ctx)
	} else {
		err = f.resume(ctx)
	}
	for err == nil {
		var more bool
		if more, err = f.read(ctx); err != nil || more {
			continue
		}
		if err = pauseFor(ctx, f.rest); err == nil {
			err = f.wait(ctx)
		}
	}
	return err
}

// run asks a question, and stops waiting for the answer when ctx ends, which a connection does not notice.
func (f *follower) run(ctx context.Context, timeout time.Duration, ask func(context.Context) error) error {
	f.open.Add(1)
	_, err := within(ctx, timeout, func(ctx context.Context) (struct{}, error) {
		defer f.open.Done()
		return struct{}{}, ask(ctx)
	})
	return err
}

// exec sends a pipeline. Each of its commands has its own error.
func (f *follower) exec(ctx context.Context, pipe redis.Pipeliner) error {
	return f.run(ctx, appendTimeout, func(ctx context.Context) error {
		_, _ = pipe.Exec(ctx)
		return nil
	})
}

// leave gives the connection back once nothing uses it any more.
func (f *follower) leave() {
	conn := f.conn
	go func() {
		f.open.Wait()
		_ = conn.Close()
	}()
}

// begin learns the name of the log, or gives it one.
func (f *follower) begin(ctx context.Context) error {
	pipe, key := f.conn.Pipeline(), f.s.logKey(idKey)
	named := pipe.SetNX(ctx, key, rand.Text(), 0)
	id := pipe.GetRange(ctx, key, 0, maxKey)
	info := pipe.Info(ctx, "replication")
	if err := f.exec(ctx, pipe); err != nil {
		return err
	}
	if err := firstOf(named, id, info); err != nil {
		return err
	}
	st, err := parse(info.Val())
	if err != nil {
		return err
	}
	f.at.log, f.at.id, f.at.offset = id.Val(), st.id, st.offset
	return nil
}

// resume finds out whether what was read last is still there.
func (f *follower) resume(ctx context.Context) error {
	pipe := f.conn.Pipeline()
	now := pipe.Time(ctx)
	var last [streams]*redis.XMessageSliceCmd
	for i, m := range f.at.marks {
		if m != (mark{}) {
			last[i] = pipe.XRangeN(ctx, f.s.streamKey(i), m.String(), m.String(), 1)
		}
	}
	if err := f.exec(ctx, pipe); err != nil {
		return err
	}
	if err := firstOf(now); err != nil {
		return err
	}
	for i, cmd := range last {
		if cmd == nil {
			continue
		}
		if err := firstOf(cmd); err != nil {
			return err
		}
		// By itself the Store forgets what has rested for so long: everything up to there has ended, and what came later is there.
		ended := i < streams-1 && now.Val().Add(-lifeIn(i)).UnixMilli() > int64(f.at.marks[i].ms)
		if len(cmd.Val()) == 0 && !ended {
			return &gapError{"entries were deleted that had not ended"}
		}
	}
	return nil
}

// read asks for what is new and proves, in the same round trip, that it is all there is. It reports whether there may be more.
func (f *follower) read(ctx context.Context) (more bool, err error) {
	asked := f.node.next(f.s.replicas)
	before := time.Now()
	pipe := f.conn.Pipeline()
	entries := pipe.XRead(ctx, f.question(batch, -1))
	log := pipe.GetRange(ctx, f.s.logKey(idKey), 0, maxKey)
	var beaten redis.Cmder = log
	if asked > 0 {
		beaten = pipe.Set(ctx, f.s.logKey(beatKey), 1, 0)
	}
	info := pipe.Info(ctx, "replication", "clients")
	have := replicasHave(ctx, pipe, asked, waitFor(appendTimeout, f.client.Options().ReadTimeout))
	if err := f.exec(ctx, pipe); err != nil {
		return false, err
	}
	if err := firstOf(entries, log, beaten, info, have); err != nil {
		return false, err
	}
	st, err := parse(info.Val())
	if err != nil {
		return false, err
	}
	if err := f.sameLog(st, log.Val()); err != nil {
		return false, err
	}
	full, err := f.pass(entries.Val(), st)
	if err != nil {
		return false, err
	}
	f.rest = 0
	if len(entries.Val()) > 0 {
		f.rest = restAfter(st.clients)
	}
	again, err := f.node.confirmed(st, f.s.replicas, asked, int(have.Val()))
	if again && !f.node.vettedAs(st.id) {
		return true, f.vet(ctx, st.id)
	}
	if err != nil || again || full {
		return true, err
	}
	f.alive(before)
	return false, nil
}

// vet finds out whether a server suits that has not been vetted under this replication id.
func (f *follower) vet(ctx context.Context, id string) error {
	err := f.run(ctx, appendTimeout, func(ctx context.Context) error { return f.s.vet(ctx, f.client, f.node) })
	if err == nil && !f.node.vettedAs(id) {
		return errors.New("redisstore: the client does not reach the server any more that is followed")
	}
	return err
}

// wait returns when there is something new, or after a while.
func (f *follower) wait(ctx context.Context) error {
	return f.run(ctx, block+appendTimeout, func(ctx context.Context) error {
		return firstOf(f.conn.XRead(ctx, f.question(1, block)))
	})
}
