package roca_test

import (
	"math/big"
	"math/bits"
	"slices"
	"testing"

	"github.com/cardea-auth/cardea/jwks/internal/roca"
)

// The table is what follows from the definition, and the odds are those that its comment states.
func TestSubgroups(t *testing.T) {
	var want []roca.Subgroup
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
			want = append(want, roca.Subgroup{Prime: uint64(p), Order: uint64(order)})
			inverseOdds.Mul(inverseOdds, big.NewRat(p-1, order))
		}
	}
	if got := roca.Subgroups[:]; !slices.Equal(got, want) {
		t.Errorf("the table is %v, want %v", got, want)
	}
	if inverseOdds.Cmp(big.NewRat(238_878_720, 1)) != 0 || bits.Len64(238_878_720) != 28 {
		t.Errorf("one modulus in %v looks so by accident", inverseOdds)
	}
}

// A modulus has the mark if it is a power of 65537 modulo each of the primes, and zero is none.
func TestMarks(t *testing.T) {
	power := func(base, exponent int64) *big.Int {
		return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil)
	}
	for _, row := range []struct {
		what    string
		modulus *big.Int
		marked  bool
	}{
		{"a power of 65537", power(65537, 128), true},
		{"a longer one", power(65537, 511), true},
		{"its neighbour", new(big.Int).Add(power(65537, 128), big.NewInt(2)), false},
		{"a multiple of one of the primes", new(big.Int).Mul(power(65537, 128), big.NewInt(11)), false},
		{"a power of another number", power(65539, 128), false},
	} {
		if roca.Marks(row.modulus) != row.marked {
			t.Errorf("%s: marked is %v", row.what, !row.marked)
		}
	}
}
