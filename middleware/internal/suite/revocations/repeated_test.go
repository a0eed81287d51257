package revocations_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// versioned counts its look-ups.
type versioned struct {
	version uint64
	asOf    time.Time
	kind    string
	lookups int
}

func (v *versioned) Version() uint64 { return v.version }
func (v *versioned) AsOf() time.Time { return v.asOf }
func (v *versioned) Judge(middleware.TokenFacts) middleware.Verdict {
	v.lookups++
	return middleware.Verdict{Kind: v.kind, AsOf: v.asOf}
}

// A repeated token is looked up again only when something has changed. Age is judged all the same.
func TestVersionSparesLookUps(t *testing.T) {
	kit.NeedsCache(t)
	synctest.Test(t, func(t *testing.T) {
		one, two := &versioned{asOf: time.Now()}, &versioned{asOf: time.Now()}
		guard := kit.NewValidator(t, kit.SetRevocations(one, two)).Require()
		limited := guard.RevocationsWithin(time.Second)
		request := func() *http.Request { return kit.Bearer(kit.Mint(kit.GoodClaims(nil))) }
		expect := func(guard *middleware.Guard, outcome string, lookups int) {
			t.Helper()
			if got := kit.OutcomeOf(guard, request()); got != outcome || one.lookups != lookups {
				t.Errorf("%s after %d look-ups, want %s after %d", got, one.lookups, outcome, lookups)
			}
		}
		expect(guard, "200", 1)
		expect(guard, "200", 1)
		two.version++
		expect(guard, "200", 2)
		expect(limited, "200", 2)
		time.Sleep(2 * time.Second)
		expect(limited, "503", 2)
		expect(guard, "200", 2)
		two.asOf = time.Now()
		expect(limited, "503", 2)
		one.asOf = time.Now()
		expect(limited, "200", 2)
		one.version, one.kind = one.version+1, "session"
		expect(guard, "401 invalid_token", 3)
		expect(guard, "401 invalid_token", 4)
	})
}

// making counts what it has made for tokens, and how often that was asked.
type making struct {
	versioned
	made, asked int
	nothing     bool // it makes nothing
}

func (m *making) ForToken(asked middleware.Revocations, _ middleware.TokenFacts) func() middleware.Verdict {
	m.made++
	if m.nothing || asked != middleware.Revocations(m) {
		return nil
	}
	return func() middleware.Verdict {
		m.asked++
		return middleware.Verdict{Kind: m.kind, AsOf: m.asOf}
	}
}

// What Revocations make for one token is made when that is looked up for the second time, and asked in place of Judge from then on: of the one
// that makes it, and for that token alone.
func TestWhatIsMadeForATokenIsAskedInPlaceOfJudge(t *testing.T) {
	kit.NeedsCache(t)
	now := time.Now()
	plain, one, none := &versioned{asOf: now}, &making{versioned: versioned{asOf: now}}, &making{versioned: versioned{asOf: now}, nothing: true}
	guard := kit.NewValidator(t, kit.SetRevocations(plain, one, none)).Require()
	token, other := kit.Mint(kit.GoodClaims(kit.Claims{"jti": "1"})), kit.Mint(kit.GoodClaims(kit.Claims{"jti": "2"}))
	for i, row := range []struct {
		token, want                       string
		lookups, made, asked, noneLookups int
	}{
		{token, "200", 1, 0, 0, 1},
		{token, "200", 1, 1, 1, 2},
		{token, "200", 1, 1, 2, 3},
		{other, "200", 2, 1, 2, 4},
		{other, "200", 2, 2, 3, 5},
		{token, "200", 2, 2, 4, 6},
		{token, "401 invalid_token", 2, 2, 5, 6},
	} {
		plain.version++ // something has come
		if row.want != "200" {
			one.kind = "token"
		}
		if got := kit.OutcomeOf(guard, kit.Bearer(row.token)); got != row.want {
			t.Errorf("%d: %s, want %s", i, got, row.want)
		}
		if plain.lookups != i+1 || one.lookups != row.lookups || one.made != row.made || one.asked != row.asked || none.lookups != row.noneLookups {
			t.Errorf("%d: looked up %d and %d times, made %d, asked %d, the one that makes nothing looked up %d times; want %+v",
				i, plain.lookups, one.lookups, one.made, one.asked, none.lookups, row)
		}
	}
}
