//go:build unix

package replicas

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

var full = flag.Bool("full", false, "the great numbers, and times as well")

// numbered are tokens of so many users, and the entries that revoke them.
func numbered(issuer *authtest.Issuer, n int) (tokens []string, entries []revocation.Entry) {
	for i := range n {
		tokens = append(tokens, issuer.Token(authtest.Claims{"aud": audience, "jti": fmt.Sprint(i)}))
		entries = append(entries, revocation.Entry{Kind: revocation.Token, Issuer: issuer.URL(), Value: fmt.Sprint(i)})
	}
	return tokens, entries
}

// postgres starts a PostgreSQL, which writes to a disk where times are measured.
func postgres(t *testing.T) *pgtest.Server {
	t.Helper()
	if *full {
		return pgtest.For(t)
	}
	return pgtest.For(t, "fsync=off")
}

// this is the List of this process.
func this(t *testing.T, database string) *revocation.List {
	t.Helper()
	shared, err := open(t.Context(), database, 0)
	if err != nil {
		t.Fatal(err)
	}
	list, err := listOn(shared)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	if err := list.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	return list
}

// What is revoked in this process while the other judges, in full without a pause, is refused there.
func TestRevocationsReachAnotherProcess(t *testing.T) {
	beside(t)
	n := 500
	if *full {
		n = 10_000
	}
	database := postgres(t).URL("postgres")
	issuer := authtest.NewIssuer(t)
	list := this(t, database)
	other := begin(t, database, issuer.URL())
	tokens, entries := numbered(issuer, n)
	other.judges(t, "judge", tokens)

	returned := make([]time.Time, n)
	var all sync.WaitGroup
	began := time.Now()
	for worker := range 16 {
		all.Go(func() {
			for i := worker; i < n; i += 16 {
				if err := list.Revoke(t.Context(), entries[i]); err != nil {
					t.Error(err)
				}
				returned[i] = time.Now()
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	late := make([]time.Duration, n)
	for i := range n {
		eventually(t, fmt.Sprint("a refusal of token ", i), func() bool { return other.of(i).status == http.StatusUnauthorized })
		late[i] = other.of(i).changedAt.Sub(returned[i])
	}
	slices.Sort(late)
	t.Logf("%d revocations in %v; refused by the other process after Revoke had returned: median %v, 99 %% %v, last %v",
		n, took.Round(time.Millisecond), late[n/2], late[n*99/100], late[n-1])
	if *full && late[n*99/100] > time.Second {
		t.Errorf("99 %% are refused after %v", late[n*99/100])
	}
}

// With a limit of two seconds nobody is let in later than that after Revoke has returned, whatever the database does.
func TestNobodyIsLetInByKnowledgeThatIsTooOld(t *testing.T) {
	beside(t)
	n := 20
	if *full {
		n = 400
	}
	server := postgres(t)
	issuer := authtest.NewIssuer(t)
	list := this(t, server.URL("postgres"))
	other := begin(t, server.URL("postgres"), issuer.URL())
	tokens, entries := numbered(issuer, n)
	other.judges(t, "judge", tokens)

	returned := make([]time.Time, n)
	for i := range n {
		if i%20 == 10 { // the database hangs for longer than the limit, right after it has taken the entry
			if err := list.Revoke(t.Context(), entries[i]); err != nil {
				t.Fatal(err)
			}
			returned[i] = time.Now()
			resume, err := server.Stall()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(within + time.Second)
			if err := resume(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := list.Revoke(t.Context(), entries[i]); err != nil && !errors.Is(err, revocation.ErrNotShared) {
			t.Fatal(err)
		} else if err == nil {
			returned[i] = time.Now()
		}
		time.Sleep(10 * time.Millisecond)
	}
	var worst time.Duration
	for i := range n {
		eventually(t, fmt.Sprint("a refusal of token ", i), func() bool { return other.of(i).status == http.StatusUnauthorized })
		if !returned[i].IsZero() {
			worst = max(worst, other.of(i).letIn.Sub(returned[i]))
		}
	}
	t.Logf("the last that was let in came %v after Revoke had returned", worst)
	if worst > within {
		t.Errorf("somebody was let in %v after Revoke had returned", worst)
	}
}

// A replica and the database are killed while revocations come. What was acknowledged is refused by whoever starts afterwards, and what was not
// has been reported and arrives later.
func TestNothingIsLostWhenProcessesAreKilled(t *testing.T) {
	beside(t)
	n := 400
	if *full {
		n = 4000
	}
	server := postgres(t)
	database := server.URL("postgres")
	issuer := authtest.NewIssuer(t)
	list := this(t, database)
	other := begin(t, database, issuer.URL())
	tokens, entries := numbered(issuer, n)
	other.judges(t, "judge", tokens)

	reported := make([]bool, n)
	var acknowledged atomic.Int64
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := worker; i < n; i += 8 {
				err := list.Revoke(t.Context(), entries[i])
				switch {
				case errors.Is(err, revocation.ErrNotShared):
					reported[i] = true
				case err != nil:
					t.Error(err)
				default:
					acknowledged.Add(1)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	eventually(t, "some that are acknowledged", func() bool { return acknowledged.Load() > int64(n/20) })
	other.kill()
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if err := server.Begin(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	unshared := 0
	for _, was := range reported {
		if was {
			unshared++
		}
	}
	pending := list.Status().Pending
	eventually(t, "a process without pending entries", func() bool { return list.Status().Pending == 0 })

	again := begin(t, database, issuer.URL())
	again.judges(t, "judge", tokens)
	for i := range n {
		eventually(t, "an answer", func() bool { return again.of(i).status != 0 && again.of(i).status != http.StatusServiceUnavailable })
		if got := again.of(i).status; got != http.StatusUnauthorized {
			t.Errorf("token %d, reported as not shared: %v, gets %d", i, reported[i], got)
		}
	}
	t.Logf("of %d revocations %d were reported as not shared, %d were pending at the end, and all hold", n, unshared, pending)
}
