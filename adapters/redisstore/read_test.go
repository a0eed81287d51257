//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
)

// Nobody is alive before every stream has been read to its end, in however many turns, whichever stream it is that has more than one turn brings.
func TestAFollowerIsAliveOnceEveryStreamIsRead(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		for name, great := range map[string]int{"the first stream is the great one": 0, "the last": 9} {
			server.Must("FLUSHALL")
			s := newStore(t, server.Client(), nil)
			pipe := server.Client().Pipeline()
			mustAppend(t, s, "so the server is known to suit")
			const entries, more = 2*redisstore.Batch + 1, 2
			for i := range entries {
				pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: s.StreamKey(great), Values: []any{"e", fmt.Sprint(i)}})
			}
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: s.StreamKey(5), Values: []any{"e", "alone"}})
			if _, err := pipe.Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			read := 0
			err := s.Follow(ctx, "", func([]byte, string) error { read++; return nil }, func(time.Time) {
				if read != entries+more {
					t.Errorf("%s: alive after %d of %d entries", name, read, entries+more)
				}
				stop()
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// lying is a server that answers in the right form what is not true.
type lying struct {
	counter
	tell func(redis.Cmder)
}

func (l *lying) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, c := range cmds {
			l.tell(c)
		}
		return err
	}
}

// An answer that makes no sense ends Follow and Append with an error: nothing of it is delivered, and nobody is alive or has shared anything.
func TestAnswersThatMakeNoSenseAreErrors(t *testing.T) {
	entry := []redis.XMessage{{ID: "1-1", Values: map[string]any{"e": "planted"}}}
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		for name, tell := range map[string]func(redis.Cmder){
			"an entry of a stream that nobody asked for": func(c redis.Cmder) {
				if read, ok := c.(*redis.XStreamSliceCmd); ok {
					read.SetVal([]redis.XStream{{Stream: "another", Messages: entry}})
					read.SetErr(nil)
				}
			},
			"an entry with a name that is none": func(c redis.Cmder) {
				if read, ok := c.(*redis.XStreamSliceCmd); ok {
					read.SetVal([]redis.XStream{{Stream: "{cardea:log}:00", Messages: []redis.XMessage{{ID: "here", Values: entry[0].Values}}}})
					read.SetErr(nil)
				}
			},
			"an INFO that says nothing": func(c redis.Cmder) {
				if c.Name() == "info" {
					c.(*redis.StringCmd).SetVal("role:master\r\n")
				}
			},
			"an error in place of INFO": func(c redis.Cmder) {
				if c.Name() == "info" {
					c.SetErr(errors.New("no"))
				}
			},
			"an error in place of WAIT": func(c redis.Cmder) {
				if c.Name() == "wait" {
					c.SetErr(errors.New("no"))
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				server.Must("FLUSHALL")
				client := server.Client()
				s := newStore(t, client, nil)
				mustAppend(t, s, "true")
				client.AddHook(&lying{tell: tell})
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				err := s.Follow(ctx, "", func(entry []byte, _ string) error {
					if string(entry) != "true" {
						t.Errorf("%q was delivered", entry)
					}
					return nil
				}, func(time.Time) { t.Error("alive") })
				if err == nil || ctx.Err() != nil {
					t.Errorf("Follow: %v", err)
				}
			})
		}
		t.Run("an entry was written under a name that is none", func(t *testing.T) {
			server.Must("FLUSHALL")
			client := server.Client()
			s := newStore(t, client, nil)
			client.AddHook(&lying{tell: func(c redis.Cmder) {
				if c.Name() == "xadd" {
					c.(*redis.StringCmd).SetVal("here")
				}
			}})
			if err := s.Append(t.Context(), []byte("a"), soon()); err == nil {
				t.Error("it was acknowledged")
			}
		})
	})
}

// A server whose clock is behind forgets nothing early: entries were named by that clock.
func TestTrimmingGoesByTheClockThatIsBehind(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		client := server.Client()
		client.AddHook(&lying{tell: func(c redis.Cmder) {
			if told, ok := c.(*redis.TimeCmd); ok {
				told.SetVal(told.Val().Add(-2 * redisstore.LifeIn(3)))
			}
		}})
		s := newStore(t, client, nil)
		pipe := server.Client().Pipeline()
		for i := range 300 {
			old := fmt.Sprintf("%d-%d", time.Now().Add(-2*redisstore.LifeIn(3)).UnixMilli(), i)
			pipe.Do(t.Context(), "XADD", s.StreamKey(3), old, "e", "old here, and new by its clock")
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range redisstore.Streams + 1 {
			mustAppend(t, s, "new")
		}
		if n := server.Must("XLEN", s.StreamKey(3)); n != int64(300) {
			t.Errorf("%v of 300 entries are left", n)
		}
	})
}
