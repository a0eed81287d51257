package jwks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
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
	salt := func(length int) []byte { return signPSS(rsaA(), crypto.SHA256, signingInput, length) }
	rs := sign("RS256", rsaA(), signingInput)

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
		{"salt as long as fits", "PS256", rsaA(), salt(rsa.PSSSaltLengthAuto)},
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
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
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
		{"1024 bits can be broken", "RS256", weak.Public(), "1024 bits, use 2048 to 8192"},
		{"a modulus that costs seconds", "PS256", &rsa.PublicKey{N: huge, E: 65537}, "8193 bits"},
		{"an even modulus", "RS256", &rsa.PublicKey{N: new(big.Int).Sub(modulus, big.NewInt(1)), E: 65537}, "even"},
		{"a negative modulus", "RS256", &rsa.PublicKey{N: new(big.Int).Neg(modulus), E: 65537}, "bits"},
		{"exponent 1 signs everything", "RS256", &rsa.PublicKey{N: modulus, E: 1}, "exponent"},
		{"exponent 2 is even", "RS256", &rsa.PublicKey{N: modulus, E: 2}, "exponent"},
		{"exponent over 2^31-1", "RS256", &rsa.PublicKey{N: modulus, E: 1<<31 + 1}, "exponent"},
		{"P-384 for ES256", "ES256", p384().Public(), "on P-384, the algorithm needs P-256"},
		{"P-256 for ES384", "ES384", p256A().Public(), "on P-256, the algorithm needs P-384"},
		{"P-256 for ES512", "ES512", p256A().Public(), "on P-256, the algorithm needs P-521"},
		{"a point off the curve", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, "no point on P-256"},
		{"the point at infinity", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int), Y: new(big.Int)}, "no point on P-256"},
		{"31 bytes of Ed25519", "Ed25519", ed25519.PublicKey(make([]byte, 31)), "31 bytes, it must have 32"},
	} {
		k, err := jwks.NewKey("k", row.alg, row.key)
		if k != nil || err == nil || !strings.Contains(err.Error(), row.says) || !strings.HasPrefix(err.Error(), "jwks: ") {
			t.Errorf("%s: %v, want an error with %q", row.what, err, row.says)
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

func TestZeroKeyVerifiesNothing(t *testing.T) {
	t.Parallel()
	for _, k := range []*jwks.Key{nil, {}} {
		if k.Verify(signingInput, nil) == nil || k.Equal(k) || k.ID() != "" || k.Issuer() != "" || k.Algorithm() != "" {
			t.Error("a key that no constructor made is good for something")
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

func TestKeyWithoutAlgIsBoundToTheFirst(t *testing.T) {
	t.Parallel()
	set := must(jwks.Static(document(publicJWK("k", "", rsaA()))))
	pick := func(alg string) *jwks.Key { return must(set.VerificationKeys(t.Context(), "k", alg))[0] }
	if err := pick("RS256").Bind(); err != nil {
		t.Fatalf("the first algorithm: %v", err)
	}
	if err := pick("RS256").Bind(); err != nil {
		t.Errorf("the first algorithm again: %v", err)
	}
	for _, alg := range []string{"RS384", "RS512", "PS256", "PS384", "PS512"} {
		err := pick(alg).Bind()
		if !errors.Is(err, jwks.ErrAlgorithmConflict) || !strings.Contains(err.Error(), "has been used with RS256, so it is not good for "+alg+"; set the issuer's Algorithms") {
			t.Errorf("one key with two algorithms, RS256 and %s: %v", alg, err)
		}
	}
}

// Not parallel, as allocations of other tests would be counted. A write would cost one, and a cache line that every request shares.
func TestBindWritesOnce(t *testing.T) {
	set := must(jwks.Static(document(publicJWK("k", "", rsaA()))))
	key := must(set.VerificationKeys(t.Context(), "k", "RS256"))[0]
	if n := testing.AllocsPerRun(100, func() { _ = key.Bind() }); n != 0 {
		t.Errorf("%v allocations to bind a key that is bound, want none", n)
	}
}

func TestKeyIsBoundToTheIssuerThatItsJWKNames(t *testing.T) {
	t.Parallel()
	jwk := publicJWK("k", "RS256", rsaA())
	for _, row := range []struct {
		what   string
		member any
		want   string
	}{
		{"a literal", "https://login.example/9188040d/v2.0", "https://login.example/9188040d/v2.0"},
		{"a placeholder, which is not for this package to fill", "https://login.example/{tenantid}/v2.0", "https://login.example/{tenantid}/v2.0"},
		{"another spelling is another issuer", "https://LOGIN.example/ ", "https://LOGIN.example/ "},
		{"an empty one is none", "", ""},
		{"null is none", nil, ""},
	} {
		key := must(must(jwks.Static(document(jwk.with("issuer", row.member)))).VerificationKeys(t.Context(), "k", "RS256"))[0]
		if key.Issuer() != row.want {
			t.Errorf("%s: %q, want %q", row.what, key.Issuer(), row.want)
		}
		if again := must(jwks.NewSet(key).VerificationKeys(t.Context(), "k", "RS256"))[0]; again.Issuer() != row.want {
			t.Errorf("%s: in a set of our own making it is %q", row.what, again.Issuer())
		}
		if made := keyFor(t, "RS256", rsaA()); made.Issuer() != "" || key.Equal(made) != (row.want == "") {
			t.Errorf("%s: equal to a key that names no issuer: %v", row.what, key.Equal(made))
		}
	}
}

// One key, published for two issuers, is two entries: neither may hide the other, and both verify one algorithm.
func TestOneKeyForTwoIssuers(t *testing.T) {
	t.Parallel()
	a, b := publicJWK("k", "", rsaA()).with("issuer", "https://a"), publicJWK("k", "", rsaA()).with("issuer", "https://b")
	pick := func(set *jwks.Set, alg string) (keys []*jwks.Key, issuers []string) {
		keys = must(set.VerificationKeys(t.Context(), "k", alg))
		for _, k := range keys {
			issuers = append(issuers, k.Issuer())
		}
		return keys, issuers
	}
	set := must(jwks.Static(document(a, b, a)))
	rs, issuers := pick(set, "RS256")
	if !slices.Equal(issuers, []string{"https://a", "https://b"}) {
		t.Fatalf("keys for %v", issuers)
	}
	if _, issuers := pick(jwks.NewSet(rs...), "RS256"); !slices.Equal(issuers, []string{"https://a", "https://b"}) {
		t.Errorf("in a set of our own making: keys for %v", issuers)
	}
	if err := rs[0].Bind(); err != nil {
		t.Fatal(err)
	}
	if ps, _ := pick(set, "PS256"); !errors.Is(ps[1].Bind(), jwks.ErrAlgorithmConflict) {
		t.Error("for the second issuer the same key serves a second algorithm")
	}
	named := must(jwks.Static(document(a.with("alg", "PS256"), b)))
	if _, issuers := pick(named, "PS256"); !slices.Equal(issuers, []string{"https://a", "https://b"}) {
		t.Errorf("an alg that one listing names: keys for %v", issuers)
	}
}

func TestAnAlgNamedOnceHoldsWhereverTheKeyIsListed(t *testing.T) {
	t.Parallel()
	named, unnamed := publicJWK("named", "PS256", rsaA()), publicJWK("unnamed", "", rsaA())
	for _, doc := range [][]byte{document(named, unnamed), document(unnamed, named)} {
		set := must(jwks.Static(doc))
		if got := names(must(set.VerificationKeys(t.Context(), "unnamed", "PS256"))); len(got) != 1 {
			t.Errorf("the algorithm that is named: %v", got)
		}
		if _, err := set.VerificationKeys(t.Context(), "unnamed", "RS256"); err == nil {
			t.Error("one key, two algorithms, by way of a second listing without alg")
		}
	}
	twice := must(jwks.Static(document(named, publicJWK("named", "", rsaA()))))
	if got := must(twice.VerificationKeys(t.Context(), "named", "PS256")); len(got) != 1 {
		t.Errorf("the same key is tried %d times", len(got))
	}
}

func TestKeysThatNeedNoBinding(t *testing.T) {
	t.Parallel()
	for what, set := range map[string]*jwks.Set{
		"the JWK names its alg":             must(jwks.Static(document(publicJWK("k", "RS256", rsaA()), publicJWK("k", "PS256", rsaA())))),
		"one algorithm under two names":     must(jwks.Static(document(publicJWK("k", "", ed())))),
		"the curve leaves but one":          must(jwks.Static(document(publicJWK("k", "", p256A())))),
		"whoever calls NewKey has named it": jwks.NewSet(keyFor(t, "RS256", rsaA()), keyFor(t, "PS256", rsaA())),
	} {
		bound := 0
		for alg := range signers() {
			keys, _ := set.VerificationKeys(t.Context(), "k", alg)
			for _, k := range keys {
				bound++
				if err := k.Bind(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
		if bound == 0 {
			t.Errorf("%s: no key found", what)
		}
	}
}

func TestBindLetsOneAlgorithmWinWhoeverIsFirst(t *testing.T) {
	t.Parallel()
	set := must(jwks.Static(document(publicJWK("k", "", rsaA()))))
	var wg sync.WaitGroup
	won := make(chan string, 64)
	for i := range 64 {
		k := must(set.VerificationKeys(t.Context(), "k", []string{"RS256", "PS256"}[i%2]))[0]
		wg.Go(func() {
			if k.Bind() == nil {
				won <- k.Algorithm()
			}
		})
	}
	wg.Wait()
	close(won)
	first := <-won
	for alg := range won {
		if alg != first {
			t.Fatalf("one key was bound to %s and to %s", first, alg)
		}
	}
}
