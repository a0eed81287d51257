package accesstoken

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/record"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
	"github.com/cardea-auth/cardea/middleware/internal/signature"
)

// Config is what a Judge is made of.
type Config struct {
	Issuers []IssuerConfig
	Cache   shards.Limits // of each cache; Entries below zero: no caches
	MaxAge  time.Duration // after which a JWT is verified anew; zero: not before it expires
}

// Judge decides whether tokens are good. It is safe for concurrent use.
type Judge struct {
	*tables

	judged  *cache  // JWTs that were verified; nil: switched off
	flights flights // of tokens on their way into judged
	headers signature.Headers
	answers *cache // tokens that their issuer's server has judged; nil: switched off
}

// New makes a Judge, or returns every mistake in cfg that is about how tokens lead to issuers and claims.
func New(cfg Config) (*Judge, []Mistake) {
	tables := newTables(cfg.Issuers)
	if len(tables.mistakes) > 0 {
		return nil, tables.mistakes
	}
	return &Judge{
		tables:  tables,
		judged:  newCache(cfg.Cache, cfg.MaxAge),
		answers: newCache(cfg.Cache, 0), // the Introspector says how old an answer may be
	}, nil
}

// Issuers returns the issuers in the order of the configuration.
func (j *Judge) Issuers() []*Issuer { return slices.Clone(j.issuers) }

// Question is one token that is to be judged.
type Question struct {
	Token    Presented
	Now      time.Time        // by which the token is judged
	OwnClock bool             // Now is by a clock of the application's own, and not the real time
	Recorder *record.Recorder // nil: nothing is recorded
}

// judgement is one Question on its way.
type judgement struct {
	*Judge
	Question

	record Record
}

// Judge decides whether a token is good at this moment, for this API. Which way it goes depends on its shape and on the
// configuration; that one way failed is never a reason to try another. With a refusal, the token that it is about is
// returned as well if it was proven, for the record.
func (j *Judge) Judge(ctx context.Context, q Question) (*Verified, Record, Refusal) {
	judging := judgement{Judge: j, Question: q}
	proven, refusal := judging.judge(ctx)
	return proven, judging.record, refusal
}

func (j *judgement) judge(ctx context.Context) (*Verified, Refusal) {
	if j.Token.signed != "" && !j.Recorder.On() { // recorded, every step is judged
		if known, ok := j.judged.get(j.Token); ok {
			refusal, gone := j.judgeCached(ctx, known)
			if !gone {
				return j.introspectToo(ctx, known, refusal)
			}
			j.record.Cached = false // its key may have been published anew, under another id
		}
	}
	if known := j.answerFor(); known != nil {
		return known, known.recheck(ctx, j.Now, j.Recorder)
	}
	if j.headers.Begins(j.Token.raw) || compact.LooksJOSE(j.Token.raw) {
		proven, refusal := j.judgeNew(ctx)
		return j.introspectToo(ctx, proven, refusal)
	}
	return j.judgeOpaque(ctx)
}

// judgeCached judges a JWT that was verified before. Its key must still be the issuer's; gone says that it is not among the keys of
// its id any more, so that the token is to be judged as if it were new. The tenant comes first, because its keys may have to be fetched.
func (j *judgement) judgeCached(ctx context.Context, known *Verified) (refusal Refusal, gone bool) {
	j.record.Cached, j.record.Vouched, j.record.Issuer = true, true, known.Issuer.URL
	if refusal := known.recheckTenant(ctx, j.Recorder); refusal.Refused() {
		return refusal, false
	}
	outcome, err := known.Key.StillPublished(ctx, known.Issuer.source, known.Facts.Issuer)
	if outcome == signature.Unknown {
		return Refusal{}, true
	}
	if refusal := keyRefusal(outcome, err); refusal.Refused() {
		j.Recorder.Fail(record.Key, err)
		return refusal, false
	}
	j.Recorder.Vouch()
	if refusal := known.recheckTime(j.Now, j.Recorder); refusal.Refused() {
		return refusal, false
	}
	return known.recheckAccept(j.Recorder), false
}

func keyRefusal(outcome signature.Outcome, err error) Refusal {
	switch outcome {
	case signature.Found:
		return Refusal{}
	case signature.Unknown:
		return refuse(UnknownKey, err)
	default:
		return unavailable(KeysUnavailable, err)
	}
}

// judgeNew judges a token of JOSE shape that is not in the cache, and puts it there.
func (j *judgement) judgeNew(ctx context.Context) (*Verified, Refusal) {
	if j.judged == nil || j.Recorder.On() {
		return j.proveNew(ctx, nil)
	}
	ended, leading := j.flights.join(ctx, j.Token)
	switch {
	case ended == nil:
		defer j.flights.end(j.Token, leading)
		return j.proveNew(ctx, leading)
	case ended.refusal.Refused():
		j.record = ended.record
		return nil, ended.refusal
	default:
		refusal, gone := j.judgeCached(ctx, ended.verified)
		if gone {
			refusal = refuse(UnknownKey, errKeyGone)
		}
		return ended.verified, refusal
	}
}

var errKeyGone = errors.New("the key that had verified the token is no longer among the issuer's keys")

// proveNew verifies a JWT. leading is nil where nobody follows.
func (j *judgement) proveNew(ctx context.Context, leading *flight) (*Verified, Refusal) {
	proven, refusal := j.judgeJWT(ctx)
	if refusal.Refused() {
		leading.fail(ctx, refusal, j.record)
		return nil, refusal
	}
	if refusal := proven.recheck(ctx, j.Now, j.Recorder); refusal.Refused() {
		return proven, refusal
	}
	if leading != nil && proven.answer() == nil { // otherwise the issuer's server has judged it, and is asked again next time
		j.judged.add(j.Token, proven)
		leading.verified = proven
	}
	return proven, Refusal{}
}

// introspectToo asks the issuer's server, if the configuration wants that, about a JWT that was verified here without a
// refusal. The answer's claims are the token's.
func (j *judgement) introspectToo(ctx context.Context, proven *Verified, refusal Refusal) (*Verified, Refusal) {
	if refusal.Refused() || proven.Issuer.Mode != VerifyAndIntrospect {
		return proven, refusal
	}
	known := j.record.Cached
	j.record.Cached = false
	answered, refusal := j.introspected(ctx, proven.Issuer, proven)
	if refusal.Refused() {
		return proven, refusal
	}
	j.record.Cached = j.record.Cached && known
	return answered, answered.recheck(ctx, j.Now, j.Recorder)
}
