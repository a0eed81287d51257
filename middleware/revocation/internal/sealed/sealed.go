// Package sealed makes what travels through a Store, and reads it.
package sealed

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
)

// A record of a Store, in bytes:
//
//	 0      version
//	 1      what it says: a place in kinds, or one of the operations below
//	 2…5    which secret it is made with
//	 6…21   digest of what it is about
//	22…28   its own identifier
//	29…32   issued before, unix seconds, big endian; 0: whenever it was issued
//	33…36   until, unix seconds
//	37…     what the operation has besides
//	-16…    tag: HMAC-SHA256 of all that comes before, shortened
//
// Of what stands behind these members, a reader leaves alone what it does not know, so that a later version can add to it. What must not be
// left alone gets another version or operation; a reader that does not know it knows that it does not know everything.
const (
	version = 1

	// OpLift undoes entries.
	OpLift = 16 // besides: identifiers of the entries that it undoes

	// OpFeed says how a feed is.
	OpFeed = 32 // besides: when, in unix milliseconds; length of a reason; the reason

	// MaxSize is how many bytes a record has at most.
	MaxSize = 512

	head      = 37
	tagSize   = 16
	idSize    = 7
	MaxLifted = 48 // identifiers that one record has room for, with a reserve
)

// Why a record cannot be read. Nothing of the record is in it.
var (
	errShortRecord   = errors.New("it is too short or too long for an entry")
	errRecordVersion = errors.New("it is of a version that this process does not know: another process is newer")
	errRecordSecret  = errors.New("it was made with a secret that is not among Config.Secrets, or it is no entry at all: give that secret as well; " +
		"services with other secrets need a Prefix of their own in the Store; if the secret is lost, delete what the Store holds")
	errRecordForged   = errors.New("its tag is wrong: it was damaged or forged")
	errRecordMeaning  = errors.New("it says something that this process does not know: another process is newer")
	errRecordContents = errors.New("it lacks what its operation needs")
)

// minSecret is how many bytes a secret has at least.
const minSecret = 32

// Sealer makes what travels, and reads it.
type Sealer struct{ secrets []*secret }

type secret struct {
	id          [4]byte
	names, tags keyedHash
}

// New derives everything from the secrets, of which the first is used for what is new.
func New(given [][]byte) (*Sealer, error) {
	s := &Sealer{}
	for i, text := range given {
		if len(text) < minSecret {
			return nil, fmt.Errorf("revocation: Secrets[%d] has %d bytes, and needs %d: make it with a random generator", i, len(text), minSecret)
		}
		derived := func(purpose string, length int) []byte {
			key, _ := hkdf.Key(sha256.New, text, nil, "cardea revocation 1 "+purpose, length) // a length beyond the hash's would be an error
			return key
		}
		made := &secret{names: newKeyedHash(derived("names", 32)), tags: newKeyedHash(derived("tags", 32))}
		copy(made.id[:], derived("id", len(made.id)))
		if s.byID(made.id) >= 0 {
			return nil, fmt.Errorf("revocation: Secrets[%d] is there twice", i)
		}
		s.secrets = append(s.secrets, made)
	}
	return s, nil
}

func (s *Sealer) byID(id [4]byte) int {
	return slices.IndexFunc(s.secrets, func(known *secret) bool { return known.id == id })
}

// Digest is what an entry is known by that names issuer and value.
func (s *Sealer) Digest(secret, place int, issuer, value string) (d entries.Digest) {
	var head [5]byte
	head[0] = byte(place)
	binary.BigEndian.PutUint32(head[1:], uint32(len(issuer)))
	s.secrets[secret].names.sum(d[:], head[:], issuer, value)
	return d
}

// Secrets is how many secrets there are.
func (s *Sealer) Secrets() int { return len(s.secrets) }

// Record is a record in its parts.
type Record struct {
	Secret        int  // index of the secret it is made with
	Op            byte // a place in the kinds of entries, or one of the operations
	Digest        entries.Digest
	ID            uint64 // 56 bits; never 0
	Before, Until uint32 // unix seconds
	Besides       []byte // of the bytes that were read, which may be used again
}

// NewID makes an identifier for a record.
func NewID() uint64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[1:]) // it never fails
		if id := binary.BigEndian.Uint64(b[:]); id != 0 {
			return id
		}
	}
}

func putID(b []byte, id uint64) []byte {
	for i := idSize - 1; i >= 0; i-- {
		b = append(b, byte(id>>(8*i)))
	}
	return b
}

func readID(b []byte) (id uint64) {
	for _, c := range b[:idSize] {
		id = id<<8 | uint64(c)
	}
	return id
}

// Seal makes the bytes of a record.
func (s *Sealer) Seal(r Record) []byte {
	used := s.secrets[r.Secret]
	b := make([]byte, 0, head+len(r.Besides)+tagSize)
	b = append(b, version, r.Op)
	b = append(b, used.id[:]...)
	b = append(b, r.Digest[:]...)
	b = putID(b, r.ID)
	b = binary.BigEndian.AppendUint32(b, r.Before)
	b = binary.BigEndian.AppendUint32(b, r.Until)
	b = append(b, r.Besides...)
	var tag [tagSize]byte
	used.tags.sum(tag[:], b, "", "")
	return append(b, tag[:]...)
}

// Open reads a record. The error says nothing of what was in it.
func (s *Sealer) Open(b []byte) (Record, error) {
	switch {
	case len(b) == 0 || len(b) > MaxSize:
		return Record{}, errShortRecord
	case b[0] != version:
		return Record{}, errRecordVersion
	case len(b) < head+tagSize:
		return Record{}, errShortRecord
	}
	which := s.byID([4]byte(b[2:6]))
	if which < 0 {
		return Record{}, errRecordSecret
	}
	var tag [tagSize]byte
	body := b[:len(b)-tagSize]
	s.secrets[which].tags.sum(tag[:], body, "", "")
	if !hmac.Equal(tag[:], b[len(b)-tagSize:]) {
		return Record{}, errRecordForged
	}
	r := Record{
		Secret: which, Op: b[1], Digest: entries.Digest(b[6:22]), ID: readID(b[22:]),
		Before: binary.BigEndian.Uint32(b[29:]), Until: binary.BigEndian.Uint32(b[33:]), Besides: body[head:],
	}
	if r.Op >= byte(entries.Places) && r.Op != OpLift && r.Op != OpFeed {
		return Record{}, errRecordMeaning
	}
	if r.ID == 0 {
		return Record{}, errRecordContents
	}
	return r, nil
}

// BesidesOfLift names the entries that are undone, MaxLifted at most: one byte says how many, so that a later version can add to it.
func BesidesOfLift(ids []uint64) []byte {
	b := []byte{byte(len(ids))}
	for _, id := range ids {
		b = putID(b, id)
	}
	return b
}

// Lifted are the identifiers of the entries that are undone.
func (r Record) Lifted() ([]uint64, error) {
	if len(r.Besides) < 1 || len(r.Besides) < 1+int(r.Besides[0])*idSize {
		return nil, errRecordContents
	}
	ids := make([]uint64, r.Besides[0])
	for i := range ids {
		ids[i] = readID(r.Besides[1+i*idSize:])
	}
	return ids, nil
}

// FeedState is what travels of a feed. The later one counts, whatever order they come in.
type FeedState struct {
	Why string // MaxWhy bytes of printable ASCII at most; empty: all is well
	At  int64  // unix milliseconds, or more, so that it is later than what was known when it was made
	ID  uint64 // of the record: the same for all in a tie
}

// MaxWhy bounds the reason of a feed's state.
const MaxWhy = 32

// IsLaterThan reports whether s counts, and not other.
func (s FeedState) IsLaterThan(other FeedState) bool {
	return s.At > other.At || s.At == other.At && s.ID > other.ID
}

// BesidesOfFeed is what a record has besides that says how a feed is.
func BesidesOfFeed(state FeedState) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(state.At))
	b = append(b, byte(len(state.Why)))
	return append(b, state.Why...)
}

// FeedState is what the record says of a feed.
func (r Record) FeedState() (FeedState, error) {
	if len(r.Besides) < 9 || len(r.Besides) < 9+int(r.Besides[8]) {
		return FeedState{}, errRecordContents
	}
	state := FeedState{At: int64(binary.BigEndian.Uint64(r.Besides)), Why: string(r.Besides[9 : 9+int(r.Besides[8])]), ID: r.ID}
	if len(state.Why) > MaxWhy || !IsASCII(state.Why) || state.At < 0 {
		return FeedState{}, errRecordContents
	}
	return state, nil
}

// keyedHash is HMAC-SHA256 with one key, without allocating.
type keyedHash struct{ pool *sync.Pool }

// keyedState is one of a pool's. What is written passes through buf, as it would escape to the heap otherwise.
type keyedState struct {
	hash hash.Hash
	buf  []byte
}

func newKeyedHash(key []byte) keyedHash {
	return keyedHash{&sync.Pool{New: func() any {
		return &keyedState{hash: hmac.New(sha256.New, key), buf: make([]byte, 0, 256)}
	}}}
}

// sum fills out with the beginning of the hash of head, a and b in this order.
func (k keyedHash) sum(out, head []byte, a, b string) {
	s := k.pool.Get().(*keyedState)
	s.buf = append(append(append(s.buf[:0], head...), a...), b...)
	s.hash.Reset()
	_, _ = s.hash.Write(s.buf)
	s.buf = s.hash.Sum(s.buf[:0])
	copy(out, s.buf)
	k.pool.Put(s)
}

// IsASCII reports whether a text is of printable ASCII.
func IsASCII(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}
