//go:build unix

package replicas

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// eight processes share a Redis.
const eight = 8

// onRedis runs a test on the first engine that is installed, and in full on each.
func onRedis(t *testing.T, test func(*testing.T, redistest.Engine)) {
	t.Helper()
	beside(t)
	engines := redistest.Engines(t)
	if !*full {
		engines = engines[:1]
	}
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) { test(t, e) })
	}
}

// beside lets a test run beside others, unless in full, where it measures.
func beside(t *testing.T) {
	if !*full {
		t.Parallel()
	}
}

// client is somebody who has a token that is bound to a key.
type client struct {
	issuer *authtest.Issuer
	key    crypto.Signer
	token  string
}

func newClient(t *testing.T, issuer *authtest.Issuer) client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return client{issuer, key, issuer.Token(authtest.Claims{"aud": audience, "cnf": authtest.Claims{"jkt": authtest.Thumbprint(key)}})}
}

func (c client) proof() string { return c.issuer.Proof(c.key, c.token, "GET", audience+"/") }

// spentAt adds up what became of a proof at several processes, once all have answered.
func spentAt(t *testing.T, processes []*process, id int) (sum spent) {
	t.Helper()
	for _, p := range processes {
		eventually(t, fmt.Sprint("an answer about proof ", id), func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			s, ok := p.spent[id]
			if ok {
				sum.accepted += s.accepted
				sum.refused += s.refused
				sum.unjudged += s.unjudged
			}
			return ok
		})
	}
	return sum
}

func mustNotBeOdd(t *testing.T, processes ...*process) {
	t.Helper()
	for i, p := range processes {
		p.mu.Lock()
		for _, line := range p.odd {
			t.Errorf("process %d: %s", i, line)
		}
		p.mu.Unlock()
	}
}

func TestAProofIsGoodOnceAmongEightProcesses(t *testing.T) {
	onRedis(t, func(t *testing.T, e redistest.Engine) {
		issuer := authtest.NewIssuer(t)
		server := e.Start(t, redistest.Durable...)
		all := beginAll(t, eight, atRedis+server.Addr, issuer.URL(), settingPatience+"=20s")
		c, rounds := newClient(t, issuer), slices.Repeat([]int{10}, 20) // it is for the first time that they compete
		if *full {
			rounds = append(rounds, 1000)
		}
		for id, times := range rounds {
			proof, began := c.proof(), time.Now()
			for _, p := range all {
				p.tell("spend", id, times, c.token, proof)
			}
			sum := spentAt(t, all, id)
			if want := (spent{1, eight*times - 1, 0}); sum != want {
				t.Errorf("proof %d: got %+v, want %+v", id, sum, want)
			}
			if id == len(rounds)-1 {
				t.Logf("the last of %d proofs, %d times to %d processes, in %v: accepted %d, refused %d, not judged %d",
					len(rounds), eight*times, eight, time.Since(began).Round(time.Millisecond), sum.accepted, sum.refused, sum.unjudged)
			}
		}
	})
}

// How long a revocation is on its way to each of eight processes, from the call on: one at a time, and sixteen at once.
func TestRevocationsReachEightProcesses(t *testing.T) {
	n := 100
	if *full {
		n = 4000
	}
	onRedis(t, func(t *testing.T, e redistest.Engine) {
		for _, row := range []struct {
			name    string
			atOnce  int
			replica bool
		}{{"one at a time", 1, false}, {"sixteen at once", 16, false}, {"sixteen at once, with a replica that confirms", 16, true}} {
			if row.replica && !*full {
				continue
			}
			t.Run(row.name, func(t *testing.T) {
				issuer := authtest.NewIssuer(t)
				var server *redistest.Server
				if row.replica {
					server = e.Replicated(t).Primary
				} else {
					server = e.Start(t, redistest.Durable...)
				}
				at := atRedis + server.Addr
				list := this(t, at)
				all := beginAll(t, eight, at, issuer.URL())
				tokens, entries := numbered(issuer, n)
				for _, token := range tokens {
					for _, p := range all {
						p.tell("watch", token)
					}
				}
				for _, p := range all {
					p.says(t) // so it has read all that was told before
				}
				called, began := make([]time.Time, n), time.Now()
				inParallel(row.atOnce, n, func(i int) {
					called[i] = time.Now()
					if err := list.Revoke(t.Context(), entries[i]); err != nil {
						t.Error(err)
					}
				})
				took := time.Since(began)
				var late []time.Duration
				for _, p := range all {
					eventually(t, "word of every revocation", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.told) == n })
					for i, at := range p.told {
						late = append(late, at.Sub(called[i]))
					}
				}
				mustNotBeOdd(t, all...)
				slices.Sort(late)
				t.Logf("%d revocations in %v; known to and refused by each of %d processes after: median %v, 99 %% %v, last %v",
					n, took.Round(time.Millisecond), eight, late[len(late)/2], late[len(late)*99/100], late[len(late)-1])
			})
		}
	})
}

// A process that the network cuts off says how old its knowledge is, judges nothing once that is older than it may be, and goes on afterwards with
// what it has missed. The others notice nothing.
func TestAProcessThatIsCutOffEndsByPolicy(t *testing.T) {
	onRedis(t, func(t *testing.T, e redistest.Engine) {
		issuer := authtest.NewIssuer(t)
		server := e.Start(t, redistest.Durable...)
		wire := newWire(t, server.Addr)
		list := this(t, atRedis+server.Addr)
		other := begin(t, atRedis+server.Addr, issuer.URL())
		alone := begin(t, atRedis+wire.addr, issuer.URL())
		tokens, entries := numbered(issuer, 2)
		for _, p := range []*process{other, alone} {
			p.judges(t, "judge-on", tokens)
			if s := p.says(t); !s.ready || s.age > within {
				t.Fatalf("before: %+v", s)
			}
		}
		wire.cut()
		cut := time.Now()
		if err := list.Revoke(t.Context(), entries[0]); err != nil {
			t.Fatal(err)
		}
		returned := time.Now()
		eventually(t, "a refusal by the others", func() bool { return other.of(0).status == 401 })
		eventually(t, "503 by the one that is cut off", func() bool { return alone.of(0).status == 503 && alone.of(1).status == 503 })
		last := max(alone.of(0).letIn.Sub(returned), alone.of(1).letIn.Sub(cut))
		s := alone.says(t)
		if s.ready || s.age < within {
			t.Errorf("it says of itself: %+v", s)
		}
		if last > within {
			t.Errorf("somebody was let in %v after the cut", last)
		}
		if s := other.says(t); !s.ready || other.of(1).status != 200 {
			t.Errorf("the others: %+v, and a good token gets %d", s, other.of(1).status)
		}
		wire.mend()
		mended := time.Now()
		eventually(t, "what it has missed", func() bool { return alone.of(0).status == 401 })
		eventually(t, "good tokens are good again", func() bool { return alone.of(1).status == 200 && alone.says(t).ready })
		mustNotBeOdd(t, other, alone)
		if alone.of(0).letIn.After(mended) {
			t.Error("the revoked token was let in when the network was back")
		}
		t.Logf("the last that was let in came %v after the cut; back %v after the network was", last, time.Since(mended).Round(time.Millisecond))
	})
}

func atSentinelsOf(r *redistest.Replicated) string {
	var addrs []string
	for _, s := range r.Sentinels {
		addrs = append(addrs, s.Addr)
	}
	return atSentinels + redistest.MasterName + "@" + strings.Join(addrs, ",")
}
