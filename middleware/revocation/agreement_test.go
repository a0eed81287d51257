package revocation_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

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
	judges    map[*revocation.List][]func() middleware.Verdict // what each has made for the tokens
	said      plain
	restore   func() error // of the last backup; nil: there is none that all instances can make good
}

func newAgreement(t *testing.T, seed uint64) *agreement {
	a := &agreement{
		t: t, rand: rand.New(rand.NewPCG(seed, 0)), store: storetest.NewMemory(), judges: make(map[*revocation.List][]func() middleware.Verdict),
	}
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
	list := a.instances[i]
	if a.judges[list] == nil {
		for _, f := range a.tokens {
			a.judges[list] = append(a.judges[list], list.ForToken(list, f))
		}
	}
	for n, f := range a.tokens {
		for what, verdict := range map[string]middleware.Verdict{"Judge": list.Judge(f), "what ForToken has returned": a.judges[list][n]()} {
			if err := a.said.agrees(&f, verdict.Kind, time.Now()); err != nil {
				a.t.Errorf("%s: instance %d, %s: %+v: %v", when, i, what, f, err)
				return
			}
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
		time.Sleep(time.Duration(a.rand.IntN(180)) * time.Second)
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
		Until: time.Now().Add(time.Duration(1+a.rand.IntN(900)) * time.Second),
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
