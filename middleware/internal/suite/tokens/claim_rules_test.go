package tokens_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestClaimRules(t *testing.T) {
	rule := func(claims ...string) middleware.ClaimRule { return middleware.ClaimRule{Claims: claims} }
	oneOf := func(claim string, values ...string) middleware.ClaimRule {
		return middleware.ClaimRule{Claims: []string{claim}, OneOf: values}
	}
	noneOf := func(claim string, values ...string) middleware.ClaimRule {
		return middleware.ClaimRule{Claims: []string{claim}, NoneOf: values}
	}
	optional := func(r middleware.ClaimRule) middleware.ClaimRule { r.Optional = true; return r }
	for name, row := range map[string]struct {
		rules    []middleware.ClaimRule
		holds    []string // members of the token
		violates []string
	}{
		"presence": {[]middleware.ClaimRule{rule("hd")},
			[]string{`"hd":"example.com"`, `"hd":0`, `"hd":false`, `"hd":["x"]`, `"hd":{"a":1}`},
			[]string{`"x":1`, `"hd":null`, `"hd":""`, `"hd":[]`, `"hd":{}`, `"hd":[""]`, `"hd":[null,[]]`, `"hd":[[""]]`, `"Hdd":"x"`}},
		"one of several values": {[]middleware.ClaimRule{oneOf("hd", "example.com", "example.org")},
			[]string{`"hd":"example.com"`, `"hd":"example.org"`, `"hd":["x","example.org"]`, `"hd":"ex\u0061mple.com"`},
			[]string{
				`"hd":"example.net"`, `"hd":"Example.com"`, `"hd":" example.com"`, `"hd":["x"]`, `"hd":[["example.com"]]`,
				`"hd":{"example.com":true}`, `"hd":null`, `"x":1`,
			}},
		"a boolean in its JSON spelling": {[]middleware.ClaimRule{oneOf("email_verified", "true")},
			[]string{`"email_verified":true`, `"email_verified":"true"`},
			[]string{`"email_verified":false`, `"email_verified":"True"`, `"email_verified":1`}},
		"a number in its JSON spelling": {[]middleware.ClaimRule{oneOf("level", "3")},
			[]string{`"level":3`, `"level":[1,3]`}, []string{`"level":3.0`, `"level":30`, `"level":-3`, `"level":0.3e1`}},
		"none of several values": {[]middleware.ClaimRule{noneOf("sts", "pending", "banned")},
			[]string{`"sts":"active"`, `"sts":["active"]`, `"sts":1`},
			[]string{`"sts":"pending"`, `"sts":["active","banned"]`, `"x":1`, `"sts":null`, `"sts":""`}},
		"none of several values, which may be hidden": {[]middleware.ClaimRule{noneOf("sts", "pending")},
			[]string{`"sts":["active",null,1,true]`},
			[]string{
				`"sts":["active",["pending"]]`, `"sts":[["active"]]`, `"sts":{"pending":true}`, `"sts":{"a":"b"}`,
				`"sts":["active",{"value":"pending"}]`, `"sts":["active",[]]`,
			}},
		"one of some, and none of others which may be hidden": {[]middleware.ClaimRule{
			{Claims: []string{"groups"}, OneOf: []string{"staff"}, NoneOf: []string{"suspended"}},
		},
			[]string{`"groups":["staff","x"]`}, []string{`"groups":["staff",["suspended"]]`, `"groups":["staff",{"suspended":true}]`}},
		"one of some, beside what cannot be compared": {[]middleware.ClaimRule{oneOf("groups", "staff")}, []string{`"groups":["staff",["x"],{"y":1}]`}, nil},
		"both": {[]middleware.ClaimRule{{Claims: []string{"groups"}, OneOf: []string{"staff"}, NoneOf: []string{"suspended"}}},
			[]string{`"groups":["staff"]`, `"groups":"staff"`}, []string{`"groups":["staff","suspended"]`, `"groups":["other"]`}},
		"optional": {[]middleware.ClaimRule{optional(noneOf("sts", "pending"))},
			[]string{`"x":1`, `"sts":null`, `"sts":"active"`}, []string{`"sts":"pending"`, `"sts":""`, `"sts":[]`}},
		"one of several claims": {[]middleware.ClaimRule{{Claims: []string{"groups", "roles"}, OneOf: []string{"staff"}}},
			[]string{`"groups":"staff"`, `"roles":["staff"]`, `"groups":"other","roles":"staff"`, `"groups":"","roles":"staff"`},
			[]string{`"groups":"other","roles":"other"`, `"groups":""`, `"x":1`}},
		"a JSON pointer": {[]middleware.ClaimRule{oneOf("/org/plan", "pro")},
			[]string{`"org":{"plan":"pro"}`, `"org":{"plan":["pro"]}`}, []string{`"org":{"plan":"free"}`, `"org":{}`, `"org":"pro"`, `"org":null`}},
		"a claim that is read anyway": {[]middleware.ClaimRule{rule("sid"), oneOf("aud", testkit.Audience), noneOf("sub", "root")},
			[]string{`"sid":"s"`}, []string{`"x":1`}},
		"all must hold": {[]middleware.ClaimRule{rule("a"), rule("b")}, []string{`"a":1,"b":1`}, []string{`"a":1`, `"b":1`}},
	} {
		for mode, change := range map[string]func(*middleware.Issuer, string){
			"a JWT": func(*middleware.Issuer, string) {},
			"an answer": func(i *middleware.Issuer, members string) {
				i.Introspector = kit.FixedAnswer{
					Answer: `{"token_type":"Bearer",` + kit.Members(testkit.JSON(kit.ActiveAnswer(kit.Claims{"token_type": nil}))) + "," + members + "}",
				}
			},
		} {
			run := func(members string, want middleware.Reason) {
				kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
					cfg.Issuers[0].ClaimRules = row.rules
					change(&cfg.Issuers[0], members)
				}, func(t *testing.T, v *middleware.Validator) {
					t.Run(name+", "+mode+": "+members, func(t *testing.T) {
						token := kit.MintText("{" + kit.Members(testkit.JSON(kit.GoodClaims(nil))) + "," + members + "}")
						if mode == "an answer" {
							token = "opaque"
						}
						kit.WantOutcome(t, v, token, want)
					})
				})
			}
			for _, members := range row.holds {
				run(members, "")
			}
			for _, members := range row.violates {
				run(members, middleware.ReasonNotAccepted)
			}
		}
	}
}

// Of a JWT that its server is asked about as well, the answer's claims are the token's.
func TestClaimRulesOfAJWTThatIsIntrospectedToo(t *testing.T) {
	for _, row := range []struct {
		answer any
		want   middleware.Reason
	}{{"example.com", ""}, {"example.net", middleware.ReasonNotAccepted}, {nil, middleware.ReasonNotAccepted}} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
			i := &cfg.Issuers[0]
			i.JWTs, i.Introspector = middleware.VerifyAndIntrospectJWTs, kit.Answering(kit.ActiveAnswer(kit.Claims{"hd": row.answer}))
			i.ClaimRules = []middleware.ClaimRule{{Claims: []string{"hd"}, OneOf: []string{"example.com"}}}
		}, func(t *testing.T, v *middleware.Validator) {
			kit.WantOutcome(t, v, kit.Mint(kit.GoodClaims(nil)), row.want)
			kit.WantOutcome(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"hd": "example.com"})), row.want)
		})
	}
}

// A name that only looks like a claim of a rule could be taken for it by another reader.
func TestClaimRulesAndNamesThatLookAlike(t *testing.T) {
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].ClaimRules = []middleware.ClaimRule{{Claims: []string{"hd"}}, {Claims: []string{"/org/plan"}, NoneOf: []string{"free"}}}
	}, func(t *testing.T, v *middleware.Validator) {
		for members, want := range map[string]middleware.Reason{
			`"hd":"a","org":{"plan":"pro"}`:              "",
			`"hd":"a","HD":"b","org":{"plan":"pro"}`:     malformed,
			`"hd":"a","org":{"plan":"pro","Plan":"x"}`:   malformed,
			`"hd":"a","Org":1,"org":{"plan":"pro"}`:      malformed,
			`"hd":"a","org":{"plan":"pro"},"Xx":1,"y":2`: "",
			`"hd":"a","org":{"plan":"pro","Other":true}`: "",
		} {
			kit.WantOutcome(t, v, kit.MintText("{"+kit.Members(testkit.JSON(kit.GoodClaims(nil)))+","+members+"}"), want)
		}
	})
}

// A server that copies nonce into access tokens for their own client marks them in its own way; nothing else may come in by that.
func TestAClaimRuleThatOutranksNonce(t *testing.T) {
	rule := middleware.ClaimRule{Claims: []string{"uid"}, OneOf: []string{"1", "2"}, OutranksNonce: true}
	plain := rule
	plain.OutranksNonce = false
	own := kit.Claims{"aud": []string{testkit.Audience, "web"}, "azp": "web", "client_id": nil, "nonce": "n", "uid": "1"}
	for name, row := range map[string]struct {
		rules  []middleware.ClaimRule
		claims kit.Claims
		want   middleware.Reason
	}{
		"an access token with a nonce":       {[]middleware.ClaimRule{rule}, nil, ""},
		"by a rule that does not say so":     {[]middleware.ClaimRule{plain}, nil, middleware.ReasonTokenType},
		"by the second of two rules":         {[]middleware.ClaimRule{{Claims: []string{"azp"}}, rule}, nil, ""},
		"an ID token without the mark":       {[]middleware.ClaimRule{rule}, kit.Claims{"uid": nil}, middleware.ReasonTokenType},
		"an ID token with another value":     {[]middleware.ClaimRule{rule}, kit.Claims{"uid": "3"}, middleware.ReasonTokenType},
		"an ID token with an empty value":    {[]middleware.ClaimRule{rule}, kit.Claims{"uid": ""}, middleware.ReasonTokenType},
		"an ID token with at_hash":           {[]middleware.ClaimRule{rule}, kit.Claims{"at_hash": "h"}, middleware.ReasonTokenType},
		"a logout token":                     {[]middleware.ClaimRule{rule}, kit.Claims{"events": kit.Claims{}}, middleware.ReasonTokenType},
		"a token that says it is an ID":      {[]middleware.ClaimRule{rule}, kit.Claims{"token_use": "id"}, middleware.ReasonTokenType},
		"a refresh token":                    {[]middleware.ClaimRule{rule}, kit.Claims{"typ": "Refresh"}, middleware.ReasonTokenType},
		"without a nonce it is still needed": {[]middleware.ClaimRule{rule}, kit.Claims{"nonce": nil, "uid": nil}, middleware.ReasonNotAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].ClaimRules = row.rules }, func(t *testing.T, v *middleware.Validator) {
				kit.WantOutcome(t, v, kit.MintTyped("JWT", kit.GoodClaims(maps.Clone(own)).With(maps.Clone(row.claims))), row.want)
			})
		})
	}
}

func TestMistakesInClaimRules(t *testing.T) {
	for name, row := range map[string]struct {
		rule middleware.ClaimRule
		want string
	}{
		"no claims":            {middleware.ClaimRule{OneOf: []string{"x"}}, `Issuers[0].ClaimRules[0].Claims is empty`},
		"an empty name":        {middleware.ClaimRule{Claims: []string{""}}, `Issuers[0].ClaimRules[0].Claims [0] "": it names no claim`},
		"a broken pointer":     {middleware.ClaimRule{Claims: []string{"/a/~"}}, `Issuers[0].ClaimRules[0].Claims [0] "/a/~": `},
		"no value":             {middleware.ClaimRule{Claims: []string{"a"}, OneOf: []string{}}, `Issuers[0].ClaimRules[0].OneOf is empty`},
		"an empty value":       {middleware.ClaimRule{Claims: []string{"a"}, OneOf: []string{"x", ""}}, `Issuers[0].ClaimRules[0] holds an empty value`},
		"an empty other value": {middleware.ClaimRule{Claims: []string{"a"}, NoneOf: []string{""}}, `Issuers[0].ClaimRules[0] holds an empty value`},
		"nothing to demand":    {middleware.ClaimRule{Claims: []string{"a"}, Optional: true}, `Issuers[0].ClaimRules[0] is Optional and names no values`},
		"a mark that may be absent": {
			middleware.ClaimRule{Claims: []string{"a"}, OneOf: []string{"x"}, Optional: true, OutranksNonce: true},
			`Issuers[0].ClaimRules[0].OutranksNonce is set beside Optional or NoneOf`,
		},
		"a mark that is what it is not": {
			middleware.ClaimRule{Claims: []string{"a"}, NoneOf: []string{"x"}, OutranksNonce: true},
			`Issuers[0].ClaimRules[0].OutranksNonce is set beside Optional or NoneOf`,
		},
	} {
		cfg := kit.Config()
		cfg.Issuers[0].ClaimRules = []middleware.ClaimRule{row.rule}
		if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: New says %v, want %q", name, err, row.want)
		}
	}
}
