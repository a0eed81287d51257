package measure

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// proofCosts compares the whole decision about a cached token and a client's DPoP proof with the bare check of the proof's signature.
// A first proof has a header that nobody has seen, and with it a key that is still to be read and checked.
func proofCosts(ctx context.Context, s Settings) ([]Cost, error) {
	p, err := newPeers(ctx, "ES256")
	if err != nil {
		return nil, err
	}
	defer p.close()
	proving, err := p.make(peer.Maker{Name: "Cardea, DPoP", New: peer.CardeaProving})
	if err != nil {
		return nil, err
	}
	var all []Cost
	for _, algorithm := range []string{"EdDSA", "RS256", "ES256"} {
		c, err := newProver(p.issuer, algorithm)
		if err != nil {
			return nil, err
		}
		first, later := proofs{prover: c, first: true}, proofs{prover: c}
		results := s.plan().Compare(first.bare(), first.judged("first", proving.Verify), later.judged("later", proving.Verify), first.read(false), first.read(true))
		for i, row := range []struct {
			what string
			most float64
		}{
			{"a client's first DPoP proof with a cached token", 1.2},
			{"a client's later DPoP proof with a cached token", 0},
			{"the floor of a first DPoP proof, base64 and json.Valid of its header and claims, and the hash of the token", 0},
			{"the floor of a first DPoP proof, the same, and its key by encoding/json", 0},
		} {
			r := results[i+1]
			all = append(all, Cost{fmt.Sprintf("%s, of the bare check of its key, %s", row.what, algorithm), row.most, r.Ratio, r.Allocs, r.Bytes})
		}
	}
	return all, nil
}

// prover is a client with a key and a token that is bound to it.
type prover struct {
	algorithm string
	key       crypto.Signer
	check     func(signingInput, signature []byte) error
	token     string
	jwk       map[string]any
	made      int
}

func newProver(i *issuer.Issuer, algorithm string) (*prover, error) {
	key, err := issuer.NewKey(algorithm)
	if err != nil {
		return nil, err
	}
	public := jose.JSONWebKey{Key: key.Public()}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	text, err := public.MarshalJSON()
	if err != nil {
		return nil, err
	}
	c := &prover{algorithm: algorithm, key: key, check: peer.CryptoOf(key.Public(), algorithm)}
	if err := json.Unmarshal(text, &c.jwk); err != nil {
		return nil, err
	}
	c.token = i.Token(1, func(claims jwt.MapClaims) {
		claims["cnf"] = map[string]string{"jkt": base64.RawURLEncoding.EncodeToString(thumbprint)}
	})
	return c, nil
}

// proof signs one for the request of the benchmark.
func (c *prover) proof(first bool) string {
	c.made++
	hash := sha256.Sum256([]byte(c.token))
	proof := jwt.NewWithClaims(jwt.GetSigningMethod(c.algorithm), jwt.MapClaims{
		"jti": fmt.Sprintf("6a0c6e7e-7c0e-4b62-8d38-%012d", c.made),
		"htm": http.MethodGet,
		"htu": peer.PublicURL + peer.Path,
		"iat": time.Now().Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(hash[:]),
	})
	proof.Header["typ"] = "dpop+jwt"
	proof.Header["jwk"] = c.jwk
	if first {
		proof.Header["kid"] = fmt.Sprintf("%08d", c.made) // another header, whose key is to be read anew
	}
	text, err := proof.SignedString(c.key)
	if err != nil {
		panic(err) // the key was made for the algorithm
	}
	return text
}

// proofs are made before they are measured: each is good once.
type proofs struct {
	*prover

	first              bool
	requests           []*http.Request
	inputs, signatures [][]byte
}

func (p *proofs) renew(n int) {
	p.requests, p.inputs, p.signatures = p.requests[:0], p.inputs[:0], p.signatures[:0]
	for range n {
		proof := p.proof(p.first)
		r := newRequest()
		r.Header["Authorization"][0] = "DPoP " + p.token
		r.Header["Dpop"] = []string{proof}
		input, signature, err := peer.Halves(p.algorithm, proof)
		if err != nil {
			panic(err) // it was made above
		}
		p.requests, p.inputs, p.signatures = append(p.requests, r), append(p.inputs, input), append(p.signatures, signature)
	}
}

func (p *proofs) bare() pairing.Case {
	return pairing.Case{Name: Floor, Prepare: p.renew, Run: func(n int) {
		for i := range n {
			if err := p.check(p.inputs[i], p.signatures[i]); err != nil {
				panic(err)
			}
		}
	}}
}

// read does the least that every reader of a proof does, and, withKey, the least to know the key in its header.
func (p *proofs) read(withKey bool) pairing.Case {
	return pairing.Case{Name: Floor + ", and reading", Prepare: p.renew, Run: func(n int) {
		for i := range n {
			if err := p.readOne(p.requests[i].Header["Dpop"][0], p.inputs[i], p.signatures[i], withKey); err != nil {
				panic(err)
			}
		}
	}}
}

func (p *proofs) readOne(proof string, input, signature []byte, withKey bool) error {
	parts := make([][]byte, 0, 3)
	for part := range strings.SplitSeq(proof, ".") {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return err
		}
		parts = append(parts, decoded)
	}
	hash := sha256.Sum256([]byte(p.token))
	if !json.Valid(parts[0]) || !json.Valid(parts[1]) || !bytes.Contains(parts[1], []byte(base64.RawURLEncoding.EncodeToString(hash[:]))) {
		return errors.New("benchmark: the proof is no JSON, or another token's")
	}
	if !withKey {
		return p.check(input, signature)
	}
	key, err := keyIn(parts[0])
	if err != nil {
		return err
	}
	return peer.CryptoOf(key, p.algorithm)(input, signature)
}

// keyIn reads the members that a key needs, and judges nothing.
func keyIn(header []byte) (crypto.PublicKey, error) {
	var h struct {
		JWK struct{ N, E, X, Y string } `json:"jwk"`
	}
	if err := json.Unmarshal(header, &h); err != nil {
		return nil, err
	}
	var decoded [4][]byte
	for i, member := range []string{h.JWK.N, h.JWK.E, h.JWK.X, h.JWK.Y} {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(member); err != nil {
			return nil, err
		}
	}
	n, e, x, y := decoded[0], decoded[1], decoded[2], decoded[3]
	switch {
	case len(n) > 0:
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	case len(y) > 0:
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	default:
		return ed25519.PublicKey(x), nil
	}
}

func (p *proofs) judged(name string, verify func(*http.Request) (any, error)) pairing.Case {
	return pairing.Case{Name: name, Prepare: p.renew, Run: func(n int) {
		for i := range n {
			if _, err := verify(p.requests[i]); err != nil {
				panic(fmt.Sprintf("benchmark: %s %s proof is refused: %v", p.algorithm, name, err))
			}
		}
	}}
}
