package redisstore

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// status is what a server says of itself in the sections of INFO that were asked for.
type status struct {
	version          string // of Redis, or the one that Valkey is compatible with
	primary          bool
	id, before       string // replication ids: of now, and of the primary whose data this one went on with
	offset, diverged int64  // how far the log of writes has come; from where on it is no longer that of before
	replicas         int    // that are connected and follow
	clients          int64  // that are connected, where it was asked for
	policy           string // of eviction
	appendOnly       bool
}

var errNonsense = errors.New("redisstore: the server's INFO cannot be read: it must be Redis 7 or Valkey, asked without a proxy that rewrites it")

// parse reads an answer to INFO. The replication section must be in it.
func parse(info string) (status, error) {
	st, role, bad := status{}, "", false
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		bad = bad || err != nil
		return n
	}
	for line := range strings.SplitSeq(info, "\n") {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\r"), ":")
		switch name {
		case "redis_version":
			st.version = value
		case "role":
			role = value
		case "master_replid":
			st.id = value
		case "master_replid2":
			st.before = value
		case "master_repl_offset":
			st.offset = number(value)
		case "second_repl_offset":
			st.diverged = number(value)
		case "connected_clients":
			st.clients = number(value)
		case "maxmemory_policy":
			st.policy = value
		case "aof_enabled":
			st.appendOnly = value == "1"
		default:
			if isReplica(name) && strings.Contains(value, "state=online") {
				st.replicas++
			}
		}
	}
	if bad || role == "" || !isReplicationID(st.id) || !isReplicationID(st.before) {
		return status{}, errNonsense
	}
	st.primary = role == "master"
	return st, nil
}

// isReplica recognises the lines slave0, slave1 and so on.
func isReplica(name string) bool {
	digits, ok := strings.CutPrefix(name, "slave")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

func isReplicationID(text string) bool {
	return len(text) == 40 && strings.Trim(text, "0123456789abcdef") == ""
}

var errReplica = errors.New("redisstore: the server is a replica: Client must reach the primary, " +
	"without ReplicaOnly and not by the address of one server that may lose that role")

// continues says whether everything that the server held at an offset of a replication id is in the history of this one still: it is the same
// primary, or one that was promoted when it had come as far (the rule by which Redis lets its own replicas go on without a full copy).
func (st *status) continues(id string, offset int64) bool {
	return st.primary && (st.id == id && offset <= st.offset || st.before == id && offset < st.diverged)
}

// suits says what keeps a server from holding what must not be forgotten.
func (st *status) suits(fsync, volatile bool) error {
	var unfit []error
	if !st.primary {
		unfit = append(unfit, errReplica)
	}
	if major, minor := versionOf(st.version); major < 7 {
		unfit = append(unfit, fmt.Errorf("redisstore: the server is Redis %.20q: it must be Redis 7 or newer, or Valkey", st.version))
	} else if fsync && major == 7 && minor < 2 {
		unfit = append(unfit, fmt.Errorf("redisstore: Fsync needs Redis 7.2 or Valkey, and the server is Redis %.20q: upgrade it, or leave Fsync out", st.version))
	}
	if st.policy != "noeviction" && !volatile {
		unfit = append(unfit, fmt.Errorf("redisstore: the server's maxmemory-policy is %.40q, so it may evict revocations and proofs: "+
			"set it to noeviction, or use another server for what may be evicted", st.policy))
	}
	if !st.appendOnly && (!volatile || fsync) {
		unfit = append(unfit, errors.New("redisstore: the server has no append-only file, so a restart forgets revocations and proofs: "+
			"set appendonly yes on it and on its replicas; DangerouslyVolatile takes it as it is, where Fsync is not asked for"))
	}
	return errors.Join(unfit...)
}

func versionOf(text string) (major, minor int) {
	first, rest, _ := strings.Cut(text, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, _ = strconv.Atoi(first)
	minor, _ = strconv.Atoi(second)
	return major, minor
}
