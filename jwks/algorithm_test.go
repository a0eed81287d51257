package jwks_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/jwks"
)

// The encodings of small order, with and without the sign bit, canonical and not: the list that libsodium refuses.
var smallOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func TestEd25519KeysThatProveNothing(t *testing.T) {
	t.Parallel()
	for _, text := range smallOrder {
		key := ed25519.PublicKey(must(hex.DecodeString(text)))
		for range 2 {
			for _, alg := range []string{"EdDSA", "Ed25519"} {
				_, err := jwks.NewKey("k", alg, key)
				if err == nil || !strings.Contains(err.Error(), "small order") && !strings.Contains(err.Error(), "canonical") {
					t.Errorf("%s, a key under which one signature fits many messages, %x: %v", alg, key, err)
				}
				// Where the key is the neutral point, its own encoding and a zero sign everything.
				everything := append(slices.Clone(key), make([]byte, 32)...)
				if _, err := jwks.ProveKey(alg, key, "a.b", everything); err == nil || errors.Is(err, jwks.ErrSignature) {
					t.Errorf("%s, %x with a signature: %v", alg, key, err)
				}
			}
			key = slices.Clone(key)
			key[31] ^= 0x80
		}
	}
}

func TestEd25519PointsAgainstTheStandardLibrary(t *testing.T) {
	t.Parallel()
	// Half of all values of y have a point. With y = 2 there is none, with y = 3 there is one.
	for y, point := range map[byte]bool{2: false, 3: true} {
		key := make(ed25519.PublicKey, 32)
		key[0] = y
		if _, err := jwks.NewKey("k", "EdDSA", key); (err == nil) != point {
			t.Errorf("y = %d: %v", y, err)
		}
		if k, err := jwks.ProveKey("EdDSA", key, "a.b", make([]byte, 64)); k != nil || !errors.Is(err, jwks.ErrSignature) {
			t.Errorf("y = %d, with a signature that it has not made: %v", y, err)
		}
	}
	for range 50 {
		public, _, _ := ed25519.GenerateKey(nil)
		if _, err := jwks.NewKey("k", "Ed25519", public); err != nil {
			t.Errorf("a key of the standard library, %x: %v", public, err)
		}
	}
}

func TestExponentsThatAreAllowed(t *testing.T) {
	t.Parallel()
	for _, e := range []int{3, 17, 65537, 1<<31 - 1} {
		if _, err := jwks.NewKey("k", "RS256", &rsa.PublicKey{N: rsaA().N, E: e}); err != nil {
			t.Errorf("e = %d: %v", e, err)
		}
	}
}

// Any package can put another method into golang-jwt's registry or its variables. Not parallel: it does just that.
func TestNobodyCanReplaceTheMathematics(t *testing.T) {
	original := jwt.SigningMethodRS256
	jwt.SigningMethodRS256 = &jwt.SigningMethodRSA{Name: "RS256"}
	jwt.RegisterSigningMethod("RS256", func() jwt.SigningMethod { return jwt.SigningMethodNone })
	defer func() {
		jwt.SigningMethodRS256 = original
		jwt.RegisterSigningMethod("RS256", func() jwt.SigningMethod { return original })
	}()
	k := must(jwks.NewKey("k", "RS256", rsaA().Public()))
	if err := k.Verify(signingInput, sign("RS256", rsaA(), signingInput)); err != nil {
		t.Errorf("a good signature: %v", err)
	}
	if k.Verify(signingInput, nil) == nil {
		t.Error("the method none verifies")
	}
}

func bigPower(base, exponent int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil)
}

// CVE-2017-15361: whoever hands such a key in hears why it is not taken.
func TestModulusWithTheMarkOfROCAIsRefused(t *testing.T) {
	for name, modulus := range map[string]*big.Int{
		"2049 bits": bigPower(65537, 128),
		"3073 bits": bigPower(65537, 192),
		"8177 bits": bigPower(65537, 511),
		"a modulus of the broken generator, P and Q of the published form": rocaModulus(),
	} {
		for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
			key, err := jwks.NewKey("k", alg, &rsa.PublicKey{N: modulus, E: 65537})
			if err == nil || key != nil || !strings.Contains(err.Error(), "CVE-2017-15361") || !strings.Contains(err.Error(), "new key pair") {
				t.Errorf("%s, %s: got %v, %v", name, alg, key, err)
			}
		}
	}
}

// rocaModulus makes two primes as the broken generator does: k·M + 65537^a mod M.
func rocaModulus() *big.Int {
	m := big.NewInt(1)
	for p, n := int64(2), 0; n < 126; p++ { // the product that it uses for 2048 bits
		if big.NewInt(p).ProbablyPrime(0) {
			m.Mul(m, big.NewInt(p))
			n++
		}
	}
	prime := func(a, k int64) *big.Int { // k is the first beyond the power of two for which it is one
		first := new(big.Int).Lsh(big.NewInt(1), 1024-uint(m.BitLen()))
		p := first.Add(first, big.NewInt(k)).Mul(first, m)
		p.Add(p, new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), m))
		if !p.ProbablyPrime(10) {
			panic("that is no prime")
		}
		return p
	}
	return new(big.Int).Mul(prime(4711, 229), prime(815, 185))
}

// Other keys are not taken for broken ones: one more than such a modulus, and keys of Go's own making.
func TestModulusWithoutTheMark(t *testing.T) {
	moduli := []*big.Int{
		new(big.Int).Add(bigPower(65537, 128), big.NewInt(2)),
		new(big.Int).Mul(bigPower(65537, 128), big.NewInt(11)), // a remainder of zero is no power
	}
	moduli = append(moduli, rsaA().N, rsaB().N)
	for _, modulus := range moduli {
		if _, err := jwks.NewKey("k", "RS256", &rsa.PublicKey{N: modulus, E: 65537}); err != nil {
			t.Errorf("%x: %v", modulus, err)
		}
	}
}

func marked(members string) string {
	return `{"kty":"RSA","kid":"roca","e":"AQAB","n":"` + b64(bigPower(65537, 128).Bytes()) + `"` + members + `}`
}

// rocaNeighbour is a good key.
const rocaNeighbour = `{"kty":"OKP","crv":"Ed25519","kid":"good","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`

// Such a key in a document is skipped and spoils no other.
func TestKeyWithTheMarkOfROCAIsSkipped(t *testing.T) {
	for _, members := range []string{"", `,"alg":"RS256"`, `,"alg":"PS512"`, `,"alg":"RS256","use":"sig"`} {
		if _, err := jwks.Static([]byte(`{"keys":[` + marked(members) + `]}`)); err == nil || !strings.Contains(err.Error(), "CVE-2017-15361") {
			t.Errorf("%q alone: %v", members, err)
		}
		set, err := jwks.Static([]byte(`{"keys":[` + marked(members) + `,` + rocaNeighbour + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := set.VerificationKeys(t.Context(), "roca", "RS256"); err == nil {
			t.Errorf("%q: %d keys", members, len(keys))
		}
		if keys, err := set.VerificationKeys(t.Context(), "good", "EdDSA"); err != nil || len(keys) != 1 {
			t.Errorf("%q: the key beside it: %d, %v", members, len(keys), err)
		}
	}
}

func TestLogNamesTheMarkOfROCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log record
		i := &issuer{}
		i.set(always(http.StatusOK, `{"keys":[`+marked("")+`,`+rocaNeighbour+`]}`))
		cache := newCache(t, i, func(cfg *jwks.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status := cache.Status(); status.Keys != 1 || status.Skipped != 1 {
			t.Errorf("%d keys, %d skipped", status.Keys, status.Skipped)
		}
		synctest.Wait() // the log is written after the callers have gone on
		if !strings.Contains(log.String(), "key 0: the RSA modulus bears the mark of CVE-2017-15361") {
			t.Errorf("the log says %q", log.String())
		}
	})
}

// The exponent is read as it is written, and not what 64 or 32 bits hold of it.
func TestExponentBeyondAnInt(t *testing.T) {
	n := b64(rsaA().N.Bytes())
	for e, good := range map[string]bool{
		"AQAB": true, b64([]byte{0x7f, 0xff, 0xff, 0xff}): true,
		b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1}): false, b64([]byte{1, 0, 1, 0, 1}): false, b64([]byte{0x80, 0, 0, 1}): false,
		b64([]byte{0xff, 0xff, 0xff, 0xff}): false, b64([]byte{1, 0, 1, 0, 1}) + "=": false,
	} {
		if _, err := jwks.Static([]byte(`{"keys":[{"kty":"RSA","n":"` + n + `","e":"` + e + `"}]}`)); (err == nil) != good {
			t.Errorf("the exponent %s: %v", e, err)
		}
	}
}

func BenchmarkNewKeyRSA(b *testing.B) {
	for name, modulus := range map[string]*big.Int{"good": rsaA().N, "marked, 2049 bits": bigPower(65537, 128), "marked, 8177 bits": bigPower(65537, 511)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = jwks.NewKey("", "RS256", &rsa.PublicKey{N: modulus, E: 65537})
			}
		})
	}
}
