package introspection

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// maxToken is more than any HTTP server takes as a header by default; it bounds what is hashed and sent.
const maxToken = 64 << 10

// digest stands for a token wherever something is remembered about it.
type digest [sha256.Size]byte

// digests computes the HMAC-SHA-256 of a token. The key is random, and bound to endpoint and client id, so that nothing said to one
// client stands for another. It keeps a memory dump from confirming a guessed token, and others from choosing tokens that
// meet in the table.
type digests struct {
	states sync.Pool // *digestState
}

type digestState struct {
	mac   hash.Hash
	input []byte
	sum   [sha256.Size]byte
}

func newDigests(endpoint, client string) *digests {
	random := make([]byte, sha256.Size)
	rand.Read(random) // never fails: crypto/rand ends the program instead
	binding := hmac.New(sha256.New, random)
	binding.Write(appendField(appendField(nil, endpoint), client))
	key := binding.Sum(nil)
	d := new(digests)
	d.states.New = func() any { return &digestState{mac: hmac.New(sha256.New, key)} }
	return d
}

func (d *digests) of(token string) digest {
	state := d.states.Get().(*digestState)
	defer d.states.Put(state)
	state.input = append(state.input[:0], token...)
	state.mac.Reset()
	state.mac.Write(state.input)
	clear(state.input) // the pool must not keep tokens
	state.mac.Sum(state.sum[:0])
	return state.sum
}

// appendField writes the length before the field, so that no two fields can be shifted into one another.
func appendField(b []byte, field string) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(field)))
	return append(b, field...)
}

// isToken tells whether every byte may occur in a bearer token (RFC 6750 section 2.1), where "=" is left to the server.
func isToken(token string) bool {
	for i := range len(token) {
		c := token[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~', c == '+', c == '/', c == '=':
		default:
			return false
		}
	}
	return token != ""
}
