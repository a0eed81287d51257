package revocation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/pending"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// ErrNotShared says that an entry holds in this process, and that no other may know of it yet. It is offered to the Store until that has
// taken it, or the entry has ended, or the List is closed.
var ErrNotShared = errors.New("revocation: it holds here, but could not be shared yet, and is tried again")

// shared is what a List with a Store has besides.
type shared struct {
	list  *List
	store Store
	seal  *sealed.Sealer

	ctx     context.Context // ends with stop
	cancel  context.CancelFunc
	running sync.WaitGroup

	begun    time.Time
	knownAt  atomic.Int64  // nanoseconds after begun, and one more; 0: nothing is known yet
	fullRead chan struct{} // closed after the first

	pending *pending.Queue

	mu           sync.Mutex
	lifts        map[uint64]pending.Offer // that this process has made, by identifier
	sweepLiftsAt int                      // when there are so many, those that have ended are forgotten
	until        []uint32                 // for each secret: when the last record ends that was made with it; unix seconds
	lastError    error
	unreadable   uint64
	loggedAt     time.Time // zero: never

	troubleLogged bool // since all was well
}

func newShared(l *List, store Store, seal *sealed.Sealer) *shared {
	s := &shared{list: l, store: store, seal: seal, begun: time.Now(), fullRead: make(chan struct{}), pending: pending.NewQueue()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.until = make([]uint32, seal.Secrets())
	return s
}

func (s *shared) start() {
	s.running.Go(func() { (&follower{shared: s}).run() })
	s.running.Go(s.offerPending)
}

func (s *shared) stop() {
	s.cancel()
	s.running.Wait()
	if n := s.pending.Close(); n > 0 {
		s.lost(n)
	}
}

func (s *shared) lost(n int) {
	s.list.log().Error("revocation: closed with entries that no other instance may know of", "entries", n)
}

// Warm waits for the first full read of the Store, before which no request is judged. It returns at once without a Store. The error wraps
// the context's and names what went wrong last, or wraps ErrClosed; reading goes on until it succeeds, whatever Warm says.
func (l *List) Warm(ctx context.Context) error {
	if l.closed.Load() {
		return ErrClosed
	}
	if l.shared == nil {
		return nil
	}
	select {
	case <-l.shared.fullRead:
		return nil
	default:
	}
	select {
	case <-l.shared.fullRead:
		return nil
	case <-l.shared.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		l.shared.mu.Lock()
		defer l.shared.mu.Unlock()
		if l.shared.lastError != nil {
			return fmt.Errorf("revocation: the Store was not read yet: %w: %w", ctx.Err(), l.shared.lastError)
		}
		return fmt.Errorf("revocation: the Store was not read yet: %w", ctx.Err())
	}
}

func (s *shared) asOf() time.Time {
	known := s.knownAt.Load()
	if known == 0 {
		return time.Time{}
	}
	return s.begun.Add(time.Duration(known - 1))
}

// revoke enters e here, and shares it.
func (s *shared) revoke(ctx context.Context, place int, e Entry, r entries.Record, now time.Time) error {
	d := s.seal.Digest(0, place, e.Issuer, e.Value)
	r.Label = entries.NewLabel(sealed.NewID(), place, 0, true)
	if err := s.list.enter(d, r, now); err != nil {
		return err
	}
	return s.share(ctx, s.offerOf(d, r))
}

func (s *shared) offerOf(d entries.Digest, r entries.Record) pending.Offer {
	o := s.sealed(sealed.Record{Secret: r.Secret(), Op: byte(r.Place()), Digest: d, ID: r.ID(), Before: r.Before, Until: r.Until})
	o.Of = &pending.Entry{Digest: d, Record: r}
	return o
}

func (s *shared) sealed(r sealed.Record) pending.Offer {
	s.needs(r.Secret, r.Until)
	return pending.Offer{Sealed: s.seal.Seal(r), Until: r.Until, ID: r.ID}
}

// needs notes until when a secret is needed.
func (s *shared) needs(secret int, until uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until[secret] = max(s.until[secret], until)
}

// lift undoes what is known here of e, under each secret, and shares that: also the part of it that there was room to remember.
func (s *shared) lift(ctx context.Context, place int, e Entry, now time.Time) error {
	offers, err := s.undoAll(place, e, now)
	if len(offers) == 0 && err == nil {
		return ErrNotListed
	}
	s.keepLifts(offers, now)
	var errs []error
	for _, o := range offers {
		errs = append(errs, s.share(ctx, o))
	}
	if err != nil {
		return err // and not ErrNotShared besides, which says that all of it holds here
	}
	return errors.Join(errs...)
}

// undoAll undoes what is known here of e, and returns what says so to other instances.
func (s *shared) undoAll(place int, e Entry, now time.Time) (offers []pending.Offer, _ error) {
	for secret := range s.seal.Secrets() {
		d := s.seal.Digest(secret, place, e.Issuer, e.Value)
		replaced := slices.DeleteFunc(s.pending.ReplacedBy(d), func(r entries.Record) bool { return s.list.table.Lifted(r.ID()) })
		for chunk := range slices.Chunk(append(s.list.table.Under(d), replaced...), sealed.MaxLifted) {
			var until uint32
			ids := make([]uint64, len(chunk))
			for i, r := range chunk {
				ids[i], until = r.ID(), max(until, r.Until)
			}
			if err := s.undo(d, ids, until, now); err != nil {
				return offers, err
			}
			offers = append(offers, s.sealed(sealed.Record{
				Secret: secret, Op: sealed.OpLift, Digest: d, ID: sealed.NewID(), Until: until, Besides: sealed.BesidesOfLift(ids),
			}))
		}
	}
	return offers, nil
}

// undo makes entries hold no longer, and remembers them in case they come again, or for the first time.
func (s *shared) undo(d entries.Digest, ids []uint64, until uint32, now time.Time) error {
	for _, id := range ids {
		if err := s.list.table.Lift(id, until, now); err != nil {
			return err
		}
	}
	if s.list.table.Remove(d, func(r entries.Record) bool { return slices.Contains(ids, r.ID()) }) > 0 {
		s.list.changed(now)
	}
	return nil
}

// keepLifts remembers what this process has lifted, in case the Store loses it.
func (s *shared) keepLifts(offers []pending.Offer, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lifts) >= s.sweepLiftsAt {
		for id, o := range s.lifts {
			if o.Ended(now) {
				delete(s.lifts, id)
			}
		}
		s.sweepLiftsAt = max(64, 2*len(s.lifts)) // so that each lift pays for it once
	}
	if s.lifts == nil {
		s.lifts = make(map[uint64]pending.Offer)
	}
	for _, o := range offers {
		s.lifts[o.ID] = o
	}
}

// failed keeps an error for Status, and logs it unless one was logged within the last minute.
func (s *shared) failed(what string, err error) {
	now := time.Now()
	s.mu.Lock()
	s.lastError = err
	due := s.loggedAt.IsZero() || now.Sub(s.loggedAt) >= time.Minute
	if due {
		s.loggedAt, s.troubleLogged = now, true
	}
	s.mu.Unlock()
	if due { // without the lock, as the handler of a log may ask for the Status
		s.list.log().Error("revocation: "+what, "error", err.Error(), "as_of", s.asOf(), "pending", s.pending.Count())
	}
}

func (s *shared) well() {
	if s.pending.Count() > 0 {
		return
	}
	s.mu.Lock()
	due, since := s.troubleLogged, s.loggedAt
	s.lastError, s.troubleLogged = nil, false
	s.mu.Unlock()
	if due {
		s.list.log().Info("revocation: the Store is followed again, and everything is shared", "after", time.Since(since).Round(time.Millisecond))
	}
}

func (s *shared) status(status *Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status.Pending = s.pending.Count()
	status.Unreadable = s.unreadable
	status.LastError = s.lastError
	status.SecretsUntil = make([]time.Time, len(s.until))
	for i, until := range s.until {
		if until > 0 {
			status.SecretsUntil[i] = time.Unix(int64(until), 0)
		}
	}
	if !status.AsOf.IsZero() {
		status.Lag = time.Since(status.AsOf)
	}
}
