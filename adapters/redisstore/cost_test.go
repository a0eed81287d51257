//go:build unix

package redisstore_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// commands are those that a server has run, as often as it has, without what belongs to a connection.
func commands(server *redistest.Server) map[string]int {
	ran := make(map[string]int)
	for line := range strings.Lines(server.Must("INFO", "commandstats").(string)) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		var calls int
		_, _ = fmt.Sscanf(rest, "%d", &calls)
		switch name {
		case "getrange", "set", "wait", "pexpire", "xadd", "get", "mget", "exists", "del", "eval", "evalsha", "xread", "publish":
			ran[name] = calls
		}
	}
	return ran
}

// since says what came beside, in the order of the alphabet.
func since(server *redistest.Server, before map[string]int) string {
	more := make(map[string]int)
	for name, calls := range commands(server) {
		if n := calls - before[name]; n > 0 {
			more[name] = n
		}
	}
	return strings.TrimPrefix(fmt.Sprint(more), "map")
}

// What each kind of request costs the server, and how many round trips the instance, without a list, which asks by itself twice a second.
func TestWhatRequestsCost(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		group, issuer := e.Replicated(t), authtest.NewIssuer(t)
		server := group.Primary
		var trips [2]counter
		var all [2]*instance
		for i := range all {
			client := server.Client()
			client.AddHook(&trips[i])
			all[i] = with(t, issuer, ours, func(logger *slog.Logger) *redisstore.Store {
				return newStore(t, client, func(cfg *redisstore.Config) { cfg.Logger = logger })
			}, false)
		}
		c := newBound(t, issuer)
		opaque, jwt := all[0].opaque(), all[0].jwt("good")
		for i, a := range all { // the first proof finds out what the server is
			if got := a.status(c.authorization(), c.proof()); got != http.StatusOK {
				t.Fatal(i, got)
			}
		}
		proof, asked := c.proof(), all[0].asked()
		for _, row := range []struct {
			name          string
			at            int
			authorization string
			proof         string
			times         int
			want          int
			trips         int64
			ran           string
		}{
			{"a JWT", 0, jwt, "", 100, http.StatusOK, 0, "[]"},
			{"an opaque token that nobody knows", 0, opaque, "", 1, http.StatusOK, 2, "[getrange:1 set:1]"}, // one of them on nobody's path
			{"one that is known here", 0, opaque, "", 100, http.StatusOK, 0, "[]"},
			{"one that is known to another", 1, opaque, "", 1, http.StatusOK, 1, "[getrange:1]"},
			{"that one again", 1, opaque, "", 100, http.StatusOK, 0, "[]"},
			{"a proof", 0, c.authorization(), proof, 1, http.StatusOK, 1, "[getrange:1 set:1 wait:1]"},
			{"a proof that is spent", 1, c.authorization(), proof, 1, http.StatusUnauthorized, 1, "[getrange:1 set:1 wait:1]"},
			{"a token without its proof", 0, c.authorization(), "", 10, http.StatusUnauthorized, 0, "[]"},
			{"no token", 0, "", "", 10, http.StatusUnauthorized, 0, "[]"},
			{"garbage", 0, "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "", 10, http.StatusUnauthorized, 0, "[]"},
		} {
			before, made := commands(server), trips[row.at].sent.Load()
			for range row.times {
				if got := all[row.at].status(row.authorization, row.proof); got != row.want {
					t.Errorf("%s: %d, want %d", row.name, got, row.want)
				}
			}
			eventually(t, "an answer is shared", func() bool { return trips[row.at].sent.Load()-made >= row.trips })
			if n := trips[row.at].sent.Load() - made; n != row.trips {
				t.Errorf("%s: %d round trips, want %d", row.name, n, row.trips)
			}
			if ran := since(server, before); ran != row.ran {
				t.Errorf("%s: the server ran %s, want %s", row.name, ran, row.ran)
			}
		}
		if n := all[0].asked() - asked; n != 1 {
			t.Errorf("the authorization server was asked %d times about one token", n)
		}
	})
}
