package vectors_test

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// RFC 9449 section 7.1: the request for a protected resource, with the proof and the token of the RFC, about which its section 6.2
// answers. Each row changes one thing about it.
func TestRFCProof(t *testing.T) {
	examples := rfcExamples(t)
	call, answer, tokenRequest := examples["RFC 9449 7.1"], examples["RFC 9449 6.2"].Claims, examples["RFC 9449 4.1"].Token
	const url, proofCode, tokenCode = "https://resource.example.org/protectedresource", `error="invalid_dpop_proof"`, `error="invalid_token"`
	at := time.Unix(1562262618, 0) // the proof's iat
	for name, row := range map[string]struct {
		scheme, method, url, token string
		proofs                     []string
		at                         time.Time
		answer                     kit.Claims
		code                       string // of the challenge; empty: admitted
		reason                     middleware.Reason
	}{
		"the request of the RFC":                {},
		"half a minute later":                   {at: at.Add(30 * time.Second)},
		"with a query, which htu does not name": {url: url + "?page=2"},
		"an hour later, a stolen proof":         {at: at.Add(59 * time.Minute), code: proofCode, reason: middleware.ReasonProof},
		"made in stock, for a minute hence": {
			at: at.Add(-65 * time.Second), answer: kit.Claims{"nbf": 1562260000}, code: proofCode, reason: middleware.ReasonProof,
		},
		"another method":                {method: http.MethodPost, code: proofCode, reason: middleware.ReasonProof},
		"another resource":              {url: url + "s", code: proofCode, reason: middleware.ReasonProof},
		"another token of the same key": {token: "another~token", code: proofCode, reason: middleware.ReasonProof},
		"a token of another key": {
			answer: kit.Claims{"cnf": kit.Claims{"jkt": examples["RFC 8037 A.3"].Thumbprint}}, code: tokenCode,
			reason: middleware.ReasonConfirmation,
		},
		"the proof of the token request":   {proofs: []string{tokenRequest}, code: proofCode, reason: middleware.ReasonProof},
		"both proofs":                      {proofs: []string{call.Token, tokenRequest}, code: proofCode, reason: middleware.ReasonProof},
		"no proof":                         {proofs: []string{}, code: proofCode, reason: middleware.ReasonProof},
		"downgraded to a bearer token":     {scheme: "Bearer", proofs: []string{}, code: tokenCode, reason: middleware.ReasonConfirmation},
		"the signature of the other proof": {proofs: []string{graft(call.Token, tokenRequest)}, code: proofCode, reason: middleware.ReasonProof},
	} {
		t.Run(name, func(t *testing.T) {
			now := at
			if !row.at.IsZero() {
				now = row.at
			}
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Issuers = []middleware.Issuer{{
					URL: "https://server.example.com", Keys: testkit.KeySet(), DangerouslyNoAudience: true, DangerouslyUntypedAnswers: true,
					Introspector: kit.Answering(kit.Claims{}.With(answer).With(row.answer)),
				}}
				cfg.Audiences, cfg.PublicURL = nil, "https://resource.example.org"
				cfg.Clock = func() time.Time { return now }
			})
			r := httptest.NewRequest(cmp.Or(row.method, http.MethodGet), cmp.Or(row.url, url), nil)
			r.Header.Set("Authorization", cmp.Or(row.scheme, "DPoP")+" "+cmp.Or(row.token, call.AccessToken))
			r.Header["Dpop"] = []string{call.Token}
			if row.proofs != nil {
				r.Header["Dpop"] = row.proofs
			}
			if row.code == "" {
				if got := kit.Serve(v.Require(), r).String(); got != "200" {
					t.Errorf("outcome is %q, want 200", got)
				}
				row.code, row.reason = proofCode, middleware.ReasonProofReplay // section 11.1: a proof is good once
			}
			if got := kit.ReasonOf(t, v.Require(), r); got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
			got := kit.Serve(v.Require(), r)
			if challenges := strings.Join(got.Header.Values("WWW-Authenticate"), "\n"); got.Ran || got.StatusCode != 401 || !strings.Contains(challenges, row.code) {
				t.Errorf("outcome is %d with %s, want 401 with %s", got.StatusCode, challenges, row.code)
			}
		})
	}
}

// graft gives token the signature of another.
func graft(token, other string) string {
	return token[:len(token)-len(testkit.B64(testkit.SignatureOf(token)))] + testkit.B64(testkit.SignatureOf(other))
}
