package vectors_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// exampleTime is shortly before the exp of the RFCs' JWT.
var exampleTime = time.Unix(1300819380, 0).Add(-time.Minute)

type rfcExample struct {
	Key            json.RawMessage
	Token          string // or DPoP proof
	AccessToken    string `json:"access_token"`
	Thumbprint     string
	Header, Claims kit.Claims
}

func rfcExamples(t *testing.T) map[string]rfcExample {
	t.Helper()
	examples := make(map[string]rfcExample)
	readVectors(t, "rfc/examples.json", &examples)
	if len(examples) != 24 {
		t.Fatalf("%d examples", len(examples))
	}
	return examples
}

func TestRFCSignatures(t *testing.T) {
	examples := rfcExamples(t)
	for name, row := range map[string]struct {
		verifies bool
		outcome  string
		reason   middleware.Reason // empty: admitted
	}{
		"RFC 7515 A.1":           {true, "200", ""},                                                 // HS256
		"RFC 7515 A.2":           {true, "200", ""},                                                 // RS256
		"RFC 7515 A.3":           {true, "200", ""},                                                 // ES256
		"RFC 7515 A.4":           {true, kit.BadToken, middleware.ReasonMalformed},                  // ES512; the payload is the word Payload
		"RFC 7515 A.5":           {false, kit.BadToken, middleware.ReasonMalformed},                 // alg none and an empty signature
		"RFC 7515 A.6":           {false, "400 invalid_request", middleware.ReasonMalformedRequest}, // two signatures, JSON
		"RFC 7515 A.7":           {false, "400 invalid_request", middleware.ReasonMalformedRequest}, // one signature, JSON
		"RFC 7797 4.1":           {true, kit.BadToken, middleware.ReasonMalformed},
		"RFC 7797 4.2":           {false, kit.BadToken, middleware.ReasonMalformed}, // b64 false, detached
		"RFC 7797 4.2, attached": {false, kit.BadToken, middleware.ReasonHeader},
		"RFC 8037 A.4":           {true, kit.BadToken, middleware.ReasonMalformed}, // Ed25519 under the name EdDSA
	} {
		t.Run(name, func(t *testing.T) {
			example := examples[name]
			keys, algorithms, err := vectorKeys(example.Key)
			if err != nil {
				t.Fatal(err)
			}
			if err := signatureVerdict(t, keys, example.Token); (err == nil) != row.verifies {
				t.Errorf("the signature gives %v, want it to verify: %t", err, row.verifies)
			}
			v := vectorValidator(t, "joe", keys, algorithms, exampleTime)
			if row.reason == "" {
				kit.WantAdmitted(t, v, example.Token)
				late := vectorValidator(t, "joe", keys, algorithms, testkit.Now)
				kit.WantRefused(t, late, example.Token, kit.BadToken, middleware.ReasonExpired)
				return
			}
			kit.WantRefused(t, v, example.Token, row.outcome, row.reason)
		})
	}
}

func TestRFCKeys(t *testing.T) {
	examples := rfcExamples(t)
	type ask struct{ kid, alg string }
	for name, row := range map[string]struct {
		serves  []ask // empty: the document is refused
		refuses []ask
	}{
		"RFC 7517 A.1": {[]ask{{"2011-04-29", "RS256"}}, []ask{{"1", "ES256"}, {"2011-04-29", "PS256"}, {"2011-04-29", "RS384"}}}, // the EC key is for encryption
		"RFC 7517 A.2": {},                                                                                                        // private keys
		"RFC 7517 A.3": {},                                                                                                        // shared secrets
		"RFC 7517 B": {
			[]ask{{"1b94c", "RS256"}, {"1b94c", "PS512"}}, []ask{{"1b94c", "ES256"}, {"1b94c", "HS256"}},
		}, // with a certificate, which is signed with SHA-1 and expired
		"RFC 7518 C":   {[]ask{{"", "ES256"}}, []ask{{"", "ECDH-ES"}, {"", "ES384"}}},
		"RFC 8037 A.1": {}, // a private key
		"RFC 8037 A.4": {[]ask{{"", "EdDSA"}, {"", "Ed25519"}}, []ask{{"", "ES256"}}},
		"RFC 8037 A.6": {}, // X25519 agrees on keys and signs nothing
	} {
		set, err := jwks.Static(testkit.JSON(kit.Claims{"keys": jwkList(examples[name].Key)}))
		if (err == nil) != (len(row.serves) > 0) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, question := range row.serves {
			if keys, err := set.VerificationKeys(t.Context(), question.kid, question.alg); err != nil || len(keys) != 1 {
				t.Errorf("%s: %+v gives %d keys, %v", name, question, len(keys), err)
			}
		}
		for _, question := range row.refuses {
			if keys, err := set.VerificationKeys(t.Context(), question.kid, question.alg); err == nil {
				t.Errorf("%s: %+v gives %d keys", name, question, len(keys))
			}
		}
	}
}

func TestRFCThumbprints(t *testing.T) {
	for _, name := range []string{"RFC 7638 3.1", "RFC 8037 A.3"} {
		example := rfcExamples(t)[name]
		jwk := jwkList(example.Key)[0]
		alg := map[any]string{"RSA": "RS256", "OKP": "EdDSA"}[jwk["kty"]]
		set := testkit.Must(jwks.Static(testkit.JSON(kit.Claims{"keys": jwkList(example.Key)})))
		kid, _ := jwk["kid"].(string)
		keys := testkit.Must(set.VerificationKeys(t.Context(), kid, alg))
		if got := keys[0].Thumbprint(); got != example.Thumbprint {
			t.Errorf("%s: thumbprint is %q, want %q", name, got, example.Thumbprint)
		}
	}
}

// RFC 7518 appendix C: key agreement belongs to encryption. Its header is refused before a JWE of any shape and before a signature.
func TestRFCKeyAgreement(t *testing.T) {
	example := rfcExamples(t)["RFC 7518 C"]
	v := vectorValidator(t, testkit.Issuer, testkit.Must(jwks.Static(testkit.JSON(kit.Claims{"keys": jwkList(example.Key)}))), nil, testkit.Now)
	header := testkit.B64(testkit.JSON(example.Header))
	kit.WantRefused(t, v, header+"..aXY.Y2lwaGVydGV4dA.dGFn", kit.BadToken, middleware.ReasonEncrypted)
	kit.WantRefused(t, v, header+"."+testkit.B64(testkit.JSON(kit.GoodClaims(nil)))+"."+testkit.B64(make([]byte, 64)), kit.BadToken, middleware.ReasonAlgorithm)
}

// RFC 9068 section 3, under both profiles and with each of the claims that section 2.2 requires left out.
func TestRFCAccessToken(t *testing.T) {
	example := rfcExamples(t)["RFC 9068 3"]
	header := string(testkit.JSON(example.Header))
	change := func(profile middleware.Profile) func(*middleware.Config) {
		return func(cfg *middleware.Config) {
			cfg.Issuers = []middleware.Issuer{{
				URL: "https://authorization-server.example.com/", Profile: profile,
				Keys: jwks.NewSet(testkit.Must(jwks.NewKey("RjEwOwOA", "RS256", &testkit.RSAKey().PublicKey))),
			}}
			cfg.Audiences = []string{"https://rs.example.com/"}
			cfg.Clock = func() time.Time { return time.Unix(1618354090, 0) } // the example's iat
		}
	}
	kit.WithAndWithoutCache(t, change(middleware.AnyAccessToken), func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, testkit.Sign(header, string(testkit.JSON(example.Claims)), testkit.RSAKey()))
	})
	kit.WithAndWithoutCache(t, change(middleware.RFC9068), func(t *testing.T, v *middleware.Validator) {
		token := kit.WantAdmitted(t, v, testkit.Sign(header, string(testkit.JSON(example.Claims)), testkit.RSAKey()))
		if token.Subject != "5ba552d67" || token.ClientID != "s6BhdRkqt3" || token.ID != "dbe39bf3a3ba4238a513f51d6e1691c4" || token.Scopes.String() != "openid profile reademail" {
			t.Errorf("the token is %v", token)
		}
		for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
			rest := kit.Claims{}
			for claim, value := range example.Claims {
				if claim != name {
					rest[claim] = value
				}
			}
			want := middleware.ReasonMissingClaim
			if name == "aud" {
				want = middleware.ReasonAudience
			}
			t.Run("without "+name, func(t *testing.T) {
				kit.WantRefused(t, v, testkit.Sign(header, string(testkit.JSON(rest)), testkit.RSAKey()), kit.BadToken, want)
			})
		}
	})
}

// RFC 8037 appendix A.4 says EdDSA; RFC 9864 section 2.2 calls the same signature Ed25519. The header is signed, so the name
// cannot be exchanged afterwards.
func TestRFCNamesOfEd25519AreSigned(t *testing.T) {
	example := rfcExamples(t)["RFC 8037 A.4"]
	keys, _, err := vectorKeys(example.Key)
	if err != nil {
		t.Fatal(err)
	}
	jws := testkit.Must(compact.Split(example.Token))
	renamed := testkit.B64([]byte(`{"alg":"Ed25519"}`)) + example.Token[len(jws.Header):]
	if signatureVerdict(t, keys, renamed) == nil {
		t.Error("the signature verifies under another header")
	}
}
