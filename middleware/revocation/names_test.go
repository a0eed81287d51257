package revocation_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// judges are what a List has made for tokens, as the core keeps it.
type judges map[middleware.TokenFacts]func() middleware.Verdict

// judge asks about a token both ways, which must agree.
func (j judges) judge(t testing.TB, l *revocation.List, f middleware.TokenFacts) (kind string) {
	t.Helper()
	if j[f] == nil {
		if j[f] = l.ForToken(l, f); j[f] == nil {
			j[f] = func() middleware.Verdict { return l.Judge(f) }
		}
	}
	kind = l.Judge(f).Kind
	if kept := j[f]().Kind; kept != kind {
		t.Errorf("%+v: Judge says %q, and what ForToken has returned %q", f, kind, kept)
	}
	return kind
}

// Two tokens may have all their names in common and differ in their dates. What is kept of the later one, which is good, must not let the earlier in.
func TestTokensOfTheSameNamesAreJudgedByTheirOwnDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, _ := pair(t, storetest.NewMemory())
		made := make(judges)
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
				if got := made.judge(t, list, issued(row.iat)); got != string(row.want) {
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
			made := make(judges)
			for _, n := range []int{1, 62, 63, 64, 65, 4096} {
				text := strings.Repeat("a", n)
				good := []middleware.TokenFacts{
					but(func(f *middleware.TokenFacts) { f.ID, f.SessionID = text+"a", text }),
					but(func(f *middleware.TokenFacts) { f.ID, f.SessionID = "", text }),
					but(func(f *middleware.TokenFacts) { f.ID, f.SessionID = text[1:]+"b", text }),
				}
				bad := but(func(f *middleware.TokenFacts) { f.ID, f.SessionID = text, text+"a" })
				for i, f := range append(good, bad) {
					if made.judge(t, list, f) != "" {
						t.Errorf("%s: of %d bytes: token %d is revoked before anything was", name, n, i)
					}
				}
				e := revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: text}
				do(t, list.Revoke(t.Context(), e))
				for i, f := range good {
					if made.judge(t, list, f) != "" {
						t.Errorf("%s: of %d bytes: token %d is revoked", name, n, i)
					}
				}
				if made.judge(t, list, bad) != "token" {
					t.Errorf("%s: of %d bytes: the token is not revoked", name, n)
				}
				do(t, list.Lift(t.Context(), e))
			}
		}
	})
}

// There are more entries than stamps have places, so that they take places from each other.
func TestManyTokensAgreeWithAPlainMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 40_000
		store := storetest.NewMemory()
		list, other := pair(t, store)
		rand := rand.New(rand.NewPCG(1, 2))
		revoked, made := make(map[string]bool), make(judges)
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
					if got := made.judge(t, list, f) != ""; got != revoked[value] {
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
	var made [n]func() middleware.Verdict
	for i := range made {
		made[i] = list.ForToken(list, but(func(f *middleware.TokenFacts) { f.ID = fmt.Sprint(i) }))
	}
	var unrevokedAt [n]atomic.Uint64
	judge := func(i int) (revoked bool) {
		version := list.Version()
		if version == unrevokedAt[i].Load() {
			return false
		}
		if made[i]().Kind != "" {
			return true
		}
		unrevokedAt[i].Store(version)
		return false
	}
	var now, rounds atomic.Int64
	var judges sync.WaitGroup
	for _, judge := range []func(int){func(i int) { judge(i) }, func(i int) { made[i]() }} {
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

// restless has a new version each time that it is asked, so that every token is judged anew.
type restless struct {
	*revocation.List
	version *atomic.Uint64
}

func (r restless) Version() uint64 { return r.version.Add(1) }

func (r restless) ForToken(_ middleware.Revocations, t middleware.TokenFacts) func() middleware.Verdict {
	return r.List.ForToken(r.List, t)
}

// The whole decision about a token that comes again makes at most two allocations, also where something has come since.
func TestADecisionAllocatesNoMoreWhileEntriesCome(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	list, _ := pair(t, storetest.NewMemory())
	do(t, list.Revoke(t.Context(), entryAbout("somebody else")))
	cfg := issuer.Config(audience)
	cfg.Revocations, cfg.Logger = []middleware.Revocations{restless{list, new(atomic.Uint64)}}, silent
	auth, err := middleware.New(cfg)
	do(t, err)
	defer auth.Close()
	guard := auth.Require()
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"jti": "j", "sid": "s"}))
	got := testing.AllocsPerRun(500, func() {
		if _, err := guard.Check(r); err != nil {
			t.Fatal(err)
		}
	})
	if got > 2 {
		t.Errorf("%v allocations", got)
	}
}

// severe is a List to which somebody has added a rule of their own.
type severe struct{ *revocation.List }

func (severe) Judge(t middleware.TokenFacts) middleware.Verdict {
	return middleware.Verdict{Kind: "rule", AsOf: t.IssuedAt}
}

// The Judge of a type that embeds a List is not passed over, also not for a token that comes again while entries come.
func TestWhoEmbedsAListIsAsked(t *testing.T) {
	list, _ := pair(t, storetest.NewMemory())
	if severe := (severe{list}); severe.ForToken(severe, facts()) != nil || severe.ForToken(list, facts()) == nil {
		t.Error("a List makes something for a token where another is asked, or nothing where it is asked itself")
	}
}
