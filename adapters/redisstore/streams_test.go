package redisstore_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/adapters/redisstore"
)

const (
	idOne = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idTwo = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func info(role, id, before, offset, diverged string, more ...string) string {
	return strings.Join(append([]string{
		"# Replication", "role:" + role, "master_replid:" + id, "master_replid2:" + before, "master_repl_offset:" + offset, "second_repl_offset:" + diverged,
	}, more...), "\r\n")
}

// The rule is the one by which Redis lets a replica go on without a full copy.
func TestAPrimaryContinuesWhatItHas(t *testing.T) {
	none := strings.Repeat("0", 40)
	for name, row := range map[string]struct {
		info      string
		continues bool
	}{
		"the same, further":              {info("master", idOne, none, "101", "-1"), true},
		"the same, no further":           {info("master", idOne, none, "100", "-1"), true},
		"the same, put back":             {info("master", idOne, none, "99", "-1"), false},
		"another":                        {info("master", idTwo, none, "1000", "-1"), false},
		"promoted when it had more":      {info("master", idTwo, idOne, "1000", "102"), true},
		"promoted when it had just it":   {info("master", idTwo, idOne, "1000", "101"), true},
		"promoted when it had less":      {info("master", idTwo, idOne, "1000", "100"), false},
		"the same, and now a replica":    {info("slave", idOne, none, "101", "-1"), false},
		"promoted, of another before":    {info("master", idTwo, none, "1000", "102"), false},
		"of another case than it writes": {info("master", strings.ToUpper(idOne), none, "101", "-1"), false},
	} {
		if continues, _ := redisstore.Continues(row.info, idOne, 100); continues != row.continues {
			t.Errorf("%s: %t, want %t", name, continues, row.continues)
		}
	}
}

func TestAnInfoThatCannotBeReadIsAnError(t *testing.T) {
	none := strings.Repeat("0", 40)
	for name, text := range map[string]string{
		"nothing": "", "no role": info("", idOne, none, "1", "-1"),
		"no id": info("master", "", none, "1", "-1"), "a short id": info("master", "aaaa", none, "1", "-1"),
		"no offset": info("master", idOne, none, "", "-1"), "an offset that is none": info("master", idOne, none, "1e9", "-1"),
		"an offset beyond all": info("master", idOne, none, "99999999999999999999", "-1"),
	} {
		if _, err := redisstore.Continues(text, idOne, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReplicasCountOnceTheyFollow(t *testing.T) {
	n, err := redisstore.Replicas(info("master", idOne, idTwo, "1", "-1", "connected_slaves:9",
		"slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0", "slave1:ip=127.0.0.1,port=2,state=wait_bgsave,offset=0,lag=0",
		"slave12:ip=127.0.0.1,port=3,state=online,offset=1,lag=9", "slave_expires_tracked_keys:state=online", "slaves:state=online"))
	if err != nil || n != 2 {
		t.Errorf("%d replicas, error %v, want 2", n, err)
	}
}

// Which replicas a write needs, by what the primary says after it.
func TestHowManyReplicasAWriteNeeds(t *testing.T) {
	none := strings.Repeat("0", 40)
	alone, promoted := info("master", idOne, none, "1", "-1"), info("master", idTwo, idOne, "1", "2")
	with := func(n int) string {
		return info("master", idOne, none, "1", "-1", strings.Split(strings.Repeat("slave0:state=online ", n), " ")[:n]...)
	}
	type step struct {
		info               string
		fixed, asked, have int
		again, good        bool
	}
	for name, steps := range map[string][]step{
		"a primary that never had one needs none":                {{alone, 0, 0, 0, false, true}},
		"one is asked for that was not known":                    {{with(1), 0, 0, 0, true, false}, {with(1), 0, 1, 1, false, true}},
		"all that are connected":                                 {{with(3), 0, 3, 2, false, false}, {with(3), 0, 3, 3, false, true}},
		"one that has fewer now needs fewer":                     {{with(2), 0, 2, 2, false, true}, {with(1), 0, 2, 1, false, true}},
		"one that is cut off from all of them needs one":         {{with(1), 0, 1, 1, false, true}, {alone, 0, 1, 0, false, false}},
		"a promoted one that has none yet needs none":            {{with(1), 0, 1, 1, false, true}, {promoted, 0, 1, 0, false, true}},
		"and the other one still needs one":                      {{with(1), 0, 1, 1, false, true}, {promoted, 0, 1, 0, false, true}, {alone, 0, 0, 0, true, false}},
		"a fixed number is one, whatever is connected":           {{alone, 2, 2, 1, false, false}, {with(3), 2, 2, 2, false, true}},
		"a replica confirms nothing, whatever it says of others": {{info("slave", idOne, none, "1", "-1", "slave0:state=online"), 0, 1, 1, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var n redisstore.Node
			for i, s := range steps {
				if again, err := n.Confirmed(s.info, s.fixed, s.asked, s.have); again != s.again || !again && (err == nil) != s.good {
					t.Errorf("step %d: again %t, error %v", i, again, err)
				}
			}
		})
	}
}

// FuzzReadPosition: what is read is written in the same way again, so no two texts are one position.
func FuzzReadPosition(f *testing.F) {
	f.Add("1." + idOne + ".100.LOG.0=1-2,21=18446744073709551615-0")
	f.Add("1." + idOne + ".100.LOG.")
	f.Add("1." + idOne + ".-1.LOG.0=01-2")
	f.Fuzz(func(t *testing.T, text string) {
		if again, ok := redisstore.ReadPosition(text); ok && again != text {
			t.Errorf("%q was read as %q", text, again)
		}
	})
}

// FuzzInfo: whatever a server says, a position that continues is that of a primary which names its id.
func FuzzInfo(f *testing.F) {
	f.Add(info("master", idOne, idTwo, "100", "50"), idOne, int64(7))
	f.Add("role:master\r\nslave0:state=online", idTwo, int64(-1))
	f.Fuzz(func(t *testing.T, text, id string, offset int64) {
		continues, err := redisstore.Continues(text, id, offset)
		if continues && (err != nil || !strings.Contains(text, id) || !strings.Contains(text, "role:master")) {
			t.Errorf("%q continues %q at %d, error %v", text, id, offset, err)
		}
	})
}

// What is too old is refused, and what is new enough is not, whatever its number is written like.
func TestVersionsThatSuit(t *testing.T) {
	for name, row := range map[string]struct {
		version string
		fsync   bool
		want    string // part of the error; empty: it suits
	}{
		"Redis 7":                           {version: "7.0.15"},
		"Redis 6":                           {version: "6.2.14", want: "Redis 7 or newer"},
		"Redis 6, which cannot wait either": {version: "6.2.14", fsync: true, want: "Redis 7 or newer"},
		"no version":                        {version: "", want: "Redis 7 or newer"},
		"disks of Redis 7.0":                {version: "7.0.15", fsync: true, want: "7.2"},
		"disks of Redis 7.2":                {version: "7.2.0", fsync: true},
		"disks of Redis 8.0":                {version: "8.0.1", fsync: true},
		"disks of Redis 10.0":               {version: "10.0.0", fsync: true},
	} {
		text := "redis_version:" + row.version + "\r\n" + info("master", idOne, idTwo, "100", "-1") + "\r\nmaxmemory_policy:noeviction\r\naof_enabled:1"
		if err := redisstore.Suits(text, row.fsync); (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q in it", name, err, row.want)
		}
	}
}
