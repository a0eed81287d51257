package revocation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// Config describes a List. The zero Config is the usual choice for one process.
type Config struct {
	_ [0]func() // keyed literals only

	// MaxEntries bounds the list; zero: 1 048 576. When it is full of live entries, Revoke gives ErrFull.
	MaxEntries int

	// MaxAge is the longest life of a token, from iat to exp; zero: 24 hours. Entries are kept that long, those of
	// ByToken as long as the token. One that lives longer, or has no exp, can outlive the other entries that revoke it: such tokens are
	// counted (Status.LongTokens), and logged once at Error.
	MaxAge time.Duration

	// Logger gets what Handler and RevokeOwn did (Info, without values) and tokens that live too long (Error). Nil: slog.Default(), asked
	// for at each line.
	Logger *slog.Logger
}

const (
	defaultMaxEntries = 1 << 20
	defaultMaxAge     = 24 * time.Hour

	// longestLeeway is more than any Issuer.Leeway: a token is good for so long after its exp.
	longestLeeway = 10 * time.Minute
)

// List is the Revocations of this process. It is safe for concurrent use. What it knows ends with the process.
type List struct {
	maxAge time.Duration
	logger *slog.Logger
	hasher hasher
	table  *table

	watchers watchers
	feeds    feeds

	version atomic.Uint64
	closed  atomic.Bool

	hits, long atomic.Uint64
	longOnce   sync.Once
	lastEvent  atomic.Int64 // unix nanoseconds; 0: never
}

var _ middleware.Revocations = (*List)(nil)

// New makes a List. It starts nothing. The error joins every mistake in cfg.
func New(cfg Config) (*List, error) {
	var mistakes []error
	if cfg.MaxEntries < 0 {
		mistakes = append(mistakes, fmt.Errorf("revocation: MaxEntries is %d: it must not be negative; zero is %d", cfg.MaxEntries, defaultMaxEntries))
	}
	if cfg.MaxAge < 0 || cfg.MaxAge > 10*365*24*time.Hour {
		mistakes = append(mistakes, fmt.Errorf("revocation: MaxAge is %v: it must lie between 0, which is %v, and ten years", cfg.MaxAge, defaultMaxAge))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = defaultMaxEntries
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = defaultMaxAge
	}
	return &List{maxAge: cfg.MaxAge, logger: cfg.Logger, hasher: newHasher(), table: newTable(cfg.MaxEntries)}, nil
}

// ErrClosed says that the List was closed.
var ErrClosed = errors.New("revocation: the list was closed")

// Revoke enters e. When it returns nil the entry holds, for every request that begins from then on. It holds for a token that was revoked
// before just as well, so it may be repeated. The error wraps ErrFull, ErrClosed, the context's, or says what is wrong with e.
func (l *List) Revoke(ctx context.Context, e Entry) error {
	now := time.Now()
	if err := l.may(ctx, e, now); err != nil {
		return err
	}
	e = e.filled(now, l.maxAge)
	kept := record{until: uint32(min(e.Until.Add(longestLeeway).Unix()+1, latest.Unix()))}
	if e.Kind.dated() {
		kept.before = uint32(e.IssuedBefore.Unix())
	}
	place := e.Kind.place()
	d := l.hasher.digest(place, e.Issuer, e.Value)
	if err := l.table.add(place, d, kept, now); err != nil {
		return err
	}
	l.changed(now)
	l.watchers.tell(d, kept)
	return nil
}

// ErrNotListed says that there was no entry to lift.
var ErrNotListed = errors.New("revocation: no entry names this")

// Lift undoes the entries about what e names, which were a mistake, whatever their dates. A later Revoke of the same holds. The error
// wraps ErrNotListed, ErrClosed, the context's, or says what is wrong with e.
func (l *List) Lift(ctx context.Context, e Entry) error {
	now := time.Now()
	if err := l.may(ctx, e, now); err != nil {
		return err
	}
	place := e.Kind.place()
	if !l.table.remove(l.hasher.digest(place, e.Issuer, e.Value)) {
		return ErrNotListed
	}
	l.changed(now)
	return nil
}

func (l *List) may(ctx context.Context, e Entry, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	if l.closed.Load() {
		return ErrClosed
	}
	return e.check(now, l.maxAge)
}

// changed makes every token be looked up again. It comes after the change, so that nobody takes an old answer for a new one.
func (l *List) changed(now time.Time) {
	l.lastEvent.Store(now.UnixNano())
	l.version.Add(1)
}

// Judge implements middleware.Revocations.
func (l *List) Judge(t middleware.TokenFacts) middleware.Verdict {
	for place, value := range valuesOf(&t) {
		kind := kinds[place]
		if kind.names() == (value == "") || !l.table.used[place].Load() {
			continue
		}
		if l.table.has(l.hasher.digest(place, t.Issuer, value), t.IssuedAt) {
			l.hits.Add(1)
			return middleware.Verdict{Kind: string(kind), AsOf: time.Now()}
		}
	}
	asOf := l.AsOf()
	if l.livesLong(t, asOf) {
		l.noteLong(t)
	}
	return middleware.Verdict{AsOf: asOf}
}

// livesLong reports whether a token lives, or may live, longer than entries about more than itself are kept. One without iat began now, as far
// as anybody can tell.
func (l *List) livesLong(t middleware.TokenFacts, now time.Time) bool {
	switch {
	case now.IsZero(): // the List is closed, and judges nothing
		return false
	case t.Expiry.IsZero():
		return true
	case t.IssuedAt.IsZero():
		return t.Expiry.Sub(now) > l.maxAge
	default:
		return t.Expiry.Sub(t.IssuedAt) > l.maxAge
	}
}

// valuesOf are the values of a token by the places of their kinds.
func valuesOf(t *middleware.TokenFacts) [len(kinds)]string {
	return [...]string{t.ID, t.SessionID, t.Subject, t.ClientID, ""}
}

func (l *List) noteLong(t middleware.TokenFacts) {
	l.long.Add(1)
	l.longOnce.Do(func() {
		l.log().Error("revocation: a token lives longer than Config.MaxAge, or does not say how long, so it can outlive an entry that revokes it: raise MaxAge",
			"issuer", t.Issuer, "iat", t.IssuedAt, "exp", t.Expiry, "max_age", l.maxAge)
	})
}

// Version changes with every entry. It spares tokens that are seen again their look-ups.
func (l *List) Version() uint64 { return l.version.Load() }

// AsOf is now: what this process knows, it knows at once. A List that was closed learns nothing any more.
func (l *List) AsOf() time.Time {
	if l.closed.Load() {
		return time.Time{}
	}
	return time.Now()
}

// Status says how a List is.
type Status struct {
	_ [0]func() // keyed literals only

	Entries    int       // live ones, and some that have ended and were not swept yet
	AsOf       time.Time // of what is known; zero: nothing is
	LastEvent  time.Time // when an entry last came or went; zero: never
	Streams    int       // that listen
	Hits       uint64    // requests that were refused
	LongTokens uint64    // look-ups of tokens that live longer than Config.MaxAge, or may

	Feeds []FeedStatus // in the order in which they were made
}

// Status says how the List is. It does no I/O.
func (l *List) Status() Status {
	s := Status{Entries: int(l.table.size.Load()), AsOf: l.AsOf(), Streams: l.watchers.count(), Hits: l.hits.Load(), LongTokens: l.long.Load(), Feeds: l.feeds.status()}
	if at := l.lastEvent.Load(); at != 0 {
		s.LastEvent = time.Unix(0, at)
	}
	return s
}

// Close ends the List. Requests that would ask it are not judged from then on (503).
func (l *List) Close() error {
	l.closed.Store(true)
	l.version.Add(1)
	return nil
}

func (l *List) log() *slog.Logger {
	if l.logger == nil {
		return slog.Default()
	}
	return l.logger
}
