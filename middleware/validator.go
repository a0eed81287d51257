package middleware

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/tally"
	"github.com/cardea-auth/cardea/middleware/internal/watch"
)

// Validator judges access tokens by one Config. It is immutable and safe for concurrent use. The zero Validator refuses
// every request.
type Validator struct {
	_ [0]func() // not comparable; made by New

	policy  *policy
	fetched []io.Closer // the key caches that New made, and Close closes
	closed  atomic.Bool
}

// policy is a Config in its compiled, immutable form. Only this is consulted on the request path.
type policy struct {
	credentials *credential.Finder
	judge       *accesstoken.Judge

	proofs              *dpop.Verifier // nil: DPoP-bound tokens are refused
	proofAlgorithms     string         // for challenges; empty without proofs
	keyRequired         bool           // a token must be bound to a key
	certificates        clientcert.Source
	certificateRequired bool // a token must be bound to a certificate
	fapi2               bool

	revocations       []revocations
	noJudges          []func() Verdict // nil for each of them
	revocationsWithin time.Duration    // zero: no limit
	streams           watch.Watch      // what ContextWithExpiry made, as far as nobody tells when it must end

	realm     string
	impliedBy map[string][]string // scope -> every other scope that carries it

	mapsRoles bool // an issuer has roles

	errorHandler func(http.ResponseWriter, *http.Request, *Error)
	observe      func(context.Context, Decision)
	logger       *slog.Logger     // nil: slog.Default(), see log
	clock        func() time.Time // never nil
	ownClock     bool             // clock is Config.Clock

	logSubjects bool
	refusals    tally.Tally             // which are logged
	clocks      map[string]*cause.Clock // by Issuer.URL; the map is never written
	complaints  sync.Map                // of issuer and text, which are logged once
}

// New compiles cfg. It does no I/O and starts no goroutine, so a service comes up while its authorization server is
// down. The error joins every mistake in cfg, each with the field, the value and the remedy.
func New(cfg Config) (*Validator, error) {
	policy, fetched, err := compile(cfg)
	if err != nil {
		return nil, err
	}
	return &Validator{policy: policy, fetched: fetched}, nil
}

// unusable reports whether v was not made by New.
func (v *Validator) unusable() bool { return v == nil || v.policy == nil }

var errUnusable = errors.New("middleware: this Validator was not made by New")

// unusableLogged is when a Guard without a Validator last said so: it has no Logger, and none of its own to count refusals with.
var unusableLogged atomic.Int64

// logUnusable says at most once in fifteen seconds, for the whole program, that somebody has forgotten to make something.
func logUnusable(ctx context.Context) {
	now, last := time.Now().Unix(), unusableLogged.Load()
	if now-last < 15 || !unusableLogged.CompareAndSwap(last, now) {
		return
	}
	slog.Default().ErrorContext(ctx, "middleware: a Guard without a Validator answers every request with 500",
		"remedy", "use a Guard that a Validator from New has made; was a package's variable shadowed by a := in the line that calls New?")
}

// Require makes a Guard that wants a valid token with all these scopes. Without scopes, any valid token will do. It
// panics as Guard.Require does.
func (v *Validator) Require(scopes ...string) *Guard {
	return (&Guard{validator: v}).Require(scopes...)
}

// Optional makes a Guard that lets requests without credentials through as anonymous: TokenFromContext is false for them.
// Credentials that are no good are still refused. As soon as a requirement is added, anonymous requests no longer meet it.
func (v *Validator) Optional() *Guard {
	return &Guard{validator: v, optional: true}
}

// KeySource returns the keys that are good for an iss, and the algorithms that its issuer may use: what verifies other things that the issuer
// signs, such as logout tokens, security events and status lists, which are to be held to both. iss is a URL or alias as configured, or one that
// fills a template; then AllowTenant is asked at each look-up. Keys that are published for another iss are left out. The keys are the
// Validator's: they end with its Close. They have a method Issuer() string, which returns the name that TokenFacts know the issuer by. Both
// are nil for an iss that is not trusted, and where JWTs are not verified here, or by keys that an issuer shares with others.
func (v *Validator) KeySource(iss string) (KeySource, []string) {
	if v.unusable() {
		return nil, nil
	}
	keys, algorithms := v.policy.judge.KeysOf(iss)
	if keys == nil {
		return nil, nil
	}
	return keys, algorithms
}

// Close ends what New and Warm started: background refreshes and fetches in flight, and logs how many refusals have not been logged one by
// one. It never closes a KeySource or
// Introspector of the Config. Requests that come later are refused with 503. Close may be called more than once.
func (v *Validator) Close() error {
	if v.unusable() || v.closed.Swap(true) {
		return nil
	}
	errs := make([]error, len(v.fetched))
	for i, cache := range v.fetched {
		errs[i] = cache.Close()
	}
	v.policy.writeRest()
	return errors.Join(errs...)
}
