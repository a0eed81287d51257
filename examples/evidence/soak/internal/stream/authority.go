// Package stream makes the requests of the soak: each is of a kind whose right answer is known when it is sent.
package stream

import (
	"sync"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/fault"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// The defaults of Cardea on which the windows depend.
const (
	defaultRefresh   = 10 * time.Minute
	defaultCooldown  = 30 * time.Second
	defaultActiveTTL = 10 * time.Second
	defaultLeeway    = 30 * time.Second

	// fetching is how long a fetch may take that nothing disturbs, on a busy machine.
	fetching = 2 * time.Second
)

// Authority is one authorization server: the issuer itself, its front, and what is known about its keys.
type Authority struct {
	Index  int
	Issuer *authtest.Issuer
	Front  *fault.Front
	Trust  server.Trust

	history *window.History
	minting sync.RWMutex // written while keys rotate, so that every token is of a known generation

	mu          sync.Mutex // guards what follows
	generations []generation
}

// generation is the keys between two rotations.
type generation struct {
	published              time.Time // all of them stand in the key set
	withdrawing, withdrawn time.Time // they were taken out between these; zero: not yet
	noticed                time.Time // the first token was accepted; zero: none yet
}

// NewAuthority takes over an issuer and its front. The keys of all algorithms are made now.
func NewAuthority(index int, issuer *authtest.Issuer, front *fault.Front, trust server.Trust, h *window.History) *Authority {
	id, secret := issuer.Client()
	trust.URL, trust.Issuer, trust.ClientID, trust.Secret = front.URL, issuer.URL(), id, secret
	issuer.Config(server.Audience) // from now on the aud of its tokens
	issuer.Mint(authtest.Header{"alg": "RS256"}, nil)
	return &Authority{
		Index: index, Issuer: issuer, Front: front, Trust: trust, history: h,
		generations: []generation{{}},
	}
}

// Place is an endpoint of this server.
func (a *Authority) Place(e window.Endpoint) window.Place {
	return window.Place{Server: a.Index, Endpoint: e}
}

func orDefault(value, fallback time.Duration) time.Duration {
	if value == 0 {
		return fallback
	}
	return max(value, 0)
}

// ActiveTTL is how long an active answer may be reused.
func (a *Authority) ActiveTTL() time.Duration { return orDefault(a.Trust.ActiveTTL, defaultActiveTTL) }

// mint makes a JWT of the newest keys.
func (a *Authority) mint(h authtest.Header, c authtest.Claims) *Token {
	a.minting.RLock()
	defer a.minting.RUnlock()
	c, subject := named(c)
	raw := a.Issuer.Mint(h, c)
	a.mu.Lock()
	defer a.mu.Unlock()
	return &Token{Raw: raw, Subject: subject, Authority: a, generation: len(a.generations) - 1}
}

// opaque makes an opaque token.
func (a *Authority) opaque(c authtest.Claims) *Token {
	c, subject := named(c)
	return &Token{Raw: a.Trust.Prefix + a.Issuer.OpaqueToken(c), Subject: subject, Authority: a, generation: noKeys}
}

// Rotate brings new keys. With overlap those before them stay published, but not those before those; without, none do.
func (a *Authority) Rotate(overlap bool) {
	a.minting.Lock()
	defer a.minting.Unlock()
	a.mu.Lock()
	newest := len(a.generations) - 1
	gone := newest
	if overlap {
		gone--
	}
	a.mu.Unlock()

	before := time.Now()
	a.Issuer.RotateKeys()
	if !overlap {
		a.Issuer.DropOldKeys()
	}
	after := time.Now()
	a.mu.Lock()
	for i := range a.generations[:gone+1] {
		if g := &a.generations[i]; g.withdrawn.IsZero() {
			g.withdrawing, g.withdrawn = before, after
		}
	}
	a.generations = append(a.generations, generation{published: after.Add(time.Hour)}) // until the slow ones are made
	a.mu.Unlock()

	a.Issuer.Mint(authtest.Header{"alg": "RS256"}, nil)
	a.mu.Lock()
	a.generations[newest+1].published = time.Now()
	a.mu.Unlock()
}

// life is when tokens of these keys are good.
func (a *Authority) life(number int, now time.Time) label.Life {
	if number == noKeys {
		return label.Life{}
	}
	a.mu.Lock()
	g := a.generations[number]
	a.mu.Unlock()
	var life label.Life
	if g.published.IsZero() && g.withdrawn.IsZero() {
		return life
	}
	disturbed := a.history.Windows(a.Place(window.Keys), now)
	if !g.published.IsZero() {
		known := g.published.Add(orDefault(a.Trust.Cooldown, defaultCooldown) + fetching)
		life.SureFrom = disturbed.Delay(g.published, known)
	}
	if !g.withdrawn.IsZero() {
		life.SureUntil = g.withdrawing
		refreshed := g.withdrawn.Add(orDefault(a.Trust.Refresh, defaultRefresh) + fetching)
		life.NeverAfter = disturbed.Delay(g.withdrawn, refreshed)
	}
	return life
}

// settled reports whether the newest keys must be known by now.
func (a *Authority) settled(now time.Time) bool {
	a.mu.Lock()
	newest := len(a.generations) - 1
	a.mu.Unlock()
	return a.known(newest, now)
}

// known reports whether these keys must be known by now.
func (a *Authority) known(number int, now time.Time) bool {
	return !now.Before(a.life(number, now).SureFrom)
}

// published reports whether the keys of a token are in the key set.
func (a *Authority) published(t *Token) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return t.generation == noKeys || a.generations[t.generation].withdrawing.IsZero()
}

// notice notes that a token was accepted, which tells when its keys became known.
func (a *Authority) notice(t *Token, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.generation != noKeys && a.generations[t.generation].noticed.IsZero() {
		a.generations[t.generation].noticed = now
	}
}

// Rotations tells how long after its publication each new generation of keys was first accepted; those of which no token has
// been accepted are left out.
func (a *Authority) Rotations() (noticed []time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.generations {
		if !g.published.IsZero() && !g.noticed.IsZero() {
			noticed = append(noticed, max(0, g.noticed.Sub(g.published)))
		}
	}
	return noticed
}
