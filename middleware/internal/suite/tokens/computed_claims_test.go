package tokens_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// tenantRoles are the roles in the tenant that another claim names, as Descope has them.
func tenantRoles(t *middleware.Token) ([]string, error) {
	var c struct {
		Tenant  string `json:"dct"`
		Tenants map[string]struct {
			Roles []string `json:"roles"`
		} `json:"tenants"`
	}
	if err := t.Claims(&c); err != nil {
		return nil, err
	}
	return c.Tenants[c.Tenant].Roles, nil
}

// maskedScopes are permissions in a bit mask, as Clerk has them.
func maskedScopes(t *middleware.Token) ([]string, error) {
	var c struct {
		Org struct {
			Permissions string `json:"per"`
			Mask        int    `json:"fpm"`
		} `json:"o"`
	}
	if err := t.Claims(&c); err != nil {
		return nil, err
	}
	scopes := t.Scopes.Slice()
	for i, name := range strings.Split(c.Org.Permissions, ",") {
		if c.Org.Mask&(1<<i) != 0 {
			scopes = append(scopes, "org:"+name)
		}
	}
	return scopes, nil
}

var computed = kit.Claims{
	"dct": "T1", "tenants": kit.Claims{"T1": kit.Claims{"roles": []string{"editor", "editor", ""}}, "T2": kit.Claims{"roles": []string{"owner"}}},
	"o": kit.Claims{"per": "read,manage,delete", "fpm": 3},
}

func TestComputedScopesAndRoles(t *testing.T) {
	for name, row := range map[string]struct {
		token  string
		change func(*middleware.Issuer)
	}{
		"a JWT":           {kit.Mint(kit.GoodClaims(computed)), func(*middleware.Issuer) {}},
		"an opaque token": {"opaque", func(i *middleware.Issuer) { i.Introspector = kit.Answering(kit.ActiveAnswer(computed)) }},
		"a JWT that its server judges": {kit.Mint(kit.GoodClaims(nil)), func(i *middleware.Issuer) {
			i.Keys, i.JWTs, i.Introspector = nil, middleware.IntrospectJWTs, kit.Answering(kit.ActiveAnswer(computed))
		}},
		"a JWT that its server is asked about too": {kit.Mint(kit.GoodClaims(kit.Claims{"dct": "T2", "tenants": 7})), func(i *middleware.Issuer) {
			i.JWTs, i.Introspector = middleware.VerifyAndIntrospectJWTs, kit.Answering(kit.ActiveAnswer(computed))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
				row.change(&cfg.Issuers[0])
				cfg.Issuers[0].Claims = middleware.ClaimMapping{ScopesFunc: maskedScopes, RolesFunc: func(t *middleware.Token) ([]string, error) {
					calls.Add(1)
					if !t.Scopes.Has("org:manage") || t.Subject == "" || t.Issuer != testkit.Issuer || t.Roles.Len() > 0 {
						return nil, fmt.Errorf("the token is %v", t)
					}
					t.Subject = "nobody" // its own copy
					return tenantRoles(t)
				}}
			}, func(t *testing.T, v *middleware.Validator) {
				calls.Store(0)
				for range 3 {
					got := kit.WantAdmitted(t, v, row.token)
					if !slices.Equal(got.Roles.Slice(), []string{"editor"}) || got.Subject == "nobody" {
						t.Errorf("roles are %v of %s", got.Roles, got.Subject)
					}
					if !slices.Equal(got.Scopes.Slice(), []string{"read", "write", "org:read", "org:manage"}) {
						t.Errorf("scopes are %v", got.Scopes)
					}
				}
				if strings.HasSuffix(t.Name(), "with_the_cache") && !kit.CacheIsOff() && calls.Load() != 1 {
					t.Errorf("it was computed %d times for one token", calls.Load())
				}
				kit.WantServed(t, v.Require("org:manage").AnyRole("editor"), kit.Bearer(row.token), "200", "")
				kit.WantServed(t, v.Require("org:delete"), kit.Bearer(row.token), "403 insufficient_scope", middleware.ReasonScope)
				kit.WantServed(t, v.Require().AnyRole("owner"), kit.Bearer(row.token), "403 insufficient_scope", middleware.ReasonRole)
			})
		})
	}
}

// What a function returns belongs to it: that it is changed later changes no token.
func TestComputedListsAreCopied(t *testing.T) {
	kit.NeedsCache(t)
	list := []string{"reader"}
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims.RolesFunc = func(*middleware.Token) ([]string, error) { return list, nil }
	})
	token := kit.Mint(kit.GoodClaims(nil))
	kit.WantAdmitted(t, v, token)
	list[0] = "admin"
	if got := kit.WantAdmitted(t, v, token); got.Roles.Has("admin") {
		t.Errorf("roles are %v", got.Roles)
	}
}

func TestComputingThatFails(t *testing.T) {
	for name, row := range map[string]struct {
		err     error
		outcome string
		reason  middleware.Reason
	}{
		"an error":                        {errors.New("canary"), kit.BadToken, middleware.ReasonMalformedClaim},
		"a claim of another type":         {nil, kit.BadToken, middleware.ReasonMalformedClaim},
		"that nobody can tell at present": {fmt.Errorf("table: %w", middleware.ErrUnavailable), "503", middleware.ReasonRuleUnavailable},
	} {
		for _, field := range []string{"ScopesFunc", "RolesFunc"} {
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
				compute := func(t *middleware.Token) ([]string, error) {
					if row.err == nil {
						return nil, t.Claims(&struct {
							Sub int `json:"sub"`
						}{})
					}
					return []string{"admin"}, row.err
				}
				if field == "ScopesFunc" {
					cfg.Issuers[0].Claims.ScopesFunc = compute
				} else {
					cfg.Issuers[0].Claims.RolesFunc = compute
				}
			}, func(t *testing.T, v *middleware.Validator) {
				t.Run(name+" in "+field, func(t *testing.T) {
					for range 2 {
						kit.WantServed(t, v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), row.outcome, row.reason)
					}
				})
			})
		}
	}
}

// plain is a JWT that does not say what kind it is.
func plain(claims kit.Claims) string {
	return testkit.Sign(`{"alg":"EdDSA","kid":"ed","typ":"JWT"}`, string(testkit.JSON(claims)), testkit.EdKey())
}

// A function never sees claims that were refused, or that nobody vouches for.
func TestNothingIsComputedOfATokenThatIsRefused(t *testing.T) {
	never := func(*middleware.Token) ([]string, error) { panic("computed") }
	mapping := middleware.ClaimMapping{ScopesFunc: never, RolesFunc: never}
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims = mapping
		cfg.Issuers[0].ClaimRules = []middleware.ClaimRule{{Claims: []string{"hd"}}}
	})
	for reason, token := range map[middleware.Reason]string{
		middleware.ReasonSignature:    kit.Mint(kit.GoodClaims(nil)) + "A",
		middleware.ReasonAudience:     kit.Mint(kit.GoodClaims(kit.Claims{"aud": "other"})),
		middleware.ReasonMissingClaim: kit.Mint(kit.GoodClaims(kit.Claims{"exp": nil})),
		middleware.ReasonTokenType:    plain(kit.GoodClaims(kit.Claims{"at_hash": "x"})),
		middleware.ReasonConfirmation: kit.Mint(kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"kid": "x"}})),
		middleware.ReasonNotAccepted:  kit.Mint(kit.GoodClaims(nil)),
	} {
		if reason == middleware.ReasonSignature {
			token = testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey())
		}
		kit.WantRefused(t, v, token, kit.BadToken, reason)
	}
	v = kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims = mapping
		cfg.Issuers[0].JWTs, cfg.Issuers[0].Introspector = middleware.VerifyAndIntrospectJWTs, kit.Answering(kit.Claims{"active": false})
	})
	kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(nil)), kit.BadToken, middleware.ReasonInactive)
	kit.WantRefused(t, v, "opaque", kit.BadToken, middleware.ReasonInactive)
}

// As with Accept, a panic is the request's own, and leaves nobody waiting.
func TestAPanicWhileComputingIsTheRequestsOwn(t *testing.T) {
	var calm atomic.Bool
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims.RolesFunc = func(*middleware.Token) ([]string, error) {
			if !calm.Load() {
				panic("computed")
			}
			return nil, nil
		}
	})
	token := kit.Mint(kit.GoodClaims(nil))
	for range 2 {
		kit.WantPanic(t, "computed", func() { _, _ = v.Require().Check(kit.Bearer(token)) })
	}
	calm.Store(true)
	kit.WantAdmitted(t, v, token)
}

// Computed scopes do not make an access token of what has the shape of an ID token.
func TestComputedScopesAreNoEvidence(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims.ScopesFunc = func(*middleware.Token) ([]string, error) { return []string{"orders:write"}, nil }
	})
	kit.WantRefused(t, v, plain(kit.GoodClaims(kit.Claims{"nonce": "n", "scope": "openid"})), kit.BadToken, middleware.ReasonTokenType)
	kit.WantAdmitted(t, v, plain(kit.GoodClaims(kit.Claims{"nonce": "n", "scope": "openid orders"})))
}

func TestMistakesAboutComputedClaims(t *testing.T) {
	compute := func(*middleware.Token) ([]string, error) { return nil, nil }
	cfg := kit.Config()
	cfg.Issuers[0].Claims = middleware.ClaimMapping{Scopes: []string{"scp"}, ScopesFunc: compute, Roles: []string{"roles"}, RolesFunc: compute}
	_, err := middleware.New(cfg)
	for _, want := range []string{
		"Issuers[0].Claims.Scopes is set beside ScopesFunc, which takes its place: leave one of them out",
		"Issuers[0].Claims.Roles is set beside RolesFunc, which takes its place: leave one of them out",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
}
