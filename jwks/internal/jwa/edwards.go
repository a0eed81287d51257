package jwa

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/big"
)

func checkEd25519(material any) error {
	y, err := edwardsY(material)
	if err != nil {
		return err
	}
	return checkEdwardsPoint(y)
}

// Field constants of RFC 8032 section 5.1, and the two y of the points of order eight.
var (
	edP  = number("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed")
	edD  = number("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3")
	edY8 = number("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7")
	one  = big.NewInt(1)
)

func number(hex string) *big.Int {
	n, _ := new(big.Int).SetString(hex, 16)
	return n
}

// edwardsY refuses what crypto/ed25519 would take: encodings that are not canonical (RFC 8032 section 5.1.3, step 1), and points of
// small order. Under a key of small order a signature exists that fits many messages, so it proves nothing.
func edwardsY(material any) (*big.Int, error) {
	key, ok := material.(ed25519.PublicKey)
	if !ok {
		return nil, errKeyType
	}
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("the Ed25519 key has %d bytes, it must have %d", len(key), ed25519.PublicKeySize)
	}
	reversed := make([]byte, len(key))
	for i, b := range key {
		reversed[len(key)-1-i] = b
	}
	reversed[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(reversed)
	if y.Cmp(edP) >= 0 {
		return nil, errors.New("the Ed25519 key is not in canonical form")
	}
	opposite := new(big.Int).Sub(edP, y)
	for _, small := range []*big.Int{new(big.Int), one, edY8} { // order 4; 1; 8. Their opposites: order 4 again; 2; 8
		if y.Cmp(small) == 0 || opposite.Cmp(small) == 0 {
			return nil, errors.New("the Ed25519 key is a point of small order")
		}
	}
	return y, nil
}

// checkEdwardsPoint refuses a y without an x, on which crypto/ed25519 would only fail later: x² = (y²-1) / (dy²+1), and the quotient is
// a square if and only if the product is.
func checkEdwardsPoint(y *big.Int) error {
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, one)
	v := yy.Mul(yy, edD).Add(yy, one)
	if big.Jacobi(u.Mul(u, v).Mod(u, edP), edP) != 1 {
		return errors.New("the Ed25519 key is no point on the curve")
	}
	return nil
}
