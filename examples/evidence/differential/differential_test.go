package differential_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

var (
	flagN     = flag.Uint64("n", 4000, "`number` of mutated tokens")
	flagFirst = flag.Uint64("first", 0, "`number` of the first of them")
	flagSeed  = flag.Uint64("seed", 1, "of the tokens")
	flagShow  = flag.Bool("show", false, "print each token with every verdict")
	flagMost  = flag.Uint64("complaints", 10, "stop after this `number` of disagreements")
)

// A reader who disagrees about a token's claims is what attackers live on.
func TestEveryReaderReadsAlike(t *testing.T) {
	var next, complaints atomic.Uint64
	next.Store(*flagFirst)
	var counts sync.Map // of accepted tokens, and of each explained refusal
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for complaints.Load() < *flagMost {
				number := next.Add(1) - 1
				if number-*flagFirst >= *flagN {
					return
				}
				m := mutate(*flagSeed, number)
				v := judge(m)
				if *flagShow {
					t.Logf("token %d, class %q: %s\n%s", number, m.class, m.token, v)
				}
				if v.complaint != "" {
					complaints.Add(1)
					t.Errorf("token %d, class %q: %s\n%s\n%s", number, m.class, v.complaint, m.token, v)
				}
				counter, _ := counts.LoadOrStore(v.summary, new(atomic.Uint64))
				counter.(*atomic.Uint64).Add(1)
			}
		})
	}
	workers.Wait()
	summary := make(map[string]uint64)
	for name, counter := range counts.Range {
		summary[name.(string)] = counter.(*atomic.Uint64).Load()
	}
	for _, name := range slices.Sorted(maps.Keys(summary)) {
		t.Logf("%8d %s", summary[name], name)
	}
	if *flagN >= 1000 && summary["accepted"] < *flagN/10 {
		t.Errorf("only %d of %d tokens were accepted: the mutations are too coarse to prove anything", summary["accepted"], *flagN)
	}
}

// verdict is what all readers make of one token.
type verdict struct {
	cardea    reading
	reason    middleware.Reason
	peers     []string // one line each
	summary   string
	complaint string // empty: the readers agree, or it is known why they do not
}

func (v *verdict) String() string {
	return fmt.Sprintf("cardea: %+v, reason %q\n%s", v.cardea, v.reason, strings.Join(v.peers, "\n"))
}

// judge asks everybody.
func judge(m mutation) *verdict {
	v := new(verdict)
	var err error
	if v.cardea, v.reason, err = readCardea(m.token); err != nil {
		v.complaint, v.summary = err.Error(), "not judged"
		return v
	}
	accepted := 0
	token := strings.TrimLeft(m.token, " ") // Cardea reads a header field, in which spaces before the token are none of it (RFC 6750 section 2.1)
	for _, p := range peers {
		read, err := p.read(token)
		v.peers = append(v.peers, fmt.Sprintf("%s: %+v, error %v", p.name, read, err))
		switch {
		case err == nil:
			accepted++
			if v.reason == "" && !v.cardea.equal(read) {
				v.complaint = p.name + " reads other claims than Cardea"
			}
		case v.reason == "" && !limited(p.name, token):
			v.complaint = "Cardea accepts what " + p.name + " refuses"
		}
	}
	switch {
	case v.reason == "":
		v.summary = "accepted"
	case accepted == len(peers):
		v.summary = fmt.Sprintf("refused by Cardea alone: %s: %s", m.class, v.reason)
		if !isExplained(m.class, v.reason) {
			v.complaint = "Cardea alone refuses, and explained has no such class and reason"
		}
	case accepted > 0:
		v.summary = "refused by Cardea and some"
	default:
		v.summary = "refused by all"
	}
	return v
}

// The fuzzer writes both texts; they are signed, so that nothing but their reading is in question.
func FuzzSignedText(f *testing.F) {
	for seed := range uint64(8) {
		for i, k := range cheap {
			header, claims := texts(k, rand.New(rand.NewPCG(seed, uint64(i))))
			f.Add(uint8(i), header, claims)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, header, claims string) {
		complain(t, mutation{"text", cheap[int(which)%len(cheap)].sign(header, claims)})
	})
}

// The fuzzer steers the generator of the test above by its seed.
func FuzzMutation(f *testing.F) {
	f.Add(uint64(1), uint64(0))
	f.Fuzz(func(t *testing.T, seed, number uint64) { complain(t, mutate(seed, number)) })
}

func complain(t *testing.T, m mutation) {
	if v := judge(m); v.complaint != "" {
		t.Errorf("class %q: %s\n%s\n%s", m.class, v.complaint, m.token, v)
	}
}
