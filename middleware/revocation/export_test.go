package revocation

// SealRecord makes a record about the subject u, as a process of another version might.
func SealRecord(secret []byte, op byte, id uint64, until uint32, besides []byte) []byte {
	s, err := newSealer([][]byte{secret})
	if err != nil {
		panic(err)
	}
	return s.seal(sealed{op: op, digest: s.digest(0, Subject.place(), "https://i", "u"), id: id, until: until, besides: besides})
}

// OpenRecord reports whether a record can be read.
func OpenRecord(secret, record []byte) error {
	s, err := newSealer([][]byte{secret})
	if err != nil {
		panic(err)
	}
	r, err := s.open(record)
	if err != nil {
		return err
	}
	switch r.op {
	case opLift:
		_, err = r.lifted()
	case opFeed:
		_, err = r.feedState()
	}
	return err
}

// The operations and the name's length of a record.
const (
	OpSubject = 2
	OpLift    = opLift
	OpFeed    = opFeed
	MaxLifted = maxLifted
)
