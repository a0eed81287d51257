package revocation

import (
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// SealRecord makes a record about the subject u, as a process of another version might.
func SealRecord(secret []byte, op byte, id uint64, until uint32, besides []byte) []byte {
	s, err := sealed.New([][]byte{secret})
	if err != nil {
		panic(err)
	}
	return s.Seal(sealed.Record{Op: op, Digest: s.Digest(0, Subject.place(), "https://i", "u"), ID: id, Until: until, Besides: besides})
}

// SealFound makes a record of what a process found out of the feed, by a clock of its own.
func (f *Feed) SealFound(secret []byte, why string, at time.Time) []byte {
	s, err := sealed.New([][]byte{secret})
	if err != nil {
		panic(err)
	}
	state := sealed.FeedState{Why: why, At: at.UnixMilli(), ID: sealed.NewID()}
	return s.Seal(sealed.Record{
		Op: sealed.OpFeed, Digest: f.found.digests[0], ID: state.ID, Until: uint32(time.Now().Add(feedStateLife).Unix()), Besides: sealed.BesidesOfFeed(state),
	})
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
