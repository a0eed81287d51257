package tokens_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/binary"
	"hash"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// signatureKeys publishes one key per family, each for one algorithm.
func signatureKeys(cfg *middleware.Config) {
	cfg.Issuers[0].Keys = jwks.NewSet(
		testkit.Must(jwks.NewKey("ed", "EdDSA", testkit.EdKey().Public())),
		testkit.Must(jwks.NewKey("rs", "RS256", &testkit.RSAKey().PublicKey)),
		testkit.Must(jwks.NewKey("ps", "PS256", &testkit.RSAKey().PublicKey)),
		testkit.Must(jwks.NewKey("p256", "ES256", &testkit.P256Key().PublicKey)),
		testkit.Must(jwks.NewKey("p384", "ES384", &p384Key.PublicKey)),
		testkit.Must(jwks.NewKey("p521", "ES512", &p521Key.PublicKey)),
	)
}

var (
	p384Key = testkit.Must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	p521Key = testkit.Must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
)

// unsignedInput is the signing input of a good token under alg and kid.
func unsignedInput(alg, kid string) string {
	return testkit.B64(testkit.JSON(kit.Claims{"alg": alg, "kid": kid, "typ": "at+jwt"})) + "." + testkit.B64(testkit.JSON(kit.GoodClaims(nil)))
}

// ecdsaParts signs and gives r, s and the width of each.
func ecdsaParts(input string, key *ecdsa.PrivateKey) (r, s *big.Int, width int) {
	var digest []byte
	switch key.Curve {
	case elliptic.P256():
		sum := sha256.Sum256([]byte(input))
		digest = sum[:]
	case elliptic.P384():
		sum := sha512.Sum384([]byte(input))
		digest = sum[:]
	default:
		sum := sha512.Sum512([]byte(input))
		digest = sum[:]
	}
	r, s, err := ecdsa.Sign(rand.Reader, key, digest)
	if err != nil {
		panic(err)
	}
	return r, s, (key.Params().BitSize + 7) / 8
}

// raw is R||S with each part width bytes long; longer parts are cut to their low bytes by whoever asks for that.
func raw(r, s *big.Int, width int) []byte {
	signature := make([]byte, 2*width)
	r.FillBytes(signature[:width])
	s.FillBytes(signature[width:])
	return signature
}

// CVE-2022-21449 and its kin; RFC 7518 section 3.4 wants R||S of fixed length with both parts in [1, n-1].
func TestECDSASignatureForms(t *testing.T) {
	for alg, key := range map[string]*ecdsa.PrivateKey{"ES256": testkit.P256Key(), "ES384": p384Key, "ES512": p521Key} {
		kid := map[string]string{"ES256": "p256", "ES384": "p384", "ES512": "p521"}[alg]
		input := unsignedInput(alg, kid)
		r, s, width := ecdsaParts(input, key)
		n, zero, one := key.Params().N, new(big.Int), big.NewInt(1)
		ones := new(big.Int).SetBytes(slices.Repeat([]byte{0xff}, width))
		good := raw(r, s, width)
		attacks := map[string][]byte{
			"psychic signature: both parts zero":     raw(zero, zero, width),
			"r is zero":                              raw(zero, s, width),
			"s is zero":                              raw(r, zero, width),
			"both parts are n":                       raw(n, n, width),
			"r is n":                                 raw(n, s, width),
			"s is n":                                 raw(r, n, width),
			"r is n, s is zero":                      raw(n, zero, width),
			"both parts are one":                     raw(one, one, width),
			"both parts beyond n":                    raw(ones, ones, width),
			"r beyond n":                             raw(ones, s, width),
			"r and s change places":                  raw(s, r, width),
			"one bit of r":                           flip(good, 0),
			"one bit of s":                           flip(good, len(good)-1),
			"one byte short":                         good[:len(good)-1],
			"one byte long":                          append(slices.Clone(good), 0),
			"a leading zero":                         append([]byte{0}, good...),
			"both parts one byte wider":              raw(r, s, width+1),
			"both parts twice":                       append(slices.Clone(good), good...),
			"r alone":                                good[:width],
			"DER instead of R||S":                    testkit.Must(asn1.Marshal(struct{ R, S *big.Int }{r, s})),
			"DER of zeros":                           testkit.Must(asn1.Marshal(struct{ R, S *big.Int }{zero, zero})),
			"one zero byte":                          {0},
			"the width of another curve, and zeros":  make([]byte, 2*48+2),
			"true, but for the hash of another text": signatureOfOther(key, width),
		}
		change := signatureKeys
		var rows []hostile
		for name, signature := range attacks {
			rows = append(rows, hostile{alg + ": " + name, input + "." + testkit.B64(signature), middleware.ReasonSignature})
		}
		wantAllRefused(t, change, rows)
		kit.WithAndWithoutCache(t, change, func(t *testing.T, v *middleware.Validator) { kit.WantAdmitted(t, v, input+"."+testkit.B64(good)) })
	}
}

func signatureOfOther(key *ecdsa.PrivateKey, width int) []byte {
	r, s, _ := ecdsaParts("another text", key)
	return raw(r, s, width)
}

func flip(data []byte, i int) []byte {
	changed := slices.Clone(data)
	changed[i] ^= 1
	return changed
}

// Whoever holds an ECDSA token can make a second spelling of it. It may pass, but it must be the same token to whoever
// identifies it by iss and jti (OWASP #2242).
func TestMalleatedECDSATokenIsTheSameToken(t *testing.T) {
	kit.WithAndWithoutCache(t, signatureKeys, func(t *testing.T, v *middleware.Validator) {
		input := unsignedInput("ES256", "p256")
		r, s, width := ecdsaParts(input, testkit.P256Key())
		twin := raw(r, new(big.Int).Sub(testkit.P256Key().Params().N, s), width)
		first := kit.WantAdmitted(t, v, input+"."+testkit.B64(raw(r, s, width)))
		got := kit.Serve(v.Require(), kit.Bearer(input+"."+testkit.B64(twin)))
		if got.Ran && (got.Token.ID != first.ID || got.Token.Issuer != first.Issuer || got.Token.Subject != first.Subject) {
			t.Errorf("the malleated token is %v, want %v", got.Token, first)
		}
		if !got.Ran && got.String() != kit.BadToken {
			t.Errorf("the malleated token gives %q", got)
		}
	})
}

// RFC 7518 section 3.4: the curve belongs to the algorithm.
func TestCurveOfAnotherAlgorithm(t *testing.T) {
	keys := map[string]*ecdsa.PrivateKey{"p256": testkit.P256Key(), "p384": p384Key, "p521": p521Key}
	var attacks []hostile
	for kid, key := range keys {
		for alg, own := range map[string]string{"ES256": "p256", "ES384": "p384", "ES512": "p521"} {
			if own == kid {
				continue
			}
			input := unsignedInput(alg, kid)
			r, s, width := ecdsaParts(input, key)
			attacks = append(attacks, hostile{alg + " under the key " + kid, input + "." + testkit.B64(raw(r, s, width)), middleware.ReasonUnknownKey})
			input = unsignedInput(alg, own)
			r, s, width = ecdsaParts(input, key)
			attacks = append(attacks, hostile{alg + " of its own kid, signed by " + kid, input + "." + testkit.B64(raw(r, s, width)), middleware.ReasonSignature})
		}
	}
	wantAllRefused(t, signatureKeys, attacks)
}

func TestEd25519SignatureForms(t *testing.T) {
	input := unsignedInput("EdDSA", "ed")
	good := testkit.Signature(input, "", testkit.EdKey())
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	little := func(b []byte) []byte { b = slices.Clone(b); slices.Reverse(b); return b }
	s := new(big.Int).SetBytes(little(good[32:]))
	beyond := new(big.Int).Add(s, order).FillBytes(make([]byte, 32))
	identity := append([]byte{1}, make([]byte, 31)...)
	var attacks []hostile
	for name, forged := range map[string][]byte{
		"zeros":                        make([]byte, 64),
		"all ones":                     slices.Repeat([]byte{0xff}, 64),
		"R is the neutral element":     append(slices.Clone(identity), make([]byte, 32)...),
		"s + L, a second spelling":     append(slices.Clone(good[:32]), little(beyond)...),
		"one byte short":               good[:63],
		"one byte long":                append(slices.Clone(good), 0),
		"one bit of R":                 flip(good, 0),
		"one bit of s":                 flip(good, 40),
		"R and s change places":        append(slices.Clone(good[32:]), good[:32]...),
		"a stranger's":                 testkit.Signature(input, "", testkit.StrangeKey()),
		"the issuer's for another JWT": testkit.Signature(unsignedInput("EdDSA", "other"), "", testkit.EdKey()),
	} {
		attacks = append(attacks, hostile{name, input + "." + testkit.B64(forged), middleware.ReasonSignature})
	}
	wantAllRefused(t, signatureKeys, attacks)
}

func TestRSASignatureForms(t *testing.T) {
	rs, ps := unsignedInput("RS256", "rs"), unsignedInput("PS256", "ps")
	rsDigest := sha256.Sum256([]byte(rs))
	good := testkit.Must(rsa.SignPKCS1v15(rand.Reader, testkit.RSAKey(), crypto.SHA256, rsDigest[:]))
	sum512 := sha512.Sum512([]byte(rs))
	attacks := []hostile{
		{"RS256 with a leading zero", rs + "." + testkit.B64(append([]byte{0}, good...)), middleware.ReasonSignature},
		{"RS256 with a trailing zero", rs + "." + testkit.B64(append(slices.Clone(good), 0)), middleware.ReasonSignature},
		{"RS256 without its last byte", rs + "." + testkit.B64(good[:len(good)-1]), middleware.ReasonSignature},
		{"RS256 without its first byte", rs + "." + testkit.B64(good[1:]), middleware.ReasonSignature},
		{"RS256 of zeros", rs + "." + testkit.B64(make([]byte, 256)), middleware.ReasonSignature},
		{"RS256 of one", rs + "." + testkit.B64(append(make([]byte, 255), 1)), middleware.ReasonSignature},
		{"RS256 that is the modulus", rs + "." + testkit.B64(testkit.RSAKey().N.Bytes()), middleware.ReasonSignature},
		{
			"RS256 over SHA-512",
			rs + "." + testkit.B64(testkit.Must(rsa.SignPKCS1v15(rand.Reader, testkit.RSAKey(), crypto.SHA512, sum512[:]))),
			middleware.ReasonSignature,
		},
		{"RS256 without the name of its hash", rs + "." + testkit.B64(withoutHashName(rsDigest[:])), middleware.ReasonSignature},
		{"PSS under RS256", rs + "." + testkit.B64(pss(rs, 32, sha256.New)), middleware.ReasonSignature},
		{"RS256 under the kid of PS256", swapKid(rs, "ps"), middleware.ReasonUnknownKey},
		{"RS512 with the RS256 key", unsignedInput("RS512", "rs") + "." + testkit.B64(good), middleware.ReasonUnknownKey},
		{"PKCS #1 v1.5 under PS256", ps + "." + testkit.B64(testkit.Signature(ps, "", testkit.RSAKey())), middleware.ReasonSignature},
		{"PS512 with the PS256 key", unsignedInput("PS512", "ps") + "." + testkit.B64(pss(ps, 64, sha512.New)), middleware.ReasonUnknownKey},
		// RFC 7518 section 3.5: the salt is as long as the hash, and MGF1 uses the same hash.
		{"PSS without salt", ps + "." + testkit.B64(pss(ps, 0, sha256.New)), middleware.ReasonSignature},
		{"PSS with a salt one byte short", ps + "." + testkit.B64(pss(ps, 31, sha256.New)), middleware.ReasonSignature},
		{"PSS with a salt one byte long", ps + "." + testkit.B64(pss(ps, 33, sha256.New)), middleware.ReasonSignature},
		{"PSS with a salt of 20 bytes", ps + "." + testkit.B64(pss(ps, 20, sha256.New)), middleware.ReasonSignature},
		{"PSS with the longest salt", ps + "." + testkit.B64(pss(ps, 256-32-2, sha256.New)), middleware.ReasonSignature},
		{"PSS with MGF1 of SHA-512", ps + "." + testkit.B64(pss(ps, 32, sha512.New)), middleware.ReasonSignature},
	}
	if !fips140.Enabled() { // where no SHA-1 may be computed, not even in a test
		attacks = append(attacks, hostile{"PSS with MGF1 of SHA-1", ps + "." + testkit.B64(pss(ps, 32, sha1.New)), middleware.ReasonSignature})
	}
	wantAllRefused(t, signatureKeys, attacks)
	kit.WithAndWithoutCache(t, signatureKeys, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, rs+"."+testkit.B64(good))
		kit.WantAdmitted(t, v, ps+"."+testkit.B64(pss(ps, 32, sha256.New))) // so that the encoding above is to be trusted
	})
}

func swapKid(input, kid string) string {
	alg := "RS256"
	swapped := testkit.B64(testkit.JSON(kit.Claims{"alg": alg, "kid": kid, "typ": "at+jwt"})) + input[strings.IndexByte(input, '.'):]
	return swapped + "." + testkit.B64(testkit.Signature(swapped, "", testkit.RSAKey()))
}

// withoutHashName signs a bare digest: RFC 8017 section 9.2 without the DigestInfo around it.
func withoutHashName(digest []byte) []byte {
	encoded := slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 256-3-len(digest)), []byte{0}, digest)
	return new(big.Int).Exp(new(big.Int).SetBytes(encoded), testkit.RSAKey().D, testkit.RSAKey().N).FillBytes(make([]byte, 256))
}

// pss signs by RFC 8017 section 9.1.1 with SHA-256 and any salt and mask, which crypto/rsa would not do.
func pss(input string, saltLength int, mask func() hash.Hash) []byte {
	digest := sha256.Sum256([]byte(input))
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt)
	inner := sha256.New()
	inner.Write(make([]byte, 8))
	inner.Write(digest[:])
	inner.Write(salt)
	h := inner.Sum(nil)

	db := make([]byte, 256-len(h)-1)
	copy(db[len(db)-saltLength:], salt)
	db[len(db)-saltLength-1] = 1
	for i, b := range mgf1(h, len(db), mask) {
		db[i] ^= b
	}
	db[0] &= 0x7f
	encoded := append(append(db, h...), 0xbc)
	return new(big.Int).Exp(new(big.Int).SetBytes(encoded), testkit.RSAKey().D, testkit.RSAKey().N).FillBytes(make([]byte, 256))
}

func mgf1(seed []byte, length int, mask func() hash.Hash) []byte {
	var out []byte
	for i := uint32(0); len(out) < length; i++ {
		h := mask()
		h.Write(seed)
		_ = binary.Write(h, binary.BigEndian, i)
		out = h.Sum(out)
	}
	return out[:length]
}
