package middleware

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/record"
)

// Revocations says which tokens were taken back before their end. Judge is asked about every verified token, on every request: whether
// it was in the cache, was introspected, or was judged by an outer Guard. It answers from memory, without I/O and without allocating,
// and must be safe for concurrent use. Package revocation has an implementation.
//
// It may have further methods:
//
//   - Warm(ctx context.Context) error returns once enough is known to judge. Validator.Warm calls it.
//   - Version() uint64 and AsOf() time.Time together: a token that was judged good while Version was the same is not looked up again. It
//     never decreases, and AsOf is Verdict.AsOf for every token. A type that embeds another has its Version, and must count what its Judge adds.
//   - ForToken(asked Revocations, t TokenFacts) (judge func() Verdict) returns what is called in place of asked.Judge about this one token, so
//     that it can hold what is dear to make of it; nil: Judge is called. It is for tokens that come again, and what it returns is kept with
//     the token. asked is what Config.Revocations names: an implementation that others may embed returns nil unless that is itself, or
//     their Judge would be passed over.
//   - Load(ctx context.Context, t TokenFacts) error fetches what Judge does not know yet of such a token, which it says by a zero AsOf.
//     It is called in the request, so it should take two seconds at most. An error is 503, with Retry-After if it has the method
//     RetryAfter() time.Duration.
//   - Notify(t TokenFacts, revoked func()) (stop func()) calls revoked, soon and once, when such a token is revoked later on, until stop
//     is called; it is what ends streams. The function is quick, and may be called by several goroutines. Without this method Judge is
//     asked about the token of each stream four times a second.
type Revocations interface {
	Judge(t TokenFacts) Verdict
}

// TokenFacts are what a token can be revoked by. What a token does not have is empty, and then no entry about it can hit the token.
type TokenFacts struct {
	Issuer    string // Issuer.URL, whichever of its names the token has; with {tenantid} filled, where it has one
	ID        string // jti
	SessionID string // sid
	Subject   string
	ClientID  string

	IssuedAt time.Time // zero: the token does not say, so every "issued before" hits it
	Expiry   time.Time

	StatusURI   string // of the status list that the token is in; empty: it is in none
	StatusIndex int    // in that list; -1 without StatusURI: its status claim cannot be read
}

// Verdict is what Revocations say of a token.
type Verdict struct {
	Kind string    // by what it was revoked, one of a closed set of the implementation; empty: it was not
	AsOf time.Time // as of when that is known, with a monotonic clock reading; zero: nothing is known yet
}

// Facts are what Revocations are asked about t. For a Token made by hand they are taken from its fields.
func (t *Token) Facts() TokenFacts {
	if t.proven != nil {
		return factsOf(t.proven)
	}
	return TokenFacts{
		Issuer: t.Issuer, ID: t.ID, SessionID: t.SessionID, Subject: t.Subject, ClientID: t.ClientID, IssuedAt: t.IssuedAt, Expiry: t.Expiry,
	}
}

func factsOf(v *accesstoken.Verified) TokenFacts {
	facts, status := &v.Facts, v.Status()
	return TokenFacts{
		Issuer:      v.RevocableAs(),
		ID:          facts.ID,
		SessionID:   facts.SessionID,
		Subject:     facts.Subject,
		ClientID:    facts.ClientID,
		IssuedAt:    facts.IssuedAt,
		Expiry:      facts.Expiry,
		StatusURI:   status.URI,
		StatusIndex: status.Index,
	}
}

// RevocationsWithin limits the age of what is known of revocations, as Config.RevocationsWithin does, for one route. The shortest limit
// counts. It panics unless d is positive, and where Config.Revocations is nil.
func (g *Guard) RevocationsWithin(d time.Duration) *Guard {
	if d <= 0 {
		panic(fmt.Sprintf("middleware: RevocationsWithin: %v is no limit of age", d))
	}
	if g != nil && !g.validator.unusable() && len(g.validator.policy.revocations) == 0 {
		panic("middleware: RevocationsWithin: Config.Revocations is nil, so nothing would ever be known")
	}
	changed := g.copy()
	changed.needs.revocationsWithin = shortest(changed.needs.revocationsWithin, d)
	return changed
}

// shortest is the smaller of two limits, of which zero is none.
func shortest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// What Revocations may do besides.
type (
	versioned interface {
		Version() uint64
		AsOf() time.Time
	}
	perToken interface {
		ForToken(asked Revocations, t TokenFacts) (judge func() Verdict)
	}
	loader interface {
		Load(ctx context.Context, t TokenFacts) error
	}
	notifier interface {
		Notify(t TokenFacts, revoked func()) (stop func())
	}
	warmer interface {
		Warm(ctx context.Context) error
	}
)

// revocations is one of Config.Revocations, with the methods that it may have.
type revocations struct {
	Revocations

	versioned versioned // nil: every token is looked up
	perToken  perToken  // nil: Judge is asked every time
	loader    loader    // nil: what is not known cannot be fetched
	notifier  notifier  // nil: for streams Judge is asked
	warmer    warmer    // nil: it knows from the beginning, or by Load
}

// revocations compiles Config.Revocations.
func (c *compiler) revocations(p *policy) {
	for i, given := range c.cfg.Revocations {
		if v := reflect.ValueOf(given); given == nil || v.Kind() == reflect.Pointer && v.IsNil() { // as of a New whose error was not looked at
			c.wrong("Revocations[%d] is nil: leave it out, or name what knows of revocations", i)
			continue
		}
		compiled := revocations{Revocations: given}
		compiled.versioned, _ = given.(versioned)
		compiled.perToken, _ = given.(perToken)
		compiled.loader, _ = given.(loader)
		compiled.notifier, _ = given.(notifier)
		compiled.warmer, _ = given.(warmer)
		p.revocations = append(p.revocations, compiled)
	}
	p.noJudges = make([]func() Verdict, len(p.revocations))
	p.revocationsWithin = c.cfg.RevocationsWithin
	switch {
	case p.revocationsWithin < 0:
		c.wrong("RevocationsWithin is %v: it must not be negative; zero is no limit", p.revocationsWithin)
	case p.revocationsWithin > 0 && len(c.cfg.Revocations) == 0:
		c.wrong("RevocationsWithin is %v, but Revocations is nil: nothing would ever be known", p.revocationsWithin)
	}
}

// unrevoked judges whether a proven token was revoked, and whether enough is known to say that it was not.
func (p *policy) unrevoked(ctx context.Context, proven *accesstoken.Verified, needs *requirement, call *call) *refusal {
	if len(p.revocations) == 0 {
		return nil
	}
	refused := p.judgeRevocations(ctx, proven, shortest(p.revocationsWithin, needs.revocationsWithin), call)
	call.note(record.Revocation, refused)
	return refused
}

func (p *policy) judgeRevocations(ctx context.Context, proven *accesstoken.Verified, within time.Duration, call *call) *refusal {
	// The age is taken first: what is known as of then is in the version, and in what the look-ups find. The version is taken before the
	// look-ups, so that a change during them is seen next time. Without a limit nothing depends on the age of an answer that is kept.
	var asOf time.Time
	if within > 0 {
		asOf = p.revocationsAsOf()
	}
	version := p.revocationsVersion()
	known := proven.Revocable.Load()
	if known != nil && version != 0 && known.GoodAt.Load() == version {
		return p.recent(asOf, within, call)
	}
	judges := p.judges(proven, known)
	var oldest time.Time
	var unknown error
	for i := range p.revocations {
		verdict, err := p.revocations[i].judge(ctx, proven, judges[i], unknown == nil)
		switch {
		case verdict.Kind != "":
			call.ruling.revokedBy = verdict.Kind
			return call.refuse(invalid(ReasonRevoked, cause.Revoked(errRevoked, verdict.Kind)))
		case unknown != nil: // a later one may still know that it was revoked
		case err != nil:
			unknown = fmt.Errorf("what is known of revocations cannot be had: %w", err)
		case verdict.AsOf.IsZero():
			unknown = errRevocationsUnknown
		case i == 0 || verdict.AsOf.Before(oldest):
			oldest = verdict.AsOf
		}
	}
	if unknown != nil {
		return call.refuse(refusal{reason: ReasonRevocationsStale, retryAfter: retryHint(unknown), err: unknown})
	}
	if refused := p.recent(oldest, within, call); refused != nil {
		return refused
	}
	if known == nil {
		known = &accesstoken.Revocable{}
		proven.Revocable.Store(known)
	}
	known.GoodAt.Store(version)
	return nil
}

// judges are what Config.Revocations have made for this token, by their places; where one is nil, Judge is asked. They are made when the
// token is looked up for the second time, as many tokens never are.
func (p *policy) judges(proven *accesstoken.Verified, known *accesstoken.Revocable) []func() Verdict {
	if known == nil {
		return p.noJudges
	}
	judges, made := known.Judges.Load().([]func() Verdict)
	if made {
		return judges
	}
	judges = make([]func() Verdict, len(p.revocations))
	for i := range judges {
		if r := p.revocations[i].perToken; r != nil {
			judges[i] = r.ForToken(p.revocations[i].Revocations, factsOf(proven))
		}
	}
	known.Judges.Store(judges)
	return judges
}

// judge asks r, and where it knows nothing has it loaded if there is a use in that.
func (r *revocations) judge(ctx context.Context, proven *accesstoken.Verified, made func() Verdict, load bool) (Verdict, error) {
	verdict := r.verdict(proven, made)
	if verdict.Kind != "" || !verdict.AsOf.IsZero() || r.loader == nil || !load {
		return verdict, nil
	}
	if err := r.loader.Load(ctx, factsOf(proven)); err != nil {
		return Verdict{}, err
	}
	return r.verdict(proven, made), nil
}

func (r *revocations) verdict(proven *accesstoken.Verified, made func() Verdict) Verdict {
	if made != nil {
		return made()
	}
	return r.Judge(factsOf(proven))
}

// recent judges the age of what is known.
func (p *policy) recent(asOf time.Time, within time.Duration, call *call) *refusal {
	if within == 0 {
		return nil
	}
	if age := time.Since(asOf); age > within {
		return call.refuse(refusal{
			reason: ReasonRevocationsStale,
			err:    fmt.Errorf("what is known of revocations is %v old, and the limit is %v", age.Round(time.Millisecond), within),
		})
	}
	return nil
}

// revocationsVersion changes whenever one of the versions does, as none decreases. 0: a token must be looked up every time.
func (p *policy) revocationsVersion() uint64 {
	sum := uint64(1)
	for i := range p.revocations {
		if p.revocations[i].versioned == nil {
			return 0
		}
		sum += p.revocations[i].versioned.Version()
	}
	return sum
}

// revocationsAsOf is the oldest of those that are as of the same time for every token; zero if there is none, or one knows nothing yet.
func (p *policy) revocationsAsOf() (oldest time.Time) {
	none := true
	for i := range p.revocations {
		if r := p.revocations[i].versioned; r != nil {
			if asOf := r.AsOf(); none || asOf.Before(oldest) {
				oldest, none = asOf, false
			}
		}
	}
	return oldest
}

// knowsRevocations reports whether requests can be judged by what is known now, as far as that does not depend on the token.
func (p *policy) knowsRevocations() bool {
	for i := range p.revocations {
		r := p.revocations[i].versioned
		if r == nil {
			continue
		}
		asOf := r.AsOf()
		if asOf.IsZero() || p.revocationsWithin > 0 && time.Since(asOf) > p.revocationsWithin {
			return false
		}
	}
	return true
}

// longestWarm bounds how long Validator.Warm waits for what Config.Revocations know.
const longestWarm = time.Minute

func (r *revocations) warm(ctx context.Context) error {
	if r.warmer == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, longestWarm)
	defer cancel()
	return r.warmer.Warm(ctx)
}

// withRevocation returns a copy of ctx that ends when the token of a is revoked, or when what is known of that is older than it may be. What
// was revoked between the decision and this call is seen, because the token is looked up again once somebody listens.
func (a *admission) withRevocation(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.validator == nil || len(a.validator.policy.revocations) == 0 {
		return context.WithCancel(ctx)
	}
	p, facts := a.validator.policy, factsOf(a.verified)
	ended, cancel := context.WithCancelCause(ctx)
	var stops []func()
	watched := a.revocationsWithin > 0
	for i := range p.revocations {
		if r := &p.revocations[i]; r.notifier != nil {
			stops = append(stops, r.notifier.Notify(facts, func() { cancel(ErrRevoked) }))
		} else {
			watched = true
		}
	}
	look := func() {
		defer func() {
			if broken := recover(); broken != nil { // a function of the application's, in a goroutine that others share
				p.log().ErrorContext(ctx, "middleware: Revocations panicked over the token of a stream, which ends", "panic", fmt.Sprintf("%T", broken))
				cancel(ErrUnavailable)
			}
		}()
		if cause := p.endsStream(a.verified, a.revocationsWithin); cause != nil {
			cancel(cause)
		}
	}
	if watched {
		stops = append(stops, p.streams.Add(look))
	}
	look()
	context.AfterFunc(ended, func() {
		for _, stop := range stops {
			stop()
		}
	})
	return ended, func() { cancel(context.Canceled) }
}

// endsStream says why a stream of such a token must not go on; nil: it may. Without a limit, what is not known yet ends no stream.
func (p *policy) endsStream(proven *accesstoken.Verified, within time.Duration) error {
	judges := p.judges(proven, proven.Revocable.Load())
	for i := range p.revocations {
		switch verdict := p.revocations[i].verdict(proven, judges[i]); {
		case verdict.Kind != "":
			return ErrRevoked
		case within > 0 && time.Since(verdict.AsOf) > within:
			return ErrUnavailable
		}
	}
	return nil
}

var errRevoked = errors.New("the token was revoked")
var errRevocationsUnknown = cause.Hint("Config.Revocations know nothing", "Warm before the first request, Close it after the last; its own log says the rest")
