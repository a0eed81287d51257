package bindings_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"slices"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// weakKey is one under which anybody can sign, and how.
type weakKey struct {
	alg  string
	jwk  testkit.Claims
	sign func(input string) []byte
}

// A key is checked by the first proof that it makes, so each of these brings a signature that does fit it. None is ever remembered,
// neither by the first proof nor when many come at once.
func TestKeysUnderWhichAnybodyCanSignProveNothing(t *testing.T) {
	for name, key := range weakKeys() {
		t.Run(name, func(t *testing.T) {
			token := kit.Mint(kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"jkt": testkit.Thumbprint(key.jwk)}}))
			good := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
			guard := kit.DPoPValidator(t, nil).Require()
			forged := func() string {
				header := testkit.JSON(kit.Claims{"typ": "dpop+jwt", "alg": key.alg, "jwk": key.jwk})
				for range 200 { // some fit only every eighth text
					input := testkit.B64(header) + "." + testkit.B64([]byte(testkit.Proof{Token: token}.Payload()))
					if signature := key.sign(input); signature != nil {
						return input + "." + testkit.B64(signature)
					}
				}
				t.Fatal("no signature is found")
				return ""
			}
			for range 3 {
				kit.WantServed(t, guard, kit.DPoPRequest(token, forged()), kit.BadProof, middleware.ReasonProof)
				kit.WantServed(t, guard, kit.DPoPRequest(good, testkit.Proof{Key: testkit.EdKey(), Token: good}.String()), "200", "")
			}
			var wg sync.WaitGroup
			for range 8 {
				proof := forged()
				wg.Go(func() {
					for range 3 {
						if got := kit.Serve(guard, kit.DPoPRequest(token, proof)); got.Ran {
							t.Error("it is admitted")
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func weakKeys() map[string]weakKey {
	keys := make(map[string]weakKey)
	for name, x := range map[string]string{
		"order 1":               "0100000000000000000000000000000000000000000000000000000000000000",
		"order 1, a sign":       "0100000000000000000000000000000000000000000000000000000000000080",
		"order 2":               "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 2, a sign":       "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"order 4":               "0000000000000000000000000000000000000000000000000000000000000000",
		"order 4, negative":     "0000000000000000000000000000000000000000000000000000000000000080",
		"order 8":               "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"order 8, negative":     "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"another order 8":       "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"order 1 as p + 1":      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 4 as p":          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"order 1 as p + 1, neg": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	} {
		public := ed25519.PublicKey(testkit.Must(hex.DecodeString(x)))
		for _, alg := range []string{"EdDSA", "Ed25519"} {
			keys["Ed25519, "+name+", "+alg] = weakKey{alg, testkit.JWK(public), func(input string) []byte { return smallOrderSignature(public, input) }}
		}
	}
	keys["RSA with the exponent 1"] = rsaKey(1, randomPrime(1025), randomPrime(1025))
	keys["RSA with an even exponent"] = rsaKey(2, randomPrime(1025), randomPrime(1025))
	keys["RSA with an even modulus"] = rsaKey(65537, big.NewInt(2), randomPrime(2049))
	keys["RSA of 512 bits"] = rsaKey(65537, randomPrime(256), randomPrime(256))
	keys["RSA of 1024 bits"] = rsaKey(65537, randomPrime(512), randomPrime(512))
	keys["RSA of 2046 bits"] = rsaKey(65537, randomPrime(1023), randomPrime(1023))
	keys["RSA with the mark of ROCA"] = rsaKey(65537, rocaPrime(), rocaPrime())
	return keys
}

// smallOrderSignature is R with S = 0 (RFC 8032 section 5.1.7): R = -kA is one of eight points. Nil: none fits this text.
func smallOrderSignature(public ed25519.PublicKey, input string) []byte {
	for _, r := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	} {
		signature := append(testkit.Must(hex.DecodeString(r)), make([]byte, 32)...)
		if ed25519.Verify(public, []byte(input), signature) {
			return signature
		}
	}
	return nil
}

// rsaKey signs by arithmetic alone, as crypto/rsa would refuse to.
func rsaKey(exponent int, p, q *big.Int) weakKey {
	one := big.NewInt(1)
	n, order := new(big.Int).Mul(p, q), new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	private := new(big.Int).ModInverse(big.NewInt(int64(exponent)), order)
	if private == nil {
		private = one // nothing undoes an even exponent
	}
	size := (n.BitLen() + 7) / 8
	return weakKey{"RS256", testkit.JWK(&rsa.PublicKey{N: n, E: exponent}), func(input string) []byte {
		digest := sha256.Sum256([]byte(input))
		info := append(testkit.Must(hex.DecodeString("3031300d060960864801650304020105000420")), digest[:]...) // RFC 8017 section 9.2
		padding := slices.Repeat([]byte{0xff}, size-3-len(info))
		encoded := slices.Concat([]byte{0, 1}, padding, []byte{0}, info)
		plain := new(big.Int).SetBytes(encoded)
		signed := new(big.Int).Exp(plain, private, n)
		if exponent%2 == 1 && new(big.Int).Exp(signed, big.NewInt(int64(exponent)), n).Cmp(plain) != 0 {
			panic("the signature does not fit the key")
		}
		return signed.FillBytes(make([]byte, size))
	}}
}

// rocaPrime is one of the primes that the library of CVE-2017-15361 made: a power of 65537 by every small prime.
func rocaPrime() *big.Int {
	product := big.NewInt(1)
	for i := int64(2); i <= 167; i++ {
		if big.NewInt(i).ProbablyPrime(1) {
			product.Mul(product, big.NewInt(i))
		}
	}
	power := new(big.Int).Exp(big.NewInt(65537), new(big.Int).SetBytes(randomBytes(8)), product)
	for {
		p := new(big.Int).SetBytes(randomBytes(128))
		p.SetBit(p, 1025, 1)
		if p.Sub(p, new(big.Int).Mod(p, product)).Add(p, power); p.ProbablyPrime(10) {
			return p
		}
	}
}
