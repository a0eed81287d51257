package statuslist_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// Section 7.1: what a status means. The token is one of many in a list of each size.
func TestStatuses(t *testing.T) {
	a := newAPI(t, nil)
	for _, bits := range []int{1, 2, 4, 8} {
		list := a.issuer.StatusList(bits)
		for status := range 1 << bits {
			list.Set(100+status, status)
		}
		for status := range 1 << bits {
			want := "401 revoked"
			if status == 0 {
				want = "200"
			}
			for range 2 {
				if got := a.ask(a.issuer.Token(authtest.Claims{"status": list.Claim(100 + status)})); got != want {
					t.Errorf("%d bits, status %d: %s, want %s", bits, status, got, want)
				}
			}
		}
	}
	if got := a.fetches(); got != 4 {
		t.Errorf("%d fetches of four lists", got)
	}
}

// Decision.RevokedBy and Verdict.Kind tell apart for what a token was refused.
func TestKinds(t *testing.T) {
	status := func(list any) authtest.Claims { return authtest.Claims{"status_list": list} }
	for _, row := range []struct {
		name   string
		status func(list *authtest.StatusList) any
		want   string
	}{
		{"valid", func(list *authtest.StatusList) any { return list.Claim(0) }, ""},
		{"invalid", func(list *authtest.StatusList) any { return list.Claim(1) }, statuslist.Invalid},
		{"suspended", func(list *authtest.StatusList) any { return list.Claim(2) }, statuslist.Suspended},
		{"an application's", func(list *authtest.StatusList) any { return list.Claim(3) }, statuslist.Other},
		{"an application's that is accepted", func(list *authtest.StatusList) any { return list.Claim(14) }, ""},
		{"reserved", func(list *authtest.StatusList) any { return list.Claim(4) }, statuslist.Other},
		{"reserved, sixteen above one that is accepted", func(list *authtest.StatusList) any { return list.Claim(30) }, statuslist.Other},
		{"the last place", func(list *authtest.StatusList) any { return list.Claim(1023) }, ""},
		{"the place behind it", func(list *authtest.StatusList) any { return list.Claim(1024) }, statuslist.OutOfRange},
		{"a place far behind it", func(list *authtest.StatusList) any { return list.Claim(1 << 30) }, statuslist.OutOfRange},
		{"a place beyond every list", func(list *authtest.StatusList) any { return list.Claim(1<<30 + 1) }, statuslist.Unreadable},
		{"a place below zero", func(list *authtest.StatusList) any { return list.Claim(-1) }, statuslist.Unreadable},
		{"half a place", func(list *authtest.StatusList) any { return status(authtest.Claims{"uri": list.URI(), "idx": 1.5}) }, statuslist.Unreadable},
		{"a place in text", func(list *authtest.StatusList) any { return status(authtest.Claims{"uri": list.URI(), "idx": "3"}) }, statuslist.Unreadable},
		{"no place", func(list *authtest.StatusList) any { return status(authtest.Claims{"uri": list.URI()}) }, statuslist.Unreadable},
		{"no list", func(*authtest.StatusList) any { return status(authtest.Claims{"idx": 0}) }, statuslist.Unreadable},
		{"only a way to tell that nobody knows", func(*authtest.StatusList) any { return authtest.Claims{"other": 1} }, statuslist.Unreadable},
		{"text", func(*authtest.StatusList) any { return "valid" }, statuslist.Unreadable},
		{"no status", func(*authtest.StatusList) any { return nil }, ""},
		{"a list of somebody else", func(*authtest.StatusList) any {
			return status(authtest.Claims{"uri": "https://status.example/1", "idx": 0})
		}, statuslist.Foreign},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := newAPI(t, func(a *api, cfg *statuslist.Config) {
				cfg.Issuers = []statuslist.Issuer{{URL: a.issuer.URL(), Accept: []int{14}}}
			})
			list := a.issuer.StatusList(8)
			for i := range 256 {
				list.Set(i, i)
			}
			want := "200"
			if row.want != "" {
				want = "401 revoked"
			}
			if got := a.ask(a.issuer.Token(authtest.Claims{"status": row.status(list)})); got != want || a.last.RevokedBy != row.want {
				t.Errorf("%s by %q, want %s by %q", got, a.last.RevokedBy, want, row.want)
			}
			hits := uint64(0)
			if row.want != "" {
				hits = 1
			}
			if got := a.lists.Status().Hits; got != hits {
				t.Errorf("%d hits, want %d", got, hits)
			}
		})
	}
}

// Section 8.3: status never rescues a token, and nothing is fetched for one that is no good.
func TestNothingIsFetchedForABadToken(t *testing.T) {
	a := newAPI(t, nil)
	list := a.issuer.StatusList(1)
	elsewhere := authtest.Claims{"status_list": authtest.Claims{"idx": 0, "uri": "https://status.example/1"}}
	for name, token := range map[string]string{
		"expired":             a.issuer.Token(authtest.Claims{"status": list.Claim(0), "exp": time.Now().Add(-time.Hour)}),
		"of another API":      a.issuer.Token(authtest.Claims{"status": list.Claim(0), "aud": "https://other.example.com"}),
		"of another issuer":   authtest.NewIssuer(t).Token(authtest.Claims{"status": list.Claim(0)}),
		"a changed signature": a.issuer.Token(authtest.Claims{"status": list.Claim(0)})[:300] + "AAAA",
		"without a list":      a.issuer.Token(authtest.Claims{"status": authtest.Claims{"status_list": authtest.Claims{"idx": -1, "uri": list.URI()}}}),
		"of a foreign list":   a.issuer.Token(authtest.Claims{"status": elsewhere}),
	} {
		if got := a.ask(token); got[:3] != "401" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := a.fetches(); got != 0 {
		t.Errorf("%d fetches", got)
	}
}

// Sections 5.1 and 8.3: a list that is not what it should be says nothing about anybody, good or bad.
func TestBrokenListsAreNotBelieved(t *testing.T) {
	a := newAPI(t, nil)
	flaws := 0
	for name := range a.issuer.StatusList(1).Broken() {
		flaws++
		t.Run(name, func(t *testing.T) {
			list := a.issuer.StatusList(1) // each has one of its own, as one that failed is not asked again at once
			for flaw, token := range list.Broken() {
				if flaw == name {
					list.Serve(token)
					break
				}
			}
			if got := a.ask(a.issuer.Token(authtest.Claims{"status": list.Claim(0)})); got != "503 revocations_stale" {
				t.Errorf("got %s", got)
			}
			for _, status := range a.lists.Status().Lists {
				if status.URI == list.URI() && (status.LastError == nil || !status.Fetched.IsZero()) {
					t.Errorf("it was read: %+v", status)
				}
			}
		})
	}
	if flaws < 20 {
		t.Errorf("only %d flaws were tried", flaws)
	}
}

// Names that another reader would take for those that are read, and dates that no list of ours has.
func TestFurtherListsAreNotBelieved(t *testing.T) {
	a := newAPI(t, nil)
	for name, claims := range map[string]authtest.Claims{
		"SUB":                 {"SUB": "https://status.example/1"},
		"AUD":                 {"AUD": "https://api.example.com"},
		"IAT":                 {"IAT": 1},
		"NBF":                 {"NBF": 1},
		"EXP":                 {"EXP": 1},
		"TTL":                 {"TTL": 1},
		"STATUS_LIST":         {"STATUS_LIST": authtest.Claims{}},
		"not yet":             {"nbf": time.Now().Add(time.Hour)},
		"a sub that is a URL": {"sub": []string{"https://status.example/1"}},
		"iat in text":         {"iat": "1"},
		"nbf in text":         {"nbf": "1"},
		"exp in text":         {"exp": "1"},
	} {
		list := a.issuer.StatusList(1)
		list.Serve(list.Token(nil, claims))
		err := a.lists.Load(t.Context(), middleware.TokenFacts{Issuer: a.issuer.URL(), StatusURI: list.URI()})
		if err == nil {
			t.Errorf("%s: it was believed", name)
		}
	}
}

// What an issuer may write otherwise makes no difference.
func TestGoodLists(t *testing.T) {
	for name, row := range map[string]struct {
		header authtest.Header
		claims authtest.Claims
	}{
		"as it comes":             {},
		"no exp":                  {nil, authtest.Claims{"exp": nil}},
		"no ttl":                  {nil, authtest.Claims{"ttl": nil}},
		"a ttl with a fraction":   {nil, authtest.Claims{"ttl": 60.5}},
		"a ttl of nothing":        {nil, authtest.Claims{"ttl": 0}},
		"a ttl below zero":        {nil, authtest.Claims{"ttl": -60}},
		"a ttl beyond all":        {nil, authtest.Claims{"ttl": 1e300}},
		"made by a fast clock":    {nil, authtest.Claims{"iat": time.Now().Add(20 * time.Second), "nbf": time.Now().Add(20 * time.Second)}},
		"expired for us only":     {nil, authtest.Claims{"exp": time.Now().Add(-time.Second)}},
		"the full name of a type": {authtest.Header{"typ": "application/StatusList+JWT"}, nil},
		"another algorithm":       {authtest.Header{"alg": "RS256"}, nil},
		"no kid":                  {authtest.Header{"kid": nil}, nil},
		"further claims":          {nil, authtest.Claims{"jti": "1", "JTI": 1, "x": 1}},
		"an exp beyond all":       {nil, authtest.Claims{"exp": int64(100_000_000_000)}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, nil)
			list := a.issuer.StatusList(2)
			list.Set(1, 1)
			list.Serve(list.Token(row.header, row.claims))
			for index, want := range []string{"200", "401 revoked", "200"} {
				if got := a.ask(a.issuer.Token(authtest.Claims{"status": list.Claim(index)})); got != want {
					t.Errorf("%d: %s, want %s", index, got, want)
				}
			}
			list.Serve(list.Token(row.header, merged(row.claims, authtest.Claims{"iss": a.issuer.URL()})))
			if err := a.lists.Refresh(t.Context()); err != nil {
				t.Errorf("with iss: %v", err)
			}
		})
	}
}

// One issuer's lists are nobody else's, wherever they lie.
func TestListsAreSignedByTheIssuerOfTheToken(t *testing.T) {
	a, other := newAPI(t, nil), authtest.NewIssuer(t)
	list := a.issuer.StatusList(1)
	theirs := other.StatusList(1)
	list.Serve(theirs.Token(nil, authtest.Claims{"sub": list.URI()}))
	if got := a.ask(a.issuer.Token(authtest.Claims{"status": list.Claim(0)})); got != "503 revocations_stale" {
		t.Errorf("signed by another server: %s", got)
	}
}

// A status issuer signs in the place of the issuer, and is trusted with nothing else.
func TestStatusIssuer(t *testing.T) {
	issuer, status := authtest.NewIssuer(t), authtest.NewIssuer(t)
	cfg := issuer.Config(audience)
	cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: status.URL()})
	lists := newLists(t, newValidator(t, cfg), statuslist.Config{
		Issuers: []statuslist.Issuer{{URL: issuer.URL(), Origins: []string{status.URL()}, SignedBy: status.URL()}},
	})
	a := &api{issuer: issuer, lists: lists}
	cfg = issuer.Config(audience)
	cfg.Revocations = []middleware.Revocations{lists}
	a.guard = newValidator(t, cfg).Require()
	list, own := status.StatusList(1), issuer.StatusList(1)
	list.Set(1, 1)
	for index, want := range []string{"200", "401 revoked"} {
		if got := a.ask(issuer.Token(authtest.Claims{"status": list.Claim(index)})); got != want {
			t.Errorf("%d: %s, want %s", index, got, want)
		}
	}
	if got := a.ask(issuer.Token(authtest.Claims{"status": own.Claim(0)})); got != "401 revoked" {
		t.Errorf("the issuer's own origin, once another is named: %s", got)
	}
	list = status.StatusList(1)
	list.Serve(own.Token(nil, authtest.Claims{"sub": list.URI()}))
	if got := a.ask(issuer.Token(authtest.Claims{"status": list.Claim(0)})); got != "503 revocations_stale" {
		t.Errorf("signed by the issuer, once another signs: %s", got)
	}
	if got := a.ask(status.Token(authtest.Claims{"aud": audience})); got != "401 unknown_issuer" {
		t.Errorf("a token of the status issuer: %s", got)
	}
}

func TestStatusCanBeRequired(t *testing.T) {
	lists := newLists(t, keys(t), statuslist.Config{Issuers: []statuslist.Issuer{
		{URL: testkit.Issuer, Required: true}, {URL: "https://many.example/{tenantid}", Required: true},
	}})
	if verdict := lists.Judge(facts(0)); verdict.Kind != "" {
		t.Errorf("a token with a list that is not known yet: %+v", verdict)
	}
	for issuer, want := range map[string]string{
		testkit.Issuer:              statuslist.Missing,
		"https://many.example/acme": statuslist.Missing,
		"https://status.example":    "good",
		"https://many.example":      "good",
	} {
		if got := judged(t, lists, middleware.TokenFacts{Issuer: issuer}); got != want {
			t.Errorf("%s: %s, want %s", issuer, got, want)
		}
	}
}

// An outage is never a verdict (SHOULD of section 8.3), and ends at the first fetch that succeeds.
func TestOutagesAreNotJudged(t *testing.T) {
	a := newAPI(t, nil)
	list := a.issuer.StatusList(1)
	token := a.issuer.Token(authtest.Claims{"status": list.Claim(0)})
	a.issuer.SetFault(authtest.Fault{Status: 500, Endpoint: authtest.EndpointStatusLists})
	for range 20 {
		if got := a.ask(token); got != "503 revocations_stale" {
			t.Errorf("got %s", got)
		}
	}
	if got := a.fetches(); got > 10 { // two, unless this machine is slow
		t.Errorf("a server that fails was asked %d times", got)
	}
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	var refused *middleware.Error
	if _, err := a.guard.Check(r); !errors.As(err, &refused) || refused.RetryAfter <= 0 || refused.RetryAfter > time.Minute {
		t.Errorf("when to try again: %v", err)
	}
	a.issuer.SetFault(authtest.Fault{})
	if err := a.lists.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	if got := a.ask(token); got != "200" {
		t.Errorf("afterwards: %s", got)
	}
}

// Whoever is told of a change has all lists fetched anew.
func TestRefresh(t *testing.T) {
	a := newAPI(t, nil)
	if err := a.lists.Refresh(t.Context()); err != nil {
		t.Errorf("without lists: %v", err)
	}
	one, two := a.issuer.StatusList(1), a.issuer.StatusList(2)
	tokens := []string{a.issuer.Token(authtest.Claims{"status": one.Claim(5)}), a.issuer.Token(authtest.Claims{"status": two.Claim(5)})}
	ask := func() (all []string) {
		for _, token := range tokens {
			all = append(all, a.ask(token))
		}
		return all
	}
	expect := func(want ...string) {
		t.Helper()
		if got := ask(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	expect("200", "200")
	one.Set(5, 1)
	two.Set(5, 2)
	expect("200", "200")
	if err := a.lists.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	expect("401 revoked", "401 revoked")
	one.Set(5, 0)
	two.Serve("nothing")
	if err := a.lists.Refresh(t.Context()); err == nil {
		t.Error("a list that cannot be had was not reported")
	}
	expect("200", "401 revoked")
}

func merged(layers ...authtest.Claims) authtest.Claims {
	all := make(authtest.Claims)
	for _, layer := range layers {
		maps.Copy(all, layer)
	}
	return all
}
