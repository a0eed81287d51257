package jwks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

const signingInput = "eyJhbGciOiJub25lIn0.e30"

// signers has a private key for every algorithm.
func signers() map[string]any {
	return map[string]any{
		"RS256": rsaA(), "RS384": rsaA(), "RS512": rsaA(), "PS256": rsaA(), "PS384": rsaA(), "PS512": rsaA(),
		"ES256": p256A(), "ES384": p384(), "ES512": p521(), "EdDSA": ed(), "Ed25519": ed(),
		"HS256": secret, "HS384": secret, "HS512": secret,
	}
}

func keyFor(t *testing.T, alg string, private any) *jwks.Key {
	t.Helper()
	var k *jwks.Key
	var err error
	if signer, ok := private.(crypto.Signer); ok {
		k, err = jwks.NewKey("k", alg, signer.Public())
	} else {
		k, err = jwks.NewSecret("k", alg, private.([]byte))
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// No algorithm that is offered is excluded where FIPS 140-3 is enforced: .ci/run runs this with GODEBUG=fips140=only too.
func TestEveryOfferedAlgorithmVerifies(t *testing.T) {
	t.Parallel()
	for offered := range jwa.All() {
		alg := offered.Name()
		signer, ok := signers()[alg]
		if !ok {
			t.Errorf("%s: the tests have no key for it", alg)
			continue
		}
		if err := keyFor(t, alg, signer).Verify(signingInput, sign(alg, signer, signingInput)); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

// marked is a modulus of 2049 bits with the mark of CVE-2017-15361 (ROCA), of no use for anything else.
func marked() *big.Int { return new(big.Int).Exp(big.NewInt(65537), big.NewInt(128), nil) }

// A key that comes along with what it has signed is as good as any other, and no better.
func TestAKeyIsProvenByWhatItHasSigned(t *testing.T) {
	t.Parallel()
	noPoint := append(ed25519.PublicKey{2}, make([]byte, 31)...)
	if k, err := jwks.ProveKey("EdDSA", noPoint, signingInput, make([]byte, 64)); k != nil || !errors.Is(err, jwks.ErrSignature) {
		t.Errorf("a y without a point: %v, want ErrSignature", err)
	}
	if k, err := jwks.NewKey("", "EdDSA", noPoint); k != nil || err == nil {
		t.Errorf("a y without a point: %v", err)
	}
	for alg, private := range signers() {
		signer, ok := private.(crypto.Signer)
		if !ok {
			continue
		}
		signature := sign(alg, private, signingInput)
		k, err := jwks.ProveKey(alg, signer.Public(), signingInput, signature)
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		if want := must(jwks.NewKey("", alg, signer.Public())); !k.Equal(want) || k.Verify(signingInput, signature) != nil {
			t.Errorf("%s: it is another key", alg)
		}
		if k, err := jwks.ProveKey(alg, signer.Public(), signingInput+"x", signature); k != nil || !errors.Is(err, jwks.ErrSignature) {
			t.Errorf("%s, of another text: %v, want ErrSignature", alg, err)
		}
		if err := k.Verify(signingInput+"x", signature); !errors.Is(err, jwks.ErrSignature) {
			t.Errorf("%s, Verify of another text: %v, want ErrSignature", alg, err)
		}
	}
}

func TestKeyVerifiesItsAlgorithmAndNoOther(t *testing.T) {
	t.Parallel()
	for alg, private := range signers() {
		k := keyFor(t, alg, private)
		if k.ID() != "k" || k.Algorithm() != alg {
			t.Errorf("%s: the key says it is %s/%s", alg, k.ID(), k.Algorithm())
		}
		for other, signer := range signers() {
			if fmt.Sprintf("%T", signer) != fmt.Sprintf("%T", private) {
				continue
			}
			if signer, ok := signer.(*ecdsa.PrivateKey); ok && !signer.Equal(private.(*ecdsa.PrivateKey)) {
				continue
			}
			same := other == alg || strings.HasPrefix(other, "Ed") // EdDSA and Ed25519 are one algorithm
			err := k.Verify(signingInput, sign(other, signer, signingInput))
			if (err == nil) != same {
				t.Errorf("a key for %s and a signature by %s: %v", alg, other, err)
			}
		}
	}
}

func TestKeyRefusesForgedSignatures(t *testing.T) {
	t.Parallel()
	n := elliptic.P256().Params().N
	r, s := new(big.Int), new(big.Int)
	good := sign("ES256", p256A(), signingInput)
	r.SetBytes(good[:32])
	s.SetBytes(good[32:])
	pair := func(r, s *big.Int) []byte {
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	der := must(ecdsa.SignASN1(rand.Reader, p256A(), make([]byte, 32)))
	salt := func(length int) []byte { return signPSS(rsaA(), signingInput, length) }
	rs := sign("RS256", rsaA(), signingInput)

	if err := keyFor(t, "PS256", rsaA()).Verify(signingInput, salt(32)); err != nil {
		t.Fatalf("the salt is not what is wrong: %v", err)
	}
	for _, row := range []struct {
		attack, alg string
		private     any
		signature   []byte
	}{
		{"psychic signature: r = s = 0", "ES256", p256A(), make([]byte, 64)},
		{"r = n", "ES256", p256A(), pair(n, s)},
		{"s = n", "ES256", p256A(), pair(r, n)},
		{"s = 0", "ES256", p256A(), pair(r, new(big.Int))},
		{"DER instead of R||S", "ES256", p256A(), der},
		{"one byte too short", "ES256", p256A(), good[:63]},
		{"one byte too long", "ES256", p256A(), append(good[:64:64], 0)},
		{"salt of no bytes", "PS256", rsaA(), salt(0)},
		{"salt one byte short", "PS256", rsaA(), salt(31)},
		{"salt as long as fits", "PS256", rsaA(), salt(256 - 32 - 2)},
		{"padded in front", "RS256", rsaA(), append([]byte{0}, rs...)},
		{"cut", "RS256", rsaA(), rs[:len(rs)-1]},
		{"of another key", "RS256", rsaB(), rs},
		{"empty", "HS256", secret, nil},
		{"empty", "EdDSA", ed(), nil},
		{"only half of the MAC", "HS256", secret, sign("HS256", secret, signingInput)[:16]},
	} {
		err := keyFor(t, row.alg, row.private).Verify(signingInput, row.signature)
		if err == nil || err.Error() != "jwks: the signature does not fit the key" {
			t.Errorf("%s, %s: %v", row.alg, row.attack, err)
		}
	}
}

func TestConstructorsRefuse(t *testing.T) {
	t.Parallel()
	tooLarge := int64(1<<31 + 1) // where an int has 32 bits it is negative, which is no better
	modulus := rsaA().N
	huge := new(big.Int).SetBit(new(big.Int).Lsh(modulus, 8193-2048), 0, 1)
	for _, row := range []struct {
		what, alg string
		key       any
		says      string
	}{
		{"no algorithm", "", rsaA().Public(), `algorithm "" is not supported`},
		{"none is no algorithm", "none", rsaA().Public(), "is not supported"},
		{"names are compared by bytes", "rs256", rsaA().Public(), "is not supported"},
		{"a full-width look-alike", "ＲＳ256", rsaA().Public(), "is not supported"},
		{"a space behind the name", "RS256 ", rsaA().Public(), "is not supported"},
		{"a curve the standard library lacks", "ES256K", p256A().Public(), "is not supported"},
		{"RSA key as HMAC secret", "HS256", rsaA().Public(), "use NewSecret"},
		{"a private RSA key", "RS256", rsaA(), "pass the public key"},
		{"a private EC key", "ES256", p256A(), "pass the public key"},
		{"a private Ed25519 key", "EdDSA", ed(), "pass the public key"},
		{"no key", "RS256", nil, "another type"},
		{"a nil RSA key", "RS256", (*rsa.PublicKey)(nil), "another type"},
		{"a nil EC key", "ES256", (*ecdsa.PublicKey)(nil), "another type"},
		{"bytes", "RS256", secret, "another type"},
		{"EC key for RSA", "RS256", p256A().Public(), "another type"},
		{"RSA key for EC", "ES256", rsaA().Public(), "another type"},
		{"RSA key for Ed25519", "Ed25519", rsaA().Public(), "another type"},
		{"1024 bits can be broken", "RS256", tooShort().Public(), "1024 bits, use 2048 to 8192"},
		{"a modulus that costs seconds", "PS256", &rsa.PublicKey{N: huge, E: 65537}, "8193 bits"},
		{"an even modulus", "RS256", &rsa.PublicKey{N: new(big.Int).Sub(modulus, big.NewInt(1)), E: 65537}, "even"},
		{"a negative modulus", "RS256", &rsa.PublicKey{N: new(big.Int).Neg(modulus), E: 65537}, "bits"},
		{"exponent 1 signs everything", "RS256", &rsa.PublicKey{N: modulus, E: 1}, "exponent"},
		{"exponent 2 is even", "RS256", &rsa.PublicKey{N: modulus, E: 2}, "exponent"},
		{"exponent over 2^31-1", "RS256", &rsa.PublicKey{N: modulus, E: int(tooLarge)}, "exponent"},
		{"P-384 for ES256", "ES256", p384().Public(), "on P-384, the algorithm needs P-256"},
		{"P-256 for ES384", "ES384", p256A().Public(), "on P-256, the algorithm needs P-384"},
		{"P-256 for ES512", "ES512", p256A().Public(), "on P-256, the algorithm needs P-521"},
		{"a point off the curve", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, "no point on P-256"},
		{"the point at infinity", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int), Y: new(big.Int)}, "no point on P-256"},
		{"31 bytes of Ed25519", "Ed25519", ed25519.PublicKey(make([]byte, 31)), "31 bytes, it must have 32"},
		{"a key under which one signature fits many messages", "EdDSA", ed25519.PublicKey(make([]byte, 32)), "small order"},
		{"a modulus of the broken generator", "RS256", &rsa.PublicKey{N: marked(), E: 65537}, "CVE-2017-15361"},
	} {
		k, err := jwks.NewKey("k", row.alg, row.key)
		if k != nil || err == nil || !strings.Contains(err.Error(), row.says) || !strings.HasPrefix(err.Error(), "jwks: ") {
			t.Errorf("%s: %v, want an error with %q", row.what, err, row.says)
		}
		k, err = jwks.ProveKey(row.alg, row.key, "a.b", make([]byte, 64))
		if k != nil || err == nil || !strings.Contains(err.Error(), row.says) || errors.Is(err, jwks.ErrSignature) {
			t.Errorf("%s, with a signature: %v, want an error with %q", row.what, err, row.says)
		}
	}
}

func TestNewSecretRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		alg    string
		length int
		says   string
	}{
		{"HS256", 31, "31 bytes, use at least 32"},
		{"HS384", 47, "47 bytes, use at least 48"},
		{"HS512", 63, "63 bytes, use at least 64"},
		{"HS256", 0, "0 bytes"},
		{"RS256", 64, "takes no secret"},
		{"none", 64, "takes no secret"},
	} {
		if _, err := jwks.NewSecret("", row.alg, secret[:row.length]); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s with %d bytes: %v, want an error with %q", row.alg, row.length, err, row.says)
		}
	}
}

// Whoever has the public key could sign: RFC 8725 section 2.1, here by a mistake in the configuration.
func TestNewSecretRefusesWhatMayBePublic(t *testing.T) {
	t.Parallel()
	der := must(x509.MarshalPKIXPublicKey(rsaA().Public()))
	jwk := document(publicJWK("k", "ES256", p256A()))
	for name, text := range map[string]string{
		"PEM":                 string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"PEM behind a remark": "issued by alice\n" + string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der})),
		"DER":                 string(der),
		"a JWKS":              string(jwk),
		"a JWKS with blanks":  "\n  " + string(jwk) + "\n",
		"SSH":                 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBl6Pz0hXk alice@example",
		"SSH of ECDSA":        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY alice@example",
	} {
		for _, made := range []error{failure(jwks.NewSecret("", "HS256", []byte(text))), failure(jwks.HMAC("HS256", []byte(text), secret))} {
			if made == nil || !strings.Contains(made.Error(), "may be public") || strings.Contains(made.Error(), "AAAA") {
				t.Errorf("%s: %v", name, made)
			}
		}
	}
	for _, good := range []string{
		"{" + string(secret), "0123456789abcdef0123456789abcdef-----", "ecdsa" + string(secret), "[" + string(secret),
		strings.Repeat("12345678", 4), `"` + string(secret) + `"`, // JSON too, and no key
	} {
		if _, err := jwks.NewSecret("", "HS256", []byte(good)); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func failure[T any](_ T, err error) error { return err }

func TestKeyIsACopy(t *testing.T) {
	t.Parallel()
	public := &rsa.PublicKey{N: new(big.Int).Set(rsaA().N), E: 65537}
	point := *p256A().Public().(*ecdsa.PublicKey)
	point.X = new(big.Int).Set(point.X)
	bits := append(ed25519.PublicKey{}, ed().Public().(ed25519.PublicKey)...)
	shared := append([]byte{}, secret...)
	keys := map[string]*jwks.Key{
		"RS256": must(jwks.NewKey("", "RS256", public)),
		"ES256": must(jwks.NewKey("", "ES256", &point)),
		"EdDSA": must(jwks.NewKey("", "EdDSA", bits)),
		"HS256": must(jwks.NewSecret("", "HS256", shared)),
	}
	public.N.SetInt64(1)
	point.X.SetInt64(1)
	bits[0] ^= 1
	shared[0] ^= 1
	for alg, k := range keys {
		if err := k.Verify(signingInput, sign(alg, signers()[alg], signingInput)); err != nil {
			t.Errorf("%s: the owner of the original could change the key: %v", alg, err)
		}
	}
}

func TestKeyEqual(t *testing.T) {
	t.Parallel()
	k := must(jwks.NewKey("k", "RS256", rsaA().Public()))
	for _, row := range []struct {
		other *jwks.Key
		equal bool
		says  string
	}{
		{k, true, "itself"},
		{must(jwks.NewKey("k", "RS256", rsaA().Public())), true, "made again"},
		{must(jwks.NewKey("K", "RS256", rsaA().Public())), false, "an id in another case"},
		{must(jwks.NewKey("k", "RS384", rsaA().Public())), false, "another algorithm"},
		{must(jwks.NewKey("k", "RS256", rsaB().Public())), false, "another key under the same id"},
		{must(jwks.NewSecret("k", "HS256", secret)), false, "a secret"},
		{nil, false, "nil"},
	} {
		if k.Equal(row.other) != row.equal {
			t.Errorf("%s: equal is %v", row.says, !row.equal)
		}
	}
	if a, b := must(jwks.NewSecret("", "HS256", secret)), must(jwks.NewSecret("", "HS256", secret[1:])); a.Equal(b) || !a.Equal(a) {
		t.Error("secrets are not told apart")
	}
}

func TestPrintingAKeyShowsNoSecret(t *testing.T) {
	t.Parallel()
	k := must(jwks.NewSecret("k", "HS256", secret))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		printed := fmt.Sprintf(verb, k) + fmt.Sprintf(verb, *k) //nolint:govet // a copy is what a careless log prints
		for _, trace := range []string{"0123456789abcdef", "30313233", "48, 49, 50", "48 49 50", "0x30, 0x31"} {
			if strings.Contains(printed, trace) {
				t.Errorf("%s shows the secret: %s", verb, printed)
			}
		}
	}
}

func TestNilAndZeroKeysVerifyNothing(t *testing.T) {
	real := must(jwks.NewKey("a", "ES256", p256A().Public()))
	for name, k := range map[string]*jwks.Key{"nil": nil, "zero": {}} {
		if k.Verify(signingInput, nil) == nil || k.ID() != "" || k.Issuer() != "" || k.Algorithm() != "" || k.Thumbprint() != "" {
			t.Errorf("a %s Key, which no constructor made, is good for something", name)
		}
		if k.Equal(real) || real.Equal(k) || k.Equal(k) {
			t.Errorf("a %s Key equals something", name)
		}
		if err := k.Bind(); err != nil {
			t.Errorf("a %s Key cannot be bound: %v", name, err)
		}
	}
}

func TestEqualSecrets(t *testing.T) {
	key := func(secret []byte) *jwks.Key { return must(jwks.NewSecret("a", "HS256", secret)) }
	other := slices.Clone(secret)
	other[0]++
	if !key(secret).Equal(key(slices.Clone(secret))) {
		t.Error("two Keys of one secret differ: a token that was verified would be refused after a reload")
	}
	if key(secret).Equal(key(other)) || key(secret).Equal(key(secret[:32])) {
		t.Error("Keys of two secrets are equal: a token would outlive its secret")
	}
}

// The examples of RFC 7638 section 3.1 and RFC 8037 appendix A.3, and the key of RFC 9449 (sections 4.1 and 6.1).
func TestThumbprint(t *testing.T) {
	for _, row := range []struct{ name, algorithm, jwk, want string }{
		{"RFC 7638", "RS256", `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`,
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"RFC 8037", "EdDSA", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"RFC 9449", "ES256", `{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`,
			"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
	} {
		t.Run(row.name, func(t *testing.T) {
			set, err := jwks.Static([]byte(`{"keys":[` + row.jwk + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			keys, err := set.VerificationKeys(t.Context(), "", row.algorithm)
			if err != nil || len(keys) != 1 {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			if got := keys[0].Thumbprint(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestASecretHasNoThumbprint(t *testing.T) {
	if got := must(jwks.NewSecret("s", "HS256", secret)).Thumbprint(); got != "" {
		t.Errorf("it is %q", got)
	}
}
