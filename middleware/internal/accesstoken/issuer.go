package accesstoken

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/signature"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
	"github.com/cardea-auth/cardea/middleware/internal/tenant"
)

// Mode says who judges an issuer's JWTs, as middleware.JWTMode does.
type Mode int

// The modes.
const (
	Verify Mode = iota
	VerifyAndIntrospect
	Introspect
)

// Profile says what kind of JWT is taken, as middleware.Profile does.
type Profile int

// The profiles.
const (
	AnyAccessToken Profile = iota
	RFC9068
	IDToken
)

// Introspector asks an issuer's server: middleware.Introspector.
type Introspector interface {
	Introspect(ctx context.Context, token string) (*introspection.Response, error)
}

// IssuerConfig is one trusted authorization server. Its values have been checked, apart from what Mistakes are about.
type IssuerConfig struct {
	URL     string
	Aliases []string

	AllowTenant func(ctx context.Context, tenant string) bool

	Audiences  []string // one must be in aud; nil if Clients or NoAudience stands in
	Clients    []string
	NoAudience bool
	APINames   []string // the names of this API, for locations of authorization details

	NoIssuer        bool // its tokens name no iss; the only issuer then
	NumericSubjects bool
	Sessions        bool // sid decides, as sessions may be revoked
	UntypedAnswers  bool // an answer without token_type will do where no audience speaks

	Keys       signature.KeySource // nil only with Introspect
	Algorithms map[string]bool
	BindKeys   bool // nobody has named algorithms: each key keeps to that of the first token that is accepted

	Profile Profile
	Leeway  time.Duration
	Accept  func(*Verified) Refusal // nil: no such check

	Mode         Mode
	Introspector Introspector          // nil: opaque tokens are refused
	Client       *introspection.Client // Introspector, if it is just that: an application's own may decide by more than the Client in it
	Prefixes     []string              // of opaque tokens

	OpaqueCharacters bool // opaque tokens may hold more than token68

	Scopes, Roles, ClientID []string      // names of claims, or JSON pointers
	Rules                   []claims.Rule // without Paths

	// ComputeScopes and ComputeRoles take the place of what is mapped; nil: nothing is computed.
	ComputeScopes, ComputeRoles func(*Verified) ([]string, Refusal)
}

// Issuer is an IssuerConfig in compiled form.
type Issuer struct {
	IssuerConfig

	source signature.Source // Keys

	names     map[string]bool // exact iss values; empty with a template
	templates []template

	scopes, roles, clientID []claims.Path

	read *claims.Names // the table of claims that its tokens are read by

	endpoint atomic.Int32 // what was last heard of the introspection endpoint

	rules     []claims.Rule
	rulePaths []claims.Path
}

// What was last heard of an issuer's introspection endpoint.
const (
	endpointUnknown int32 = iota
	endpointAnswers
	endpointFails
)

// Heard notes whether the issuer's introspection endpoint answers.
func (i *Issuer) Heard(answers bool) {
	state := endpointFails
	if answers {
		state = endpointAnswers
	}
	if i.endpoint.Load() != state {
		i.endpoint.Store(state)
	}
}

// Answers tells what was last heard of the endpoint: that it answered, or that it failed a probe. Neither: nobody has asked.
func (i *Issuer) Answers() (answered, failed bool) {
	state := i.endpoint.Load()
	return state == endpointAnswers, state == endpointFails
}

// Mistake is what is wrong with one issuer. It names the field, the value and the remedy.
type Mistake struct {
	Issuer int // its place in Config.Issuers
	Err    error
}

// tables lead from what a token says to its issuer.
type tables struct {
	issuers   []*Issuer          // in the order of Config.Issuers
	byName    map[string]*Issuer // exact iss values
	templates []template         // iss values with a tenant in them
	prefixes  []prefix           // of opaque tokens, longest first

	configured []string      // every name, for an operator to compare with
	withoutIss *Issuer       // whose tokens name no issuer; nil: every token must name one
	names      *claims.Names // the claims that any of the issuers reads

	mistakes []Mistake
}

// prefix sends opaque tokens that begin with it to one issuer.
type prefix struct {
	text   string
	issuer *Issuer
}

func newTables(configs []IssuerConfig) *tables {
	t := &tables{byName: make(map[string]*Issuer), names: claims.NewNames()}
	for i, cfg := range configs {
		issuer := &Issuer{IssuerConfig: cfg, source: signature.NewSource(cfg.Keys), names: make(map[string]bool), read: t.names}
		t.issuers = append(t.issuers, issuer)
		t.enterNames(i, issuer)
		if cfg.NoIssuer {
			t.withoutIss = issuer
		}
		issuer.scopes = t.paths(i, "Claims.Scopes", cfg.Scopes)
		issuer.roles = t.paths(i, "Claims.Roles", cfg.Roles)
		issuer.clientID = t.paths(i, "Claims.ClientID", cfg.ClientID)
		t.enterRules(i, issuer)
	}
	t.enterPrefixes()
	return t
}

// wrong notes a mistake. The text begins with the field.
func (t *tables) wrong(issuer int, format string, args ...any) {
	t.mistakes = append(t.mistakes, Mistake{issuer, fmt.Errorf(format, args...)})
}

// enterNames enters the iss values into the tables that lead to the issuer.
func (t *tables) enterNames(i int, issuer *Issuer) {
	for _, iss := range append([]string{issuer.URL}, issuer.Aliases...) {
		t.configured = append(t.configured, iss)
		before, after, templated := strings.Cut(iss, tenant.Placeholder)
		switch {
		case iss == "":
		case strings.Contains(after, tenant.Placeholder):
			t.wrong(i, "URL %q holds %s more than once", iss, tenant.Placeholder)
		case templated:
			filled := tenant.Template{Prefix: before, Suffix: after}
			t.enterTemplate(i, template{Template: filled, issuer: issuer, exact: t.byName})
		case t.byName[iss] != nil:
			t.wrong(i, "URL %q is named twice among the URLs and Aliases: each iss value must lead to one issuer", iss)
		default:
			issuer.names[iss] = true
			t.byName[iss] = issuer
		}
	}
	t.checkTenants(i, issuer)
}

func (t *tables) enterTemplate(i int, added template) {
	for _, other := range t.templates {
		if iss, both := added.Meets(other.Template); both && added.String() == other.String() {
			t.wrong(i, "URL %q is named twice among the URLs and Aliases: each iss value must lead to one issuer", added)
		} else if both {
			t.wrong(i, "URL %q overlaps with %q, since %q fits both: each iss value must lead to one issuer and one tenant, "+
				"so name the tenants of one of them, each by its own URL", added, other, iss)
		}
	}
	added.issuer.templates = append(added.issuer.templates, added)
	t.templates = append(t.templates, added)
}

// checkTenants wants AllowTenant to be asked about every tenant of a server, and about nothing else. An exact name of another
// Issuer that fills the template is no mistake: it takes that tenant out of the template, with keys and rules of its own.
func (t *tables) checkTenants(i int, issuer *Issuer) {
	if len(issuer.templates) > 0 && issuer.AllowTenant == nil {
		t.wrong(i, "AllowTenant is nil, but %q stands for every tenant of the server: judge there which tenants may come", issuer.URL)
	}
	if len(issuer.templates) == 0 && issuer.AllowTenant != nil {
		t.wrong(i, "AllowTenant is set, but URL %q holds no %s for it to judge", issuer.URL, tenant.Placeholder)
	}
	for _, iss := range slices.Sorted(maps.Keys(issuer.names)) {
		for _, template := range issuer.templates {
			if _, fills := template.FilledBy(iss); fills {
				t.wrong(i, "Aliases or URL name %q, which fills %q, so AllowTenant would not be asked about it: "+
					"leave it out, and let AllowTenant say yes", iss, template)
			}
		}
	}
}

// paths compiles the entries of a ClaimMapping and enters their top-level names into the table of claims to read.
func (t *tables) paths(i int, field string, entries []string) []claims.Path {
	var paths []claims.Path
	for at, entry := range entries {
		path, err := t.names.Path(entry)
		if err != nil {
			t.wrong(i, "%s [%d] %q: %w", field, at, entry, err)
			continue
		}
		paths = append(paths, path)
	}
	return paths
}

// enterPrefixes makes the table that sends opaque tokens to one issuer each.
func (t *tables) enterPrefixes() {
	introspecting := 0
	for _, issuer := range t.issuers {
		if issuer.Introspector != nil {
			introspecting++
		}
	}
	taken := make(map[string]bool)
	for i, issuer := range t.issuers {
		prefixes := issuer.Prefixes
		if issuer.Introspector == nil {
			if len(prefixes) > 0 {
				t.wrong(i, "OpaquePrefixes is set without an Introspector: set Introspector, or leave the prefixes out")
			}
			continue
		}
		if len(prefixes) == 0 {
			if introspecting > 1 {
				t.wrong(i, "OpaquePrefixes is empty while %d issuers introspect: an opaque token must lead to one of them, so name the prefixes of each", introspecting)
			}
			prefixes = []string{""}
		}
		for _, text := range prefixes {
			switch {
			case text == "" && len(issuer.Prefixes) > 0 || taken[text]:
				t.wrong(i, "OpaquePrefixes: %q is empty or named twice", text)
			case text == "" || compact.IsToken68(text):
			case !compact.IsVisible(text):
				t.wrong(i, "OpaquePrefixes: %q holds characters that no token may have, so it fits none", text)
			case !issuer.OpaqueCharacters:
				t.wrong(i, "OpaquePrefixes: %q holds characters that only OpaqueCharacters lets in, so it fits no token: set that too", text)
			}
			taken[text] = true
			t.prefixes = append(t.prefixes, prefix{text, issuer})
		}
	}
	slices.SortStableFunc(t.prefixes, func(a, b prefix) int { return len(b.text) - len(a.text) })
}

// named finds the issuer that an iss value selects, and the tenant if a template matched. The iss is unverified:
// it selects among what is configured and is believed in nothing else.
func (t *tables) named(iss string) (_ *Issuer, name string) {
	if issuer, ok := t.byName[iss]; ok {
		return issuer, ""
	}
	for _, template := range t.templates {
		if name, ok := template.match(iss); ok {
			return template.issuer, name
		}
	}
	return nil, ""
}

// introspecting finds the one issuer that is asked about an opaque token; nil if none is. An opaque token is a
// credential, so it is never offered to one server after another.
func (t *tables) introspecting(token string) *Issuer {
	for _, p := range t.prefixes {
		if strings.HasPrefix(token, p.text) {
			return p.issuer
		}
	}
	return nil
}

// checkNames refuses members that could be taken for claims which this issuer's tokens, or answers, are judged by.
func (i *Issuer) checkNames(r *claims.Reading, every claims.Indices) error {
	if i.Sessions {
		every |= claims.IndicesOf(claims.SessionID)
	}
	return r.CheckNames(every, i.scopes, i.roles, i.clientID, i.rulePaths)
}

// claimsName judges whether iss is a name of the issuer, and returns the tenant if it fills a template. tid is the claim.
func (i *Issuer) claimsName(iss string, tid strictjson.Value) (name string, ok bool) {
	if i.names[iss] {
		return "", true
	}
	for _, template := range i.templates {
		if name, ok := template.match(iss); ok && i.namesTenant(tid, name) {
			return name, true
		}
	}
	return "", false
}

// namesTenant reports whether the claim tid fits the tenant that fills a template in iss. It says the same again, so where the tenants
// have keys of their own it may be silent, as most servers are; a set of keys for all of them has to be bound to the tenant twice.
func (i *Issuer) namesTenant(tid strictjson.Value, name string) bool {
	return claims.Is(tid, name) || i.source.ByIssuer() && !claims.IsPresent(tid)
}

// mayServe judges whether key may sign for a token of this iss. Some servers publish one set for all their tenants, in which each key
// names the iss that it is for, with a placeholder for the tenant or one tenant spelt out (RFC 8725 section 3.8: keys are bound
// to their issuer). Another name of the same issuer for the same tenant will do. name is the tenant that fills a template in iss; tid is what the
// signer says, so it fills the placeholder of a key that is for every tenant and does nothing else.
func (i *Issuer) mayServe(key *jwks.Key, iss, name string, tid strictjson.Value) bool {
	named := key.Issuer()
	if strings.Contains(named, tenant.Placeholder) {
		filling := name
		if text, ok := tid.Text(); filling == "" && ok && tenant.IsName(text) {
			filling = text
		}
		if filling == "" {
			return false
		}
		named = strings.ReplaceAll(named, tenant.Placeholder, filling)
	}
	switch {
	case named == "" || named == iss:
		return true
	case i.names[named]:
		return tenant.OnePath(named, iss)
	}
	for _, template := range i.templates {
		if filled, ok := template.match(named); ok {
			return filled == name || name == "" && tenant.OnePath(named, iss)
		}
	}
	return false
}
