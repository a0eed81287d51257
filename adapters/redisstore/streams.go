package redisstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A log is a family of streams in one slot. Each holds the entries whose lives have about the same length, so that what was appended longest ago
// ends first and cutting off the head of a stream forgets what has ended and nothing else. Lives double from one stream to the next: an entry
// rests twice as long as it lives at most, or some minutes. The last stream is for those that live longer than anything should, and is never
// cut.
const (
	shortest = 6 * time.Minute
	streams  = 22
)

// spare is added to the life of an entry, for clocks that differ.
const spare = 5 * time.Minute

// streamFor returns the stream of an entry that lives so long.
func streamFor(life time.Duration) int {
	i := 0
	for i < streams-1 && lifeIn(i) < life+spare {
		i++
	}
	return i
}

// lifeIn is how long entries rest in a stream. That of the last one is not used.
func lifeIn(stream int) time.Duration { return shortest << stream }

// logKey is a key of the log. All of them have one hash tag, so that one server of a cluster holds them.
func (s *Store) logKey(name string) string { return "{" + s.prefix + ":log}:" + name }

func (s *Store) streamKey(stream int) string { return s.logKey(fmt.Sprintf("%02d", stream)) }

// mark is the id of an entry of a stream: when the server took it, and a number within that millisecond. The zero mark is before all.
type mark struct{ ms, seq uint64 }

func parseMark(text string) (mark, bool) {
	first, second, ok := strings.Cut(text, "-")
	ms, err := strconv.ParseUint(first, 10, 64)
	seq, err2 := strconv.ParseUint(second, 10, 64)
	return mark{ms, seq}, ok && err == nil && err2 == nil
}

func (m mark) String() string {
	return strconv.FormatUint(m.ms, 10) + "-" + strconv.FormatUint(m.seq, 10)
}

// position is how far a follower has come.
type position struct {
	id     string // the server's replication id, and
	offset int64  // how far its log of writes had come at least, when all this had been read
	log    string // the value that names the log; empty once it was deleted
	marks  [streams]mark
}

const positionVersion = "1"

// String has the form 1.ID.OFFSET.LOG.STREAM=MARK,STREAM=MARK.
func (p *position) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.%s.%d.%s.", positionVersion, p.id, p.offset, p.log)
	comma := ""
	for i, m := range p.marks {
		if m != (mark{}) {
			fmt.Fprintf(&b, "%s%d=%v", comma, i, m)
			comma = ","
		}
	}
	return b.String()
}

// parsePosition reads what String has written, and nothing else.
func parsePosition(text string) (p position, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 5 || parts[0] != positionVersion || !isReplicationID(parts[1]) {
		return position{}, false
	}
	offset, err := strconv.ParseInt(parts[2], 10, 64)
	p = position{id: parts[1], offset: offset, log: parts[3]}
	for pair := range strings.SplitSeq(parts[4], ",") {
		if pair == "" {
			continue
		}
		number, text, _ := strings.Cut(pair, "=")
		i, bad := strconv.Atoi(number)
		m, ok := parseMark(text)
		if bad != nil || !ok || i < 0 || i >= streams {
			return position{}, false
		}
		p.marks[i] = m
	}
	return p, err == nil && p.String() == text
}
