// Package roca tells RSA moduli of CVE-2017-15361 (ROCA, Infineon's RSALib) from others.
package roca

import "math/big"

// Subgroup is what the numbers that the broken generator made can leave when they are divided by a prime: the powers of 65537.
// There are order of them, the others of the prime-1 possible remainders never occur.
type Subgroup struct{ Prime, Order uint64 }

// Subgroups holds the odd primes up to 167 for which that tells anything. The generator of CVE-2017-15361 (Infineon's RSALib) makes
// each prime factor of its moduli as k·M + 65537^a mod M, where M is a product of small primes, the first 39 at least; so a modulus too
// is a power of 65537, modulo each of them. A modulus from elsewhere looks so by accident in one case of 238 878 720, the
// product of all (prime-1)/order, which is about 2^27.8.
var Subgroups = [...]Subgroup{
	{11, 2}, {13, 6}, {17, 8}, {19, 9}, {37, 3}, {53, 26}, {61, 20}, {71, 35}, {73, 24}, {79, 13},
	{97, 6}, {103, 51}, {107, 53}, {109, 54}, {127, 42}, {151, 50}, {157, 78},
}

var product = func() *big.Int {
	all := big.NewInt(1)
	for _, s := range Subgroups {
		all.Mul(all, new(big.Int).SetUint64(s.Prime))
	}
	return all
}()

// Marks reports whether the modulus has the mark. The one division of a long number is by all the primes together.
func Marks(modulus *big.Int) bool {
	var prime, rest big.Int
	short := new(big.Int).Mod(modulus, product)
	for _, s := range Subgroups {
		x := rest.Mod(short, prime.SetUint64(s.Prime)).Uint64()
		if power(x, s.Order, s.Prime) != 1 { // what is no multiple of a prime is a cyclic group: it has one subgroup of this order
			return false
		}
	}
	return true
}

// power is x^n mod m, for an m of at most 32 bits.
func power(x, n, m uint64) uint64 {
	result := uint64(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = result * x % m
		}
		x = x * x % m
	}
	return result
}
