package dpop

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

const (
	defaultAge      = time.Minute
	maxAge          = 5 * time.Minute
	defaultNonceAge = 5 * time.Minute

	// MinSecret is how many bytes a secret for nonces has at least.
	MinSecret = 32
)

// Config says how proofs are judged. New compiles it, so later changes have no effect.
type Config struct {
	Bases      []targeturi.URI // the addresses of the API as its clients see them
	Algorithms []string        // that a proof may have

	MaxAge       time.Duration // how far the iat of a proof may lie from now; zero: a minute
	NonceSecrets [][]byte      // newest first; nil: no nonces
	NonceMaxAge  time.Duration // zero: five minutes

	Store    Store // nil: the memory of this process
	Capacity int   // of that memory, in proofs; zero: 524 288
}

// Mistakes lists what is wrong with c, each with the name of the field.
func (c Config) Mistakes() []error {
	var found []error
	wrong := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	if c.MaxAge < 0 || c.MaxAge > maxAge {
		wrong("MaxAge is %v: it must lie between 0 and %v", c.MaxAge, maxAge)
	}
	if c.NonceMaxAge < 0 {
		wrong("NonceMaxAge is %v: it must not be negative", c.NonceMaxAge)
	}
	if c.NonceMaxAge > 0 && len(c.NonceSecrets) == 0 {
		wrong("NonceMaxAge is set, but DPoP.NonceSecrets is empty, so no nonces are in force: set both or neither")
	}
	for i, secret := range c.NonceSecrets {
		if len(secret) < MinSecret {
			wrong("NonceSecrets[%d] has %d bytes: use at least %d random ones", i, len(secret), MinSecret)
		}
	}
	return found
}

// New makes the Verifier of a Config without mistakes.
func New(c Config) *Verifier {
	v := &Verifier{
		maxAge: cmp.Or(c.MaxAge, defaultAge),
		bases:  slices.Clone(c.Bases),
		keys:   newClientKeys(c.Algorithms),
		store:  c.Store,
	}
	if c.Store == nil {
		v.memory = newMemory(sinceNow(), cmp.Or(c.Capacity, maxProofs))
	}
	if len(c.NonceSecrets) > 0 {
		v.nonces = &nonces{life: cmp.Or(c.NonceMaxAge, defaultNonceAge)}
		for _, secret := range c.NonceSecrets {
			v.nonces.secrets = append(v.nonces.secrets, bytes.Clone(secret))
		}
	}
	return v
}
