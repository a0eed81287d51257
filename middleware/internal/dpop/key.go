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
	header     shards.Key // the digest of its segment, if it is new
	thumbprint string
	known      *jwks.Key  // nil: the header is new
	written    writtenKey // of a new header
}

// verify returns the key if it has made the signature. This costs more than all before it.
func (k *offeredKey) verify(signingInput string, signature []byte) (*jwks.Key, error) {
	if k.known != nil {
		return k.known, k.known.Verify(signingInput, signature)
	}
	public, err := k.written.public()
	if err != nil {
		return nil, err
	}
	return jwks.ProveKey(k.written.algorithm, public, signingInput, signature)
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
	digest := shards.KeyOf(segment)
	if key, known := k.known.Get(digest); known {
		return offeredKey{thumbprint: key.thumbprint, known: key.Key}, nil
	}
	written, err := k.parse(segment)
	if err != nil {
		return offeredKey{}, err
	}
	return offeredKey{header: digest, thumbprint: written.thumbprint(), written: written}, nil
}

// learn remembers the header of a proof that has verified. A client can push the headers of all others out, with as many headers
// of its own as fit. They are read anew then, which costs less than the signature check that follows.
func (k clientKeys) learn(offered *offeredKey, key *jwks.Key) {
	k.known.Add(offered.header, &clientKey{Key: key, thumbprint: offered.thumbprint}, 0)
}

// parse reads the header and the key in it.
func (k clientKeys) parse(segment string) (writtenKey, error) {
	text, err := compact.Text(segment)
	if err != nil {
		return writtenKey{}, errForm
	}
	var typ, alg, jwk strictjson.Value
	err = strictjson.Walk(text, func(name string, v strictjson.Value) error {
		switch name {
		case "typ":
			typ = v
		case "alg":
			alg = v
		case "jwk":
			jwk = v
		default:
			if resembles(name, headerNames) { // crit, b64, zip and cty among them
				return errForm
			}
		}
		return nil
	})
	if err != nil {
		return writtenKey{}, errForm
	}
	if kind, _ := typ.Text(); compact.MediaType(kind) != "dpop+jwt" {
		return writtenKey{}, errType
	}
	name, _ := alg.Text()
	if !slices.Contains(k.algorithms, name) || jwk.Kind() != strictjson.Object {
		return writtenKey{}, errKey
	}
	return readJWK(jwk, name)
}

// headerNames are the members of a header that are read, and those that it must not have.
var headerNames = []string{"typ", "alg", "jwk", "crit", "b64", "zip", "cty"}
