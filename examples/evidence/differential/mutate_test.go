package differential_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// mutation is one token and the class of what was done to it.
type mutation struct {
	class string
	token string
}

// mutate makes the token of a number: always the same, but for the salts of RSASSA-PSS, which crypto/rsa chooses.
func mutate(seed, number uint64) mutation {
	g := generator{rand.New(rand.NewPCG(seed, number))}
	way := g.r.IntN(100)
	switch {
	case way < 2:
		k := g.key()
		return mutation{"none", k.sign(texts(k, g.r))}
	case way < 40:
		return g.resigned(false)
	case way < 60:
		return g.resigned(true)
	case way < 68:
		return g.bytesResigned()
	case way < 78:
		return g.bytes()
	case way < 84:
		return g.encodedBytes()
	case way < 92:
		return g.signature()
	case way < 97:
		return g.algorithm()
	default:
		return g.segments()
	}
}

type generator struct{ r *rand.Rand }

// key prefers the algorithms that are cheap to sign and verify with.
func (g generator) key() key {
	if g.r.IntN(5) > 0 {
		return pick(g.r, cheap)
	}
	return pick(g.r, keys)
}

// documents are the header and the claims of a good token.
func documents(k key, r *rand.Rand) (header, claims document) {
	header.members = []member{{`"alg"`, `"` + k.alg + `"`}, {`"kid"`, `"` + k.kid + `"`}}
	if r.IntN(2) == 0 {
		header.members = append(header.members, member{`"typ"`, pick(r, []string{`"at+jwt"`, `"JWT"`})})
	}
	claims.members = []member{
		{`"iss"`, `"` + k.issuer + `"`}, {`"sub"`, `"user-é"`}, {`"aud"`, pick(r, []string{`"` + audience + `"`, `["x","` + audience + `"]`})},
		{`"exp"`, fmt.Sprint(now.Unix() + 600)}, {`"iat"`, fmt.Sprint(now.Unix())}, {`"jti"`, `"1"`}, {`"client_id"`, `"c"`}, {`"scope"`, `"read write"`},
	}
	return header, claims
}

func texts(k key, r *rand.Rand) (header, claims string) {
	h, c := documents(k, r)
	return h.String(), c.String()
}

// resigned changes the text of one part and signs it: a good signature under odd claims, as a server with a fault would make it.
func (g generator) resigned(inHeader bool) mutation {
	k := g.key()
	header, claims := documents(k, g.r)
	part, where := &claims, "claims"
	if inHeader {
		part, where = &header, "header"
	}
	c := pick(g.r, changes)
	for range 1 + g.r.IntN(2) {
		c.apply(g.r, part)
	}
	return mutation{where + ": " + c.class, k.sign(header.String(), claims.String())}
}

// bytesResigned changes bytes of the text of one part and signs it.
func (g generator) bytesResigned() mutation {
	k := g.key()
	header, claims := texts(k, g.r)
	if g.r.IntN(2) == 0 {
		return mutation{"header: bytes", k.sign(g.spoil(header, anyByte), claims)}
	}
	return mutation{"claims: bytes", k.sign(header, g.spoil(claims, anyByte))}
}

// bytes changes decoded bytes of a signed token.
func (g generator) bytes() mutation {
	parts, i := g.parts()
	decoded := must(base64.RawURLEncoding.DecodeString(parts[i]))
	parts[i] = b64(g.spoil(string(decoded), anyByte))
	return mutation{"signed: bytes", strings.Join(parts, ".")}
}

// encodedBytes changes characters of a signed token.
func (g generator) encodedBytes() mutation {
	parts, i := g.parts()
	switch g.r.IntN(4) {
	case 0: // the last character has bits that mean nothing
		last := len(parts[i]) - 1
		parts[i] = parts[i][:last] + string(pick(g.r, []byte(alphabet)))
	case 1:
		at := g.r.IntN(len(parts[i]) + 1)
		parts[i] = parts[i][:at] + pick(g.r, []string{"=", "==", "\n", "\r\n", " ", "%0A", "+", "/", ".", "\x00", "é", "\t", ","}) + parts[i][at:]
	default:
		parts[i] = g.spoil(parts[i], alphabet)
	}
	return mutation{"signed: characters", strings.Join(parts, ".")}
}

func (g generator) parts() (parts []string, i int) {
	k := g.key()
	return strings.Split(k.sign(texts(k, g.r)), "."), g.r.IntN(3)
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

const anyByte = "" // for spoil: from all 256

// spoil flips, inserts and deletes one to three bytes.
func (g generator) spoil(s, from string) string {
	b := []byte(s)
	for range 1 + g.r.IntN(3) {
		c := byte(g.r.IntN(256))
		if from != anyByte {
			c = from[g.r.IntN(len(from))]
		} else if g.r.IntN(2) == 0 {
			c = pick(g.r, []byte(`{}[]",:\0 1e.-+`))
		}
		at := g.r.IntN(len(b) + 1)
		switch g.r.IntN(4) {
		case 0:
			b = append(b[:at:at], append([]byte{c}, b[at:]...)...)
		case 1:
			if at < len(b) {
				b = append(b[:at:at], b[at+1:]...)
			}
		case 2:
			if at < len(b) {
				b[at] ^= 1 << g.r.IntN(8)
				if from != anyByte {
					b[at] = c
				}
			}
		default:
			if at < len(b) {
				b[at] = c
			}
		}
	}
	return string(b)
}

// segments puts a token together from several, or into another form.
func (g generator) segments() mutation {
	a, b := g.key(), g.key()
	one, two := strings.Split(a.sign(texts(a, g.r)), "."), strings.Split(b.sign(texts(b, g.r)), ".")
	token := strings.Join(one, ".")
	forms := []string{
		one[0] + "." + one[1] + "." + two[2], one[0] + "." + two[1] + "." + one[2], two[0] + "." + one[1] + "." + one[2], one[1] + "." + one[0] + "." + one[2],
		one[0] + "." + one[1], one[0] + "." + one[1] + ".", "." + one[1] + "." + one[2], one[0] + ".." + one[2], token + ".", "." + token, token + "." + one[2], token + ".." + two[2],
		one[0] + "." + one[1] + ".." + one[2], token + "." + strings.Join(
			two, ".",
		), "Bearer " + token, token + " " + token, token + "," + token, token + "=", token + "\n", `"` + token + `"`,
		`{"payload":"` + one[1] + `","protected":"` + one[0] + `","signature":"` + one[2] + `"}`, strings.Repeat(".", 1000), token + strings.Repeat("A", 20000),
	}
	// The claims of one issuer under the key of another.
	header, claims := documents(a, g.r)
	_, foreign := documents(b, g.r)
	forms = append(forms, a.sign(header.String(), foreign.String()), b.sign(header.String(), claims.String()))
	return mutation{"segments", pick(g.r, forms)}
}
