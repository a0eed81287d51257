package revocation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// Two tokens may have all their names in common and differ in their dates. What is kept of the later one, which is good, must not let the earlier in.
func TestTokensOfTheSameNamesAreJudgedByTheirOwnDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, _ := pair(t, storetest.NewMemory())
		do(t, list.Revoke(t.Context(), revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(-100)}))
		issued := func(at time.Time) middleware.TokenFacts {
			return but(func(f *middleware.TokenFacts) { f.IssuedAt = at })
		}
		for range 2 {
			for _, row := range []struct {
				name string
				iat  time.Time
				want revocation.Kind
			}{
				{"a later one", at(-99), ""},
				{"one of the same second", at(-100), revocation.Subject},
				{"one without a date", time.Time{}, revocation.Subject},
				{"another later one", at(-50), ""},
				{"an earlier one", at(-101), revocation.Subject},
			} {
				if got := list.Judge(issued(row.iat)).Kind; got != string(row.want) {
					t.Errorf("%s is revoked by %q, want %q", row.name, got, row.want)
				}
			}
		}
	})
}

// Texts of all lengths are told from each other, wherever one ends and the next begins.
func TestNamesAreNotMistakenForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared, _ := pair(t, storetest.NewMemory())
		for name, list := range map[string]*revocation.List{"alone": newList(t, revocation.Config{}), "with a Store": shared} {
			for _, n := range []int{1, 62, 63, 64, 65, 4096} {
				text := strings.Repeat("a", n)
				good := []middleware.TokenFacts{
					but(func(f *middleware.TokenFacts) { f.ID, f.SessionID = text+"a", text }),
					but(func(f *middleware.TokenFacts) { f.ID, f.SessionID = "", text }),
					but(func(f *middleware.TokenFacts) { f.ID, f.SessionID = text[1:]+"b", text }),
				}
				bad := but(func(f *middleware.TokenFacts) { f.ID, f.SessionID = text, text+"a" })
				for i, f := range append(good, bad) {
					if list.Judge(f).Kind != "" {
						t.Errorf("%s: of %d bytes: token %d is revoked before anything was", name, n, i)
					}
				}
				e := revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: text}
				do(t, list.Revoke(t.Context(), e))
				for i, f := range good {
					if list.Judge(f).Kind != "" {
						t.Errorf("%s: of %d bytes: token %d is revoked", name, n, i)
					}
				}
				if list.Judge(bad).Kind != "token" {
					t.Errorf("%s: of %d bytes: the token is not revoked", name, n)
				}
				do(t, list.Lift(t.Context(), e))
			}
		}
	})
}

// said is what a test has revoked.
type said struct {
	revocation.Entry
	lifted bool
}

func (s *said) names(f *middleware.TokenFacts) bool {
	if f.Issuer != s.Issuer {
		return false
	}
	switch s.Kind {
	case revocation.Token:
		return f.ID == s.Value
	case revocation.Session:
		return f.SessionID == s.Value
	case revocation.Subject:
		return f.Subject == s.Value
	case revocation.Client:
		return f.ClientID == s.Value
	default:
		return true
	}
}

func (s *said) hits(f *middleware.TokenFacts) bool {
	return s.names(f) && (s.IssuedBefore.IsZero() || f.IssuedAt.IsZero() || f.IssuedAt.Unix() <= s.IssuedBefore.Unix())
}

// plain is a list of everything that was said, which is gone through for each token.
type plain []*said

// agrees says what is wrong with the answer about a token. What has ended may be forgotten, and need not be.
func (p plain) agrees(f *middleware.TokenFacts, kind string, now time.Time) error {
	may, must := kind == "", false
	for _, s := range p {
		if ended := s.Until.Before(now); s.hits(f) && (ended || !s.lifted) {
			may = may || kind == string(s.Kind)
			must = must || !ended
		}
	}
	switch {
	case !may:
		return fmt.Errorf("it is revoked by %q, and nobody has said so", kind)
	case must && kind == "":
		return errors.New("it is good, and was revoked")
	}
	return nil
}

// Instances that revoke, lift, lose their Store, read all of it again, are replaced and come to use another secret agree at every moment with a
// plain list about each of some hundred tokens, all of which are asked about again and again.
func TestInstancesAgreeWithAPlainList(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newAgreement(t, seed).run() })
		})
	}
}

type agreement struct {
	t         *testing.T
	rand      *rand.Rand
	store     *storetest.Memory
	instances []*revocation.List
	tokens    []middleware.TokenFacts
	said      plain
	restore   func() error // of the last backup; nil: there is none that all instances can make good
}

func newAgreement(t *testing.T, seed uint64) *agreement {
	a := &agreement{t: t, rand: rand.New(rand.NewPCG(seed, 0)), store: storetest.NewMemory()}
	for i := range 3 {
		a.instances = append(a.instances, a.instance(i))
	}
	for range 150 {
		f := middleware.TokenFacts{
			Issuer: a.one("https://i", "https://k"), ID: a.one("", "1", "2", "3"), SessionID: a.one("", "1", "2"), Subject: a.one("1", "2", "3"),
			ClientID: a.one("", "1", "2"), IssuedAt: at(-int64(a.rand.IntN(900))), Expiry: at(20 * 3600),
		}
		if a.rand.IntN(10) == 0 {
			f.IssuedAt = time.Time{}
		}
		a.tokens = append(a.tokens, f)
	}
	return a
}

func (a *agreement) one(of ...string) string { return of[a.rand.IntN(len(of))] }

// instance makes one that has either secret in front.
func (a *agreement) instance(i int) *revocation.List {
	secrets := [][]byte{secretOf(1), secretOf(2)}
	if i%2 == 1 {
		slices.Reverse(secrets)
	}
	l := instance(a.t, a.store, secrets...)
	do(a.t, l.Warm(a.t.Context()))
	return l
}

func (a *agreement) run() {
	for step := range 120 {
		what := a.step()
		time.Sleep(2 * time.Second) // everything has come everywhere, in the bubble's time
		for i := range a.instances {
			eventually(a.t, "an instance that knows everything", func() bool {
				s := a.instances[i].Status()
				return s.Pending == 0 && s.Lag < time.Second
			})
			a.compare(i, fmt.Sprintf("step %d, %s", step, what))
		}
		if a.t.Failed() {
			return
		}
	}
}

func (a *agreement) compare(i int, when string) {
	for _, f := range a.tokens {
		if err := a.said.agrees(&f, a.instances[i].Judge(f).Kind, time.Now()); err != nil {
			a.t.Errorf("%s: instance %d: %+v: %v", when, i, f, err)
			return
		}
	}
}

func (a *agreement) step() string {
	i := a.rand.IntN(len(a.instances))
	switch n := a.rand.IntN(100); {
	case n < 45:
		e := a.entry()
		do(a.t, a.instances[i].Revoke(a.t.Context(), e))
		a.said = append(a.said, &said{Entry: e})
		a.compare(i, "at once") // without waiting for anything
		return "revoked"
	case n < 65:
		return a.lift(i)
	case n < 75:
		time.Sleep(time.Duration(a.rand.IntN(30)) * time.Minute)
		return "time has passed"
	case n < 80:
		do(a.t, a.store.Trim())
		return "trimmed"
	case n < 85:
		a.store.Gap()
		return "gap"
	case n < 90:
		a.store.Cut(errors.New("cut"))
		return "cut"
	case n < 94:
		var err error
		a.restore, err = a.store.Backup()
		do(a.t, err)
		return "backup"
	case n < 97 && a.restore != nil:
		do(a.t, a.restore())
		return "backup restored"
	default:
		do(a.t, a.instances[i].Close())
		a.instances[i], a.restore = a.instance(a.rand.IntN(2)), nil // what the old one knew and the Store loses now is lost
		return "instance replaced"
	}
}

func (a *agreement) entry() revocation.Entry {
	kinds := []revocation.Kind{revocation.Token, revocation.Session, revocation.Subject, revocation.Client, revocation.Issuer}
	e := revocation.Entry{
		Kind: kinds[a.rand.IntN(len(kinds))], Issuer: a.one("https://i", "https://k"), Value: a.one("1", "2", "3"),
		Until: time.Now().Add(time.Duration(1+a.rand.IntN(7200)) * time.Second),
	}
	if e.Kind == revocation.Issuer {
		e.Value = ""
	}
	if e.Kind != revocation.Token && e.Kind != revocation.Session {
		e.IssuedBefore = a.tokens[0].Expiry.Add(-20*time.Hour - time.Duration(a.rand.IntN(1000))*time.Second)
	}
	return e
}

// lift lifts something that was said, or was not.
func (a *agreement) lift(i int) string {
	e, live := a.entry(), false
	e.IssuedBefore, e.Until = time.Time{}, time.Time{}
	for _, s := range a.said {
		if s.Kind == e.Kind && s.Issuer == e.Issuer && s.Value == e.Value && !s.lifted && !s.Until.Before(time.Now()) {
			s.lifted, live = true, true
		}
	}
	if err := a.instances[i].Lift(a.t.Context(), e); err != nil && (live || !errors.Is(err, revocation.ErrNotListed)) {
		a.t.Errorf("Lift: %v", err)
	}
	a.compare(i, "at once after a lift")
	return "lifted"
}

// There are more tokens, and more entries, than names and stamps have places, so that they take places from each other.
func TestManyTokensAgreeWithAPlainMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 40_000
		store := storetest.NewMemory()
		list, other := pair(t, store)
		rand := rand.New(rand.NewPCG(1, 2))
		revoked := make(map[string]bool)
		for round := range 3 {
			for range n / 8 {
				value := fmt.Sprint(rand.IntN(n))
				revoked[value] = true
				do(t, []*revocation.List{list, other}[round%2].Revoke(t.Context(), revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: value}))
			}
			synctest.Wait()
			for i := range n {
				value := fmt.Sprint(i)
				f := but(func(f *middleware.TokenFacts) { f.ID = value })
				for range 1 + i%2 {
					if got := list.Judge(f).Kind != ""; got != revoked[value] {
						t.Fatalf("round %d: token %s is revoked: %v, want %v", round, value, got, revoked[value])
					}
				}
			}
		}
	})
}

// A token is judged without a pause, as the core does it and more often, while it is revoked, each time another: here, or by another instance.
// Once Revoke has returned, or the entry has come, it is refused for good.
func TestATokenIsRefusedAsSoonAsRevokeReturns(t *testing.T) {
	const n = 1000
	list, other := pair(t, storetest.NewMemory())
	var tokens [n]middleware.TokenFacts
	for i := range tokens {
		tokens[i] = but(func(f *middleware.TokenFacts) { f.ID = fmt.Sprint(i) })
	}
	var unrevokedAt [n]atomic.Uint64
	judge := func(i int) (revoked bool) {
		version := list.Version()
		if version == unrevokedAt[i].Load() {
			return false
		}
		if list.Judge(tokens[i]).Kind != "" {
			return true
		}
		unrevokedAt[i].Store(version)
		return false
	}
	var now, rounds atomic.Int64
	var judges sync.WaitGroup
	for _, judge := range []func(int){func(i int) { judge(i) }, func(i int) { list.Judge(tokens[i]) }} {
		judges.Go(func() {
			for i := now.Load(); i < n; i = now.Load() {
				judge(int(i))
				rounds.Add(1)
				runtime.Gosched()
			}
		})
	}
	for i := range n {
		now.Store(int64(i))
		for before := rounds.Load(); rounds.Load() < before+3; {
			runtime.Gosched()
		}
		l := []*revocation.List{list, other}[i%2]
		do(t, l.Revoke(t.Context(), revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: fmt.Sprint(i)}))
		for l == other && list.Version() <= uint64(i) {
			runtime.Gosched()
		}
		if !judge(i) {
			t.Errorf("token %d is good after it was revoked", i)
		}
	}
	now.Store(n)
	judges.Wait()
	for i := range n {
		if !judge(i) {
			t.Errorf("token %d is good in the end", i)
		}
	}
}

// What is asked about a token that comes again allocates nothing, whatever has come since.
func TestJudgeAllocatesNothingWithAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, _ := pair(t, storetest.NewMemory())
		for _, f := range []middleware.TokenFacts{facts(), but(func(f *middleware.TokenFacts) { f.Subject = strings.Repeat("u", 1000) })} {
			for _, kind := range []revocation.Kind{revocation.Token, revocation.Session, revocation.Subject, revocation.Client} {
				do(t, list.Revoke(t.Context(), revocation.Entry{Kind: kind, Issuer: "https://i", Value: "other"}))
				synctest.Wait() // nothing else runs from now on
				if got := testing.AllocsPerRun(100, func() { list.Judge(f) }); got != 0 {
					t.Errorf("%v allocations", got)
				}
			}
		}
	})
}
