package statuslist_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// Section 11.4: what is fetched comes from where the issuer's lists are, letter by letter. Nobody else is asked anything.
func TestWhereListsComeFrom(t *testing.T) {
	own := testkit.Issuer // https://login.example.com
	for _, row := range []struct {
		issuer, uri string
		origins     []string
		good        bool
	}{
		{own, own + "/1", nil, true},
		{own, own + "/", nil, true},
		{own, own + "/a/b?c=d&e=%2F", nil, true},
		{own, own + "/a//b/../c;d=~(e)!$'*,@:[]", nil, true},
		{"https://many.example/acme", "https://many.example/status/1", nil, true},
		{own, "https://status.example/1", []string{"https://status.example"}, true},
		{own, "https://status.example:8443/1", []string{own, "https://status.example:8443"}, true},
		{own, "http://127.0.0.1:8080/1", []string{"http://127.0.0.1:8080"}, true},
		{own, "http://[::1]/1", []string{"http://[::1]"}, true},
		{own, "http://localhost/1", []string{"http://localhost"}, true},

		{own, own, nil, false},
		{own, own + "?a", nil, false},
		{own, own + ":443/1", nil, false},
		{own, own + ".evil.example/1", nil, false},
		{own, own + "@evil.example/1", nil, false},
		{own, own + "\\@evil.example/1", nil, false},
		{own, "https://user@login.example.com/1", nil, false},
		{own, "https://LOGIN.example.com/1", nil, false},
		{own, "HTTPS://login.example.com/1", nil, false},
		{own, "http://login.example.com/1", nil, false},
		{own, "https://evil.example/1", nil, false},
		{own, "https://evil.example/" + own + "/1", nil, false},
		{own, "http://127.0.0.1/1", nil, false},
		{own, "http://169.254.169.254/latest/meta-data", nil, false},
		{own, "file:///etc/passwd", nil, false},
		{own, "/1", nil, false},
		{own, "urn:example:1", nil, false},
		{own, own + "/1#fragment", nil, false},
		{own, own + "/a b", nil, false},
		{own, own + "/a\n", nil, false},
		{own, own + "/a\x7f", nil, false},
		{own, own + "/ä", nil, false},
		{own, own + "/%", nil, false},
		{own, own + "/%4", nil, false},
		{own, own + "/%4g", nil, false},
		{own, own + "/%g4", nil, false},
		{own, own + "/%4/", nil, false},
		{own, own + "/%4@", nil, false},
		{own, own + `/"`, nil, false},
		{own, own + "/{a}", nil, false},
		{own, own + "/1", []string{"https://status.example"}, false},
		{own, "https://status.example/1", []string{"https://status.example:8443"}, false},
		{"http://plain.example", "http://plain.example/1", nil, false},
		{"http://127.0.0.1:8080/realm", "http://127.0.0.1:8080/1", nil, true},
		{"http://127.0.0.1:8080/realm", "http://127.0.0.1:9090/1", nil, false},
		{"in-house", "in-house/1", nil, false},
		{"in-house", "/1", nil, false},
		{"in-house", "https://login.example.com/1", nil, false},
		{"https://", "https:///1", nil, false},
		{"https://a@b.example/", "https://a@b.example/1", nil, false},
		{"", own + "/1", nil, false},
	} {
		s := &server{}
		s.serves(nil)
		cfg := statuslist.Config{HTTPClient: &http.Client{Transport: s}, Issuers: []statuslist.Issuer{{URL: own, Origins: row.origins}}}
		lists := newLists(t, keys(t), cfg)
		f := middleware.TokenFacts{Issuer: row.issuer, StatusURI: row.uri}
		verdict := lists.Judge(f)
		switch err := lists.Load(t.Context(), f); {
		case row.good && (verdict.Kind != "" || !verdict.AsOf.IsZero() || s.count() != 1 || s.requests[0].URL.String() != row.uri):
			t.Errorf("%s of %s: %+v, %d fetches", row.uri, row.issuer, verdict, s.count())
		case row.good:
		case verdict.Kind != statuslist.Foreign || verdict.AsOf.IsZero() || err == nil || s.count() > 0:
			t.Errorf("%s of %s: %+v, %v, %d fetches", row.uri, row.issuer, verdict, err, s.count())
		}
		if stop := lists.Notify(f, func() {}); !row.good && lists.Status().Streams > 0 {
			t.Errorf("%s of %s: a stream listens", row.uri, row.issuer)
			stop()
		}
	}
}

func TestLongAddressesAreNotKept(t *testing.T) {
	s := &server{}
	s.serves(nil)
	lists := newLists(t, keys(t), statuslist.Config{HTTPClient: &http.Client{Transport: s}})
	for length, want := range map[int]string{2048: "good", 2049: statuslist.Foreign} {
		f := facts(0)
		f.StatusURI += strings.Repeat("1", length-len(f.StatusURI))
		if got := judged(t, lists, f); got != want {
			t.Errorf("%d bytes: %s", length, got)
		}
	}
}

// A template stands for every tenant, and an exact name outranks it. Tenants are as separate as issuers are.
func TestTenants(t *testing.T) {
	s := &server{}
	s.serves(nil, 5)
	lists := newLists(t, keys(t), statuslist.Config{HTTPClient: &http.Client{Transport: s}, Issuers: []statuslist.Issuer{
		{URL: "https://many.example/{tenantid}", Origins: []string{"https://status.example"}},
		{URL: "https://many.example/own"},
	}})
	for _, row := range []struct{ issuer, uri, want string }{
		{"https://many.example/acme", "https://status.example/1", statuslist.Invalid},
		{"https://many.example/acme", "https://many.example/1", statuslist.Foreign},
		{"https://many.example/beta", "https://status.example/1", statuslist.Invalid},
		{"https://many.example/own", "https://status.example/1", statuslist.Foreign},
		{"https://many.example/own", "https://many.example/1", statuslist.Invalid},
		{"https://many.example/a/b", "https://status.example/1", statuslist.Foreign},
	} {
		if got := judged(t, lists, middleware.TokenFacts{Issuer: row.issuer, StatusURI: row.uri, StatusIndex: 5}); got != row.want {
			t.Errorf("%s of %s: %s, want %s", row.uri, row.issuer, got, row.want)
		}
	}
	if got := len(lists.Status().Lists); got != 3 || s.count() != 3 {
		t.Errorf("%d lists, %d fetches", got, s.count())
	}
}

func TestMistakesInConfig(t *testing.T) {
	const unknown = "https://unknown.example"
	for name, row := range map[string]struct {
		cfg  statuslist.Config
		want string
	}{
		"bytes below zero":                  {statuslist.Config{MaxBytes: -1}, "MaxBytes is -1"},
		"too many bytes":                    {statuslist.Config{MaxBytes: 1<<28 + 1}, "MaxBytes is 268435457"},
		"lists below zero":                  {statuslist.Config{MaxLists: -1}, "MaxLists is -1"},
		"too many lists":                    {statuslist.Config{MaxLists: 1<<16 + 1}, "MaxLists is 65537"},
		"a time without unit":               {statuslist.Config{MinTTL: 10}, "MinTTL is 10ns"},
		"a time below zero":                 {statuslist.Config{MaxTTL: -time.Second}, "MaxTTL is -1s"},
		"stale below zero":                  {statuslist.Config{StaleFor: -time.Second}, "StaleFor is -1s"},
		"limits the wrong way":              {statuslist.Config{MinTTL: time.Minute, MaxTTL: time.Second}, "MinTTL 1m0s is longer than MaxTTL 1s"},
		"a limit below the other's default": {statuslist.Config{MaxTTL: time.Second}, "MinTTL 15s is longer than MaxTTL 1s"},
		"an issuer without a name":          {statuslist.Config{Issuers: []statuslist.Issuer{{}}}, "Issuers[0].URL is required"},
		"an issuer that is unknown":         {issuer(statuslist.Issuer{URL: unknown}), `Issuers[0].URL "https://unknown.example" is not an issuer`},
		"an issuer named twice":             {twice(testkit.Issuer), "Issuers[1].URL \"https://login.example.com\" is named twice"},
		"a template named twice": {twice("https://many.example/{tenantid}"),
			"Issuers[1].URL \"https://many.example/{tenantid}\" is named twice"},
		"a signer that is unknown":              {issuer(statuslist.Issuer{URL: testkit.Issuer, SignedBy: unknown}), `SignedBy "https://unknown.example" is not`},
		"an origin with a path":                 {origin("https://status.example/"), `Origins "https://status.example/" must be scheme, host and port alone`},
		"an origin without scheme":              {origin("status.example"), "must be scheme, host and port alone"},
		"an origin with a user":                 {origin("https://a@status.example"), "must be scheme, host and port alone"},
		"an origin that is no URL":              {origin("https://a b"), "must be scheme, host and port alone"},
		"an origin without a host":              {origin("https://"), "must be scheme, host and port alone"},
		"an empty origin":                       {origin(""), "must be scheme, host and port alone"},
		"an origin without TLS":                 {origin("http://status.example"), "must begin with https://"},
		"an origin of another kind":             {origin("ftp://status.example"), "must begin with https://"},
		"another kind, of this host":            {origin("ftp://127.0.0.1"), "must begin with https://"},
		"a wildcard":                            {origin("https://*.example"), "there are no wildcards"},
		"an origin in capitals":                 {origin("https://Status.example"), "small letters"},
		"a port that does not exist":            {origin("https://status.example:0"), "must be one host"},
		"a status that is not an application's": {issuer(statuslist.Issuer{URL: testkit.Issuer, Accept: []int{1}}), "Accept 1 is not left to applications"},
		"one that is reserved":                  {issuer(statuslist.Issuer{URL: testkit.Issuer, Accept: []int{11}}), "Accept 11 is not"},
		"one beyond":                            {issuer(statuslist.Issuer{URL: testkit.Issuer, Accept: []int{16}}), "Accept 16 is not"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := statuslist.New(keys(t), row.cfg); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
	_, err := statuslist.New(keys(t), statuslist.Config{MaxBytes: -1, MaxLists: -1, Issuers: []statuslist.Issuer{{}, {URL: testkit.Issuer, Accept: []int{0}}}})
	for _, want := range []string{"MaxBytes", "MaxLists", "Issuers[0].URL", "Issuers[1].Accept"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s in it", err, want)
		}
	}
	for name, v := range map[string]*middleware.Validator{"none": nil, "the zero one": {}} {
		if _, err := statuslist.New(v, statuslist.Config{}); err == nil || !strings.Contains(err.Error(), "Validator") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGoodConfigs(t *testing.T) {
	for name, cfg := range map[string]statuslist.Config{
		"the largest":            {MaxBytes: 1 << 28, MaxLists: 1 << 16, MinTTL: time.Millisecond, MaxTTL: time.Millisecond, StaleFor: time.Hour},
		"every accepted status":  issuer(statuslist.Issuer{URL: testkit.Issuer, Accept: []int{3, 12, 13, 14, 15}}),
		"an issuer by its alias": issuer(statuslist.Issuer{URL: "https://status.example", SignedBy: testkit.Issuer}),
		"an issuer that only another one's keys sign for": issuer(statuslist.Issuer{URL: "https://opaque.example", SignedBy: testkit.Issuer}),
	} {
		if _, err := statuslist.New(keys(t), cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Tokens come under Issuer.URL whichever of its names their iss is, so that what is said of an alias is said of that.
func TestRulesByAnAliasOfTheIssuerHold(t *testing.T) {
	v := newValidator(t, middleware.Config{
		Issuers: []middleware.Issuer{
			{URL: testkit.Issuer, Aliases: []string{"https://alias.example"}, Keys: testkit.KeySet()},
			{
				URL: "https://many.example/{tenantid}", Aliases: []string{"https://also.example/{tenantid}"},
				Keys: testkit.KeySet(), AllowTenant: anyTenant,
			},
			{URL: "https://one.example/acme", Keys: testkit.KeySet()},
		},
		Audiences: []string{audience}, Logger: silent,
	})
	for _, row := range []struct{ url, required, other string }{
		{"https://alias.example", testkit.Issuer, "https://one.example/acme"},
		{"https://also.example/acme", "https://many.example/acme", "https://many.example/beta"},
		{"https://many.example/{tenantid}", "https://many.example/acme", testkit.Issuer},
		{"https://one.example/{tenantid}", "https://one.example/acme", testkit.Issuer},
	} {
		lists := newLists(t, v, issuer(statuslist.Issuer{URL: row.url, Required: true}))
		if got := lists.Judge(middleware.TokenFacts{Issuer: row.required}).Kind; got != statuslist.Missing {
			t.Errorf("%s: a token of %s without a status claim is judged %q, want %q", row.url, row.required, got, statuslist.Missing)
		}
		if got := lists.Judge(middleware.TokenFacts{Issuer: row.other}).Kind; got != "" {
			t.Errorf("%s: a token of %s is judged %q", row.url, row.other, got)
		}
	}
	for _, row := range []struct {
		cfg  statuslist.Config
		want string
	}{
		{issuer(statuslist.Issuer{URL: "https://also.example/{tenantid}", Required: true}), "none of its Aliases"},
		{issuer(statuslist.Issuer{URL: "https://unknown.example/{tenantid}", Required: true}), "stands for no issuer"},
		{statuslist.Config{Issuers: []statuslist.Issuer{{URL: testkit.Issuer}, {URL: "https://alias.example"}}}, "is named twice"},
	} {
		if _, err := statuslist.New(v, row.cfg); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v, want %q", row.cfg.Issuers, err, row.want)
		}
	}
}

func issuer(i statuslist.Issuer) statuslist.Config {
	return statuslist.Config{Issuers: []statuslist.Issuer{i}}
}

func twice(url string) statuslist.Config {
	return statuslist.Config{Issuers: []statuslist.Issuer{{URL: url}, {URL: url}}}
}

func origin(text string) statuslist.Config {
	return issuer(statuslist.Issuer{URL: testkit.Issuer, Origins: []string{text}})
}
