package middleware

import (
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// maxProofKeys are remembered at a time, of about 1 KiB each.
const maxProofKeys = 4096

// proofKey is the public key of a client.
type proofKey struct {
	*jwks.Key

	thumbprint string
}

// proofKeys reads the headers of proofs. A client sends the same header each time, so those of proofs that verified are
// remembered: a header is what its text says, and nothing in it can go stale. Safe for concurrent use.
type proofKeys struct {
	algorithms map[string]bool
	known      *shards.Cache[proofKey] // by the digest of the header's segment
}

func newProofKeys(algorithms []string) proofKeys {
	return proofKeys{setOf(algorithms), shards.New[proofKey](maxProofKeys)}
}

// of returns the key in a header, and whether it is one that was learnt.
func (k proofKeys) of(segment string) (key proofKey, known bool, err error) {
	if key, known = k.known.Get(digestOf(segment)); known {
		return key, true, nil
	}
	key, err = k.parse(segment)
	return key, false, err
}

// learn remembers the header of a proof that has verified.
func (k proofKeys) learn(segment string, key proofKey) { k.known.Add(digestOf(segment), key) }

// parse reads the header and the key in it. Here, and nowhere else, a token brings its own key: the thumbprint in the access
// token vouches for it.
func (k proofKeys) parse(segment string) (proofKey, error) {
	text, err := compact.Text(segment)
	if err != nil {
		return proofKey{}, errProofForm
	}
	header, err := strictjson.Parse(text)
	if err != nil {
		return proofKey{}, errProofForm
	}
	for _, name := range []string{"crit", "b64", "zip", "cty"} {
		if _, has := header.Member(name); has {
			return proofKey{}, errProofForm
		}
	}
	typ, _ := header.Member("typ")
	if kind, _ := typ.Text(); compact.MediaType(kind) != "dpop+jwt" {
		return proofKey{}, errProofType
	}
	alg, _ := header.Member("alg")
	jwk, _ := header.Member("jwk")
	name, _ := alg.Text()
	if !k.algorithms[name] || jwk.Kind() != strictjson.Object {
		return proofKey{}, errProofKey
	}
	key, err := readJWK(jwk, name)
	if err != nil {
		return proofKey{}, err
	}
	return proofKey{key, key.Thumbprint()}, nil
}
