package faults_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

var mixed = flag.Duration("mixed", 0, "how long TestEverythingAtOnce runs; 0 is a second, and three with -full or the race detector")

func mixedTime() time.Duration {
	switch {
	case *mixed != 0:
		return *mixed
	case *full || raceDetector:
		return 3 * time.Second
	}
	return time.Second
}

// Everything at once and at random: tokens of every kind, rotations, faults, revocations, callers who leave. No bad token
// passes at any time. A good JWT is never refused, since its keys are held; a good opaque token is left unjudged only
// while the issuer fails, and until the breaker has noticed that it has recovered.
func TestEverythingAtOnce(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("mixed", func(t *testing.T) {
		m := newMixture(t)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var all sync.WaitGroup
		all.Go(func() {
			defer stop()
			_ = pause(ctx, mixedTime())
			for range 600 { // where this process gets little, it goes on until something was tried
				if m.tried() || pause(ctx, 100*time.Millisecond) != nil {
					return
				}
			}
		})
		for _, disturb := range []func(context.Context){m.rotate, m.fail, m.revoke, m.watch} {
			all.Go(func() { disturb(ctx) })
		}
		for range 256 {
			all.Go(func() {
				for ctx.Err() == nil {
					m.request()
				}
			})
		}
		all.Wait()
		m.judge()
	})
	backTo(t, before)
}

const (
	mixedTTL      = 200 * time.Millisecond // of active answers
	mixedRecovery = 2 * time.Second
	mixedStall    = time.Second // in which this process got no chance to run
	mixedTimeout  = 20 * time.Second
	mixedProofAge = 20 * time.Second
)

type mixture struct {
	t        *testing.T
	issuer   *authtest.Issuer
	stranger *authtest.Issuer
	asker    *introspection.Client
	guarded  http.Handler
	warm     func(context.Context) error
	clients  []ed25519.PrivateKey // of DPoP-bound tokens
	start    time.Time

	// generation is held while a request runs, and taken before keys are withdrawn: the right answer must not change in the
	// midst of a request.
	generation sync.RWMutex
	tokens     atomic.Pointer[tokenPool]
	live       [64]atomic.Pointer[liveToken]

	jwts, opaque, proofs               verdicts
	rotations, revocations, left, late atomic.Int64

	mu       sync.Mutex
	troubles []stretch // the issuer failed, or this process got no time; each with the recovery from it
	stalls   int       // of those, the latter
	unjudged []stretch // requests whose good token was left unjudged
}

// stretch of time, after the start.
type stretch struct{ from, to time.Duration }

// tokenPool holds the tokens of one generation of keys.
type tokenPool struct {
	good  []subjectToken
	last  []subjectToken // the good ones of the generation before: the next rotation withdraws their keys
	bound []subjectToken // the key is that of the same index, modulo the number of clients
	bad   []string

	broken []string // those of bad that are bad under any keys
}

type subjectToken struct{ token, subject string }

// liveToken is an opaque token that will be revoked.
type liveToken struct {
	subjectToken

	revoking atomic.Bool  // it may have been revoked
	revoked  atomic.Int64 // when it was, after the start; zero: not yet
}

func newMixture(t *testing.T) *mixture {
	issuer := authtest.NewIssuer(t)
	cfg := issuer.Config(stockAPI)
	id, secret := issuer.Client()
	asker, err := introspection.New(introspection.Config{
		URL: issuer.URL() + string(authtest.EndpointIntrospection), ClientAuth: introspection.SecretBasic(id, secret),
		ActiveTTL: mixedTTL, InactiveTTL: mixedTTL / 2, Entries: 128,
		Timeout: mixedTimeout, // 256 callers under the race detector are no fault of the issuer
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.New(jwks.Config{URL: issuer.URL() + string(authtest.EndpointJWKS), Cooldown: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Issuers[0].Introspector, cfg.Issuers[0].Keys = asker, keys
	cfg.TokenCache.Entries = 256 // so that tokens fall out and are verified again
	cfg.PublicURL = stockAPI
	cfg.DPoP.MaxAge = mixedProofAge
	cfg.ErrorHandler = func(w http.ResponseWriter, r *http.Request, refusal *middleware.Error) {
		w.Header().Set(reasonField, refusal.Error())
		middleware.WriteError(w, r, refusal)
	}
	validator, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = validator.Close(), keys.Close(), asker.Close() })

	m := &mixture{
		t: t, issuer: issuer, stranger: authtest.NewIssuer(t), asker: asker, guarded: validator.Require().HandlerFunc(tellSubject),
		warm: validator.Warm, start: time.Now(),
	}
	for range 8 {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		m.clients = append(m.clients, key)
	}
	m.tokens.Store(m.mint(nil))
	for i := range m.live {
		m.live[i].Store(m.newLive(i))
	}
	if err := m.warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// mint makes tokens under the present keys. They are sent when the Validator has fetched these keys, and so has seen go what signed
// the generation before the one before.
func (m *mixture) mint(before *tokenPool) *tokenPool {
	p := new(tokenPool)
	for i := range 48 {
		subject := fmt.Sprint("user-", i)
		header := authtest.Header{"alg": pick([]string{"ES256", "EdDSA"})}
		p.good = append(p.good, subjectToken{m.issuer.Mint(header, authtest.Claims{"sub": subject}), subject})
	}
	for i := range 16 {
		subject := fmt.Sprint("bound-", i)
		jkt := authtest.Thumbprint(m.clients[i%len(m.clients)])
		p.bound = append(p.bound, subjectToken{m.issuer.Token(authtest.Claims{"sub": subject, "cnf": authtest.Claims{"jkt": jkt}}), subject})
	}
	for range 8 {
		p.bad = append(p.bad,
			m.issuer.Token(authtest.Claims{"exp": time.Now().Add(-time.Minute)}),
			m.issuer.Token(authtest.Claims{"aud": "https://billing.example.com"}),
			m.stranger.Token(authtest.Claims{"iss": m.issuer.URL(), "aud": stockAPI}),
		)
	}
	if before == nil {
		for _, token := range m.issuer.Broken() {
			p.broken = append(p.broken, token)
		}
		p.bad = append(p.bad, p.broken...)
		return p
	}
	p.broken = before.broken
	p.bad = append(p.bad, p.broken...)
	p.last = before.good
	for _, withdrawn := range before.last {
		p.bad = append(p.bad, withdrawn.token)
	}
	return p
}

func (m *mixture) newLive(i int) *liveToken {
	subject := fmt.Sprint("opaque-", i)
	return &liveToken{subjectToken: subjectToken{m.issuer.OpaqueToken(authtest.Claims{"sub": subject}), subject}}
}

// rotate changes the keys again and again. Tokens of new keys are sent once the Validator holds them: which of its few extra
// fetches a flood of invented kids leaves over is not what this test is about.
func (m *mixture) rotate(ctx context.Context) {
	for wander(ctx, 100, 500) {
		m.generation.Lock()
		m.issuer.RotateKeys() // the keys before the last ones go
		next := m.mint(m.tokens.Load())
		m.generation.Unlock()
		for m.warm(ctx) != nil {
			if !wander(ctx, 10, 20) {
				return
			}
		}
		m.tokens.Store(next)
		m.rotations.Add(1)
	}
}

// fail lets the issuer fail for a moment, and then leaves it alone until it has recovered and for some time longer.
func (m *mixture) fail(ctx context.Context) {
	faults := []authtest.Fault{
		{Status: http.StatusServiceUnavailable},
		{Status: http.StatusUnauthorized},
		{Status: http.StatusFound},
		{Status: http.StatusInternalServerError, Delay: 20 * time.Millisecond},
		{Body: []byte("<html>down for maintenance</html>")},
		{Body: []byte(`{"active":"true","keys":{}}`)},
		{Body: []byte(`{"active":true`)},
		{Body: []byte{}},
		{Status: http.StatusBadGateway, Endpoint: authtest.EndpointJWKS},
		{Body: []byte(`{"keys":[]}`), Endpoint: authtest.EndpointJWKS},
		{Status: http.StatusTooManyRequests, Endpoint: authtest.EndpointIntrospection},
		{Body: []byte(`{}`), Endpoint: authtest.EndpointIntrospection},
		{Delay: 100 * time.Millisecond},
	}
	for wander(ctx, 50, 400) {
		from := time.Since(m.start)
		m.issuer.SetFault(faults[mathrand.N(len(faults))])
		wander(ctx, 20, 200)
		m.issuer.SetFault(authtest.Fault{})
		for wander(ctx, 2000, 2500) && m.asker.Status().BreakerOpen { // a probe takes its time if this process gets little
		}
		m.trouble(from, false)
		wander(ctx, 1000, 2500)
	}
}

func (m *mixture) trouble(from time.Duration, stall bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.troubles = append(m.troubles, stretch{from, time.Since(m.start)})
	if stall {
		m.stalls++
	}
}

// watch notices when this process got no time: then calls time out, and nothing is wrong with the Validator.
func (m *mixture) watch(ctx context.Context) {
	for last := time.Since(m.start); pause(ctx, 100*time.Millisecond) == nil; {
		now := time.Since(m.start)
		if now-last > mixedStall {
			_ = pause(ctx, mixedRecovery)
			m.trouble(last, true)
			now = time.Since(m.start)
		}
		last = now
	}
}

func (m *mixture) revoke(ctx context.Context) {
	for wander(ctx, 1, 40) {
		i := mathrand.N(len(m.live))
		old := m.live[i].Load()
		old.revoking.Store(true)
		m.issuer.Revoke(old.token)
		old.revoked.Store(int64(time.Since(m.start)))
		m.revocations.Add(1)
		wander(ctx, 0, int(2*mixedTTL.Milliseconds())) // it goes on being sent
		m.live[i].Store(m.newLive(i))
	}
}

// wander waits for a random number of milliseconds, and is false at the end.
func wander(ctx context.Context, least, most int) bool {
	return pause(ctx, time.Duration(least+mathrand.N(most-least))*time.Millisecond) == nil
}

// tried reports whether tokens of every kind were accepted.
func (m *mixture) tried() bool {
	return m.jwts.accepted.Load() > 0 && m.opaque.accepted.Load() > 0 && m.proofs.accepted.Load() > 0
}

func (m *mixture) judge() {
	for name, v := range map[string]*verdicts{"JWTs": &m.jwts, "opaque and bad tokens": &m.opaque, "bound tokens": &m.proofs} {
		m.t.Logf("%s: %d accepted, %d refused, %d unjudged", name, v.accepted.Load(), v.refused.Load(), v.unjudged.Load())
		v.mustBeRight(m.t)
		if v.accepted.Load() == 0 {
			m.t.Errorf("%s: none was accepted, so nothing was tried", name)
		}
	}
	m.t.Logf("%d rotations, %d faults, %d revocations, %d callers left", m.rotations.Load(), len(m.troubles)-m.stalls, m.revocations.Load(), m.left.Load())
	if m.stalls > 0 || m.late.Load() > 0 {
		m.t.Logf("%d times this process got no time for %v, %d proofs were too old for it", m.stalls, mixedStall, m.late.Load())
	}
	if n := m.jwts.unjudged.Load() + m.proofs.unjudged.Load(); n != 0 {
		m.t.Errorf("%d tokens were left unjudged whose keys were held", n)
	}
	for _, u := range m.unjudged {
		if !slices.ContainsFunc(m.troubles, func(s stretch) bool { return u.from < s.to && s.from < u.to }) {
			m.t.Errorf("a good token was left unjudged from %v to %v although the issuer was well", u.from, u.to)
		}
	}
}
