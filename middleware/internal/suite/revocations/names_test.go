package revocations_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// noting is a Revocations that remembers what it was asked about.
type noting struct{ facts middleware.TokenFacts }

func (n *noting) Judge(t middleware.TokenFacts) middleware.Verdict {
	n.facts = t
	return middleware.Verdict{AsOf: time.Now()}
}

// What an answer about a verified JWT leaves out is still a name by which the token may have been revoked.
func TestWhatOnlyTheJWTSaysCanBeRevoked(t *testing.T) {
	status := kit.Claims{"status_list": kit.Claims{"uri": "https://status.example/1", "idx": 7}}
	whole := middleware.TokenFacts{
		Issuer: testkit.Issuer, ID: "token-1", SessionID: "s", Subject: "user-1", ClientID: "client-1", IssuedAt: testkit.Now, Expiry: testkit.Now.Add(time.Hour),
		StatusURI: "https://status.example/1", StatusIndex: 7,
	}
	for _, row := range []struct {
		name   string
		answer kit.Claims
		want   func(*middleware.TokenFacts)
	}{
		{
			"an answer that says next to nothing",
			kit.Claims{"iss": nil, "jti": nil, "sid": nil, "sub": nil, "client_id": nil, "iat": nil, "exp": nil, "status": nil}, nil,
		},
		{"null is nothing", kit.Claims{"jti": kit.JSONNull{}, "sid": kit.JSONNull{}, "sub": kit.JSONNull{}, "client_id": kit.JSONNull{}, "iat": kit.JSONNull{}}, nil},
		{"empty is nothing", kit.Claims{"jti": "", "sid": "", "sub": "", "client_id": ""}, nil},
		{"what it does say counts", kit.Claims{"jti": "answer", "sid": "answer", "sub": "answer", "client_id": "answer"}, func(f *middleware.TokenFacts) {
			f.ID, f.SessionID, f.Subject, f.ClientID = "answer", "answer", "answer", "answer"
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked := &noting{}
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
				cfg.Revocations = []middleware.Revocations{asked}
				cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
				cfg.Issuers[0].Introspector = kit.Answering(kit.ActiveAnswer(row.answer))
			}, func(t *testing.T, v *middleware.Validator) {
				want := whole
				if row.want != nil {
					row.want(&want)
				}
				token := kit.Mint(kit.GoodClaims(kit.Claims{"sid": "s", "status": status}))
				for range 2 {
					if got := kit.OutcomeOf(v.Require(), kit.Bearer(token)); got != "200" {
						t.Fatal(got)
					}
					asked.facts.IssuedAt, asked.facts.Expiry = asked.facts.IssuedAt.UTC(), asked.facts.Expiry.UTC()
					if asked.facts != want {
						t.Errorf("asked about %+v, want %+v", asked.facts, want)
					}
				}
			})
		})
	}
}

// All names of a tenant are one, as all names of an issuer are: what is revoked under one is revoked under the other.
func TestTenantsAreRevokedUnderOneName(t *testing.T) {
	asked := &noting{}
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Revocations = []middleware.Revocations{asked}
		cfg.Issuers[0].URL, cfg.Issuers[0].Aliases = kit.TenantsURL, []string{"https://sts.example.com/{tenantid}/", "https://old.example.com"}
		cfg.Issuers[0].AllowTenant = kit.AnyTenant
	})
	for iss, want := range map[string]string{
		kit.TenantIssuer("t1"):           kit.TenantIssuer("t1"),
		"https://sts.example.com/t1/":    kit.TenantIssuer("t1"),
		kit.TenantIssuer("t2"):           kit.TenantIssuer("t2"),
		"https://sts.example.com/t2/":    kit.TenantIssuer("t2"),
		"https://old.example.com":        kit.TenantsURL, // of no tenant
		"https://sts.example.com/v2.0/":  kit.TenantIssuer("v2.0"),
		"https://login.example.com/a/v2": "",
	} {
		asked.facts = middleware.TokenFacts{}
		var tid any
		for _, tenant := range []string{"t1", "t2", "v2.0"} {
			if want == kit.TenantIssuer(tenant) {
				tid = tenant
			}
		}
		token := kit.Mint(kit.GoodClaims(kit.Claims{"iss": iss, "tid": tid}))
		if got := kit.OutcomeOf(v.Require(), kit.Bearer(token)); (got == "200") != (want != "") {
			t.Errorf("%s: %s", iss, got)
		}
		if asked.facts.Issuer != want {
			t.Errorf("%s is revocable as %q, want %q", iss, asked.facts.Issuer, want)
		}
	}
}
