package revocation

import "github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"

// SealRecord makes a record about the subject u, as a process of another version might.
func SealRecord(secret []byte, op byte, id uint64, until uint32, besides []byte) []byte {
	s, err := sealed.New([][]byte{secret})
	if err != nil {
		panic(err)
	}
	return s.Seal(sealed.Record{Op: op, Digest: s.Digest(0, Subject.place(), "https://i", "u"), ID: id, Until: until, Besides: besides})
}

// OpenRecord reports whether a record can be read.
func OpenRecord(secret, record []byte) error {
	s, err := sealed.New([][]byte{secret})
	if err != nil {
		panic(err)
	}
	r, err := s.Open(record)
	if err != nil {
		return err
	}
	switch r.Op {
	case sealed.OpLift:
		_, err = r.Lifted()
	case sealed.OpFeed:
		_, err = r.FeedState()
	}
	return err
}

// The operations and the name's length of a record.
const (
	OpSubject = 2
	OpLift    = sealed.OpLift
	OpFeed    = sealed.OpFeed
	MaxLifted = sealed.MaxLifted
)
