package jwks_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"github.com/cardea-auth/cardea/jwks"
)

func TestSetAnswersByKidAndAlgorithm(t *testing.T) {
	t.Parallel()
	set := must(jwks.Static(document(
		publicJWK("a", "RS256", rsaA()),
		publicJWK("b", "ES256", p256A()),
		publicJWK("twin", "ES256", p256A()),
		publicJWK("twin", "ES256", p256B()),
		publicJWK("twin", "RS256", rsaB()),
		publicJWK("", "ES384", p384()),
		publicJWK("b", "ES256", p256A()), // the same key again
	)))
	for _, row := range []struct {
		what, kid, alg string
		want           []string
	}{
		{"the kid's only key", "a", "RS256", []string{"a/RS256"}},
		{"a key that is listed twice counts once", "b", "ES256", []string{"b/ES256"}},
		{"two keys under one kid are both tried", "twin", "ES256", []string{"twin/ES256", "twin/ES256"}},
		{"the third under that kid is of another type", "twin", "RS256", []string{"twin/RS256"}},
		{"a known kid with another algorithm", "a", "PS256", nil},
		{"a known kid is never answered with a key that has none", "a", "ES384", nil},
		{"an unknown kid may belong to a key without", "x", "ES384", []string{"/ES384"}},
		{"an unknown kid", "x", "ES256", nil},
		{"a kid in another case", "A", "RS256", nil},
		{"a kid like SQL", "a' OR '1'='1", "RS256", nil},
		{"no kid: all keys that fit", "", "ES256", []string{"b/ES256", "twin/ES256", "twin/ES256"}},
		{"no kid: a key without kid fits too", "", "ES384", []string{"/ES384"}},
		{"no kid and nothing fits", "", "ES512", nil},
		{"the algorithm of a confused deputy", "a", "HS256", nil},
		{"no algorithm", "a", "none", nil},
		{"an empty algorithm", "a", "", nil},
	} {
		keys, err := set.VerificationKeys(t.Context(), row.kid, row.alg)
		if !slices.Equal(
			names(keys), append([]string{}, row.want...),
		) || errors.Is(err, jwks.ErrKeyNotFound) != (row.want == nil) || (err == nil) == (row.want == nil) {
			t.Errorf("%s: %v, %v; want %v", row.what, names(keys), err, row.want)
		}
		if errors.Is(err, jwks.ErrUnavailable) {
			t.Errorf("%s: a fixed set is never unavailable: %v", row.what, err)
		}
	}
}

func TestHowManyKeysAreTried(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what, has, asked string
		keys, tried      int
		more             bool
	}{
		{"four that have the kid", "k", "k", 4, 4, false},
		{"five that have the kid", "k", "k", 5, 4, true},
		{"hundreds that have the kid", "k", "k", 500, 4, true},
		{"a token without kid, and eight keys", "k", "", 8, 8, false},
		{"a token without kid, and nine keys", "k", "", 9, 8, true},
		{"a token without kid, and hundreds of keys", "k", "", 500, 8, true},
		{"eight keys without kid", "", "k", 8, 8, false},
		{"nine keys without kid", "", "k", 9, 8, true},
		{"neither has a kid", "", "", 500, 8, true},
		{"one key", "k", "k", 1, 1, false},
	} {
		var keys []*jwks.Key
		for i := range row.keys {
			keys = append(keys, must(jwks.NewSecret(row.has, "HS256", fmt.Appendf(nil, "%032d", i))))
		}
		answer := must(jwks.NewSet(keys...).VerificationKeys(t.Context(), row.asked, "HS256"))
		tried, more := jwks.Tries(row.asked, answer)
		if len(tried) != row.tried || more != row.more || !tried[0].Equal(keys[0]) || !tried[row.tried-1].Equal(keys[row.tried-1]) {
			t.Errorf("%s: %d are tried, more: %v; want the first %d, more: %v", row.what, len(tried), more, row.tried, row.more)
		}
		if bound := row.tried + 1; len(answer) > bound {
			t.Errorf("%s: the answer has %d keys, want %d at most", row.what, len(answer), bound)
		}
	}
	if tried, more := jwks.Tries("k", nil); len(tried) != 0 || more {
		t.Error("keys of an empty answer are tried")
	}
}

// Whoever sorts out the keys of other tenants first must not find that they have taken the place of his own.
func TestKeysOfOtherIssuersTakeNoPlace(t *testing.T) {
	t.Parallel()
	var list []any
	for i := range 20 {
		list = append(list, publicJWK("k", "ES256", p256A()).with("issuer", fmt.Sprint("https://", i)))
	}
	set := must(jwks.Static(document(append(list, publicJWK("k", "ES256", p256B()).with("issuer", "https://own"))...)))
	for _, kid := range []string{"k", ""} {
		if keys := must(set.VerificationKeys(t.Context(), kid, "ES256")); keys[len(keys)-1].Issuer() != "https://own" {
			t.Errorf("kid %q: of %d keys none is for the last issuer", kid, len(keys))
		}
	}
}

func TestSetLeavesOutWhatVerifiesNothing(t *testing.T) {
	t.Parallel()
	for what, set := range map[string]*jwks.Set{
		"zero Set":          {},
		"no keys":           jwks.NewSet(),
		"nil and zero keys": jwks.NewSet(nil, &jwks.Key{}),
	} {
		for _, kid := range []string{"", "k"} {
			if keys, err := set.VerificationKeys(t.Context(), kid, "RS256"); keys != nil || !errors.Is(err, jwks.ErrKeyNotFound) {
				t.Errorf("%s, kid %q: %v, %v", what, kid, keys, err)
			}
		}
	}
}

func TestHMACRotation(t *testing.T) {
	t.Parallel()
	older := append([]byte("older"), secret...)
	set := must(jwks.HMAC("HS256", secret, older))
	for _, kid := range []string{"", "whatever the token says"} {
		keys := must(set.VerificationKeys(t.Context(), kid, "HS256"))
		if len(keys) != 2 || keys[0].Verify("x", sign("HS256", secret, "x")) != nil || keys[1].Verify("x", sign("HS256", older, "x")) != nil {
			t.Errorf("kid %q: the secrets are not there newest first", kid)
		}
	}
	for _, alg := range []string{"HS384", "HS512", "RS256"} {
		if _, err := set.VerificationKeys(t.Context(), "", alg); !errors.Is(err, jwks.ErrKeyNotFound) {
			t.Errorf("%s: the secrets serve a second algorithm: %v", alg, err)
		}
	}
}

func TestHMACRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what, alg string
		secrets   [][]byte
		says      []string
	}{
		{"no secret", "HS256", nil, []string{"0 secrets"}},
		{"more than are tried", "HS256", [][]byte{secret, secret, secret, secret, secret, secret, secret, secret, secret}, []string{"9 secrets"}},
		{"short secrets, all of them named", "HS512", [][]byte{secret[:63], secret, secret[:1]}, []string{"secret 0", "63 bytes", "secret 2", "1 bytes"}},
		{"an array that was never filled", "HS256", [][]byte{secret, make([]byte, 32)}, []string{"secret 1 is one byte 32 times; use as many random ones"}},
		{"a key that was leant on", "HS384", [][]byte{[]byte(strings.Repeat("a", 100))}, []string{"secret 0 is one byte 100 times"}},
		{"a public-key algorithm", "RS256", [][]byte{secret}, []string{"RS256", "use HS256"}},
	} {
		set, err := jwks.HMAC(row.alg, row.secrets...)
		for _, says := range row.says {
			if set != nil || err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "0123456789") {
				t.Errorf("%s: %v, want an error with %q", row.what, err, says)
			}
		}
	}
}

// A shared secret is in no printed value: neither as text, nor in hex, nor as the numbers that fmt prints of bytes.
func TestSharedSecretsDoNotPrint(t *testing.T) {
	const secret = "canary-hmac-secret-6f1d9b3e7a5c2084"
	key := must(jwks.NewSecret("s", "HS256", []byte(secret)))
	set := must(jwks.HMAC("HS256", []byte(secret)))
	storage := jwkset.NewMemoryStorage()
	jwk := must(
		jwkset.NewJWKFromKey(
			[]byte(secret),
			jwkset.JWKOptions{Marshal: jwkset.JWKMarshalOptions{Private: true}, Metadata: jwkset.JWKMetadataOptions{KID: "s", ALG: jwkset.AlgHS256}},
		),
	)
	if err := storage.KeyWrite(t.Context(), jwk); err != nil {
		t.Fatal(err)
	}
	source := jwks.FromKeyfunc(must(keyfunc.New(keyfunc.Options{Storage: storage})))
	_, asked := source.VerificationKeys(t.Context(), "s", "RS256")
	_, short := jwks.NewSecret("s", "HS512", []byte(secret))
	_, published := jwks.Static([]byte(`{"keys":[{"kty":"oct","kid":"s","k":"` + b64([]byte(secret)) + `"}]}`))
	held := must(set.VerificationKeys(t.Context(), "", "HS256"))
	inside := struct {
		keys *jwks.Set // whose methods fmt may not call
		key  *jwks.Key
		set  jwks.Set
	}{set, key, *set}
	for name, value := range map[string]any{
		"a Key": key, "a Key by value": *key, "a Set": set, "a Set by value": *set, "a list of Keys": held, "values inside": inside, "a KeyfuncSource": source,
		"the error of a source": asked, "the error of a secret that is too short": short, "the error of a secret in a document": published,
	} {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&b, verb+"\n", value)
		}
		if text, err := json.Marshal(value); err == nil {
			b.Write(text)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("printed", "value", value)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("printed", "value", value)
		numbers := strings.Trim(fmt.Sprint([]byte(secret[:8])), "[]")
		for _, form := range []string{
			secret[:16], secret[16:32], hex.EncodeToString([]byte(secret[:16])), strings.ToUpper(hex.EncodeToString([]byte(secret[:16]))),
			b64([]byte(secret[:15])), numbers,
		} {
			if strings.Contains(b.String(), form) {
				t.Errorf("%s shows %q: %s", name, form, &b)
			}
		}
	}
}

func TestHeldKeysAreInTheOrderOfTheDocument(t *testing.T) {
	t.Parallel()
	rsaToo := []string{"b/RS256", "b/RS384", "b/RS512", "b/PS256", "b/PS384", "b/PS512"} // it names no alg
	keys := []any{publicJWK("z", "ES256", p256A()), publicJWK("b", "", rsaA()), publicJWK("enc", "", ed()).with("use", "enc"), publicJWK("a", "EdDSA", ed())}
	want := slices.Concat([]string{"z/ES256"}, rsaToo, []string{"a/EdDSA"})
	if got := names(must(jwks.Static(document(keys...))).Held()); !slices.Equal(got, want) {
		t.Errorf("a Set: %v, want %v", got, want)
	}
	if got := new(jwks.Set).Held(); got != nil {
		t.Errorf("the zero Set: %v", names(got))
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, &issuer{answer: serving(keys...)})
		if got := c.Held(); got != nil {
			t.Errorf("a Cache that has not fetched: %v", names(got))
		}
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := names(c.Held()); !slices.Equal(got, want) {
			t.Errorf("a Cache: %v, want %v", got, want)
		}
		_ = c.Close()
		if got := c.Held(); got != nil {
			t.Errorf("a Cache that is closed: %v", names(got))
		}
	})
}

func TestAlgorithmsOfASet(t *testing.T) {
	t.Parallel()
	secret := []byte(strings.Repeat("0123456789abcdef", 4))
	for _, row := range []struct {
		what string
		set  *jwks.Set
		want string
	}{
		{"none", jwks.NewSet(), "[]"},
		{"the zero Set", new(jwks.Set), "[]"},
		{"secrets", must(jwks.HMAC("HS384", secret, secret[1:])), "[HS384]"},
		{"an RSA key without alg", must(jwks.Static(document(publicJWK("1", "", rsaA())))), "[PS256 PS384 PS512 RS256 RS384 RS512]"},
		{"two keys", must(jwks.Static(document(publicJWK("1", "ES256", p256A()), publicJWK("2", "RS256", rsaA())))), "[ES256 RS256]"},
	} {
		if got := fmt.Sprint(row.set.Algorithms()); got != row.want {
			t.Errorf("%s: %s, want %s", row.what, got, row.want)
		}
	}
}
