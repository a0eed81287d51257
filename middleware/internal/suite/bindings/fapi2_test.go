package bindings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestFAPI2(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	t.Run("a bound token passes", func(t *testing.T) {
		kit.WantServed(t, kit.NewValidator(t, kit.SetFAPI2(nil)).Require(), kit.DPoPRequest(token, goodProof(token)()...), "200", "")
		kit.WantServed(t, kit.NewValidator(t, kit.SetFAPI2(nil)).Require(), kit.OverTLS(kit.CertBoundToken(), kit.ClientCert()), "200", "")
	})
	t.Run("a bearer token does not", func(t *testing.T) {
		kit.WantServed(t, kit.NewValidator(t, kit.SetFAPI2(nil)).Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), kit.BadToken, middleware.ReasonConfirmation)
	})
	t.Run("nor one that was revoked", func(t *testing.T) {
		kit.WantServed(
			t, kit.NewValidator(t, kit.SetFAPI2(kit.Claims{"active": false})).Require(), kit.DPoPRequest(token, goodProof(token)()...),
			kit.BadToken, middleware.ReasonInactive,
		)
	})
	t.Run("nor one of RS256", func(t *testing.T) {
		rs256 := testkit.Sign(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))), testkit.RSAKey())
		kit.WantServed(t, kit.NewValidator(t, kit.SetFAPI2(nil)).Require(), kit.DPoPRequest(rs256, goodProof(rs256)()...), kit.BadToken, "")
	})
	t.Run("nor one whose proof is of RS256", func(t *testing.T) {
		bound := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.RSAKey())))
		kit.WantServed(
			t, kit.NewValidator(t, kit.SetFAPI2(nil)).Require(),
			kit.DPoPRequest(bound, testkit.Proof{Key: testkit.RSAKey(), Token: bound}.String()), kit.BadProof, middleware.ReasonProof,
		)
		ps256 := testkit.Proof{Key: testkit.RSAKey(), Token: bound, Header: kit.Claims{"alg": "PS256"}}.String()
		kit.WantServed(t, kit.NewValidator(t, kit.SetFAPI2(nil)).Require(), kit.DPoPRequest(bound, ps256), "200", "")
	})
	t.Run("nor one without typ at+jwt", func(t *testing.T) {
		plain := kit.MintTyped("JWT", kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
		kit.WantServed(t, kit.NewValidator(t, kit.SetFAPI2(nil)).Require(), kit.DPoPRequest(plain, goodProof(plain)()...), kit.BadToken, "")
	})
	t.Run("ten seconds ahead pass, sixty-one do not", func(t *testing.T) {
		for ahead, outcome := range map[time.Duration]string{10: "200", 61: kit.BadToken} {
			at := testkit.Now.Add(ahead * time.Second).Unix()
			early := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey()).With(kit.Claims{"iat": at, "nbf": at})))
			kit.WantServed(t, kit.NewValidator(t, kit.SetFAPI2(nil)).Require(), kit.DPoPRequest(early, goodProof(early)()...), outcome, "")
		}
	})
	t.Run("its challenge names the algorithms", func(t *testing.T) {
		got := kit.Serve(kit.NewValidator(t, kit.SetFAPI2(nil)).Require(), kit.Bearer("x"))
		if algs := kit.ChallengesOf(t, got.Header)["DPoP"]["algs"]; algs != "PS256 ES256 EdDSA Ed25519" {
			t.Errorf("algs is %q", algs)
		}
	})
}

// What cannot satisfy the profile is a mistake.
func TestFAPI2Mistakes(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*middleware.Config)
		want   string
	}{
		{"tokens in cookies", func(cfg *middleware.Config) { cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("s")} }, "TokenSources"},
		{"revocation unseen", func(cfg *middleware.Config) { cfg.Issuers[0].JWTs, cfg.Issuers[0].Introspector = 0, nil }, "VerifyJWTs"},
		{"revocation seen by a list without a limit of age", func(cfg *middleware.Config) {
			cfg.Issuers[0].JWTs, cfg.Issuers[0].Introspector = 0, nil
			cfg.Revocations = []middleware.Revocations{kit.Verdicts(nil)}
		}, "RevocationsWithin"},
		{"an algorithm that is not allowed", func(cfg *middleware.Config) { cfg.Issuers[0].Algorithms = []string{"ES256", "RS256"} }, `"RS256"`},
		{"no audience", func(cfg *middleware.Config) {
			cfg.Audiences, cfg.Issuers[0].DangerouslyNoAudience = nil, true
		}, "DangerouslyNoAudience"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := kit.Config()
			kit.SetFAPI2(nil)(&cfg)
			row.change(&cfg)
			if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("New: %v, want a mistake about %s", err, row.want)
			}
		})
	}
}

// A list that is followed closely sees revocation as introspection does.
func TestFAPI2WithRevocations(t *testing.T) {
	cfg := kit.Config()
	kit.SetFAPI2(nil)(&cfg)
	cfg.Issuers[0].JWTs, cfg.Issuers[0].Introspector = middleware.VerifyJWTs, nil
	cfg.Revocations, cfg.RevocationsWithin = []middleware.Revocations{kit.Verdicts(nil)}, time.Minute
	if _, err := middleware.New(cfg); err != nil {
		t.Error(err)
	}
}
