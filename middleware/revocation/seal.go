package revocation

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
	sealedVersion = 1

	opLift = 16 // besides: identifiers of the entries that it undoes
	opFeed = 32 // besides: when, in unix milliseconds; length of a reason; the reason

	sealedHead = 37
	tagSize    = 16
	idSize     = 7
	maxLifted  = 48 // identifiers that one record has room for, with a reserve
)

// errSealed says why a record cannot be read. It says nothing of the record.
var (
	errShortRecord    = errors.New("it is too short or too long for an entry")
	errRecordVersion  = errors.New("it is of a version that this process does not know: another process is newer")
	errRecordSecret   = errors.New("it was made with a secret that is not among Config.Secrets, or it is no entry at all")
	errRecordForged   = errors.New("its tag is wrong: it was damaged or forged")
	errRecordMeaning  = errors.New("it says something that this process does not know: another process is newer")
	errRecordContents = errors.New("it lacks what its operation needs")
)

// minSecret is how many bytes a secret has at least.
const (
	minSecret  = 32
	maxSecrets = 8
)

// sealer makes what travels, and reads it.
type sealer struct{ secrets []*secret }

type secret struct {
	id          [4]byte
	names, tags keyedHash
}

// newSealer derives everything from the secrets, of which the first is used for what is new.
func newSealer(given [][]byte) (*sealer, error) {
	s := &sealer{}
	for i, text := range given {
		if len(text) < minSecret {
			return nil, fmt.Errorf("revocation: Secrets[%d] has %d bytes, and needs %d: make it with a random generator", i, len(text), minSecret)
		}
		derived := func(purpose string, length int) []byte {
			key, err := hkdf.Key(sha256.New, text, nil, "cardea revocation 1 "+purpose, length)
			if err != nil {
				panic(err) // only a length beyond the hash's would be an error
			}
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

func (s *sealer) byID(id [4]byte) int {
	return slices.IndexFunc(s.secrets, func(known *secret) bool { return known.id == id })
}

func (s *sealer) digest(secret, place int, issuer, value string) (d digest) {
	var head [5]byte
	head[0] = byte(place)
	binary.BigEndian.PutUint32(head[1:], uint32(len(issuer)))
	s.secrets[secret].names.sum(d[:], head[:], issuer, value)
	return d
}

// sealed is a record in its parts.
type sealed struct {
	secret        int // index in sealer.secrets
	op            byte
	digest        digest
	id            uint64 // 56 bits; never 0
	before, until uint32
	besides       []byte
}

// newID makes an identifier for a record.
func newID() uint64 {
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

func (s *sealer) seal(r sealed) []byte {
	used := s.secrets[r.secret]
	b := make([]byte, 0, sealedHead+len(r.besides)+tagSize)
	b = append(b, sealedVersion, r.op)
	b = append(b, used.id[:]...)
	b = append(b, r.digest[:]...)
	b = putID(b, r.id)
	b = binary.BigEndian.AppendUint32(b, r.before)
	b = binary.BigEndian.AppendUint32(b, r.until)
	b = append(b, r.besides...)
	var tag [tagSize]byte
	used.tags.sum(tag[:], b, "", "")
	return append(b, tag[:]...)
}

// open reads a record, whose bytes it does not keep. The error is one of the above.
func (s *sealer) open(b []byte) (sealed, error) {
	switch {
	case len(b) == 0 || len(b) > MaxRecord:
		return sealed{}, errShortRecord
	case b[0] != sealedVersion:
		return sealed{}, errRecordVersion
	case len(b) < sealedHead+tagSize:
		return sealed{}, errShortRecord
	}
	which := s.byID([4]byte(b[2:6]))
	if which < 0 {
		return sealed{}, errRecordSecret
	}
	var tag [tagSize]byte
	body := b[:len(b)-tagSize]
	s.secrets[which].tags.sum(tag[:], body, "", "")
	if !hmac.Equal(tag[:], b[len(b)-tagSize:]) {
		return sealed{}, errRecordForged
	}
	r := sealed{
		secret: which, op: b[1], digest: digest(b[6:22]), id: readID(b[22:]),
		before: binary.BigEndian.Uint32(b[29:]), until: binary.BigEndian.Uint32(b[33:]), besides: body[sealedHead:],
	}
	if r.op >= byte(len(kinds)) && r.op != opLift && r.op != opFeed {
		return sealed{}, errRecordMeaning
	}
	if r.id == 0 {
		return sealed{}, errRecordContents
	}
	return r, nil
}

// besidesOfLift names the entries that are undone: one byte says how many, so that a later version can add to it.
func besidesOfLift(ids []uint64) []byte {
	b := []byte{byte(len(ids))}
	for _, id := range ids {
		b = putID(b, id)
	}
	return b
}

func (r sealed) lifted() ([]uint64, error) {
	if len(r.besides) < 1 || len(r.besides) < 1+int(r.besides[0])*idSize {
		return nil, errRecordContents
	}
	ids := make([]uint64, r.besides[0])
	for i := range ids {
		ids[i] = readID(r.besides[1+i*idSize:])
	}
	return ids, nil
}

func besidesOfFeed(state feedState) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(state.at))
	b = append(b, byte(len(state.why)))
	return append(b, state.why...)
}

func (r sealed) feedState() (feedState, error) {
	if len(r.besides) < 9 || len(r.besides) < 9+int(r.besides[8]) {
		return feedState{}, errRecordContents
	}
	state := feedState{at: int64(binary.BigEndian.Uint64(r.besides)), why: string(r.besides[9 : 9+int(r.besides[8])]), id: r.id}
	if len(state.why) > maxWhy || !isASCII(state.why) || state.at < 0 {
		return feedState{}, errRecordContents
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
