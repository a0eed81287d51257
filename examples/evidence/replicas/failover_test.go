//go:build unix

package replicas

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// inParallel runs do for each number below n.
func inParallel(atOnce, n int, do func(i int)) {
	var all sync.WaitGroup
	for worker := range atOnce {
		all.Go(func() {
			for i := worker; i < n; i += atOnce {
				do(i)
			}
		})
	}
	all.Wait()
}

// The primary is killed, and four of eight processes with it, while all of them spend proofs and revoke. Sentinels promote its replica. No proof is
// accepted twice, not even afterwards; what was acknowledged as shared holds in a process that begins later, also what the dead have revoked; and
// whatever a process has revoked that runs on, it never lets in again. Requests without a proof notice nothing: what is known is younger than it may be.
func TestAFailoverUnderLoad(t *testing.T) {
	n := 72
	if *full {
		n = 2400
	}
	onRedis(t, func(t *testing.T, e redistest.Engine) {
		issuer := authtest.NewIssuer(t)
		group := e.Replicated(t)
		e.Watch(t, group)
		at := atSentinelsOf(group)
		all := beginAll(t, eight, at, issuer.URL(), settingPatience+"=1s", settingWithin+"=1m")
		survivors, doomed := all[:eight/2], all[eight/2:]
		tokens, _ := numbered(issuer, n)
		for _, p := range all {
			p.judges(t, "judge-on", tokens)
		}

		load := spendProofs(newClient(t, issuer), all)
		by := make([]*process, n) // which process revokes
		for i := range n {
			by[i] = all[i%eight]
			if i >= n/3 {
				by[i] = survivors[i%len(survivors)]
			}
			if i == n/3 {
				eventually(t, "proofs that were accepted", func() bool { return load.accepted(all) > 50 })
				group.Primary.Kill()
				for _, p := range doomed {
					p.kill()
				}
				load.only(survivors)
			}
			by[i].tell("revoke", i)
			time.Sleep(5 * time.Millisecond)
		}
		group.AwaitPromotion()
		promoted := load.sent()
		eventually(t, "proofs that are accepted by the promoted", func() bool { return load.acceptedSince(survivors, promoted) > 50 })
		eventually(t, "an end of what is pending", func() bool {
			for _, p := range survivors {
				if p.says(t).pending > 0 {
					return false
				}
			}
			return true
		})
		load.stop()

		later := begin(t, at, issuer.URL())
		later.judges(t, "judge-on", tokens)
		acknowledged, reported := 0, 0
		for i := range n {
			eventually(t, fmt.Sprint("an answer of the later process about ", i), func() bool { s := later.of(i).status; return s == 401 || s == 200 })
			by[i].mu.Lock()
			r, ended := by[i].revoked[i]
			by[i].mu.Unlock()
			switch {
			case !ended: // by a process that was killed
				continue
			case r.outcome == "shared":
				acknowledged++
			case r.outcome == "unshared":
				reported++
			default:
				t.Errorf("revocation %d: %s", i, r.outcome)
			}
			mustHold := r.outcome == "shared" || slices.Contains(survivors, by[i])
			if got := later.of(i).status; got != 401 && mustHold {
				t.Errorf("token %d was revoked (%s), and gets %d of a later process", i, r.outcome, got)
			}
			if by[i].of(i).letIn.After(r.returned) {
				t.Errorf("token %d was let in after it was revoked there", i)
			}
			for _, p := range survivors {
				if mustHold {
					eventually(t, fmt.Sprint("a refusal of ", i, " by a survivor"), func() bool { return p.of(i).status == 401 })
				}
			}
		}
		mustNotBeOdd(t, append(survivors, later)...)
		for _, p := range survivors {
			p.mu.Lock()
			if p.unjudged > 0 {
				t.Errorf("%d times a token was not judged", p.unjudged)
			}
			p.mu.Unlock()
		}
		once, never := load.judge(t, all, survivors)
		t.Logf("%d revocations: %d acknowledged as shared, %d reported as not shared; %d proofs: %d accepted once, %d never, none twice;"+
			" nobody without a proof got 503",
			n, acknowledged, reported, once+never, once, never)
	})
}

// proofs are sent to all processes, each proof to each of them twice at once, until stop.
type proofs struct {
	client client
	end    chan struct{}
	ended  chan struct{}

	mu   sync.Mutex
	to   []*process
	text []string // by number
}

// ahead is how many proofs may be on their way.
const ahead = 16

func spendProofs(c client, to []*process) *proofs {
	load := &proofs{client: c, to: to, end: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(load.ended)
		for {
			select {
			case <-load.end:
				return
			case <-time.After(10 * time.Millisecond):
			}
			load.mu.Lock()
			if id := len(load.text); id < ahead || load.to[0].hasSpent(id-ahead) {
				proof := c.proof()
				load.text = append(load.text, proof)
				for _, p := range load.to {
					p.tell("spend", id, 2, c.token, proof)
				}
			}
			load.mu.Unlock()
		}
	}()
	return load
}

func (p *process) hasSpent(id int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.spent[id]
	return ok
}

func (l *proofs) only(to []*process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

func (l *proofs) sent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.text)
}

func (l *proofs) stop() {
	close(l.end)
	<-l.ended
}

func (l *proofs) accepted(by []*process) int { return l.acceptedSince(by, 0) }

func (l *proofs) acceptedSince(by []*process, first int) (n int) {
	for _, p := range by {
		p.mu.Lock()
		for id, s := range p.spent {
			if id >= first {
				n += s.accepted
			}
		}
		p.mu.Unlock()
	}
	return n
}

// comesAgain is added to the number of a proof that was accepted, each time that it comes again.
const comesAgain = 1_000_000

// judge counts how often each proof was accepted, and sends those that were once more.
func (l *proofs) judge(t *testing.T, all, survivors []*process) (once, never int) {
	t.Helper()
	var again []int
	for id := range l.text {
		for _, p := range survivors {
			eventually(t, fmt.Sprint("an answer about proof ", id), func() bool { return p.hasSpent(id) })
		}
		accepted := 0
		for _, p := range all {
			p.mu.Lock()
			accepted += p.spent[id].accepted
			p.mu.Unlock()
		}
		switch accepted {
		case 0:
			never++
			continue
		case 1:
			once++
		default:
			t.Errorf("proof %d was accepted %d times", id, accepted)
		}
		again = append(again, id)
	}
	l.sendAgain(t, survivors[0], again)
	return once, never
}

// sendAgain sends proofs that were accepted until each of them is refused: a process that has not found the promoted primary judges none.
func (l *proofs) sendAgain(t *testing.T, to *process, again []int) {
	t.Helper()
	const most = 200
	for attempt := 1; len(again) > 0; attempt++ {
		if attempt > most {
			t.Fatalf("%d proofs were accepted, come again, and are not judged", len(again))
		}
		var unjudged []int
		for some := range slices.Chunk(again, ahead) {
			for _, id := range some {
				to.tell("spend", attempt*comesAgain+id, 1, l.client.token, l.text[id])
			}
			for _, id := range some {
				switch sum := spentAt(t, []*process{to}, attempt*comesAgain+id); sum {
				case spent{refused: 1}:
				case spent{unjudged: 1}:
					unjudged = append(unjudged, id)
				default:
					t.Errorf("proof %d was accepted, and comes again: %+v", id, sum)
				}
			}
		}
		if again = unjudged; len(again) > 0 {
			time.Sleep(500 * time.Millisecond) // until the Store asks the server again
		}
	}
}
