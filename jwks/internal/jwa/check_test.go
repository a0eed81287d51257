package jwa_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

var rsaNames = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}

// odd is an odd number of so many bits without a mark, and nothing else: more is not looked at.
func odd(bits uint) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return n.Add(n, new(big.Int).Lsh(big.NewInt(0xc0ffee), 100)).SetBit(n, 0, 1)
}

// The last length that passes and the first that does not.
func TestLimitOfRSAKeys(t *testing.T) {
	t.Parallel()
	for bits, good := range map[uint]bool{2047: false, 2048: true, 8192: true, 8193: false} {
		for _, name := range rsaNames {
			if err := jwa.Named(name).Check(&rsa.PublicKey{N: odd(bits), E: 65537}); (err == nil) != good {
				t.Errorf("%s, %d bits: %v", name, bits, err)
			}
		}
	}
}

func TestExponentsOfRSAKeys(t *testing.T) {
	t.Parallel()
	tooLarge := int64(1<<31 + 1) // where an int has 32 bits it is negative, which is no better
	for e, good := range map[int]bool{
		3: true, 17: true, 65537: true, 1<<31 - 1: true, 1: false, 2: false, 0: false, -3: false, 65536: false, int(tooLarge): false,
	} {
		if err := jwa.Named("RS256").Check(&rsa.PublicKey{N: odd(2048), E: e}); (err == nil) != good {
			t.Errorf("e = %d: %v", e, err)
		}
	}
}

// A struct filled in by hand may lack its numbers; that is an error and no panic.
func TestHalfFilledPublicKeys(t *testing.T) {
	t.Parallel()
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := made.PublicKey
	for what, row := range map[string]struct {
		name string
		key  crypto.PublicKey
	}{
		"RSA without a modulus":      {"RS256", &rsa.PublicKey{E: 65537}},
		"RSA without anything":       {"RS256", (*rsa.PublicKey)(nil)},
		"ECDSA without a curve":      {"ES256", &ecdsa.PublicKey{X: good.X, Y: good.Y}},
		"ECDSA without x":            {"ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), Y: good.Y}},
		"ECDSA without y":            {"ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: good.X}},
		"ECDSA of a point elsewhere": {"ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: good.X, Y: new(big.Int).Add(good.Y, big.NewInt(1))}},
		"ECDSA without anything":     {"ES256", (*ecdsa.PublicKey)(nil)},
		"Ed25519 without anything":   {"EdDSA", ed25519.PublicKey(nil)},
		"nothing for a secret":       {"HS256", nil},
	} {
		if jwa.Named(row.name).Check(row.key) == nil || jwa.Named(row.name).CheckForm(row.key) == nil {
			t.Errorf("%s is taken", what)
		}
	}
	if err := jwa.Named("ES256").Check(&good); err != nil {
		t.Errorf("what the rows are made of: %v", err)
	}
}

// RFC 7518 section 3.4: the algorithm names its curve.
func TestAKeyFitsTheAlgorithmsOfItsKind(t *testing.T) {
	t.Parallel()
	edwards, _, _ := ed25519.GenerateKey(nil)
	for _, row := range []struct {
		what string
		key  any
		want string
	}{
		{"RSA", &rsa.PublicKey{N: odd(2048), E: 65537}, strings.Join(rsaNames, " ")},
		{"P-256", public(elliptic.P256()), "ES256"},
		{"P-384", public(elliptic.P384()), "ES384"},
		{"P-521", public(elliptic.P521()), "ES512"},
		{"a curve without an algorithm", public(elliptic.P224()), ""},
		{"Ed25519", edwards, "EdDSA Ed25519"},
		{"bytes, which may be a secret and are no public key", make([]byte, 64), ""},
		{"nothing", nil, ""},
	} {
		var names []string
		for _, a := range jwa.Fitting(row.key) {
			names = append(names, a.Name())
		}
		if got := strings.Join(names, " "); got != row.want {
			t.Errorf("%s: %q, want %q", row.what, got, row.want)
		}
	}
}

func public(curve elliptic.Curve) *ecdsa.PublicKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return &key.PublicKey
}

func bigPower(base, exponent int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil)
}

// CVE-2017-15361: whoever hands such a key in hears why it is not taken.
func TestModulusWithTheMarkOfROCAIsRefused(t *testing.T) {
	t.Parallel()
	for what, modulus := range map[string]*big.Int{
		"2049 bits": bigPower(65537, 128),
		"3073 bits": bigPower(65537, 192),
		"8177 bits": bigPower(65537, 511),
		"a modulus of the broken generator, P and Q of the published form": rocaModulus(),
	} {
		key := &rsa.PublicKey{N: modulus, E: 65537}
		for _, name := range rsaNames {
			if err := jwa.Named(name).Check(key); err == nil || !strings.Contains(err.Error(), "CVE-2017-15361") || !strings.Contains(err.Error(), "new key pair") {
				t.Errorf("%s, %s: %v", what, name, err)
			}
		}
		if err := jwa.Broken(key); err == nil || !strings.Contains(err.Error(), "CVE-2017-15361") {
			t.Errorf("%s: %v", what, err)
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

// Other keys are not taken for broken ones: one more than such a modulus, and keys of Go's own making. What is refused for another reason
// is not called broken.
func TestModulusWithoutTheMark(t *testing.T) {
	t.Parallel()
	moduli := []*big.Int{
		new(big.Int).Add(bigPower(65537, 128), big.NewInt(2)),
		new(big.Int).Mul(bigPower(65537, 128), big.NewInt(11)), // a remainder of zero is no power
	}
	for range 2 {
		made, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		moduli = append(moduli, made.N)
	}
	for _, modulus := range moduli {
		key := &rsa.PublicKey{N: modulus, E: 65537}
		if err := jwa.Named("RS256").Check(key); err != nil {
			t.Errorf("%x: %v", modulus, err)
		}
		if err := jwa.Broken(key); err != nil {
			t.Errorf("%x: %v", modulus, err)
		}
	}
	for what, key := range map[string]any{"a short one": &rsa.PublicKey{N: odd(1024), E: 65537}, "no RSA key": public(elliptic.P256()), "nothing": nil} {
		if err := jwa.Broken(key); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func BenchmarkCheckRSA(b *testing.B) {
	for what, modulus := range map[string]*big.Int{"good": odd(2048), "marked, 2049 bits": bigPower(65537, 128), "marked, 8177 bits": bigPower(65537, 511)} {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = jwa.Named("RS256").Check(&rsa.PublicKey{N: modulus, E: 65537})
			}
		})
	}
}
