package middleware_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// fapi2 is a configuration that the FAPI 2.0 Security Profile accepts.
func fapi2(answer claims) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		public(cfg)
		cfg.FAPI2 = true
		cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
		cfg.Issuers[0].Introspector = answering(active(answer))
	}
}

func TestFAPI2(t *testing.T) {
	token := mint(good(boundTo(edKey())))
	t.Run("a bound token passes", func(t *testing.T) {
		wantServed(t, validator(t, fapi2(nil)).Require(), dpopRequest(token, goodProof(token)()...), "200", "")
		wantServed(t, validator(t, fapi2(nil)).Require(), overTLS(certBound(), ownCert()), "200", "")
	})
	t.Run("a bearer token does not", func(t *testing.T) {
		wantServed(t, validator(t, fapi2(nil)).Require(), bearer(mint(good(nil))), badToken, middleware.ReasonConfirmation)
	})
	t.Run("nor one that was revoked", func(t *testing.T) {
		wantServed(t, validator(t, fapi2(claims{"active": false})).Require(), dpopRequest(token, goodProof(token)()...), badToken, middleware.ReasonInactive)
	})
	t.Run("nor one of RS256", func(t *testing.T) {
		rs256 := sign(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, string(toJSON(good(boundTo(edKey())))), rsaKey())
		wantServed(t, validator(t, fapi2(nil)).Require(), dpopRequest(rs256, goodProof(rs256)()...), badToken, "")
	})
	t.Run("nor one whose proof is of RS256", func(t *testing.T) {
		bound := mint(good(boundTo(rsaKey())))
		wantServed(t, validator(t, fapi2(nil)).Require(), dpopRequest(bound, proof{key: rsaKey(), token: bound}.String()), badProof, middleware.ReasonProof)
		ps256 := proof{key: rsaKey(), token: bound, header: claims{"alg": "PS256"}}.String()
		wantServed(t, validator(t, fapi2(nil)).Require(), dpopRequest(bound, ps256), "200", "")
	})
	t.Run("nor one without typ at+jwt", func(t *testing.T) {
		plain := mintAs("JWT", good(boundTo(edKey())))
		wantServed(t, validator(t, fapi2(nil)).Require(), dpopRequest(plain, goodProof(plain)()...), badToken, "")
	})
	t.Run("ten seconds ahead pass, sixty-one do not", func(t *testing.T) {
		for ahead, outcome := range map[time.Duration]string{10: "200", 61: badToken} {
			at := now.Add(ahead * time.Second).Unix()
			early := mint(good(changed(boundTo(edKey()), claims{"iat": at, "nbf": at})))
			wantServed(t, validator(t, fapi2(nil)).Require(), dpopRequest(early, goodProof(early)()...), outcome, "")
		}
	})
	t.Run("its challenge names the algorithms", func(t *testing.T) {
		got := serve(validator(t, fapi2(nil)).Require(), bearer("x"))
		if algs := challengesOf(t, got.Header)["DPoP"]["algs"]; algs != "PS256 ES256 EdDSA Ed25519" {
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
		{"an algorithm that is not allowed", func(cfg *middleware.Config) { cfg.Issuers[0].Algorithms = []string{"ES256", "RS256"} }, `"RS256"`},
		{"no audience", func(cfg *middleware.Config) {
			cfg.Audiences, cfg.Issuers[0].DangerouslyNoAudience = nil, true
		}, "DangerouslyNoAudience"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := config()
			fapi2(nil)(&cfg)
			row.change(&cfg)
			if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("New: %v, want a mistake about %s", err, row.want)
			}
		})
	}
}
