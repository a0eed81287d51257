package dpop

import (
	"slices"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// maxClientKeys are remembered at a time, of at most 1 KiB each.
const maxClientKeys = 4096

// clientKey is the public key of a client, checked.
type clientKey struct {
	*jwks.Key
	shards.Entry

	thumbprint string
}

// offeredKey is the key in the header of a proof.
type offeredKey struct {
	thumbprint string
	known      *jwks.Key  // nil: the header is new
	written    writtenKey // of a new header
}

// checked returns the key that verifies the proof.
func (k *offeredKey) checked() (*jwks.Key, error) {
	if k.known != nil {
		return k.known, nil
	}
	return k.written.check()
}

// clientKeys reads the headers of proofs. A client sends the same header each time, so those of proofs that verified are
// remembered: a header is what its text says, and nothing in it can go stale. Safe for concurrent use.
type clientKeys struct {
	algorithms []string
	known      *shards.Cache[clientKey, *clientKey] // by the digest of the header's segment
}

func newClientKeys(algorithms []string) clientKeys {
	return clientKeys{slices.Clone(algorithms), shards.New[clientKey](shards.Limits{Entries: maxClientKeys})}
}

// read returns the key in a header, which vouches for nothing: here, and nowhere else, a token brings its own key, and it is the
// thumbprint in the access token that vouches for it.
func (k clientKeys) read(segment string) (offeredKey, error) {
	if key, known := k.known.Get(shards.KeyOf(segment)); known {
		return offeredKey{thumbprint: key.thumbprint, known: key.Key}, nil
	}
	written, err := k.parse(segment)
	if err != nil {
		return offeredKey{}, err
	}
	return offeredKey{thumbprint: written.thumbprint(), written: written}, nil
}

// learn remembers the header of a proof that has verified. A client can push the headers of all others out, with as many headers
// of its own as fit. They are read anew then, which costs less than the signature check that follows.
func (k clientKeys) learn(segment string, key *clientKey) { k.known.Add(shards.KeyOf(segment), key, 0) }

// parse reads the header and the key in it.
func (k clientKeys) parse(segment string) (writtenKey, error) {
	text, err := compact.Text(segment)
	if err != nil {
		return writtenKey{}, errForm
	}
	header, err := strictjson.Parse(text)
	if err != nil {
		return writtenKey{}, errForm
	}
	for _, name := range []string{"crit", "b64", "zip", "cty"} {
		if _, has := header.Member(name); has {
			return writtenKey{}, errForm
		}
	}
	for name := range header.Members() {
		if !slices.Contains(headerNames, name) && resembles(name, headerNames) {
			return writtenKey{}, errForm
		}
	}
	typ, _ := header.Member("typ")
	if kind, _ := typ.Text(); compact.MediaType(kind) != "dpop+jwt" {
		return writtenKey{}, errType
	}
	alg, _ := header.Member("alg")
	jwk, _ := header.Member("jwk")
	name, _ := alg.Text()
	if !slices.Contains(k.algorithms, name) || jwk.Kind() != strictjson.Object {
		return writtenKey{}, errKey
	}
	return readJWK(jwk, name)
}

var headerNames = []string{"typ", "alg", "jwk", "crit", "b64", "zip", "cty"}
