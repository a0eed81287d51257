package jwks_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"math/big"
	"math/bits"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/jwks"
)

func bigPower(base, exponent int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil)
}

// The table is what follows from the definition, and the odds are those that its comment states.
func TestROCASubgroups(t *testing.T) {
	var want []jwks.Subgroup
	inverseOdds := big.NewRat(1, 1)
	for p := int64(3); p <= 167; p++ {
		if !big.NewInt(p).ProbablyPrime(0) {
			continue
		}
		order := int64(1)
		for x := int64(65537) % p; x != 1; x = x * 65537 % p {
			order++
		}
		if order < p-1 {
			want = append(want, jwks.Subgroup{Prime: uint64(p), Order: uint64(order)})
			inverseOdds.Mul(inverseOdds, big.NewRat(p-1, order))
		}
	}
	if got := jwks.ROCASubgroups(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the table is %v, want %v", got, want)
	}
	if inverseOdds.Cmp(big.NewRat(238_878_720, 1)) != 0 || bits.Len64(238_878_720) != 28 {
		t.Errorf("one modulus in %v looks so by accident", inverseOdds)
	}
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
	prime := func(a int64) *big.Int {
		base := new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), m)
		for k := new(big.Int).Lsh(big.NewInt(1), 1024-uint(m.BitLen())); ; k.Add(k, big.NewInt(1)) {
			if p := new(big.Int).Add(new(big.Int).Mul(k, m), base); p.ProbablyPrime(10) {
				return p
			}
		}
	}
	return new(big.Int).Mul(prime(4711), prime(815))
}

// Other keys are not taken for broken ones: one more than such a modulus, and keys of Go's own making.
func TestModulusWithoutTheMark(t *testing.T) {
	moduli := []*big.Int{
		new(big.Int).Add(bigPower(65537, 128), big.NewInt(2)),
		new(big.Int).Mul(bigPower(65537, 128), big.NewInt(11)), // a remainder of zero is no power
	}
	for range 2 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		moduli = append(moduli, key.N)
	}
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

// The exponent is read as it is written, and not what 64 bits hold of it.
func TestExponentBeyond64Bits(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	n := b64(key.N.Bytes())
	for e, good := range map[string]bool{"AQAB": true, b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1}): false} {
		if _, err := jwks.Static([]byte(`{"keys":[{"kty":"RSA","n":"` + n + `","e":"` + e + `"}]}`)); (err == nil) != good {
			t.Errorf("the exponent %s: %v", e, err)
		}
	}
}

func BenchmarkNewKeyRSA(b *testing.B) {
	good, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	for name, modulus := range map[string]*big.Int{"good": good.N, "marked, 2049 bits": bigPower(65537, 128), "marked, 8177 bits": bigPower(65537, 511)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = jwks.NewKey("", "RS256", &rsa.PublicKey{N: modulus, E: 65537})
			}
		})
	}
}
