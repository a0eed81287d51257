package bindings_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// rsaPair is an RSA key of any length, of many small primes: such a pair is no secret, but is made and used in no time.
type rsaPair struct {
	rsa.PublicKey

	private *big.Int
	primes  []*big.Int
}

// longPair is that of 8192 bits, which takes longer than the others.
var longPair = sync.OnceValue(func() rsaPair { return newRSAPair(8192, 65537) })

func newRSAPair(bits, e int) rsaPair {
	exponent, one := big.NewInt(int64(e)), big.NewInt(1)
	n, phi := big.NewInt(1), big.NewInt(1)
	var primes []*big.Int
	for n.BitLen() < bits {
		left := bits - n.BitLen()
		length := left
		if left > 256 {
			length = 128
		}
		p := randomPrime(length)
		order := new(big.Int).Sub(p, one)
		longer := new(big.Int).Mul(n, p)
		if new(big.Int).GCD(nil, nil, order, exponent).Cmp(one) == 0 && (left > 256 || longer.BitLen() == bits) {
			n = longer
			phi.Mul(phi, order)
			primes = append(primes, p)
		}
	}
	return rsaPair{rsa.PublicKey{N: n, E: e}, exponent.ModInverse(exponent, phi), primes}
}

// randomPrime is rand.Prime, which makes none so short where the program runs in FIPS mode.
func randomPrime(bits int) *big.Int {
	for {
		p := new(big.Int).SetBytes(randomBytes((bits + 7) / 8))
		p.Rsh(p, uint(-bits)%8).SetBit(p, bits-1, 1).SetBit(p, 0, 1)
		if p.ProbablyPrime(10) {
			return p
		}
	}
}

func randomBytes(n int) []byte {
	octets := make([]byte, n)
	_, _ = rand.Read(octets) // never fails
	return octets
}

// sign makes a JWS with RS256 (RFC 8017 section 8.2.1).
func (k rsaPair) sign(header, payload string) string {
	input := testkit.B64([]byte(header)) + "." + testkit.B64([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	info := []byte{0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32}
	padding := slices.Repeat([]byte{255}, k.Size()-len(info)-len(digest)-3)
	message := new(big.Int).SetBytes(slices.Concat([]byte{0, 1}, padding, []byte{0}, info, digest[:]))
	return input + "." + testkit.B64(k.decrypt(message).FillBytes(make([]byte, k.Size())))
}

// decrypt is message^private mod N, put together from what it is modulo each prime.
func (k rsaPair) decrypt(message *big.Int) *big.Int {
	sum := new(big.Int)
	for _, p := range k.primes {
		rest := new(big.Int).Exp(new(big.Int).Mod(message, p), k.private, p)
		others := new(big.Int).Div(k.N, p)
		rest.Mul(rest, new(big.Int).ModInverse(others, p)).Mod(rest, p)
		sum.Add(sum, rest.Mul(rest, others))
	}
	return sum.Mod(sum, k.N)
}

// payloadOf is the claims of a proof for a token.
func payloadOf(token string, changes kit.Claims) string {
	return testkit.Proof{Token: token, Claims: changes}.Payload()
}

// Who makes the key of a proof makes its price, and a signature that does not fit costs nobody but the server. So a key beyond the
// limits is refused with a good signature too: no signature is looked at.
func TestTheKeyOfAProofIsNotDear(t *testing.T) {
	guard := kit.DPoPValidator(t, nil).Require()
	for _, row := range []struct {
		name    string
		bits, e int
		want    string
	}{
		{"2048 bits", 2048, 65537, "200"},
		{"4096 bits", 4096, 65537, "200"},
		{"4097 bits", 4097, 65537, kit.BadProof},
		{"8192 bits", 8192, 65537, kit.BadProof},
		{"the next exponent", 2048, 65539, kit.BadProof},
		{"the largest exponent that crypto/rsa takes", 2048, 1<<31 - 1, kit.BadProof},
		{"both", 8192, 1<<31 - 1, kit.BadProof},
	} {
		t.Run(row.name, func(t *testing.T) {
			pair := longPair()
			if row.bits != 8192 || row.e != 65537 {
				pair = newRSAPair(row.bits, row.e)
			}
			token := kit.Mint(kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"jkt": kit.Thumbprint(&pair.PublicKey)}}))
			header := string(testkit.JSON(kit.Claims{"typ": "dpop+jwt", "alg": "RS256", "jwk": testkit.JWK(&pair.PublicKey)}))
			if got := kit.OutcomeOf(guard, kit.DPoPRequest(token, pair.sign(header, payloadOf(token, nil)))); got != row.want {
				t.Errorf("outcome is %q, want %q", got, row.want)
			}
		})
	}
}

// An issuer chooses its keys for itself, and may have longer ones.
func TestTheKeyOfAnIssuerMayBeLonger(t *testing.T) {
	pair := longPair()
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys = jwks.NewSet(testkit.Must(jwks.NewKey("", "RS256", &pair.PublicKey)))
	})
	kit.WantAdmitted(t, v, pair.sign(`{"alg":"RS256","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(nil)))))
}

// What is cheap comes first: whose key it is, then what the proof says, and only then whether the numbers are a key at all.
func TestCheapChecksOfAProofComeFirst(t *testing.T) {
	guard := kit.DPoPValidator(t, nil).Require()
	x := testkit.Must(testkit.P256Key().PublicKey.Bytes())[1:33]
	for name, unfit := range map[string]struct {
		alg string
		jwk kit.Claims
	}{
		"a point that is not on its curve": {"ES256", kit.Claims{"kty": "EC", "crv": "P-256", "x": testkit.B64(x), "y": testkit.B64(x)}},
		"a curve that does not fit":        {"ES384", testkit.JWK(testkit.P256Key().Public())},
		"a point of small order":           {"EdDSA", kit.Claims{"kty": "OKP", "crv": "Ed25519", "x": testkit.B64(append([]byte{1}, make([]byte, 31)...))}},
		"a modulus with the mark of ROCA": {
			"RS256",
			kit.Claims{"kty": "RSA", "e": "AQAB", "n": testkit.B64(new(big.Int).Exp(big.NewInt(65537), big.NewInt(128), nil).Bytes())},
		},
		"a modulus that is too short": {"RS256", kit.Claims{"kty": "RSA", "e": "AQAB", "n": testkit.B64(slices.Repeat([]byte{255}, 128))}},
	} {
		t.Run(name, func(t *testing.T) {
			header := string(testkit.JSON(kit.Claims{"typ": "dpop+jwt", "alg": unfit.alg, "jwk": unfit.jwk}))
			jkt := testkit.Thumbprint(unfit.jwk)
			for _, row := range []struct {
				name    string
				bound   string
				changes kit.Claims
				outcome string
				reason  middleware.Reason
				cause   string
			}{
				{"of somebody else", kit.Thumbprint(testkit.EdKey().Public()), nil, kit.BadToken, middleware.ReasonConfirmation, "another key"},
				{
					"of somebody else, with claims that do not fit", kit.Thumbprint(testkit.EdKey().Public()), kit.Claims{"htm": "PUT"},
					kit.BadToken, middleware.ReasonConfirmation, "another key",
				},
				{"of the token, with claims that do not fit", jkt, kit.Claims{"htm": "PUT"}, kit.BadProof, middleware.ReasonProof, "htm"},
				{"of the token", jkt, nil, kit.BadProof, middleware.ReasonProof, "unfit"},
			} {
				token := kit.Mint(kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"jkt": row.bound}}))
				r := kit.DPoPRequest(token, testkit.Sign(header, payloadOf(token, row.changes), testkit.EdKey()))
				kit.WantServed(t, guard, r, row.outcome, row.reason)
				if _, err := guard.Check(r); err == nil || !strings.Contains(fmt.Sprint(errors.Unwrap(err)), row.cause) {
					t.Errorf("%s: %v, want something about %s", row.name, err, row.cause)
				}
			}
		})
	}
}
