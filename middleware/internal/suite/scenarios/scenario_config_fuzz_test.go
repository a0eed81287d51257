package scenarios_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const issuers = 3

var hosts = []string{"a.example", "b.example", "c.example"}

// issuerURL is what an issuer calls itself; the last of them has tenants.
func issuerURL(i int) string {
	if i == 2 {
		return "https://c.example/{tenantid}/v2"
	}
	return "https://" + hosts[i]
}

func keysURL(i int) string { return "https://" + hosts[i] + "/keys" }

// scenario is a play under way.
type scenario struct {
	t      *testing.T
	script *script
	seen   map[string]int
	story  func() string // the present scene, for a failure

	mu        sync.Mutex        // guards documents and every memory: caches fetch in the background too
	documents [issuers]document // as published now
	asks      *asker
	ahead     time.Duration // of the Validators' clock before that of the bubble

	trusted  int // how many of the issuers
	config   middleware.Config
	mode     middleware.JWTMode // of the first issuer
	opaque   bool               // it introspects
	bindable bool               // DPoP is set up
	form     bool               // a TokenSource

	cached, plain        *middleware.Validator // the same configuration with a token cache and without
	first, second, third *middleware.Guard     // two of cached, one of plain
	needs                string                // a scope
	decisions            map[*middleware.Validator]middleware.Decision

	shared [issuers]func() *memory // of a key source that both Validators ask
	webs   map[*middleware.Validator]*web
	closer []func() error

	cards  []*card
	proofs int
	spent  map[string]time.Time // jti of proofs that were accepted, until when they must be remembered

	doubtful map[string]bool // jti that one of the Validators has accepted alone
}

func newScenario(t *testing.T, text *script) *scenario {
	s := &scenario{
		t: t, script: text, seen: make(map[string]int), asks: &asker{made: make(map[string]bool)}, spent: make(map[string]time.Time), doubtful: make(map[string]bool),
		story: func() string { return "" }, decisions: make(map[*middleware.Validator]middleware.Decision), webs: make(map[*middleware.Validator]*web),
	}
	for i := range s.documents {
		s.documents[i] = document{status: http.StatusOK, keys: []listed{{key: i, kid: "1"}}}
	}
	s.configure()
	s.cached = s.validator(pickOf(text, 0, 1, 2))
	s.plain = s.validator(-1)
	s.needs = pickOf(text, "", "read", "admin")
	s.first, s.second, s.third = s.cached.Require(), s.cached.Require(), s.plain.Require()
	if s.needs != "" {
		s.first, s.second, s.third = s.first.Require(s.needs), s.second.Require(s.needs), s.third.Require(s.needs)
	}
	if !text.oneIn(4) {
		s.warm()
	}
	return s
}

// configure chooses everything that New takes.
func (s *scenario) configure() {
	c := s.script
	s.trusted = 1 + c.pick(issuers)
	for i := range s.trusted {
		entry := middleware.Issuer{
			URL:        issuerURL(i),
			Profile:    pickOf(c, middleware.AnyAccessToken, middleware.RFC9068),
			Leeway:     pickOf(c, 0, -1, 5*time.Minute),
			Algorithms: pickOf(c, nil, []string{"ES256"}, []string{"ES256", "EdDSA", "Ed25519"}),
		}
		if i == 2 {
			entry.AllowTenant = func(_ context.Context, tenant string) bool { return tenant == "t1" }
		}
		switch c.pick(3) {
		case 1:
			entry.AllowedClients = []string{"c1"}
		case 2:
			entry.DangerouslyNoAudience = true
		}
		s.source(i, &entry)
		if i == 0 {
			s.introspector(&entry)
		}
		s.config.Issuers = append(s.config.Issuers, entry)
	}
	s.config.Audiences = []string{testkit.Audience}
	s.config.TokenCache.MaxAge = pickOf(c, 0, 5*time.Second)
	s.config.Clock = func() time.Time { return time.Now().Add(s.ahead) }
	if s.bindable = c.oneIn(2); s.bindable {
		s.config.PublicURL = testkit.Audience
		s.config.DPoP.Required = c.oneIn(4)
	}
	for _, source := range []middleware.TokenSource{middleware.FromHeader("X-Token"), middleware.FromCookie("session"), middleware.FromForm()} {
		if c.oneIn(3) {
			s.config.TokenSources = append(s.config.TokenSources, source)
		}
	}
	s.form = slices.Contains(s.config.TokenSources, middleware.FromForm())
	if c.oneIn(4) {
		s.config.ScopeImplies = map[string][]string{"admin": {"read"}}
	}
}

// source chooses where an issuer's keys come from.
func (s *scenario) source(i int, entry *middleware.Issuer) {
	switch way := s.script.pick(4); {
	case way == 0:
		own := &shelf{s: s, issuer: i}
		entry.Keys, s.shared[i] = own, func() *memory { return &own.memory }
	case way == 1:
		own := &web{s: s}
		own.memory[i].lasts = time.Minute
		cache := testkit.Must(jwks.New(jwks.Config{URL: keysURL(i), HTTPClient: &http.Client{Transport: own}, Refresh: 30 * time.Second, MaxStale: time.Minute}))
		entry.Keys, s.shared[i] = cache, func() *memory { return &own.memory[i] }
		s.closer = append(s.closer, cache.Close)
	case way == 2 || i == 2:
		entry.JWKSURI = keysURL(i)
	default: // found in the metadata
	}
}

func (s *scenario) introspector(entry *middleware.Issuer) {
	if way := s.script.pick(4); way >= 2 {
		entry.Introspector, s.opaque = s.asks, true
		if way == 3 {
			entry.JWTs, s.mode = middleware.VerifyAndIntrospectJWTs, middleware.VerifyAndIntrospectJWTs
		}
	}
}

func (s *scenario) validator(entries int) *middleware.Validator {
	var v *middleware.Validator
	w := &web{s: s}
	for i := range w.memory {
		w.memory[i].lasts = 24 * time.Hour
	}
	cfg := s.config
	cfg.TokenCache.Entries = entries
	cfg.HTTPClient = &http.Client{Transport: w}
	cfg.Observe = func(_ context.Context, d middleware.Decision) { s.decisions[v] = d }
	v, err := middleware.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.webs[v] = w
	s.closer = append(s.closer, v.Close)
	return v
}

func (s *scenario) close() {
	for _, end := range s.closer {
		if err := end(); err != nil {
			s.t.Error(err)
		}
	}
}

// memoryOf is what a Validator knows of an issuer's keys.
func (s *scenario) memoryOf(v *middleware.Validator, issuer int) *memory {
	if shared := s.shared[issuer]; shared != nil {
		return shared()
	}
	return &s.webs[v].memory[issuer]
}

// memories says how much has been fetched, to tell whether anything was in the meantime.
func (s *scenario) memories() (versions []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.trusted {
		versions = append(versions, s.memoryOf(s.cached, i).version, s.memoryOf(s.plain, i).version)
	}
	return versions
}

// publish changes what one of the issuers answers from now on.
func (s *scenario) publish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.script
	d := &s.documents[c.pick(issuers)]
	d.keys = slices.Clone(d.keys)
	switch c.pick(10) {
	case 0: // another key under the same kid
		if len(d.keys) > 0 {
			l := &d.keys[c.pick(len(d.keys))]
			l.key = (l.key + 1 + c.pick(5)) % 6
		}
	case 1:
		d.status = pickOf(c, 0, 200, 500, 404, 302, 304)
	case 2:
		d.keys = append(d.keys[:min(3, len(d.keys))], s.newListed())
	case 3:
		if len(d.keys) > 0 {
			d.keys = slices.Delete(d.keys, 0, 1)
		}
	case 4:
		if len(d.keys) > 0 {
			d.keys[c.pick(len(d.keys))] = s.newListed()
		}
	case 5: // two issuers change places
		other := &s.documents[c.pick(issuers)]
		*d, *other = *other, *d
	case 6:
		d.keys = nil
	case 7:
		text := d.text()
		at := c.pick(len(text))
		d.spoiled = text[:at] + c.text() + text[min(len(text), at+c.pick(4)):]
	case 8:
		d.spoiled = ""
	case 9:
		*d = document{status: 200, keys: []listed{{key: 0, kid: "1"}, {key: 4, kid: "2"}}}
	}
	s.count(map[bool]string{true: "published", false: "fetch failed"}[d.status == 200])
}

func (s *scenario) newListed() listed {
	c := s.script
	return listed{
		key: c.pick(6), kid: pickOf(c, "1", "2", "3", ""), alg: pickOf(c, "", "EdDSA", "Ed25519", "ES256", "RS256", "HS256", "none"),
		use: pickOf(c, "", "", "sig", "enc"), ops: pickOf(c, "", "", `["verify"]`, `["sign"]`, `["sign","verify"]`, "[]"), private: c.oneIn(16),
	}
}

// asker is the first issuer's introspection endpoint. It knows the tokens that were made, and no other text.
type asker struct {
	state int
	made  map[string]bool
}

// answers are what it can say. They were vetted once, as those of a cache are.
var answers = func() (all []*introspection.Response) {
	full := kit.Claims{"active": true, "token_type": "Bearer", "aud": testkit.Audience, "client_id": "c1", "scope": "read write admin", "sub": "s"}
	foreign := maps.Clone(full)
	foreign["iss"] = "https://b.example"
	for _, a := range []kit.Claims{full, {"active": false}, foreign} {
		all = append(all, testkit.Must(introspection.ParseResponse(testkit.JSON(a))))
	}
	return append(all, nil)
}()

const (
	answersYes = iota
	answersInactive
	answersForeign
	answersNothing
)

func (a *asker) Introspect(_ context.Context, token string) (*introspection.Response, error) {
	switch {
	case a.state == answersNothing:
		return nil, errors.New("out of reach")
	case !a.made[token]:
		return answers[answersInactive], nil
	}
	return answers[a.state], nil
}
