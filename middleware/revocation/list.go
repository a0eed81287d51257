package revocation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/names"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// Config describes a List. The zero Config is the usual choice for one process.
type Config struct {
	_ [0]func() // keyed literals only

	// Store is what all instances of a service share, so that what one revokes all refuse. One that is away is tried again after 50 ms at
	// first and every five seconds at last. Nil: this process alone, and what it knows ends with it.
	Store Store

	// Secrets, with a Store: what travels and rests in it are digests made with the first secret, so that whoever reads the Store learns
	// of nobody, and whoever writes to it revokes nobody. All instances have the same, of 32 bytes or more from a random generator. To
	// replace one: add the new one behind it in all instances, then move it to the front, and take the old one away once
	// Status.SecretsUntil says that nothing that was made with it lives any more. An instance that meets a record of a secret that it was
	// not given cannot know what it says, and stops AsOf: so does one that starts with another secret than the Store's entries were made
	// with, until they are deleted there, have ended, or the secret is given as well. Eight at most.
	Secrets [][]byte

	// MaxEntries bounds the list; zero: 1 048 576. When it is full of live entries, Revoke gives ErrFull; what others have revoked and
	// has no room here makes AsOf stand still.
	MaxEntries int

	// MaxAge is the longest life of a token, from iat to exp; zero: 24 hours. All who share a Store have the same, that of the API whose
	// tokens live longest: an entry ends by that of whoever made it. Entries are kept that long, those of
	// ByToken as long as the token. One that lives longer, or has no exp, can outlive the other entries that revoke it: such tokens are
	// counted (Status.LongTokens), and logged once at Error.
	MaxAge time.Duration

	// Logger gets what Handler and RevokeOwn did (Info, without values), tokens that live too long, entries that could not be shared yet,
	// a Store that cannot be followed or read (Error, once a minute at most), and that it is well again (Info). Nil: slog.Default(), asked
	// for at each line.
	Logger *slog.Logger
}

// Format writes a Config without its secrets, whatever the verb.
func (c Config) Format(state fmt.State, _ rune) {
	_, _ = fmt.Fprintf(state, "revocation.Config{Store: %T, Secrets: %d, MaxEntries: %d, MaxAge: %v}", c.Store, len(c.Secrets), c.MaxEntries, c.MaxAge)
}

// MarshalJSON and LogValue leave the secrets out, too.
func (c Config) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", fmt.Sprint(c)), nil }

// LogValue is what a log shows of a Config.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

const (
	defaultMaxEntries = 1 << 20
	defaultMaxAge     = 24 * time.Hour

	// longestLeeway is more than any Issuer.Leeway: a token is good for so long after its exp.
	longestLeeway = 10 * time.Minute
)

// List is the Revocations of a process. It is safe for concurrent use.
type List struct {
	begun  time.Time // with a monotonic reading
	maxAge time.Duration
	logger *slog.Logger
	table  *entries.Table

	hasher names.Hasher // without a Store
	index  *names.Index // with one
	shared *shared      // nil: this process alone

	watchers entries.Watchers
	feeds    feeds

	version atomic.Uint64
	closed  atomic.Bool

	hits, long atomic.Uint64
	longLogged atomic.Bool
	lastEvent  atomic.Int64 // unix nanoseconds; 0: never
}

var _ middleware.Revocations = (*List)(nil)

// New makes a List. With a Store it begins to follow that until Close, and answers nothing before the first full read (Warm); without one
// it starts nothing. The error joins every mistake in cfg.
func New(cfg Config) (*List, error) {
	var mistakes []error
	if cfg.MaxEntries < 0 {
		mistakes = append(mistakes, fmt.Errorf("revocation: MaxEntries is %d: it must not be negative; zero is %d", cfg.MaxEntries, defaultMaxEntries))
	}
	if cfg.MaxAge < 0 || cfg.MaxAge > 10*365*24*time.Hour {
		mistakes = append(mistakes, fmt.Errorf("revocation: MaxAge is %v: it must lie between 0, which is %v, and ten years", cfg.MaxAge, defaultMaxAge))
	}
	switch {
	case cfg.Store != nil && len(cfg.Secrets) == 0:
		mistakes = append(mistakes, errors.New("revocation: Store without Secrets: name a secret of 32 random bytes that all instances have"))
	case cfg.Store == nil && len(cfg.Secrets) > 0:
		mistakes = append(mistakes, errors.New("revocation: Secrets without a Store: name the Store, or leave them out for one process"))
	case len(cfg.Secrets) > entries.Secrets:
		mistakes = append(mistakes, fmt.Errorf("revocation: there are %d Secrets, and may be %d: take away those for which Status.SecretsUntil is zero or has passed",
			len(cfg.Secrets), entries.Secrets))
	}
	sealer, err := sealed.New(cfg.Secrets)
	if err := errors.Join(append(mistakes, err)...); err != nil {
		return nil, err
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = defaultMaxEntries
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = defaultMaxAge
	}
	l := &List{begun: time.Now(), maxAge: cfg.MaxAge, logger: cfg.Logger, table: entries.NewTable(cfg.MaxEntries)}
	if cfg.Store == nil {
		l.hasher = names.NewHasher()
		return l, nil
	}
	l.index = names.NewIndex(sealer, l.table)
	l.shared = newShared(l, cfg.Store, sealer)
	l.shared.start()
	return l, nil
}

// ErrClosed says that the List was closed.
var ErrClosed = errors.New("revocation: the list was closed")

// clock is the time by which entries end: that of the machine or, where its clock has jumped ahead since the List began, the earlier one that
// has passed since. An entry that is kept for longer does no harm.
func (l *List) clock() time.Time {
	now := time.Now()
	if passed := l.begun.Round(0).Add(now.Sub(l.begun)); passed.Before(now.Round(0)) {
		return passed
	}
	return now
}

// Revoke enters e. When it returns nil the entry holds here, for every request that begins from then on, and with a Store it is shared:
// all instances that follow it will have it. It holds for a token that was revoked before just as well, so it may be repeated; with a Store each
// repetition that was shared is an entry of its own, because a Lift that is on its way undoes those that it knows of, and no later one.
// ErrNotShared says that it holds here, that no other instance may know of it yet, and that it is offered to the Store again and again. Any
// other error means that it holds nowhere: it wraps ErrFull, ErrClosed, the context's, or says what is wrong with e.
func (l *List) Revoke(ctx context.Context, e Entry) error {
	now := time.Now()
	if err := l.may(ctx, e, now); err != nil {
		return err
	}
	e = e.filled(now, l.maxAge)
	place := e.Kind.place()
	kept := entries.Record{Until: uint32(min(e.Until.Add(longestLeeway).Unix()+1, latest.Unix()))}
	if e.Kind.dated() {
		kept.Before = uint32(e.IssuedBefore.Unix())
	}
	if l.shared != nil {
		return l.shared.revoke(ctx, place, e, kept, now)
	}
	kept.Label = entries.NewLabel(0, place, 0, true)
	return l.enter(l.hasher.Digest(place, e.Issuer, e.Value), kept, now)
}

// enter makes an entry hold here.
func (l *List) enter(d entries.Digest, r entries.Record, now time.Time) error {
	isNew, err := l.table.Add(d, r, l.clock())
	if err != nil {
		return err
	}
	if !isNew {
		if l.shared == nil {
			l.version.Add(1) // whoever enters it at this moment may not have come so far
		}
		return nil
	}
	if l.index != nil {
		l.index.Add(d)
	}
	l.changed(now)
	l.watchers.Tell(d, r)
	return nil
}

// ErrFull says that a List holds as many live entries as it may (Config.MaxEntries), so that the entry holds nowhere. Nothing was
// forgotten for it.
var ErrFull = entries.ErrFull

// ErrNotListed says that there was no entry to lift.
var ErrNotListed = errors.New("revocation: no entry names this")

// Lift undoes the entries about what e names that are known here, which were a mistake, whatever their dates. A later Revoke of the same
// holds, and with a Store so does one that another instance made and that had not come here yet. The error wraps ErrNotListed, ErrClosed,
// the context's or, as Revoke's, ErrNotShared, or says what is wrong with e; with a Store also ErrFull, where more than twice MaxEntries were
// lifted that have not ended.
func (l *List) Lift(ctx context.Context, e Entry) error {
	now := time.Now()
	if err := l.may(ctx, e, now); err != nil {
		return err
	}
	place := e.Kind.place()
	if l.shared != nil {
		return l.shared.lift(ctx, place, e, now)
	}
	if l.table.Remove(l.hasher.Digest(place, e.Issuer, e.Value), func(entries.Record) bool { return true }) == 0 {
		return ErrNotListed
	}
	l.changed(now)
	return nil
}

// Notify calls revoked once when an entry hits a token with these facts, until stop is called. It says nothing of entries that are there
// already: Judge does. It costs whoever revokes a look-up, and a call for each stream that is hit; nothing runs for it.
// What revoked calls may revoke, but must not close the List, which waits for it.
func (l *List) Notify(t middleware.TokenFacts, revoked func()) (stop func()) {
	var digests []entries.Digest
	named := namedBy(&t)
	for place, value := range named.Values {
		if !named.Has(place) {
			continue
		}
		if l.shared == nil {
			digests = append(digests, l.hasher.Digest(place, t.Issuer, value))
			continue
		}
		for secret := range l.shared.seal.Secrets() {
			digests = append(digests, l.shared.seal.Digest(secret, place, t.Issuer, value))
		}
	}
	return l.watchers.Add(t.IssuedAt, digests, revoked)
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

// Close ends the List, and following its Store. Requests that would ask it are not judged from then on (503). Entries that are not shared
// yet are lost to other instances, which is logged.
func (l *List) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	l.version.Add(1)
	if l.shared != nil {
		l.shared.stop()
	}
	return nil
}

func (l *List) log() *slog.Logger {
	if l.logger == nil {
		return slog.Default()
	}
	return l.logger
}
