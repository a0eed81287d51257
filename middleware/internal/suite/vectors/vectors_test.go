package vectors_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/golang-jwt/jwt/v5"
)

// Public vectors are judged twice. The verdict about the signature takes the steps of the middleware one by one and stops
// before the claims, because the payload of most vectors is no claims set. The verdict about the token is that of a whole
// Validator, which holds the same keys.

// vectorKeys makes of a vector's key, which is one JWK or a set of them, what a resource server holds: keys are read from the
// document that the issuer publishes; secrets, which no issuer publishes, come from the configuration.
func vectorKeys(document json.RawMessage) (_ middleware.KeySource, algorithms []string, _ error) {
	list := jwkList(document)
	var secrets []*jwks.Key
	alg := ""
	for _, jwk := range list {
		if jwk["kty"] != "oct" {
			set, err := jwks.Static(testkit.JSON(kit.Claims{"keys": list}))
			return set, nil, err
		}
		name, ok := jwk["alg"].(string)
		if !ok {
			name = "HS256" // the algorithm of the examples whose key names none
		}
		if alg != "" && alg != name {
			return nil, nil, errors.New("secrets for two algorithms")
		}
		alg = name
		secret, err := jwks.NewSecret("", alg, testkit.Must(base64.RawURLEncoding.DecodeString(jwk["k"].(string))))
		if err != nil {
			return nil, nil, err
		}
		secrets = append(secrets, secret) // not by HMAC, which refuses the zeros of some vectors
	}
	return jwks.NewSet(secrets...), []string{alg}, nil
}

func jwkList(document json.RawMessage) []kit.Claims {
	var set struct{ Keys []kit.Claims }
	var one kit.Claims
	if err := errors.Join(json.Unmarshal(document, &set), json.Unmarshal(document, &one)); err != nil {
		panic(err)
	}
	if set.Keys != nil {
		return set.Keys
	}
	return []kit.Claims{one}
}

// publicParts leaves the secrets of asymmetric keys out.
func publicParts(document json.RawMessage) json.RawMessage {
	list := jwkList(document)
	for _, jwk := range list {
		if jwk["kty"] == "oct" {
			continue
		}
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi"} {
			delete(jwk, secret)
		}
	}
	return testkit.JSON(kit.Claims{"keys": list})
}

// signatureVerdict is nil if token is a compact JWS whose signature one of the keys verifies.
func signatureVerdict(t testing.TB, keys middleware.KeySource, token string) error {
	t.Helper()
	jws, err := compact.Split(token)
	if err != nil {
		return err
	}
	header, err := compact.ParseHeader(jws.Header)
	if err != nil {
		return err
	}
	if _, err := compact.Text(jws.Payload); err != nil {
		return err
	}
	signature, err := jws.Signature()
	if err != nil {
		return err
	}
	candidates, err := keys.VerificationKeys(t.Context(), header.KeyID, header.Algorithm)
	if err != nil {
		return err
	}
	for _, key := range candidates {
		if key.Algorithm() == header.Algorithm && key.Verify(jws.SigningInput, signature) == nil {
			return nil
		}
	}
	return errors.New("no key verifies the signature")
}

// vectorValidator trusts iss and these keys, at any audience, and has no network.
func vectorValidator(t testing.TB, iss string, keys middleware.KeySource, algorithms []string, at time.Time) *middleware.Validator {
	t.Helper()
	if set, fixed := keys.(*jwks.Set); fixed && len(set.Held()) == 0 {
		keys = kit.KeySourceFunc(set.VerificationKeys) // New refuses a set without keys
	}
	return kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{URL: iss, Keys: keys, Algorithms: algorithms, DangerouslyNoAudience: true}}
		cfg.Audiences = nil
		cfg.HTTPClient = kit.NoNetwork(t)
		cfg.Clock = func() time.Time { return at }
	})
}

var token68 = regexp.MustCompile(`^[-A-Za-z0-9._~+/]+=*$`)

// wantNoToken expects the refusal of a vector that is no access token: 400 if its characters cannot be those of any token, else
// 401 (RFC 6750 section 3.1).
func wantNoToken(t testing.TB, v *middleware.Validator, token string) {
	t.Helper()
	want := kit.BadToken
	if !token68.MatchString(token) {
		want = "400 invalid_request"
	}
	if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != want {
		t.Errorf("the token gives %q, want %q: %.60s", got, want, token)
	}
}

// wantUnpublishable expects that private and shared keys are not taken for the public keys of an issuer.
func wantUnpublishable(t testing.TB, name string, document json.RawMessage) {
	t.Helper()
	if _, err := jwks.Static(testkit.JSON(kit.Claims{"keys": jwkList(document)})); err == nil {
		t.Errorf("%s: private or shared keys were taken from a published document", name)
	}
}

// vectorText is the token of a vector: its text, or the JSON serialisation as it is written.
func vectorText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}

func readVectors(t testing.TB, path string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// signJWK mints a token with a private or shared JWK.
func signJWK(jwk, c kit.Claims) string {
	material := kit.Claims{}
	for _, name := range []string{"kty", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "k"} {
		if value, ok := jwk[name]; ok {
			material[name] = value
		}
	}
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(testkit.JSON(material), &m); err != nil {
		panic(err)
	}
	key := testkit.Must(jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{Private: true}, jwkset.JWKValidateOptions{SkipAll: true}))
	header := kit.Claims{"alg": jwk["alg"], "typ": "at+jwt"}
	if kid, ok := jwk["kid"]; ok {
		header["kid"] = kid
	}
	input := testkit.B64(testkit.JSON(header)) + "." + testkit.B64(testkit.JSON(c))
	return input + "." + testkit.B64(testkit.Must(jwt.GetSigningMethod(jwk["alg"].(string)).Sign(input, key.Key())))
}
