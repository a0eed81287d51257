package soak

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/load"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// KidsResults are what came of a flood of tokens under keys that nobody has.
type KidsResults struct {
	Issuers  int
	Sent     int64
	Took     time.Duration
	Accepted int64           // of the flood; zero
	Extra    []int           // fetches of each key set, those at the start not counted
	Noticed  []time.Duration // after its rotation, the first token of new keys was accepted
	Missed   int             // rotations that were not noticed in time
	Good     int64           // tokens of known keys meanwhile
	Refused  int64           // of these; zero
}

// The promises.
const (
	mostFetches   = 5
	longestNotice = 30 * time.Second
)

// AsPromised: few fetches, every rotation noticed soon, nobody harmed.
func (r *KidsResults) AsPromised() bool {
	for _, n := range r.Extra {
		if n > mostFetches {
			return false
		}
	}
	return r.Accepted == 0 && r.Refused == 0 && r.Missed == 0
}

const (
	floodIssuers = 20
	floodRate    = 20_000 // a second: a million and some more in a minute
	floodTime    = time.Minute
	floodWorkers = 4
)

// Kids asks a Validator with all defaults about a million tokens in a minute, each under another kid, while the keys of every issuer
// rotate once.
func Kids(ctx context.Context, s Settings) (*KidsResults, error) {
	f, err := newFlood(ctx)
	if err != nil {
		return nil, err
	}
	defer f.end()
	r := &KidsResults{Issuers: floodIssuers}
	start := time.Now()
	ctx, cancel := context.WithDeadline(ctx, start.Add(floodTime))
	defer cancel()
	pacer := load.NewPacer(floodRate)
	pacer.Begin(start)
	var running sync.WaitGroup
	for i := range floodWorkers {
		running.Go(func() { f.flood(ctx, pacer, i) })
	}
	running.Go(func() { f.goodOnes(ctx) })
	var mu sync.Mutex
	for i, issuer := range f.issuers {
		running.Go(func() {
			after := time.Duration(i+1) * longestNotice / (floodIssuers + 1) // from the first second to the last at which 30 s are left
			noticed, ok := f.rotate(ctx, issuer, after)
			mu.Lock()
			defer mu.Unlock()
			if !ok {
				r.Missed++
				return
			}
			r.Noticed = append(r.Noticed, noticed)
		})
	}
	for ctx.Err() == nil {
		time.Sleep(time.Second)
		if seconds := int(time.Since(start).Seconds()); seconds%reporting == 0 {
			s.Log("%3d s: %d tokens under unknown kids", seconds, f.sent.Load())
		}
	}
	running.Wait()
	r.Sent, r.Took, r.Accepted = f.sent.Load(), time.Since(start), f.accepted.Load()
	r.Good, r.Refused = f.good.Load(), f.refused.Load()
	for _, issuer := range f.issuers {
		r.Extra = append(r.Extra, issuer.Requests(authtest.EndpointJWKS)-1)
	}
	return r, nil
}

type flood struct {
	issuers []*authtest.Issuer
	auth    *middleware.Validator
	guard   *middleware.Guard
	stop    context.CancelFunc

	sent, accepted, good, refused atomic.Int64
}

func newFlood(ctx context.Context) (*flood, error) {
	ctx, stop := context.WithCancel(ctx)
	f := &flood{stop: stop}
	var cfg middleware.Config
	for range floodIssuers {
		issuer, err := authtest.Start(ctx)
		if err != nil {
			stop()
			return nil, err
		}
		f.issuers = append(f.issuers, issuer)
		one := issuer.Config("https://soak.example.test")
		cfg.Audiences = one.Audiences
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: issuer.URL()})
	}
	var err error
	if f.auth, err = middleware.New(cfg); err == nil {
		err = f.auth.Warm(ctx)
	}
	f.guard = f.auth.Require()
	if err != nil {
		f.end()
	}
	return f, err
}

func (f *flood) end() {
	_ = f.auth.Close()
	f.stop()
}

func (f *flood) check(token string) error {
	_, err := f.guard.Check(&http.Request{Method: http.MethodGet, Header: http.Header{"Authorization": {"Bearer " + token}}})
	return err
}

// flood invents kids. The rest of a token is that of a good one: its signature is never looked at.
func (f *flood) flood(ctx context.Context, pacer *load.Pacer, worker int) {
	rests := make([]string, len(f.issuers))
	for i, issuer := range f.issuers {
		_, rests[i], _ = strings.Cut(issuer.Token(nil), ".")
	}
	for at := worker; pacer.Wait(ctx); at++ {
		header := fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":%q}`, rand.Text())
		token := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rests[at%len(rests)]
		if f.check(token) == nil {
			f.accepted.Add(1)
		}
		f.sent.Add(1)
	}
}

// goodOnes sends tokens of keys that are known.
func (f *flood) goodOnes(ctx context.Context) {
	var tokens []string
	for _, issuer := range f.issuers {
		tokens = append(tokens, issuer.Token(nil)) // its key stays published when the next ones come
	}
	pacer := load.NewPacer(100)
	pacer.Begin(time.Now())
	for at := 0; pacer.Wait(ctx); at++ {
		if f.check(tokens[at%len(tokens)]) != nil {
			f.refused.Add(1)
		}
		f.good.Add(1)
	}
}

// rotate brings new keys after a time, and tells how long it takes until a token of them is accepted.
func (f *flood) rotate(ctx context.Context, issuer *authtest.Issuer, after time.Duration) (noticed time.Duration, ok bool) {
	select {
	case <-time.After(after):
	case <-ctx.Done():
		return 0, false
	}
	issuer.RotateKeys()
	token, began := issuer.Token(nil), time.Now()
	for time.Since(began) < longestNotice && ctx.Err() == nil {
		if f.check(token) == nil {
			return time.Since(began), true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return 0, false
}
