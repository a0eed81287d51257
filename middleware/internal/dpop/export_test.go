package dpop

import (
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// The ceilings of the memory of proofs.
const (
	MaxProofs   = maxProofs
	PartyShare  = partyShare
	MaxOverstay = maxOverstay
)

// Memory remembers proofs as a Verifier without a Store does.
type Memory struct{ of *memory }

// NewMemory makes one for a number of proofs.
func NewMemory(elapsed func() time.Duration, capacity int) Memory {
	return Memory{newMemory(elapsed, capacity)}
}

// MemoryOf returns that of v.
func MemoryOf(v *Verifier) Memory { return Memory{v.memory} }

// Add puts in a proof of a token's subject.
func (m Memory) Add(subject, key string, now, until time.Time) (fresh bool, err error) {
	return m.of.add(partyOf(&Call{Subject: subject}), key, now, until)
}

// Remembered returns the number of proofs that it holds, and of the slots in which they are.
func (m Memory) Remembered() (proofs, slots int) { return m.of.total, len(m.of.slots) }

// ReadKey reads the jwk of a proof, and checks it.
func ReadKey(jwk, algorithm string) (*jwks.Key, error) {
	value, err := strictjson.Parse(jwk)
	if err != nil {
		return nil, err
	}
	written, err := readJWK(value, algorithm)
	if err != nil {
		return nil, err
	}
	public, err := written.public()
	if err != nil {
		return nil, err
	}
	return jwks.NewKey("", algorithm, public)
}

// ThumbprintOf is that of a jwk as it is written, whether it makes a key or not; empty for what is none.
func ThumbprintOf(jwk, algorithm string) string {
	value, err := strictjson.Parse(jwk)
	if err != nil {
		return ""
	}
	written, err := readJWK(value, algorithm)
	if err != nil {
		return ""
	}
	return written.thumbprint()
}
