package stream

import (
	"crypto"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// noKeys is the generation of tokens that no key has signed.
const noKeys = -1

// Token is a token and what is known about it.
type Token struct {
	Raw, Subject string
	Authority    *Authority
	Key          crypto.Signer // that it is bound to; nil: none

	generation int
	ends       time.Time // it must be refused from then on, and accepted before; zero: it does not end within the run
	revoked    atomic.Pointer[revocation]
}

// revocation took place between two times.
type revocation struct{ before, after time.Time }

var subjects atomic.Int64

// named gives the token a subject of its own, so that nobody's answer is taken for another's, and the scope that most routes ask for.
func named(c authtest.Claims) (authtest.Claims, string) {
	subject := fmt.Sprintf("s%d", subjects.Add(1))
	all := authtest.Claims{"sub": subject, "scope": "read write"}
	maps.Copy(all, c)
	return all, subject
}

func (t *Token) revoke() {
	raw := t.Raw
	if t.generation == noKeys {
		raw = raw[len(t.Authority.Trust.Prefix):]
	}
	r := &revocation{before: time.Now()}
	t.Authority.Issuer.Revoke(raw)
	r.after = time.Now()
	t.revoked.Store(r)
}

// plain reports whether nothing limits the token, so that there is one right answer to it.
func (t *Token) plain() bool {
	return t.revoked.Load() == nil && t.ends.IsZero() && t.Authority.published(t)
}

// life puts together what limits the token.
func (t *Token) life(now time.Time) label.Life {
	life := t.Authority.life(t.generation, now)
	if r := t.revoked.Load(); r != nil {
		life.SureUntil = earlier(life.SureUntil, r.before)
		life.NeverAfter = earlier(life.NeverAfter, r.after.Add(t.Authority.ActiveTTL()))
	}
	if !t.ends.IsZero() {
		life.SureUntil = earlier(life.SureUntil, t.ends)
		life.NeverAfter = earlier(life.NeverAfter, t.ends)
	}
	return life
}

// earlier takes a zero time for the end of all time.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
