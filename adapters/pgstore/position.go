package pgstore

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// snapshot is what a reader has seen: every transaction before max, but for those that were in progress. It is a pg_snapshot without its xmin,
// which is the first one in progress, or max.
type snapshot struct {
	max        uint64
	inProgress []uint64 // below max, ascending
}

// nothing is the snapshot of a reader that has seen nothing. No transaction has a number below 3.
var nothing = snapshot{max: 1}

// parseSnapshot reads the text of a pg_snapshot, such as "10:20:10,14".
func parseSnapshot(text string) (snapshot, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return snapshot{}, fmt.Errorf("pgstore: %q is no snapshot", text)
	}
	highest, err := number(parts[1])
	if err != nil || highest == 0 {
		return snapshot{}, fmt.Errorf("pgstore: %q is no snapshot", text)
	}
	s := snapshot{max: highest}
	if s.inProgress, err = numbers(parts[2]); err != nil {
		return snapshot{}, err
	}
	return s, nil
}

func number(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("pgstore: %q is no number: %w", text, err)
	}
	return n, nil
}

func numbers(text string) ([]uint64, error) {
	if text == "" {
		return nil, nil
	}
	var all []uint64
	for part := range strings.SplitSeq(text, ",") {
		n, err := number(part)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

func join(all []uint64) string { return strings.Join(decimals(all), ",") }

func decimals(all []uint64) []string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = strconv.FormatUint(n, 10)
	}
	return texts
}

// cluster is where a log lies. Fields are empty where the server does not tell.
type cluster struct {
	system   string // the system identifier: another one is another cluster
	timeline string // of the write-ahead log: another one is another history, after a standby was promoted or a backup recovered
}

// row names a row of the log. No other ever has the same names, unless the log was copied.
type row struct {
	id  int64
	xid uint64
	at  time.Time // in microseconds
}

// position is where a follower resumes. It holds the highest row that was delivered, by which a log is known that has lost its newest part or is
// another.
type position struct {
	cluster cluster
	seen    snapshot
	witness row
}

// maxInProgress bounds the length of a position. With more of them it lies before the first, and what comes after is delivered again.
const maxInProgress = 64

const version = "pg1"

func (p position) String() string {
	seen := p.seen
	if len(seen.inProgress) > maxInProgress {
		seen = snapshot{max: slices.Min(seen.inProgress)}
	}
	return strings.Join([]string{
		version, p.cluster.system, p.cluster.timeline, strconv.FormatUint(seen.max, 10), join(seen.inProgress),
		strconv.FormatInt(p.witness.id, 10), strconv.FormatUint(p.witness.xid, 10), strconv.FormatInt(p.witness.at.UnixMicro(), 10),
	}, " ")
}

// maxPosition is more than the longest one has.
const maxPosition = 3000

// parsePosition reads what String has written, and nothing else.
func parsePosition(text string) (p position, ok bool) {
	fields := strings.Split(text, " ")
	if len(text) > maxPosition || len(fields) != 8 || fields[0] != version {
		return position{}, false
	}
	p.cluster = cluster{fields[1], fields[2]}
	var errs [5]error
	var at int64
	p.seen.max, errs[0] = number(fields[3])
	p.seen.inProgress, errs[1] = numbers(fields[4])
	p.witness.id, errs[2] = strconv.ParseInt(fields[5], 10, 64)
	p.witness.xid, errs[3] = number(fields[6])
	at, errs[4] = strconv.ParseInt(fields[7], 10, 64)
	p.witness.at = time.UnixMicro(at)
	for _, err := range errs {
		if err != nil {
			return position{}, false
		}
	}
	return p, p.seen.max > 0 && at > 0 && at < math.MaxInt64/1000 && p.String() == text
}

// gapError is a position that cannot be resumed from.
type gapError struct{ why string }

func (e *gapError) Error() string { return "pgstore: the log cannot be resumed: " + e.why }

// Gap says what the error is.
func (*gapError) Gap() bool { return true }
