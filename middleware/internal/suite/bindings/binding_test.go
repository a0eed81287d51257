package bindings_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// RFC 7800 section 3.1; what is not understood would go unchecked.
func TestConfirmationsThatAreNotUnderstood(t *testing.T) {
	jkt, x5t := kit.Thumbprint(testkit.EdKey().Public()), kit.CertThumbprint(kit.ClientCert())
	for name, cnf := range map[string]any{
		"null":                           kit.JSONNull{},
		"an empty object":                kit.Claims{},
		"a string":                       jkt,
		"an array":                       []any{kit.Claims{"jkt": jkt}},
		"a number":                       1,
		"a key by kid":                   kit.Claims{"kid": "x"},
		"a key by value":                 kit.Claims{"jwk": testkit.JWK(testkit.EdKey().Public())},
		"a key by address":               kit.Claims{"jku": "https://evil.ex/keys", "kid": "x"},
		"an encrypted key":               kit.Claims{"jwe": "e30.e30.e30.e30.e30"},
		"a key id of OSCORE":             kit.Claims{"osc": kit.Claims{}},
		"a thumbprint of SHA-1":          kit.Claims{"x5t": x5t},
		"a method beside one we know":    kit.Claims{"jkt": jkt, "kid": "x"},
		"a name in another case":         kit.Claims{"JKT": jkt},
		"a null thumbprint":              kit.Claims{"jkt": nil},
		"a number for a thumbprint":      kit.Claims{"jkt": 1},
		"an empty thumbprint":            kit.Claims{"jkt": ""},
		"a padded thumbprint":            kit.Claims{"jkt": jkt + "="},
		"a short thumbprint":             kit.Claims{"jkt": jkt[:42]},
		"a long thumbprint":              kit.Claims{"jkt": jkt + "A"},
		"a thumbprint in base64":         kit.Claims{"x5t#S256": strings.Repeat("+", 43)},
		"a thumbprint with unused bits":  kit.Claims{"jkt": jkt[:42] + "B"},
		"a thumbprint with a line break": kit.Claims{"jkt": jkt[:42] + "\n"},
		"a good one and an empty one":    kit.Claims{"jkt": jkt, "x5t#S256": ""},
	} {
		t.Run(name, func(t *testing.T) {
			token := kit.Mint(kit.GoodClaims(kit.Claims{"cnf": cnf}))
			r := kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String())
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{kit.ClientCert()}}
			guard := kit.DPoPValidator(t, nil).Require()
			kit.WantServed(t, guard, r, kit.BadToken, middleware.ReasonConfirmation)
			r.Header.Set("Authorization", "Bearer "+token)
			kit.WantServed(t, guard, r, kit.BadToken, middleware.ReasonConfirmation)
		})
	}
}

// RFC 7800 section 3.1: members that are not understood are ignored beside a method that is proven. Keycloak writes kc-jkt-type into every
// bound token. A registered method that nobody proves still refuses, and so does what another reader could take for one.
func TestMembersBesideAProvenConfirmation(t *testing.T) {
	jkt := kit.Thumbprint(testkit.EdKey().Public())
	for name, row := range map[string]struct {
		member string
		value  any
		want   string
	}{
		"Keycloak's":                                     {"kc-jkt-type", "DPoP", "200"},
		"a member of the issuer's own":                   {"urn:example:note", kit.Claims{"a": 1}, "200"},
		"an unknown thumbprint":                          {"x5t", "AAAA", "200"},
		"a null":                                         {"note", kit.JSONNull{}, "200"},
		"a registered method: jwk":                       {"jwk", kit.Claims{}, kit.BadToken},
		"a registered method: jwe":                       {"jwe", "e30", kit.BadToken},
		"a registered method: kid":                       {"kid", "x", kit.BadToken},
		"a registered method: jku":                       {"jku", "https://k", kit.BadToken},
		"a registered method: osc":                       {"osc", kit.Claims{}, kit.BadToken},
		"a registered method that is null":               {"kid", kit.JSONNull{}, kit.BadToken},
		"a certificate that was not shown":               {"x5t#S256", kit.CertThumbprint(kit.OtherCert()), kit.BadToken},
		"a null certificate":                             {"x5t#S256", kit.JSONNull{}, kit.BadToken},
		"a name like a method":                           {"KID", "x", kit.BadToken},
		"a name like the certificate's":                  {"X5T#s256", "x", kit.BadToken},
		"a name like one to a reader that folds letters": {"\u212aid", "x", kit.BadToken},
	} {
		t.Run(name, func(t *testing.T) {
			c := kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"jkt": jkt, strings.ReplaceAll(row.member, "\\u212a", "\u212a"): row.value}})
			token := kit.Mint(c)
			kit.WantServed(t, kit.DPoPValidator(t, nil).Require(), kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String()), row.want, "")
			answer := kit.ActiveAnswer(kit.Claims{"cnf": c["cnf"], "token_type": "DPoP"})
			opaque := kit.DPoPValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = kit.Answering(answer) })
			kit.WantServed(t, opaque.Require(), kit.DPoPRequest("opaque", testkit.Proof{Key: testkit.EdKey(), Token: "opaque"}.String()), row.want, "")
		})
	}
}

// All that are present must hold, on every request.
func TestSeveralConfirmations(t *testing.T) {
	token := kit.Mint(
		kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"jkt": kit.Thumbprint(testkit.EdKey().Public()), "x5t#S256": kit.CertThumbprint(kit.ClientCert())}}),
	)
	kit.WithAndWithoutCache(t, kit.SetPublicURL, func(t *testing.T, v *middleware.Validator) {
		for _, row := range []struct {
			name    string
			proofs  func() []string
			cert    *x509.Certificate
			outcome string
		}{
			{"both", goodProof(token), kit.ClientCert(), "200"},
			{"both, once more", goodProof(token), kit.ClientCert(), "200"},
			{"the key alone", goodProof(token), nil, kit.BadToken},
			{"the key and another certificate", goodProof(token), kit.OtherCert(), kit.BadToken},
			{"the certificate alone", func() []string { return nil }, kit.ClientCert(), kit.BadProof},
			{
				"the certificate and another key",
				func() []string { return []string{testkit.Proof{Key: testkit.StrangeKey(), Token: token}.String()} }, kit.ClientCert(),
				kit.BadToken,
			},
		} {
			t.Run(row.name, func(t *testing.T) {
				r := kit.DPoPRequest(token, row.proofs()...)
				if row.cert != nil {
					r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{row.cert}}
				}
				kit.WantServed(t, v.Require(), r, row.outcome, "")
			})
		}
	})
}

func goodProof(token string) func() []string {
	return func() []string { return []string{testkit.Proof{Key: testkit.EdKey(), Token: token}.String()} }
}

// Introspected tokens are bound as well (RFC 9449 section 6.2, RFC 8705 section 3.2).
func TestIntrospectedTokensAreBound(t *testing.T) {
	const opaque = "opaque-token"
	for _, row := range []struct {
		name    string
		answer  kit.Claims
		request func() *http.Request
		outcome string
		reason  middleware.Reason
	}{
		{"a key, proven", kit.BoundTo(testkit.EdKey()), func() *http.Request { return kit.DPoPRequest(opaque, goodProof(opaque)()...) }, "200", ""},
		{
			"a key, with token_type DPoP", kit.BoundTo(testkit.EdKey()).With(kit.Claims{"token_type": "DPoP"}),
			func() *http.Request { return kit.DPoPRequest(opaque, goodProof(opaque)()...) }, "200", "",
		},
		{"a key, not proven", kit.BoundTo(testkit.EdKey()), func() *http.Request { return kit.DPoPRequest(opaque) }, kit.BadProof, middleware.ReasonProof},
		{"a key, sent as Bearer", kit.BoundTo(testkit.EdKey()), func() *http.Request { return kit.Bearer(opaque) }, kit.BadToken, middleware.ReasonConfirmation},
		{"no key, sent with DPoP", nil, func() *http.Request { return kit.DPoPRequest(opaque, goodProof(opaque)()...) }, kit.BadToken, middleware.ReasonConfirmation},
		{
			"a certificate, shown", kit.Claims{"cnf": kit.Claims{"x5t#S256": kit.CertThumbprint(kit.ClientCert())}},
			func() *http.Request { return kit.OverTLS(opaque, kit.ClientCert()) }, "200", "",
		},
		{
			"a certificate, another shown", kit.Claims{"cnf": kit.Claims{"x5t#S256": kit.CertThumbprint(kit.ClientCert())}},
			func() *http.Request { return kit.OverTLS(opaque, kit.OtherCert()) }, kit.BadToken, middleware.ReasonConfirmation,
		},
		{
			"a method that is not understood", kit.Claims{"cnf": kit.Claims{"kid": "x"}},
			func() *http.Request { return kit.Bearer(opaque) }, kit.BadToken, middleware.ReasonConfirmation,
		},
		{
			"token_type DPoP and no cnf", kit.Claims{"token_type": "DPoP"}, func() *http.Request { return kit.Bearer(opaque) },
			kit.BadToken, middleware.ReasonConfirmation,
		},
		{
			"token_type DPoP and a certificate alone",
			kit.Claims{"token_type": "DPoP", "cnf": kit.Claims{"x5t#S256": kit.CertThumbprint(kit.ClientCert())}},
			func() *http.Request { return kit.OverTLS(opaque, kit.ClientCert()) }, kit.BadToken, middleware.ReasonConfirmation,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
				kit.SetPublicURL(cfg)
				cfg.Issuers[0].Introspector = kit.Answering(kit.ActiveAnswer(row.answer))
			}, func(t *testing.T, v *middleware.Validator) {
				for range 2 {
					kit.WantServed(t, v.Require(), row.request(), row.outcome, row.reason)
				}
			})
		})
	}
}

// A JWT that is introspected as well keeps the binding that it has.
func TestAnAnswerCannotUnbind(t *testing.T) {
	jkt := kit.BoundTo(testkit.EdKey())
	both := kit.Claims{"cnf": kit.Claims{"jkt": kit.Thumbprint(testkit.EdKey().Public()), "x5t#S256": kit.CertThumbprint(kit.ClientCert())}}
	for _, row := range []struct {
		name        string
		jwt, answer kit.Claims
		bearer      bool
		outcome     string
	}{
		{"the answer is silent, and the proof is there", jkt, nil, false, "200"},
		{"the answer is silent, and there is no proof", jkt, nil, true, kit.BadToken},
		{"both say the same", jkt, jkt, false, "200"},
		{"the answer names another key", jkt, kit.BoundTo(testkit.StrangeKey()), false, kit.BadToken},
		{"the answer drops one of two", both, jkt, false, kit.BadToken},
		{"the answer alone binds", nil, jkt, true, kit.BadToken},
		{"the answer alone binds, and the proof is there", nil, jkt, false, "200"},
	} {
		t.Run(row.name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
				kit.SetPublicURL(cfg)
				cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
				cfg.Issuers[0].Introspector = kit.Answering(kit.ActiveAnswer(row.answer))
			}, func(t *testing.T, v *middleware.Validator) {
				token := kit.Mint(kit.GoodClaims(row.jwt))
				for range 2 {
					r := kit.DPoPRequest(token, goodProof(token)()...)
					if row.bearer {
						r = kit.Bearer(token)
					}
					r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{kit.ClientCert()}}
					kit.WantServed(t, v.Require(), r, row.outcome, "")
				}
			})
		})
	}
}

// A confirmation that is not understood is a condition that would go unchecked, wherever it stands.
func TestConfirmationsBesideAGoodOne(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	thumbprint := kit.Thumbprint(testkit.EdKey().Public())
	last := thumbprint[:42] + string(alphabet[strings.IndexByte(alphabet, thumbprint[42])|1])
	if _, err := base64.RawURLEncoding.Strict().DecodeString(last); err == nil {
		t.Fatal("the last character has no bits that mean nothing")
	}
	for name, cnf := range map[string]string{
		"an unknown method before it":                `{"kid":"` + thumbprint + `","jkt":"` + thumbprint + `"}`,
		"an unknown method behind it":                `{"jkt":"` + thumbprint + `","kid":"` + thumbprint + `"}`,
		"a certificate that is no thumbprint before": `{"x5t#S256":"x","jkt":"` + thumbprint + `"}`,
		"a certificate that is null before":          `{"x5t#S256":null,"jkt":"` + thumbprint + `"}`,
		"another spelling of the same bytes":         `{"jkt":"` + last + `"}`,
		"a character of another alphabet":            `{"jkt":"` + thumbprint[:20] + "+" + thumbprint[21:] + `"}`,
		"a line break in the place of a character":   `{"jkt":"` + thumbprint[:20] + `\n` + thumbprint[21:] + `"}`,
		"a NUL in the place of a character":          `{"jkt":"` + thumbprint[:20] + `\u0000` + thumbprint[21:] + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			token := kit.MintText(kit.WithJSON(kit.GoodClaims(nil), "cnf", cnf))
			kit.WantServed(
				t, kit.DPoPValidator(t, nil).Require(), kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String()),
				kit.BadToken, middleware.ReasonConfirmation,
			)
		})
	}
}
