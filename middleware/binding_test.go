package middleware_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// RFC 7800 section 3.1; what is not understood would go unchecked.
func TestConfirmationsThatAreNotUnderstood(t *testing.T) {
	jkt, x5t := jktOf(edKey().Public()), x5tOf(ownCert())
	for name, cnf := range map[string]any{
		"null":                           jwtNull{},
		"an empty object":                claims{},
		"a string":                       jkt,
		"an array":                       []any{claims{"jkt": jkt}},
		"a number":                       1,
		"a key by kid":                   claims{"kid": "x"},
		"a key by value":                 claims{"jwk": jwkOf(edKey().Public())},
		"a key by address":               claims{"jku": "https://evil.ex/keys", "kid": "x"},
		"an encrypted key":               claims{"jwe": "e30.e30.e30.e30.e30"},
		"a key id of OSCORE":             claims{"osc": claims{}},
		"a thumbprint of SHA-1":          claims{"x5t": x5t},
		"a method beside one we know":    claims{"jkt": jkt, "kid": "x"},
		"a name in another case":         claims{"JKT": jkt},
		"a null thumbprint":              claims{"jkt": nil},
		"a number for a thumbprint":      claims{"jkt": 1},
		"an empty thumbprint":            claims{"jkt": ""},
		"a padded thumbprint":            claims{"jkt": jkt + "="},
		"a short thumbprint":             claims{"jkt": jkt[:42]},
		"a long thumbprint":              claims{"jkt": jkt + "A"},
		"a thumbprint in base64":         claims{"x5t#S256": strings.Repeat("+", 43)},
		"a thumbprint with unused bits":  claims{"jkt": jkt[:42] + "B"},
		"a thumbprint with a line break": claims{"jkt": jkt[:42] + "\n"},
		"a good one and an empty one":    claims{"jkt": jkt, "x5t#S256": ""},
	} {
		t.Run(name, func(t *testing.T) {
			token := mint(good(claims{"cnf": cnf}))
			r := dpopRequest(token, proof{key: edKey(), token: token}.String())
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{ownCert()}}
			guard := withDPoP(t, nil).Require()
			wantServed(t, guard, r, badToken, middleware.ReasonConfirmation)
			r.Header.Set("Authorization", "Bearer "+token)
			wantServed(t, guard, r, badToken, middleware.ReasonConfirmation)
		})
	}
}

// RFC 7800 section 3.1: members that are not understood are ignored beside a method that is proven. Keycloak writes kc-jkt-type into every
// bound token. A registered method that nobody proves still refuses, and so does what another reader could take for one.
func TestMembersBesideAProvenConfirmation(t *testing.T) {
	jkt := jktOf(edKey().Public())
	for name, row := range map[string]struct {
		member string
		value  any
		want   string
	}{
		"Keycloak's":                                     {"kc-jkt-type", "DPoP", "200"},
		"a member of the issuer's own":                   {"urn:example:note", claims{"a": 1}, "200"},
		"an unknown thumbprint":                          {"x5t", "AAAA", "200"},
		"a null":                                         {"note", jwtNull{}, "200"},
		"a registered method: jwk":                       {"jwk", claims{}, badToken},
		"a registered method: jwe":                       {"jwe", "e30", badToken},
		"a registered method: kid":                       {"kid", "x", badToken},
		"a registered method: jku":                       {"jku", "https://k", badToken},
		"a registered method: osc":                       {"osc", claims{}, badToken},
		"a registered method that is null":               {"kid", jwtNull{}, badToken},
		"a certificate that was not shown":               {"x5t#S256", x5tOf(otherCert()), badToken},
		"a null certificate":                             {"x5t#S256", jwtNull{}, badToken},
		"a name like a method":                           {"KID", "x", badToken},
		"a name like the certificate's":                  {"X5T#s256", "x", badToken},
		"a name like one to a reader that folds letters": {"\u212aid", "x", badToken},
	} {
		t.Run(name, func(t *testing.T) {
			c := good(claims{"cnf": claims{"jkt": jkt, strings.ReplaceAll(row.member, "\\u212a", "\u212a"): row.value}})
			token := mint(c)
			wantServed(t, withDPoP(t, nil).Require(), dpopRequest(token, proof{key: edKey(), token: token}.String()), row.want, "")
			answer := active(claims{"cnf": c["cnf"], "token_type": "DPoP"})
			opaque := withDPoP(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = answering(answer) })
			wantServed(t, opaque.Require(), dpopRequest("opaque", proof{key: edKey(), token: "opaque"}.String()), row.want, "")
		})
	}
}

// jwtNull is written as null; a nil in claims would be left out.
type jwtNull struct{}

func (jwtNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// All that are present must hold, on every request.
func TestSeveralConfirmations(t *testing.T) {
	token := mint(good(claims{"cnf": claims{"jkt": jktOf(edKey().Public()), "x5t#S256": x5tOf(ownCert())}}))
	eachWay(t, public, func(t *testing.T, v *middleware.Validator) {
		for _, row := range []struct {
			name    string
			proofs  func() []string
			cert    *x509.Certificate
			outcome string
		}{
			{"both", goodProof(token), ownCert(), "200"},
			{"both, once more", goodProof(token), ownCert(), "200"},
			{"the key alone", goodProof(token), nil, badToken},
			{"the key and another certificate", goodProof(token), otherCert(), badToken},
			{"the certificate alone", func() []string { return nil }, ownCert(), badProof},
			{"the certificate and another key", func() []string { return []string{proof{key: strangeKey(), token: token}.String()} }, ownCert(), badToken},
		} {
			t.Run(row.name, func(t *testing.T) {
				r := dpopRequest(token, row.proofs()...)
				if row.cert != nil {
					r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{row.cert}}
				}
				wantServed(t, v.Require(), r, row.outcome, "")
			})
		}
	})
}

func goodProof(token string) func() []string {
	return func() []string { return []string{proof{key: edKey(), token: token}.String()} }
}

// Introspected tokens are bound as well (RFC 9449 section 6.2, RFC 8705 section 3.2).
func TestIntrospectedTokensAreBound(t *testing.T) {
	const opaque = "opaque-token"
	for _, row := range []struct {
		name    string
		answer  claims
		request func() *http.Request
		outcome string
		reason  middleware.Reason
	}{
		{"a key, proven", boundTo(edKey()), func() *http.Request { return dpopRequest(opaque, goodProof(opaque)()...) }, "200", ""},
		{"a key, with token_type DPoP", changed(boundTo(edKey()), claims{"token_type": "DPoP"}), func() *http.Request { return dpopRequest(opaque, goodProof(opaque)()...) }, "200", ""},
		{"a key, not proven", boundTo(edKey()), func() *http.Request { return dpopRequest(opaque) }, badProof, middleware.ReasonProof},
		{"a key, sent as Bearer", boundTo(edKey()), func() *http.Request { return bearer(opaque) }, badToken, middleware.ReasonConfirmation},
		{"no key, sent with DPoP", nil, func() *http.Request { return dpopRequest(opaque, goodProof(opaque)()...) }, badToken, middleware.ReasonConfirmation},
		{"a certificate, shown", claims{"cnf": claims{"x5t#S256": x5tOf(ownCert())}}, func() *http.Request { return overTLS(opaque, ownCert()) }, "200", ""},
		{"a certificate, another shown", claims{"cnf": claims{"x5t#S256": x5tOf(ownCert())}}, func() *http.Request { return overTLS(opaque, otherCert()) }, badToken, middleware.ReasonConfirmation},
		{"a method that is not understood", claims{"cnf": claims{"kid": "x"}}, func() *http.Request { return bearer(opaque) }, badToken, middleware.ReasonConfirmation},
		{"token_type DPoP and no cnf", claims{"token_type": "DPoP"}, func() *http.Request { return bearer(opaque) }, badToken, middleware.ReasonConfirmation},
		{"token_type DPoP and a certificate alone", claims{"token_type": "DPoP", "cnf": claims{"x5t#S256": x5tOf(ownCert())}}, func() *http.Request { return overTLS(opaque, ownCert()) }, badToken, middleware.ReasonConfirmation},
	} {
		t.Run(row.name, func(t *testing.T) {
			eachWay(t, func(cfg *middleware.Config) {
				public(cfg)
				cfg.Issuers[0].Introspector = answering(active(row.answer))
			}, func(t *testing.T, v *middleware.Validator) {
				for range 2 {
					wantServed(t, v.Require(), row.request(), row.outcome, row.reason)
				}
			})
		})
	}
}

// A JWT that is introspected as well keeps the binding that it has.
func TestAnAnswerCannotUnbind(t *testing.T) {
	jkt := boundTo(edKey())
	both := claims{"cnf": claims{"jkt": jktOf(edKey().Public()), "x5t#S256": x5tOf(ownCert())}}
	for _, row := range []struct {
		name        string
		jwt, answer claims
		bearer      bool
		outcome     string
	}{
		{"the answer is silent, and the proof is there", jkt, nil, false, "200"},
		{"the answer is silent, and there is no proof", jkt, nil, true, badToken},
		{"both say the same", jkt, jkt, false, "200"},
		{"the answer names another key", jkt, boundTo(strangeKey()), false, badToken},
		{"the answer drops one of two", both, jkt, false, badToken},
		{"the answer alone binds", nil, jkt, true, badToken},
		{"the answer alone binds, and the proof is there", nil, jkt, false, "200"},
	} {
		t.Run(row.name, func(t *testing.T) {
			eachWay(t, func(cfg *middleware.Config) {
				public(cfg)
				cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
				cfg.Issuers[0].Introspector = answering(active(row.answer))
			}, func(t *testing.T, v *middleware.Validator) {
				token := mint(good(row.jwt))
				for range 2 {
					r := dpopRequest(token, goodProof(token)()...)
					if row.bearer {
						r = bearer(token)
					}
					r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{ownCert()}}
					wantServed(t, v.Require(), r, row.outcome, "")
				}
			})
		})
	}
}
