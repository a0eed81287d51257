package tokens_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Advisories: CVE-2015-9235, CVE-2016-10555, CVE-2022-29217, CVE-2026-22817, CVE-2026-34950, CVE-2026-23993, GO-2026-4779.

func TestAlgorithmNone(t *testing.T) {
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	honest := kit.Mint(kit.GoodClaims(nil))
	stolen := honest[strings.LastIndexByte(honest, '.')+1:]

	var attacks []hostile
	spellings := []string{"none ", " none", "none\u0000", "\tnone", "ｎｏｎｅ", "nοne" /* Greek omicron */, "none,EdDSA", "null", "None256", ""}
	for mask := range 16 { // none, nonE, noNe … NONE
		spelling := []byte("none")
		for i := range spelling {
			if mask>>i&1 == 1 {
				spelling[i] -= 'a' - 'A'
			}
		}
		spellings = append(spellings, string(spelling))
	}
	for _, alg := range spellings {
		for _, rest := range []string{"", `,"kid":"ed"`, `,"kid":"ed","typ":"at+jwt"`} {
			header := fmt.Sprintf(`{"alg":%s%s}`, testkit.JSON(alg), rest)
			unsigned := testkit.Sign(header, payload, nil)
			attacks = append(attacks,
				hostile{fmt.Sprintf("alg %q%s and an empty signature", alg, rest), unsigned, middleware.ReasonMalformed},
				hostile{fmt.Sprintf("alg %q%s and the signature of another token", alg, rest), unsigned + stolen, middleware.ReasonAlgorithm},
				hostile{fmt.Sprintf("alg %q%s and a MAC under the empty key", alg, rest), testkit.Sign(header, payload, []byte{}), middleware.ReasonAlgorithm},
				hostile{fmt.Sprintf("alg %q%s and a true signature", alg, rest), testkit.Sign(header, payload, testkit.EdKey()), middleware.ReasonAlgorithm},
			)
		}
	}
	wantAllRefused(t, nil, attacks)
}

func TestAlgorithmIsNotAnExactNameOfTheList(t *testing.T) {
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	var attacks []hostile
	for _, alg := range []string{
		`"eddsa"`, `"EDDSA"`, `"EdDSA "`, `" EdDSA"`, `"EdDSA\u0000"`, `"EdDSA\n"`, `"Ed448"`, `"ed25519"`, `"rs256"`, `"RS256 "`,
		`"ＲＳ256"`, `"RS-256"`, `"RSA256"`, `"RS1"`, `"PS1"`, `"ES256K"`, `"HS256"`, `" HS256"`, `"HS384"`, `"HS512"`, `"HS1"`, `"ML-DSA-44"`,
		`"ML-DSA-65"`, `"ML-DSA-87"`, `"dir"`, `"A128KW"`, `"RSA-OAEP"`, `"PBES2-HS256+A128KW"`, `"SHA256withRSA"`,
		`null`, `true`, `0`, `1e400`, `[]`, `["EdDSA"]`, `{}`, `{"EdDSA":1}`, `""`,
	} {
		for _, kid := range []string{"", `,"kid":"ed"`} {
			header := `{"alg":` + alg + `,"typ":"at+jwt"` + kid + `}`
			attacks = append(attacks, hostile{"a true signature under alg " + alg + kid, testkit.Sign(header, payload, testkit.EdKey()), middleware.ReasonAlgorithm})
		}
	}
	attacks = append(attacks,
		hostile{"no alg at all", testkit.Sign(`{"kid":"ed","typ":"at+jwt"}`, payload, testkit.EdKey()), middleware.ReasonAlgorithm},
		hostile{"an empty header", testkit.Sign(`{}`, payload, testkit.EdKey()), middleware.ReasonAlgorithm},
	)
	wantAllRefused(t, nil, attacks)
}

// publicText lists what an attacker can make of public keys and take for a secret.
func publicText() map[string][]byte {
	secrets := map[string][]byte{
		"the empty key":     {},
		"the kid":           []byte("ed"),
		"the issuer's name": []byte(testkit.Issuer),
		"zeros":             make([]byte, 32),
	}
	for name, public := range map[string]crypto.PublicKey{
		"RSA": &testkit.RSAKey().PublicKey, "EC": &testkit.P256Key().PublicKey, "Ed25519": testkit.EdKey().Public(),
	} {
		der := testkit.Must(x509.MarshalPKIXPublicKey(public))
		block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		secrets[name+" as DER"] = der
		secrets[name+" as PEM"] = block
		secrets[name+" as trimmed PEM"] = []byte(strings.TrimSpace(string(block)))
		secrets[name+" as PEM with a leading blank"] = append([]byte(" "), block...)
		secrets[name+" as PEM with CRLF"] = []byte(strings.ReplaceAll(string(block), "\n", "\r\n"))
		secrets[name+" as base64 DER"] = []byte(base64.StdEncoding.EncodeToString(der))
		secrets[name+" as hex DER"] = []byte(hex.EncodeToString(der))
	}
	n := testkit.RSAKey().N.Bytes()
	secrets["RSA as PKCS #1"] = x509.MarshalPKCS1PublicKey(&testkit.RSAKey().PublicKey)
	secrets["RSA as PKCS #1 PEM"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: secrets["RSA as PKCS #1"]})
	secrets["the modulus"] = n
	secrets["the modulus in base64url"] = []byte(testkit.B64(n))
	secrets["RSA as JWK"] = testkit.JSON(kit.Claims{"kty": "RSA", "n": testkit.B64(n), "e": "AQAB", "kid": "rsa", "alg": "RS256"})
	secrets["the 32 bytes of Ed25519"] = testkit.EdKey().Public().(ed25519.PublicKey)
	secrets["the x of Ed25519 in base64url"] = []byte(testkit.B64(testkit.EdKey().Public().(ed25519.PublicKey)))
	secrets["Ed25519 as JWK"] = testkit.JSON(kit.Claims{"kty": "OKP", "crv": "Ed25519", "x": testkit.B64(testkit.EdKey().Public().(ed25519.PublicKey))})
	secrets["the point of EC"] = testkit.Must(testkit.P256Key().PublicKey.Bytes())
	return secrets
}

func TestPublicKeyAsSecret(t *testing.T) {
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	var attacks []hostile
	for name, secret := range publicText() {
		for alg, hash := range map[string]crypto.Hash{"HS256": crypto.SHA256, "HS384": crypto.SHA384, "HS512": crypto.SHA512} {
			for _, kid := range []string{"", "ed", "rsa", "p256"} {
				input := testkit.B64(testkit.JSON(kit.Claims{"alg": alg, "kid": kid, "typ": "at+jwt"})) + "." + testkit.B64([]byte(payload))
				mac := hmac.New(hash.New, testkit.MACKey(secret))
				mac.Write([]byte(input))
				attacks = append(attacks, hostile{fmt.Sprintf("%s with %s, kid %q", alg, name, kid), input + "." + testkit.B64(mac.Sum(nil)), middleware.ReasonAlgorithm})
			}
		}
	}
	wantAllRefused(t, nil, attacks)
}

// RFC 8725 section 3.10: a token that brings its key, or says where to find it, is not asked for it. CVE-2018-0114, GO-2025-3460.
func TestTokenBringsItsKey(t *testing.T) {
	address := kit.UnvisitedServer(t)
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	own := kit.Claims{
		"kty": "OKP", "crv": "Ed25519", "x": testkit.B64(testkit.StrangeKey().Public().(ed25519.PublicKey)), "alg": "EdDSA", "use": "sig",
		"kid": "own",
	}
	offers := map[string]kit.Claims{
		"jwk":           {"jwk": own},
		"jku":           {"jku": address + "/jku"},
		"x5u":           {"x5u": address + "/x5u"},
		"x5c":           {"x5c": []string{base64.StdEncoding.EncodeToString([]byte("certificate"))}},
		"x5t":           {"x5t": "AAAA", "x5t#S256": "AAAA"},
		"all of them":   {"jwk": own, "jku": address, "x5u": address, "x5c": []string{"MIIB"}},
		"iss in header": {"iss": address, "jku": address},
		"nonsense":      {"jwk": 1, "jku": []int{1}, "x5u": nil, "x5c": "no list"},
	}
	var attacks []hostile
	for name, offer := range offers {
		for kid, reason := range map[string]middleware.Reason{
			"": middleware.ReasonSignature, "ed": middleware.ReasonSignature, "own": middleware.ReasonUnknownKey,
			address: middleware.ReasonUnknownKey,
		} {
			header := kit.Claims{"alg": "EdDSA", "typ": "at+jwt"}
			if kid != "" {
				header["kid"] = kid
			}
			for member, value := range offer {
				header[member] = value
			}
			attacks = append(attacks, hostile{name + ", kid " + kid, testkit.Sign(string(testkit.JSON(header)), payload, testkit.StrangeKey()), reason})
		}
	}
	wantAllRefused(t, nil, attacks)

	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for name, offer := range offers { // they are ignored, not forbidden: RFC 7515 section 4
			header := kit.Claims{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}
			for member, value := range offer {
				header[member] = value
			}
			t.Run("beside a true signature: "+name, func(t *testing.T) {
				kit.WantAdmitted(t, v, testkit.Sign(string(testkit.JSON(header)), payload, testkit.EdKey()))
			})
		}
	})
}

func TestEveryAlgorithmOfTheList(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for header, key := range map[string]any{
			`{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`:   testkit.EdKey(),
			`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`:  testkit.RSAKey(),
			`{"alg":"ES256","kid":"p256","typ":"at+jwt"}`: testkit.P256Key(),
			`{"alg":"ES256","typ":"at+jwt"}`:              testkit.P256Key(), // no kid: the keys that fit the algorithm
			`{"typ":"at+jwt","x":null,"alg":"EdDSA"}`:     testkit.EdKey(),
		} {
			kit.WantAdmitted(t, v, testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(nil))), key))
		}
	})
}

// RFC 9864 section 2.2: EdDSA and Ed25519 are two names of one algorithm, and a key that names one of them serves that one.
func TestBothNamesOfEd25519(t *testing.T) {
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	fresh, old := testkit.Sign(`{"alg":"Ed25519","kid":"ed","typ":"at+jwt"}`, payload, testkit.EdKey()), kit.Mint(kit.GoodClaims(nil))
	x := testkit.B64(testkit.EdKey().Public().(ed25519.PublicKey))
	for jwk, row := range map[string]struct{ fresh, old middleware.Reason }{
		`{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"` + x + `"}`:                 {"", ""},
		`{"kty":"OKP","crv":"Ed25519","kid":"ed","alg":"EdDSA","x":"` + x + `"}`:   {middleware.ReasonUnknownKey, ""},
		`{"kty":"OKP","crv":"Ed25519","kid":"ed","alg":"Ed25519","x":"` + x + `"}`: {"", middleware.ReasonUnknownKey},
	} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].Keys = testkit.Must(jwks.Static([]byte(`{"keys":[` + jwk + `]}`)))
		}, func(t *testing.T, v *middleware.Validator) {
			kit.WantOutcome(t, v, fresh, row.fresh)
			kit.WantOutcome(t, v, old, row.old)
		})
	}
}

// What one issuer may use is no business of another one's.
func TestAlgorithmsBelongToTheIssuer(t *testing.T) {
	const other = "https://other.example.com"
	change := func(cfg *middleware.Config) {
		cfg.Issuers[0].Algorithms = []string{"EdDSA"}
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: other, Keys: testkit.KeySet(), Algorithms: []string{"RS256"}})
	}
	const rs256 = `{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`
	wantAllRefused(t, change, []hostile{
		{"RS256 at the issuer with EdDSA", testkit.Sign(rs256, string(testkit.JSON(kit.GoodClaims(nil))), testkit.RSAKey()), middleware.ReasonAlgorithm},
		{"EdDSA at the issuer with RS256", kit.Mint(kit.GoodClaims(kit.Claims{"iss": other})), middleware.ReasonAlgorithm},
		{
			"ES256 at neither",
			testkit.Sign(`{"alg":"ES256","kid":"p256","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.P256Key()),
			middleware.ReasonAlgorithm,
		},
	})
	kit.WithAndWithoutCache(t, change, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, testkit.Sign(rs256, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": other}))), testkit.RSAKey()))
	})
}

func TestSharedSecret(t *testing.T) {
	secret, older := []byte(strings.Repeat("sh", 16)), []byte(strings.Repeat("oh", 32))
	change := func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{URL: testkit.Issuer, Keys: testkit.Must(jwks.HMAC("HS256", secret, older)), Algorithms: []string{"HS256"}}}
	}
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	const header = `{"alg":"HS256","typ":"at+jwt"}`
	token := testkit.Sign(header, payload, secret)
	kit.WithAndWithoutCache(t, change, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, token)
		kit.WantAdmitted(t, v, testkit.Sign(header, payload, older))
		for name, attack := range map[string]hostile{
			"another secret":           {token: testkit.Sign(header, payload, []byte("guess")), reason: middleware.ReasonSignature},
			"half a MAC":               {token: token[:len(token)-21] + "A", reason: middleware.ReasonSignature},
			"HS512 under the secret":   {token: testkit.Sign(`{"alg":"HS512","typ":"at+jwt"}`, payload, secret), reason: middleware.ReasonAlgorithm},
			"none":                     {token: testkit.Sign(`{"alg":"none","typ":"at+jwt"}`, payload, secret), reason: middleware.ReasonAlgorithm},
			"a public key's algorithm": {token: kit.Mint(kit.GoodClaims(nil)), reason: middleware.ReasonAlgorithm},
			"a MAC over another header": {
				token:  testkit.B64([]byte(`{"alg":"HS256","typ":"JWT"}`)) + token[strings.IndexByte(token, '.'):],
				reason: middleware.ReasonSignature,
			},
		} {
			t.Run(name, func(t *testing.T) { kit.WantRefused(t, v, attack.token, kit.BadToken, attack.reason) })
		}
	})
}
