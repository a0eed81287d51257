package authtest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// parts are what a forger begins with: the default key, and the header and claims of a good token.
type parts struct {
	key     *signingKey
	header  Header
	payload string
}

func (i *Issuer) parts() (parts, error) {
	key, err := i.keys.signer(defaultAlgorithm)
	if err != nil {
		return parts{}, err
	}
	payload, err := json.Marshal(merge(i.defaults()))
	return parts{key: key, header: Header{"typ": "at+jwt", "alg": defaultAlgorithm, "kid": key.id}, payload: string(payload)}, err
}

// forged is a maker that begins with parts.
func forged(forge func(parts) (string, error)) maker {
	return func(i *Issuer) (string, error) {
		p, err := i.parts()
		if err != nil {
			return "", err
		}
		return forge(p)
	}
}

// edited changes the segments of a good token.
func edited(edit func(header, payload, signature string) string) maker {
	return forged(func(p parts) (string, error) {
		token, err := assemble(p.header, p.payload, p.key.sign)
		if err != nil {
			return "", err
		}
		s := strings.Split(token, ".")
		return edit(s[0], s[1], s[2]), nil
	})
}

func join(segments ...string) string { return strings.Join(segments, ".") }

// respelt changes bits of the last character that no decoded byte has: 64 bytes are 85 characters and two bits.
func respelt(h, p, s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return join(h, p, s[:len(s)-1]+alphabet[last^1:last^1+1])
}

// altered changes the first character of a segment, and so its first byte.
func altered(segment string) string {
	if segment[0] == 'A' {
		return "B" + segment[1:]
	}
	return "A" + segment[1:]
}

// swapped puts the claims of one token under the signature of another.
func swapped(i *Issuer) (string, error) {
	good, err := i.mint(nil, nil)
	if err != nil {
		return "", err
	}
	other, err := i.mint(nil, Claims{"sub": "admin"})
	if err != nil {
		return "", err
	}
	g, o := strings.Split(good, "."), strings.Split(other, ".")
	return join(g[0], o[1], g[2]), nil
}

// under signs with the default key a header that says something else.
func under(h Header) maker {
	return forged(func(p parts) (string, error) { return assemble(merge(p.header, h), p.payload, p.key.sign) })
}

// headerText signs with the default key a changed text of its header.
func headerText(change func(text string) string) maker {
	return forged(func(p parts) (string, error) {
		text, err := json.Marshal(p.header)
		if err != nil {
			return "", err
		}
		return assembleText(change(string(text)), p.payload, p.key.sign)
	})
}

// unsecured leaves the signature out, in the manner of alg none in all its spellings (RFC 8725 section 2.1).
func unsecured(alg string) maker {
	return forged(func(p parts) (string, error) {
		return assemble(merge(p.header, Header{"alg": alg}), p.payload, unsigned)
	})
}

// confused keys an HMAC with what everybody knows (RFC 8725 section 2.1).
func confused(secret func(*signingKey) ([]byte, error)) maker {
	return forged(func(p parts) (string, error) {
		known, err := secret(p.key)
		if err != nil {
			return "", err
		}
		return assemble(merge(p.header, Header{"alg": "HS256"}), p.payload, func(input string) ([]byte, error) {
			return jwt.SigningMethodHS256.Sign(input, filledUp(known))
		})
	})
}

// filledUp does to a short key what HMAC does (RFC 2104 section 2), so the code is the same. In its FIPS 140-3 mode crypto/hmac takes no short
// key.
func filledUp(key []byte) []byte {
	return append(slices.Clip(key), make([]byte, max(0, 32-len(key)))...)
}

func publicDER(k *signingKey) ([]byte, error) { return x509.MarshalPKIXPublicKey(k.private.Public()) }

func publicPEM(k *signingKey) ([]byte, error) {
	der, err := publicDER(k)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), err
}

func publicJWK(k *signingKey) ([]byte, error) { return json.Marshal(k.jwk()) }

// otherKey names one algorithm in the header and signs with the key of another, under that key's kid.
func otherKey(owner, alg string) maker {
	return func(i *Issuer) (string, error) {
		key, err := i.keys.signer(owner)
		if err != nil {
			return "", err
		}
		payload, err := json.Marshal(merge(i.defaults()))
		if err != nil {
			return "", err
		}
		return assemble(Header{"typ": "at+jwt", "alg": alg, "kid": key.id}, string(payload), key.sign)
	}
}

// foreign signs with a key that the issuer never had.
func foreign(h Header) maker {
	return forged(func(p parts) (string, error) {
		var stranger signingKey
		if err := stranger.make(p.key.algorithm); err != nil {
			return "", err
		}
		return assemble(merge(p.header, h), p.payload, stranger.sign)
	})
}

// ownKey brings the key with which to verify it (RFC 8725 section 3.10, CVE-2018-0114).
func ownKey(i *Issuer) (string, error) {
	p, err := i.parts()
	if err != nil {
		return "", err
	}
	var stranger signingKey
	if err := stranger.make(p.key.algorithm); err != nil {
		return "", err
	}
	return assemble(merge(p.header, Header{"kid": stranger.id, "jwk": stranger.jwk()}), p.payload, stranger.sign)
}

// asn1Signature has the form of X.509 in place of RFC 7518 section 3.4, a second spelling of the same signature.
var asn1Signature = forged(func(p parts) (string, error) {
	return assemble(p.header, p.payload, func(input string) ([]byte, error) {
		signature, err := p.key.sign(input)
		if err != nil {
			return nil, err
		}
		half := len(signature) / 2
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return asn1.Marshal([]*big.Int{r, s})
	})
})

// encrypted has the form of a JWE (RFC 7516 section 7.1). Its content does not matter: nothing here has a key for it.
func encrypted(*Issuer) (string, error) {
	random := make([]byte, 64)
	_, _ = rand.Read(random) // it never fails, or ends the program
	return join(encode([]byte(`{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT"}`)),
		encode(random), encode(random[:12]), encode(random), encode(random[:16])), nil
}

func opaque(c Claims) maker {
	return func(i *Issuer) (string, error) { return i.opaqueToken(c) }
}

func revoked(i *Issuer) (string, error) {
	token, err := i.opaqueToken(nil)
	i.Revoke(token)
	return token, err
}
