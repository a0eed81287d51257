package redisstore

import (
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// sameLog says whether the server has all that was read so far.
func (f *follower) sameLog(st status, log string) error {
	switch {
	case !st.primary:
		return errReplica
	case !st.continues(f.at.id, f.at.offset):
		return &gapError{"the server's replication id is another, and it had not come as far"}
	case log == "" || log != f.at.log:
		return &gapError{"the log was deleted"}
	}
	return nil
}

// question asks for what follows the position.
func (f *follower) question(count int64, block time.Duration) *redis.XReadArgs {
	names := make([]string, 0, 2*streams)
	for i := range streams {
		names = append(names, f.s.streamKey(i))
	}
	for _, m := range f.at.marks {
		names = append(names, m.String())
	}
	return &redis.XReadArgs{Streams: names, Count: count, Block: block}
}

// pass delivers what was read. The position goes with the last entry: only then has everything before it been delivered, of each stream.
func (f *follower) pass(read []redis.XStream, st status) (full bool, err error) {
	next, left := f.at, 0
	next.id, next.offset = st.id, st.offset
	for _, stream := range read {
		i := f.indexOf(stream.Stream)
		if i < 0 {
			return false, errors.New("redisstore: the server has answered with a stream that was not asked for")
		}
		full = full || len(stream.Messages) >= batch
		left += len(stream.Messages)
		for _, m := range stream.Messages {
			read, ok := parseMark(m.ID)
			if !ok {
				return false, errors.New("redisstore: the server has named an entry in no way that Redis names one")
			}
			next.marks[i] = read
		}
	}
	for _, stream := range read {
		for _, m := range stream.Messages {
			left--
			resume := ""
			if left == 0 {
				resume = next.String()
			}
			entry, _ := m.Values[entryField].(string) // empty if somebody else has put it there: that is for the List to judge
			if err := f.deliver([]byte(entry), resume); err != nil {
				return false, err
			}
		}
	}
	f.at = next
	return full, nil
}

func (f *follower) indexOf(key string) int {
	for i := range streams {
		if f.s.streamKey(i) == key {
			return i
		}
	}
	return -1
}
