package tokens_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// jsonValues are what an attacker, or a careless server, may write in the place of any claim.
var jsonValues = map[string]string{
	"null": "null", "true": "true", "false": "false", "0": "0", "-1": "-1", "1e400": "1e400", "a huge number": strings.Repeat("9", 400),
	"1e300": "1e300", "text": `"text"`, "empty text": `""`, "a huge text": `"` + strings.Repeat(
		"x", 4000,
	) + `"`, "empty array": "[]", "array of arrays": `[["text"]]`,
	"array of a number": "[1]", "array with null": `["text",null]`, "empty object": "{}", "object": `{"text":true}`, "nested": `{"a":{"b":[{"c":"text"}]}}`, "text of a number": `"1"`,
}

// outcomes of a claim: the values that are not listed give the reason otherwise.
type outcomes struct {
	absent, otherwise middleware.Reason
	values            map[string]middleware.Reason
}

func these(reason middleware.Reason, names ...string) map[string]middleware.Reason {
	m := make(map[string]middleware.Reason)
	for _, name := range names {
		m[name] = reason
	}
	return m
}

var anyText = []string{"text", "a huge text", "text of a number"}

// ignored is a claim that is not read, or only informs.
var ignored = outcomes{}

// textOr is a claim that must be text: null is absent, and an empty one says as little.
func textOr(reason middleware.Reason) outcomes {
	return outcomes{otherwise: reason, values: these("", append([]string{"null", "empty text"}, anyText...)...)}
}

// and adds the outcome of a value.
func (o outcomes) and(value string, reason middleware.Reason) outcomes {
	values := maps.Clone(o.values)
	if values == nil {
		values = make(map[string]middleware.Reason)
	}
	values[value] = reason
	o.values = values
	return o
}

// Rows of a claim under typ at+jwt. Advisories: GO-2026-4351, CVE-2026-40574, CVE-2026-54560, GO-2026-5732, CVE-2020-26160, CVE-2024-5798.
var claimOutcomes = map[string]outcomes{
	"iss": outcomes{absent: middleware.ReasonMissingClaim, otherwise: middleware.ReasonMalformedClaim, values: these(middleware.ReasonUnknownIssuer, anyText...)}.
		and("null", middleware.ReasonMissingClaim),
	"sub":       textOr(middleware.ReasonMalformedClaim),
	"jti":       textOr(middleware.ReasonMalformedClaim),
	"client_id": ignored, // no rule of this Validator is about clients
	"aud": {absent: middleware.ReasonAudience, otherwise: middleware.ReasonMalformedClaim,
		values: these(middleware.ReasonAudience, append([]string{"null", "empty text", "empty array"}, anyText...)...)},
	"exp": outcomes{absent: middleware.ReasonMissingClaim, otherwise: middleware.ReasonMalformedClaim, values: these(middleware.ReasonExpired, "0", "-1")}.
		and("null", middleware.ReasonMissingClaim),
	"nbf":        {otherwise: middleware.ReasonMalformedClaim, values: these("", "null", "0", "-1")},
	"iat":        {otherwise: middleware.ReasonMalformedClaim, values: these("", "null", "0", "-1")},
	"act":        {absent: "", otherwise: middleware.ReasonMalformedClaim}, // none of the values names an actor
	"cnf":        {otherwise: middleware.ReasonConfirmation},
	"tid":        ignored,
	"acr":        ignored,
	"amr":        ignored,
	"auth_time":  ignored,
	"active":     ignored, // of introspection answers only
	"token_type": ignored,
	"typ":        ignored, // at+jwt in the header is taken at its word
	"token_use":  ignored,
	"nonce":      ignored,
	"events":     ignored,
	"scope":      ignored, // grants nothing, see TestScopeClaims
	"scp":        ignored,
	"azp":        ignored, // client_id comes first
	"cid":        ignored,
	"username":   ignored,
	"status":     ignored.and("null", middleware.ReasonMalformedClaim), // it limits the token, or it does not
	"unheard_of": ignored,
}

func TestEveryClaimWithEveryValue(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for claim, want := range claimOutcomes {
			t.Run(claim+" absent", func(t *testing.T) {
				kit.WantOutcome(t, v, kit.Mint(kit.GoodClaims(kit.Claims{claim: nil})), want.absent)
			})
			for name, value := range jsonValues {
				reason, listed := want.values[name]
				if !listed {
					reason = want.otherwise
				}
				t.Run(claim+" is "+name, func(t *testing.T) {
					kit.WantOutcome(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{claim: nil}), claim, value)), reason)
				})
			}
		}
	})
}

func TestClientIDIsTheFirstThatIsPresent(t *testing.T) {
	none := kit.Claims{"client_id": nil}
	with := func(c kit.Claims) kit.Claims { m := maps.Clone(none); maps.Copy(m, c); return m }
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for name, row := range map[string]struct {
			changes kit.Claims
			want    string
		}{
			"no client":                {none, ""},
			"azp alone":                {with(kit.Claims{"azp": "b"}), "b"},
			"cid alone":                {with(kit.Claims{"cid": "c"}), "c"},
			"client_id before azp":     {kit.Claims{"client_id": "a", "azp": "b", "cid": "c"}, "a"},
			"azp before cid":           {with(kit.Claims{"azp": "b", "cid": "c"}), "b"},
			"client_id hides a broken": {kit.Claims{"client_id": "a", "azp": 1}, "a"},
			"a number is no client":    {with(kit.Claims{"azp": 1, "cid": "c"}), ""},
			"an empty azp decides":     {with(kit.Claims{"azp": "", "cid": "c"}), ""},
			"an array decides":         {with(kit.Claims{"azp": []string{"a"}}), ""},
			"a boolean decides":        {with(kit.Claims{"azp": true, "cid": "c"}), ""},
			"an empty client decides":  {kit.Claims{"client_id": "", "azp": "b"}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				if got := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(row.changes))).ClientID; got != row.want {
					t.Errorf("client is %q, want %q", got, row.want)
				}
			})
		}
		null := kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{"client_id": nil, "azp": "b"}), "client_id", "null"))
		if got := kit.WantAdmitted(t, v, null).ClientID; got != "b" {
			t.Errorf("behind a null client_id, which is absent, the client is %q", got)
		}
	})
}

// RFC 6749 section 3.3 and 8693 section 4.2: no value may grant more than it says.
func TestScopeClaims(t *testing.T) {
	absent := kit.Claims{"scope": nil}
	for name, row := range map[string]struct {
		changes kit.Claims
		want    []string
	}{
		"none":                                    {absent, nil},
		"one":                                     {kit.Claims{"scope": "read"}, []string{"read"}},
		"two":                                     {kit.Claims{"scope": "read write"}, []string{"read", "write"}},
		"two spaces between":                      {kit.Claims{"scope": "read  write"}, []string{"read", "write"}},
		"spaces around":                           {kit.Claims{"scope": " read "}, []string{"read"}},
		"nothing but spaces":                      {kit.Claims{"scope": "   "}, nil},
		"empty":                                   {kit.Claims{"scope": ""}, nil},
		"repeated":                                {kit.Claims{"scope": "read read write read"}, []string{"read", "write"}},
		"a tab does not split":                    {kit.Claims{"scope": "read\twrite"}, []string{"read\twrite"}},
		"a line break does not split":             {kit.Claims{"scope": "read\nwrite"}, []string{"read\nwrite"}},
		"a no-break space does not split":         {kit.Claims{"scope": "read\u00a0write"}, []string{"read\u00a0write"}},
		"an ideographic space does not split":     {kit.Claims{"scope": "read\u3000write"}, []string{"read\u3000write"}},
		"a comma does not split":                  {kit.Claims{"scope": "read,write"}, []string{"read,write"}},
		"a plus does not split":                   {kit.Claims{"scope": "read+write"}, []string{"read+write"}},
		"an array":                                {kit.Claims{"scope": []string{"read", "write"}}, []string{"read", "write"}},
		"elements of an array are not split":      {kit.Claims{"scope": []string{"read write"}}, []string{"read write"}},
		"an empty array":                          {kit.Claims{"scope": []string{}}, nil},
		"an array with a number grants nothing":   {kit.Claims{"scope": []any{"read", 1}}, nil},
		"an array with null grants nothing":       {kit.Claims{"scope": []any{"read", nil}}, nil},
		"nested arrays grant nothing":             {kit.Claims{"scope": []any{[]string{"read"}}}, nil},
		"an object grants nothing":                {kit.Claims{"scope": kit.Claims{"read": true}}, nil},
		"a number grants nothing":                 {kit.Claims{"scope": 7}, nil},
		"true grants nothing":                     {kit.Claims{"scope": true}, nil},
		"scp where scope is absent":               {kit.Claims{"scope": nil, "scp": []string{"read"}}, []string{"read"}},
		"scp as text where scope is absent":       {kit.Claims{"scope": nil, "scp": "read write"}, []string{"read", "write"}},
		"scp is not merged into scope":            {kit.Claims{"scope": "write", "scp": "read"}, []string{"write"}},
		"an empty scope hides scp":                {kit.Claims{"scope": "", "scp": "read"}, nil},
		"a scope of no use hides scp":             {kit.Claims{"scope": 0, "scp": "read"}, nil},
		"an array of no use hides scp":            {kit.Claims{"scope": []any{1}, "scp": "read"}, nil},
		"permissions and roles are no scopes":     {kit.Claims{"scope": nil, "permissions": []string{"read"}, "roles": []string{"read"}}, nil},
		"an escaped name and an escaped space":    {kit.Claims{"scope": "re\u0061d\u0020write"}, []string{"read", "write"}},
		"a scope that is a prefix of the needed":  {kit.Claims{"scope": "rea"}, []string{"rea"}},
		"a scope of which the needed is a prefix": {kit.Claims{"scope": "read:all readonly"}, []string{"read:all", "readonly"}},
		"a scope that ends like the needed":       {kit.Claims{"scope": "xread unread"}, []string{"xread", "unread"}},
		"the needed scope in another case":        {kit.Claims{"scope": "READ Read"}, []string{"READ", "Read"}},
		"a wildcard":                              {kit.Claims{"scope": "* .* read*"}, []string{"*", ".*", "read*"}},
		"many, beyond the list that is scanned": {
			kit.Claims{"scope": strings.Repeat("a b c d e f g h i j k l m n o p q ", 3) + "read"},
			strings.Fields("a b c d e f g h i j k l m n o p q read"),
		},
		"a scope with a NUL":                        {kit.Claims{"scope": "read\x00"}, []string{"read\x00"}},
		"a look-alike of Cyrillic letters":          {kit.Claims{"scope": "rеad"}, []string{"rеad"}},
		"a scope within quotes":                     {kit.Claims{"scope": `"read"`}, []string{`"read"`}},
		"a scope with a zero-width space behind it": {kit.Claims{"scope": "read\u200b"}, []string{"read\u200b"}},
	} {
		t.Run(name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
				token := kit.Mint(kit.GoodClaims(row.changes))
				if got := kit.WantAdmitted(t, v, token).Scopes.Slice(); !slices.Equal(got, row.want) {
					t.Errorf("scopes are %q, want %q", got, row.want)
				}
				want := "403 insufficient_scope"
				if slices.Contains(row.want, "read") {
					want = "200"
				}
				if got := kit.Serve(v.Require("read"), kit.Bearer(token)).String(); got != want {
					t.Errorf("a route that needs read gives %q, want %q", got, want)
				}
			})
		})
	}
	t.Run("null hides nothing", func(t *testing.T) {
		v := kit.NewValidator(t, nil)
		token := kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{"scope": nil, "scp": "read"}), "scope", "null"))
		if got := kit.WantAdmitted(t, v, token).Scopes; got.String() != "read" {
			t.Errorf("scopes are %q, want those of scp", got)
		}
	})
}

func TestRoleClaims(t *testing.T) {
	for name, row := range map[string]struct {
		roles any
		want  []string
	}{
		"absent":                             {nil, nil},
		"one text, not split":                {"admin user", []string{"admin user"}},
		"an array":                           {[]string{"admin", "user"}, []string{"admin", "user"}},
		"repeated":                           {[]string{"admin", "admin"}, []string{"admin"}},
		"SCIM objects":                       {[]any{kit.Claims{"value": "admin", "display": "x"}, kit.Claims{"value": "user"}}, []string{"admin", "user"}},
		"SCIM objects and texts":             {[]any{"admin", kit.Claims{"value": "user"}}, []string{"admin", "user"}},
		"an object keyed by role":            {kit.Claims{"admin": kit.Claims{"org": "x"}}, []string{"admin"}},
		"a role that is true":                {kit.Claims{"admin": true}, []string{"admin"}},
		"a role that is false":               {kit.Claims{"admin": false}, nil},
		"a role that is null":                {kit.Claims{"admin": nil}, nil},
		"an object without value":            {[]any{kit.Claims{"display": "admin"}}, nil},
		"an object whose value is no text":   {[]any{kit.Claims{"value": []string{"admin"}}}, nil},
		"an object whose value is null":      {[]any{kit.Claims{"value": nil}}, nil},
		"a value in another case":            {[]any{kit.Claims{"Value": "admin"}}, nil},
		"an array with a number":             {[]any{"admin", 1}, nil},
		"an array of arrays":                 {[]any{[]string{"admin"}}, nil},
		"a number":                           {1, nil},
		"true":                               {true, nil},
		"an empty object":                    {kit.Claims{}, nil},
		"an empty array":                     {[]string{}, nil},
		"a role in another case":             {[]string{"ADMIN"}, []string{"ADMIN"}},
		"a role of which admin is a prefix":  {[]string{"administrator"}, []string{"administrator"}},
		"a role with a space, not two roles": {[]string{"admin user"}, []string{"admin user"}},
	} {
		t.Run(name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"groups"} }, func(t *testing.T, v *middleware.Validator) {
				token := kit.Mint(kit.GoodClaims(kit.Claims{"groups": row.roles}))
				if got := kit.WantAdmitted(t, v, token).Roles.Slice(); !slices.Equal(got, row.want) {
					t.Errorf("roles are %q, want %q", got, row.want)
				}
				want := "403 insufficient_scope"
				if slices.Contains(row.want, "admin") {
					want = "200"
				}
				if got := kit.Serve(v.Require().AnyRole("admin"), kit.Bearer(token)).String(); got != want {
					t.Errorf("a route for admins gives %q, want %q", got, want)
				}
			})
		})
	}
}

func TestClaimsAreMappedByPointer(t *testing.T) {
	mapping := middleware.ClaimMapping{
		Scopes:   []string{"/ext/scopes", "/https:~1~1example.com~1scope", "scope"},
		Roles:    []string{"/realm_access/roles", "/resource_access/api/roles", "/list/1/roles", "/a~1b/c~0d"},
		ClientID: []string{"/client/id", "client_id"},
	}
	access := func(roles any) kit.Claims { return kit.Claims{"roles": roles} }
	for name, row := range map[string]struct {
		changes              kit.Claims
		scopes, roles, asked string
	}{
		"nothing mapped is present": {kit.Claims{}, "read write", "", "client-1"},
		"a pointer into an object":  {kit.Claims{"realm_access": access([]string{"a"})}, "read write", "a", "client-1"},
		"the first that is present wins": {
			kit.Claims{"realm_access": access([]string{"a"}), "resource_access": kit.Claims{"api": access([]string{"b"})}}, "read write",
			"a", "client-1",
		},
		"an empty first one wins too": {
			kit.Claims{"realm_access": access([]string{}), "resource_access": kit.Claims{"api": access([]string{"b"})}}, "read write", "",
			"client-1",
		},
		"a first one of no use wins too": {
			kit.Claims{"realm_access": access(1), "resource_access": kit.Claims{"api": access([]string{"b"})}}, "read write", "",
			"client-1",
		},
		"a parent without the member is absent": {
			kit.Claims{"realm_access": kit.Claims{}, "resource_access": kit.Claims{"api": access([]string{"b"})}}, "read write", "b",
			"client-1",
		},
		"a parent that is text is absent": {
			kit.Claims{"realm_access": "roles", "resource_access": kit.Claims{"api": access([]string{"b"})}}, "read write", "b",
			"client-1",
		},
		"another client's roles do not count":  {kit.Claims{"resource_access": kit.Claims{"other": access([]string{"b"})}}, "read write", "", "client-1"},
		"a pointer into an array":              {kit.Claims{"list": []any{access([]string{"x"}), access([]string{"y"})}}, "read write", "y", "client-1"},
		"an array that is too short":           {kit.Claims{"list": []any{access([]string{"x"})}}, "read write", "", "client-1"},
		"an object with the index as its name": {kit.Claims{"list": kit.Claims{"1": access([]string{"z"})}}, "read write", "z", "client-1"},
		"escaped pointers":                     {kit.Claims{"https://example.com/scope": "ns", "a/b": kit.Claims{"c~d": "role"}}, "ns", "role", "client-1"},
		"the names of a pointer taken as a whole": {
			kit.Claims{"/realm_access/roles": []string{"a"}, "realm_access/roles": []string{"a"}}, "read write", "", "client-1",
		},
		"a scope of the extension, client nested": {
			kit.Claims{"ext": kit.Claims{"scopes": []string{"deep"}}, "client": kit.Claims{"id": "nested"}}, "deep", "", "nested",
		},
		"a nested duplicate of a name further out": {
			kit.Claims{"realm_access": kit.Claims{"roles": []string{"a"}, "realm_access": access([]string{"b"})}}, "read write", "a",
			"client-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims = mapping }, func(t *testing.T, v *middleware.Validator) {
				token := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(row.changes)))
				if token.Scopes.String() != row.scopes || token.Roles.String() != row.roles || token.ClientID != row.asked {
					t.Errorf("scopes, roles and client are %q, %q, %q, want %q, %q, %q", token.Scopes, token.Roles, token.ClientID, row.scopes, row.roles, row.asked)
				}
			})
		})
	}
	wantAllRefused(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims = mapping }, []hostile{
		{"a mapped parent in another case", kit.Mint(kit.GoodClaims(kit.Claims{"REALM_ACCESS": access([]string{"admin"})})), malformed},
		{
			"a mapped parent twice",
			kit.MintText(`{` + kit.Members(testkit.JSON(kit.GoodClaims(nil))) + `,"realm_access":{},"realm_access":{"roles":["admin"]}}`),
			malformed,
		},
		{"members of a parent in another case", kit.Mint(kit.GoodClaims(kit.Claims{"realm_access": kit.Claims{"Roles": []string{"a"}}})), malformed},
		{"a parent in another case", kit.Mint(kit.GoodClaims(kit.Claims{"Realm_Access": kit.Claims{"roles": []string{"a"}}})), malformed},
	})
}

// A mapped name with capitals has lookalikes in small letters.
func TestLookalikesOfMappedClaimsWithCapitals(t *testing.T) {
	change := func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims = middleware.ClaimMapping{Scopes: []string{"X-Scope", "scope"}, Roles: []string{"Groups"}}
	}
	kit.WithAndWithoutCache(t, change, func(t *testing.T, v *middleware.Validator) {
		if got := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"Groups": []string{"admin"}}))).Roles.String(); got != "admin" {
			t.Errorf("roles are %q", got)
		}
		for _, name := range []string{"groups", "GROUPS", "x-scope", "Scope"} {
			t.Run(name, func(t *testing.T) {
				kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{name: []string{"admin"}})), kit.BadToken, middleware.ReasonMalformed)
			})
		}
	})
}

// Names are looked up by their bytes, of which the empty one has none.
func TestClaimWithoutAName(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "", `"anything"`)))
	})
}
