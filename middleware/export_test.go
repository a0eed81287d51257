package middleware

import (
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/record"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// The ceilings of the memory of proofs, which no request could reach in the time of a test.
const (
	MaxProofs   = maxProofs
	PartyShare  = partyShare
	MaxOverstay = maxOverstay
)

// ReplayMemory remembers proofs as a Validator without a ReplayStore does.
type ReplayMemory struct{ of *replays }

// NewReplayMemory makes one for a number of proofs.
func NewReplayMemory(elapsed func() time.Duration, capacity int) ReplayMemory {
	return ReplayMemory{newReplays(elapsed, capacity)}
}

// Use lets v remember its proofs here.
func (m ReplayMemory) Use(v *Validator) { v.policy.dpop.own = m.of }

// ReplayMemoryOf returns that of v.
func ReplayMemoryOf(v *Validator) ReplayMemory { return ReplayMemory{v.policy.dpop.own} }

// Add puts in a proof of a token's subject.
func (m ReplayMemory) Add(subject, key string, now, until time.Time) (fresh bool, err error) {
	return m.of.add(partyOf(&accesstoken.Verified{Facts: accesstoken.Facts{Subject: subject}}, ""), key, now, until)
}

// Remembered returns the number of proofs that it holds, and of the slots in which they are.
func (m ReplayMemory) Remembered() (proofs, slots int) { return m.of.total, len(m.of.slots) }

// ProofKey reads the jwk of a proof, and checks it.
func ProofKey(jwk, algorithm string) (*jwks.Key, error) {
	value, err := strictjson.Parse(jwk)
	if err != nil {
		return nil, err
	}
	written, err := readJWK(value, algorithm)
	if err != nil {
		return nil, err
	}
	return written.check()
}

// ProofThumbprint is that of a jwk as it is written, whether it makes a key or not; empty for what is none.
func ProofThumbprint(jwk, algorithm string) string {
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

// CheckRecorded is Guard.Check with a Recorder.
func CheckRecorded(g *Guard, r *http.Request) ([]record.Entry, error) {
	recorder := new(record.Recorder)
	call := &call{Credentials: credentialsOf(r), now: g.validator.policy.clock(), recorder: recorder}
	_, _, refusal := g.decide(r.Context(), call, r)
	if refusal == nil {
		return recorder.Entries(), nil
	}
	return recorder.Entries(), refusal
}
