package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// FuzzScenario lets the fuzzer write a whole play: a configuration, what the issuers publish and when they cannot be reached,
// requests one after the other, and how the clock moves between them. Nobody leaves the process and the time is that of a bubble.
//
// Every request is judged by a Validator with a token cache, by two of its Guards, and by one without a cache; and a book of facts
// is kept about who signed what, when, and what was published then. The handler may run only if no fact speaks against it, must run
// if all are for it, and a fault of the issuer is never blamed on the token, or the other way round.
func FuzzScenario(f *testing.F) {
	for seed := range uint64(64) {
		f.Add(randomScript(seed))
	}
	f.Add(oldKeysScript)
	f.Fuzz(func(t *testing.T, script []byte) { play(t, script) })
}

// A target proves nothing if its plays end before the interesting scenes.
func TestScenariosReachEveryKindOfAnswer(t *testing.T) {
	seen := make(map[string]int)
	for what, n := range play(t, oldKeysScript) {
		seen[what] += n
	}
	for seed := range uint64(400) {
		for what, n := range play(t, randomScript(seed)) {
			seen[what] += n
		}
	}
	for _, what := range []string{
		"status 200", "status 400", "status 401", "status 403", "status 503", "cached", "must be admitted", "must be unavailable", "must lack a scope",
		"proven", "introspected", "opaque", "fetch failed", "stale", "its key is gone",
	} {
		if seen[what] == 0 {
			t.Errorf("in no play: %s", what)
		}
	}
	t.Log(seen)
}

// oldKeysScript lets the first issuer's keys, in a cache of the application's, grow old while nobody can fetch them.
var oldKeysScript = append([]byte{5: 1, 16: 4, 18: 1, 21: 6}, make([]byte, 60)...)

func randomScript(seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	script := make([]byte, 20+random.IntN(200))
	for i := range script {
		if random.IntN(2) == 0 { // zero is the honest choice
			script[i] = byte(random.Uint32())
		}
	}
	return script
}

// play performs a script and counts what happened in it.
func play(t *testing.T, text []byte) (seen map[string]int) {
	synctest.Test(t, func(t *testing.T) {
		s := newScenario(t, &script{text})
		defer s.close() // a goroutine that is left behind fails the bubble
		for scenes := 0; len(s.script.rest) > 0 && scenes < 10; scenes++ {
			s.scene()
			synctest.Wait()
		}
		seen = s.seen
	})
	return seen
}

func (s *scenario) scene() {
	switch s.script.pick(8) {
	case 0, 1:
		c := s.newCard()
		s.cards = append(s.cards, c)
		s.present(c)
	case 2, 3:
		if len(s.cards) > 0 {
			s.present(s.cards[s.script.pick(len(s.cards))])
		}
	case 4:
		if s.publish(); s.script.pick(2) == 0 {
			s.warm()
		}
	case 5:
		s.warm()
	case 6:
		s.passTime()
	case 7:
		s.asks.state = s.script.pick(len(answers))
	}
}

// warm has both Validators fetch everything now.
func (s *scenario) warm() { _, _ = s.cached.Warm(s.t.Context()), s.plain.Warm(s.t.Context()) }

func (s *scenario) passTime() {
	if s.script.oneIn(2) { // the clock alone; key caches have one of their own
		s.ahead += pickOf(s.script, time.Second, 29*time.Second, 30*time.Second, time.Minute, time.Hour, 24*time.Hour, 20*365*24*time.Hour)
		return
	}
	time.Sleep(pickOf(s.script, 61*time.Second, time.Second, 10*time.Second, 31*time.Second, 4*time.Minute, 11*time.Minute, 31*time.Minute))
}

// answer is what became of a request.
type answer struct {
	status int
	reason middleware.Reason
}

// present sends a card through all Guards and compares.
func (s *scenario) present(c *card) {
	call := s.newVisit(c)
	before := s.memories()
	facts := s.judge(c, call)

	keep := call.credentials()
	keep.KeepProof = true
	_, err := s.second.Authorize(context.Background(), keep)
	hint := s.decisionOf(s.cached)
	cached := s.serve(s.first, s.cached, call)
	again := s.decisions[s.cached]
	plain := s.serve(s.third, s.plain, call)
	synctest.Wait()
	after := s.memories()
	steady := slices.Equal(before, after)
	later := s.judge(c, call)

	s.story = func() string {
		s.mu.Lock()
		defer s.mu.Unlock()
		var known []string
		for i := range s.trusted {
			known = append(known, fmt.Sprintf("issuer %d, the one with the cache: %+v, the other: %+v", i, s.memoryOf(s.cached, i), s.memoryOf(s.plain, i)))
		}
		return fmt.Sprintf(
			"%s of %s\nfacts %+v\nafterwards %+v\nwith the cache %v, without %v (%v)\nkeys: %s", call.name, c, facts, later, cached, plain,
			s.decisions[s.cached].Err, strings.Join(known, "\n"),
		)
	}
	for _, got := range []answer{cached, plain} {
		s.count(fmt.Sprintf("status %d", got.status))
		switch {
		case !slices.Contains([]int{200, 400, 401, 403, 503}, got.status):
			s.fatalf("status %d", got.status)
		case got.status == 200 && facts.wrong != "" && later.wrong != "":
			s.fatalf("admitted, although: %s", facts.wrong)
		case got.status == 503 && !facts.mayLack && !later.mayLack:
			s.fatalf("503 (%s), although everything could be had", got.reason)
		}
		if steady && facts.exact() {
			s.wantExactly(facts, got)
		}
	}
	s.spend(call, cached, plain)
	if again.Cached {
		s.count("cached")
	}
	if c.passed && facts.wrong == unpublished {
		s.count("its key is gone")
	}
	c.passed = c.passed || cached.status == 200
	if !steady {
		return
	}
	if inDoubt := facts.doubt && cached.status != 200 && plain.status != 200; cached != plain && !inDoubt {
		s.fatalf("the cache changes the answer")
	}
	var refusal *middleware.Error
	errors.As(err, &refusal)
	spent := cached.reason == middleware.ReasonProofReplay // which is not looked at where the proof is kept
	if (err == nil) != (cached.status == 200) && !spent && !s.form {
		s.fatalf("one Guard says %v (%v), another %v", err, hint.Reason, cached)
	}
	if refusal != nil && refusal.Reason != cached.reason && !spent && !s.form {
		s.fatalf("one Guard says %s, another %s", refusal.Reason, cached.reason)
	}
	if cached.status == 200 {
		for what, is := range map[string]bool{
			"proven": call.proof != nil, "introspected": c.issuer == 0 && s.mode == middleware.VerifyAndIntrospectJWTs, "opaque": c.opaque,
		} {
			if is {
				s.count(what)
			}
		}
	}
}

// wantExactly is for requests of which every fact is known.
func (s *scenario) wantExactly(f facts, got answer) {
	want := answer{status: 200}
	switch {
	case f.wrong != "":
		if got.status == 200 || got.status == 503 && !f.mayLack {
			s.fatalf("%v, although: %s", got, f.wrong)
		}
		return
	case f.mustLack:
		s.count("must be unavailable")
		want.status = 503
	case f.scope:
		s.count("must lack a scope")
		want.status = 403
	default:
		s.count("must be admitted")
	}
	if got.status != want.status {
		s.fatalf("%v, want %d: %+v", got, want.status, f)
	}
}

// serve sends a call through a Guard's handler, and checks the form of the answer.
func (s *scenario) serve(g *middleware.Guard, v *middleware.Validator, call *visit) answer {
	ran := false
	w := httptest.NewRecorder()
	g.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }).ServeHTTP(w, call.request())
	if ran != (w.Code == 200) {
		s.fatalf("status %d, but the handler ran: %t", w.Code, ran)
	}
	challenges := w.Header()["Www-Authenticate"]
	if wants := w.Code == 400 || w.Code == 401 || w.Code == 403; wants != (len(challenges) > 0) {
		s.fatalf("status %d with the challenges %q", w.Code, challenges)
	}
	for _, line := range challenges {
		c, err := kit.ParseChallenge(line)
		if err != nil || c.Scheme != "Bearer" && c.Scheme != "DPoP" || c.Params["realm"] != "api" {
			s.fatalf("%q: %v", line, err)
		}
	}
	if w.Code == 503 && w.Header().Get("Retry-After") == "" {
		s.fatalf("503 without Retry-After")
	}
	return answer{w.Code, s.decisionOf(v).Reason}
}

func (s *scenario) decisionOf(v *middleware.Validator) middleware.Decision { return s.decisions[v] }

// fatalf ends the play with the scene in which it went wrong.
func (s *scenario) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf(format+"\n%s", append(args, s.story())...)
}

func (s *scenario) count(what string) { s.seen[what]++ }

// script yields the fuzzer's choices. At its end, every choice is the first.
type script struct{ rest []byte }

func (t *script) pick(n int) int {
	if len(t.rest) == 0 {
		return 0
	}
	b := t.rest[0]
	t.rest = t.rest[1:]
	return int(b) % n
}

func (t *script) oneIn(n int) bool { return t.pick(n) == n-1 }

func (t *script) text() string {
	n := min(t.pick(5), len(t.rest))
	text := string(t.rest[:n])
	t.rest = t.rest[n:]
	return text
}

func pickOf[T any](t *script, options ...T) T { return options[t.pick(len(options))] }
