package dpop_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// twoClocks is a memory of proofs under two clocks that the test moves.
type twoClocks struct {
	dpop.Memory

	now     time.Time
	elapsed time.Duration
	count   int
}

func newMemory(capacity int) *twoClocks {
	m := &twoClocks{now: testkit.Now}
	m.Memory = dpop.NewMemory(func() time.Duration { return m.elapsed }, capacity)
	return m
}

// pass lets time pass on both clocks.
func (m *twoClocks) pass(d time.Duration) { m.now, m.elapsed = m.now.Add(d), m.elapsed+d }

// add puts in a proof that is good for another 90 seconds.
func (m *twoClocks) add(subject, key string) string { return m.addFor(subject, key, 90*time.Second) }

func (m *twoClocks) addFor(subject, key string, life time.Duration) string {
	switch fresh, err := m.Add(subject, key, m.now, m.now.Add(life)); {
	case err != nil:
		return "refused"
	case !fresh:
		return "replay"
	}
	return "fresh"
}

// fill sends new proofs of all these subjects by turns until none is taken, and counts those of each that were.
func (m *twoClocks) fill(subjects ...string) map[string]int {
	taken := make(map[string]int)
	for more := true; more; {
		more = false
		for _, subject := range subjects {
			m.count++
			if m.add(subject, fmt.Sprint("proof ", m.count)) == "fresh" {
				taken[subject]++
				more = true
			}
		}
	}
	return taken
}

func TestPartiesThatSendAllTheyCanLeaveAShareToOthers(t *testing.T) {
	const capacity = 16 * 27 * 25 * 7 // which all parts below divide
	for heavy := 1; heavy <= 14; heavy++ {
		t.Run(fmt.Sprint(heavy, " of them"), func(t *testing.T) {
			m := newMemory(capacity)
			var subjects []string
			for i := range heavy {
				subjects = append(subjects, fmt.Sprint("heavy ", i))
			}
			for subject, n := range m.fill(subjects...) {
				if most := min(capacity/dpop.PartyShare, capacity/(heavy+1)+1); n > most || n < most-1 {
					t.Errorf("%s holds %d proofs, want %d", subject, n, most)
				}
			}
			left := capacity
			if total, _ := m.Remembered(); total > 0 {
				left -= total
			}
			if left < capacity/(heavy+1)-heavy {
				t.Errorf("of %d, %d are left to others", capacity, left)
			}
			// One that comes now is refused neither at once nor when it sends as much as it may.
			if n := m.fill("newcomer")["newcomer"]; n < min(left/2, capacity/dpop.PartyShare) {
				t.Errorf("a newcomer may hold %d of %d", n, left)
			}
			if got := m.add("another", "its first"); got != "fresh" {
				t.Errorf("and the next one is %s", got)
			}
			if got := m.add(subjects[0], "proof 1"); got != "replay" {
				t.Errorf("a replay to a party that is over its share is %s", got)
			}
		})
	}
}

func TestAFullMemoryAdmitsNobody(t *testing.T) {
	m := newMemory(100)
	for i := range 200 {
		m.fill(fmt.Sprint("party ", i))
	}
	if total, _ := m.Remembered(); total != 100 {
		t.Fatalf("%d proofs are remembered, want all 100", total)
	}
	if _, err := m.Add("newcomer", "its first", m.now, m.now.Add(time.Minute)); err == nil || !strings.Contains(err.Error(), "remembers as many") {
		t.Errorf("a full memory says %v", err)
	}
	if got := m.add("newcomer", "proof 1"); got != "replay" {
		t.Errorf("a replay to a full memory is %s", got)
	}
	m.pass(90*time.Second + 15*time.Second)
	if got := m.add("newcomer", "proof 1"); got != "fresh" {
		t.Errorf("what has expired is %s", got)
	}
	if total, slots := m.Remembered(); total != 1 || slots != 1 {
		t.Errorf("%d proofs in %d slots are remembered, want 1 in 1", total, slots)
	}
}

// Nobody can set the monotonic clock, and proofs expire by the other. Only what is over by both is forgotten.
func TestAClockThatIsSetMakesNoSpentProofFresh(t *testing.T) {
	for name, jumps := range map[string][]time.Duration{
		"forward and back":             {5 * time.Minute, -5 * time.Minute},
		"back and forward":             {-5 * time.Minute, 5 * time.Minute},
		"far forward and back":         {1000 * time.Hour, -1000 * time.Hour},
		"a little forward, many times": {time.Minute, time.Minute, time.Minute, -3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(100)
			if got := m.add("s", "spent"); got != "fresh" {
				t.Fatal(got)
			}
			for _, jump := range jumps {
				m.pass(time.Second)
				m.now = m.now.Add(jump)
				if got := m.add("s", fmt.Sprint("another after ", m.now)); got != "fresh" {
					t.Fatal(got)
				}
			}
			if got := m.add("s", "spent"); got != "replay" {
				t.Errorf("after the jumps the proof is %s", got)
			}
		})
	}
}

// While the clock is wrong, proofs of that time are good. When it comes to that time again, they were spent.
func TestAProofOfTheWrongTimeIsNotFreshWhenItsTimeComes(t *testing.T) {
	m := newMemory(100)
	m.now = m.now.Add(30 * time.Minute)
	if got := m.add("s", "of the wrong time"); got != "fresh" {
		t.Fatal(got)
	}
	m.now = m.now.Add(-30 * time.Minute)
	for range 31 {
		m.pass(time.Minute)
		if got := m.add("s", "of the wrong time"); got != "replay" {
			t.Fatalf("after %v the proof is %s", m.elapsed, got)
		}
	}
}

func TestAClockThatIsSetKeepsNoProofForEver(t *testing.T) {
	const life = 150 * time.Second // of a proof from a minute ahead
	for name, jump := range map[string]time.Duration{
		"far forward": 24 * 365 * time.Hour, "far back": -24 * 365 * time.Hour, "an hour back": -time.Hour, "not at all": 0,
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(100)
			for i := range 10 {
				m.addFor("s", fmt.Sprint("before ", i), life)
			}
			m.now = m.now.Add(jump)
			m.pass(life + 15*time.Second + dpop.MaxOverstay)
			m.add("s", "after")
			if total, slots := m.Remembered(); total != 1 || slots != 1 {
				t.Errorf("%d proofs in %d slots are remembered, want 1 in 1", total, slots)
			}
		})
	}
	t.Run("and a clock that was set forward forgets when the proofs would have expired", func(t *testing.T) {
		m := newMemory(100)
		m.add("s", "before")
		m.now = m.now.Add(time.Hour)
		m.pass(90 * time.Second)
		m.add("s", "after")
		if total, _ := m.Remembered(); total != 1 {
			t.Errorf("%d proofs are remembered, want 1", total)
		}
	})
}

func TestRememberingAProofAllocatesNothingButTables(t *testing.T) {
	m := newMemory(1 << 18)
	keys := make([]string, 20_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("%043d.%043d", i, i)
	}
	next := 0
	if n := testing.AllocsPerRun(len(keys)-1, func() {
		if _, err := m.Add("somebody", keys[next], m.now, m.now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		next++
	}); n >= 1 {
		t.Errorf("a proof costs %v allocations beside tables that grow, want none", n)
	}
}

// With the clocks that a Verifier has.
func TestAProofIsForgottenAfterItsTime(t *testing.T) {
	const token = "the access token"
	base, _ := targeturi.Parse(testkit.Audience)
	synctest.Test(t, func(t *testing.T) {
		v := dpop.New(dpop.Config{Bases: []targeturi.URI{base}, Algorithms: []string{"EdDSA"}})
		for range 3 {
			proof := testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: testkit.Claims{"iat": time.Now().Unix()}}
			call := dpop.Call{
				Proofs: []string{proof.String()}, Method: "GET", Target: "/orders", Now: time.Now(),
				Thumbprint: testkit.Thumbprint(testkit.JWK(testkit.EdKey().Public())),
			}
			if _, refusal := v.Verify(t.Context(), &call, func() shards.Key { return shards.KeyOf(token) }); refusal.Refused() {
				t.Fatal(refusal.Err)
			}
			if proofs, slots := dpop.MemoryOf(v).Remembered(); proofs != 1 || slots != 1 {
				t.Errorf("%d proofs in %d slots are remembered, want 1 in 1", proofs, slots)
			}
			time.Sleep(90*time.Second + 15*time.Second)
		}
	})
}
