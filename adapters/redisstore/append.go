package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxEntry is revocation.MaxRecord.
const maxEntry = 512

// appendTimeout ends Append where its context does not, and each of Follow's questions.
const appendTimeout = 5 * time.Second

// Append is that of a revocation.Store. It returns nil once the primary has the entry and as many replicas as Replicas says, with Fsync on their
// disks, so that neither a crash nor a failover loses it. It ends with ctx, and after five seconds at the latest. After an error the entry may
// be there all the same; appending it again does not add it again while it is.
func (s *Store) Append(ctx context.Context, entry []byte, until time.Time) error {
	if len(entry) == 0 || len(entry) > maxEntry {
		return fmt.Errorf("redisstore: an entry has %d bytes: it must have 1 to %d", len(entry), maxEntry)
	}
	kept := string(entry) // the caller may use its bytes again before the goroutine has ended
	_, err := within(ctx, appendTimeout, func(ctx context.Context) (struct{}, error) {
		return onPrimary(ctx, s, s.logKey(idKey), func(ctx context.Context, client *redis.Client, n *node) (struct{}, error) {
			return struct{}{}, s.append(ctx, client, n, kept, until)
		})
	})
	return err
}

// entryField is the field of an entry of a stream that holds ours.
const entryField = "e"

func (s *Store) append(ctx context.Context, client *redis.Client, n *node, entry string, until time.Time) error {
	for {
		if err := s.vet(ctx, client, n); err != nil {
			return err
		}
		deadline, _ := ctx.Deadline()
		asked, wait := n.next(s.replicas), waitFor(time.Until(deadline), client.Options().ReadTimeout)
		pipe := client.Pipeline()
		place, again := s.unshared.find(entry)
		var there *redis.XMessageSliceCmd
		var added *redis.StringCmd
		if again {
			// Any write of this connection will do: what was written before it goes to the replicas before it.
			there = pipe.XRangeN(ctx, s.streamKey(place.stream), place.mark.String(), place.mark.String(), 1)
			pipe.Set(ctx, s.logKey(beatKey), 1, 0)
		} else {
			place.stream = streamFor(time.Until(until))
			added = pipe.XAdd(ctx, &redis.XAddArgs{Stream: s.streamKey(place.stream), Values: []any{entryField, entry}})
		}
		now := pipe.Time(ctx)
		cut := s.trimmer.trim(ctx, s, pipe)
		info := pipe.Info(ctx, "replication")
		have := replicasHave(ctx, pipe, asked, wait)
		var synced *redis.IntSliceCmd
		if s.fsync {
			synced = disksHave(ctx, pipe, asked, wait)
		}
		_, _ = pipe.Exec(ctx)

		if again {
			if err := firstOf(there); err != nil {
				return err
			}
			if found := there.Val(); len(found) != 1 || found[0].Values[entryField] != entry {
				s.unshared.forget(entry)
				continue
			}
		} else {
			if err := firstOf(added); err != nil {
				return err
			}
			m, ok := parseMark(added.Val())
			if !ok {
				return errors.New("redisstore: the server has named an entry in no way that Redis names one")
			}
			place.mark = m
			s.unshared.keep(entry, place)
		}
		if err := firstOf(now, info, have); err != nil {
			return err
		}
		s.trimmer.learn(now.Val())
		s.trimmed(ctx, cut)
		st, err := parse(info.Val())
		if err != nil {
			return err
		}
		confirmed := int(have.Val())
		if synced != nil {
			if err := firstOf(synced); err != nil {
				return err
			}
			if disks := synced.Val(); len(disks) != 2 || disks[0] < 1 {
				return errors.New("redisstore: the entry is not on the disk of the primary yet")
			} else {
				confirmed = min(confirmed, int(disks[1]))
			}
		}
		if again, err := n.confirmed(st, s.replicas, asked, confirmed); !again {
			if err == nil {
				s.unshared.forget(entry)
			}
			return err
		}
	}
}

// unshared remembers where entries are that too few replicas had, so that whoever appends them again adds nothing.
type unshared struct {
	mu     sync.Mutex
	places map[string]place
}

type place struct {
	stream int
	mark   mark
}

// maxUnshared bounds them. Those beyond it are added again, which does no harm but to memory.
const maxUnshared = 4096

func (u *unshared) find(entry string) (place, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	p, ok := u.places[entry]
	return p, ok
}

func (u *unshared) keep(entry string, p place) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.places == nil {
		u.places = make(map[string]place)
	}
	if len(u.places) < maxUnshared {
		u.places[entry] = p
	}
}

func (u *unshared) forget(entry string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.places, entry)
}
