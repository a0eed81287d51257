package events

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/tally"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// Receiver takes the security event tokens of one stream, by push (it is an [http.Handler]) or by Poll. It is made by New and safe for
// concurrent use. Each process of an API has one; with a Store in the List it does not matter which of them gets an event.
type Receiver struct {
	cfg           Config
	transmitter   string
	issuer        string // as middleware.TokenFacts have it
	authorization [][sha256.Size]byte
	keys          issued.Keys
	findsKeys     bool // by the transmitter's configuration

	validator *middleware.Validator
	list      *revocation.List
	feed      *revocation.Feed
	client    *http.Client
	metadata  metadata
	seen      *seen
	hook      queue
	refusals  tally.Tally

	duplicates, unmapped, discarded, invalid atomic.Uint64
	closed                                   atomic.Bool

	lastVerified atomic.Pointer[time.Time] // when the last verification event came; nil: none did
}

// Status says how a Receiver is.
type Status struct {
	_ [0]func() // keyed literals only

	Feed revocation.FeedStatus // also in revocation.Status.Feeds

	Duplicates uint64 // tokens that had come before
	Unmapped   uint64 // events that should end access and name nobody whom tokens can name
	Discarded  uint64 // events that name a critical member which nobody judges
	Invalid    uint64 // entries of Config.Entries that no List takes, and that ended nothing

	Waiting  int       // events that Config.Event has not been told yet
	Verified time.Time // when the last verification event came, here, that was not old; zero: none did
}

// Status says how the Receiver is. It does no I/O.
func (r *Receiver) Status() Status {
	s := Status{
		Feed:       r.feed.Status(),
		Duplicates: r.duplicates.Load(),
		Unmapped:   r.unmapped.Load(),
		Discarded:  r.discarded.Load(),
		Invalid:    r.invalid.Load(),
		Waiting:    r.hook.waiting(),
	}
	if at := r.lastVerified.Load(); at != nil {
		s.Verified = *at
	}
	return s
}

// Close ends what Warm and Verify began. Tokens that come later are sent back (503). Poll ends with its own context.
func (r *Receiver) Close() error {
	r.closed.Store(true)
	return r.metadata.close()
}

var errClosed = errors.New("events: the Receiver was closed")

// receiveWithin bounds the work on one token, so that the answer is quick though a Store is slow (RFC 8935 section 2).
const receiveWithin = 5 * time.Second

// receive takes a security event token. When it returns nil everything that the token ends is in the List, as durable as its Store is, and
// Config.Event will be told. A *refusal says that the token is no good. Every other error is about us: it is to be sent again.
func (r *Receiver) receive(ctx context.Context, text string) error { return r.receiveAs(ctx, "", text) }

// receiveAs is receive for a token whose jti is known; empty: it is not.
func (r *Receiver) receiveAs(ctx context.Context, id, text string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), receiveWithin) // whoever hangs up has told of it all the same
	defer cancel()
	if r.closed.Load() {
		return errClosed
	}
	err := verdictOf(r.guarded(ctx, func() error {
		is, err := r.verify(ctx, text)
		if err == nil && id != "" && is.id != id {
			err = malformed("its jti is not the name under which it was sent")
		}
		if err == nil {
			err = r.once(ctx, is)
		}
		return err
	}))
	r.report(ctx, err)
	return err
}

var errPanicked = errors.New("events: a function of Config panicked")

// guarded survives a panic of the application's functions, which would end a process that polls. It is a failure of ours.
func (r *Receiver) guarded(ctx context.Context, work func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			r.write(ctx, slog.LevelError, "panicked", errPanicked.Error(), "panic", fmt.Sprint(reason))
			err = errPanicked
		}
	}()
	return work()
}

// verify reads a token whose signature and purpose are good.
func (r *Receiver) verify(ctx context.Context, text string) (*set, error) {
	statement, err := r.keys.Verify(ctx, text, issued.Kind{
		Types:    []string{"secevent+jwt"}, // SSF 1.0 section 4.1.1
		MaxBytes: maxSET,
		Accept: func(s *issued.Statement) error {
			forUs, err := s.AudienceHas(r.cfg.Audiences...)
			if err == nil && !forUs {
				err = refuse(invalidAudience, "its aud names none of %q", r.cfg.Audiences)
			}
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return r.read(statement, time.Now())
}

// once takes a token up unless it has been. Whoever delivers it again while it is being worked on waits for the result (RFC 8935 section 2:
// it is answered as if it were new).
func (r *Receiver) once(ctx context.Context, is *set) error {
	progress, end, err := r.seen.begin(ctx, is.id)
	if err != nil {
		return err
	}
	if progress.told {
		r.duplicates.Add(1)
		return nil
	}
	defer func() { end(progress) }() // also when it panics, so that the token can come again
	if !progress.entered {
		if progress.discarded, err = r.enterAll(ctx, is); err != nil {
			return err
		}
		progress.entered = true
	}
	if err := r.tell(is, progress.discarded); err != nil { // then it is sent again, and only told
		return err
	}
	progress.told = true
	r.feed.Heard()
	return nil
}

// enterAll enters what each event ends, and takes note of what it says of the stream. A bit of discarded is set for each that Config.Event
// is not told of.
func (r *Receiver) enterAll(ctx context.Context, is *set) (discarded uint8, err error) {
	for i, e := range is.events {
		skip := true
		switch e.Type {
		case verification:
			err = r.verified(ctx, e, is.issued)
		case streamUpdated:
			err = r.updated(ctx, e, is.issued)
		default:
			skip, err = r.enter(ctx, e)
		}
		if err != nil {
			return 0, err
		}
		if skip {
			discarded |= 1 << i
		}
	}
	return discarded, nil
}

// tell hands events to Config.Event, which is called later.
func (r *Receiver) tell(is *set, discarded uint8) error {
	if r.cfg.Event == nil {
		return nil
	}
	var told []Event
	for i, e := range is.events {
		if discarded&(1<<i) == 0 {
			told = append(told, e)
		}
	}
	return r.hook.add(told, r.cfg.Event, r.log)
}

// enter puts what an event ends into the list.
func (r *Receiver) enter(ctx context.Context, e Event) (discarded bool, _ error) {
	entries, err := r.entriesOf(ctx, e)
	if errors.Is(err, errCritical) {
		r.discarded.Add(1)
		r.warn(ctx, "discarded", "events: an event was discarded, as its subject has a critical member that nobody judges: set Entries", e, err)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	entered := 0
	var again error
	for i, entry := range entries {
		switch err := r.revoke(ctx, entry, len(entries)-i); {
		case err == nil:
			entered++
		case mayPass(err):
			again = cmp.Or(again, err) // and those that follow may hold here all the same
		default: // the next time Config.Entries says the same
			r.invalid.Add(1)
			r.write(ctx, slog.LevelError, "invalid", "events: Entries made an entry that no List takes, so that it ends nothing",
				"type", cause.Plain(e.Type), "jti", cause.Plain(e.ID), "error", err)
		}
	}
	if entered > 0 {
		r.log().InfoContext(ctx, "events: an event has ended access",
			"transmitter", r.transmitter, "type", cause.Plain(e.Type), "jti", cause.Plain(e.ID), "entries", entered)
	}
	return false, again
}

// revoke leaves time for those that follow, of which so many are left with this one: a Store that is silent must not keep them out of this process.
func (r *Receiver) revoke(ctx context.Context, entry revocation.Entry, left int) error {
	end, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, max(time.Until(end)/time.Duration(left), receiveWithin/20))
	defer cancel()
	return r.list.Revoke(ctx, entry)
}

// mayPass reports whether an error of Revoke is about the List, and not about the entry.
func mayPass(err error) bool {
	for _, of := range []error{revocation.ErrFull, revocation.ErrClosed, revocation.ErrNotShared, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// report counts and logs what was not taken. Nothing of it names a subject.
func (r *Receiver) report(ctx context.Context, err error) {
	var refused *refusal
	switch {
	case err == nil:
	case errors.As(err, &refused):
		r.feed.Refused(err)
		r.write(ctx, slog.LevelWarn, string(refused.code), "events: a security event token was refused", "error", err)
	default:
		r.feed.Failed(err)
		r.write(ctx, slog.LevelWarn, "failed", "events: a security event token could not be taken, and is to be sent again", "error", err)
	}
}

func (r *Receiver) warn(ctx context.Context, reason, message string, e Event, err error) {
	r.write(ctx, slog.LevelWarn, reason, message, "type", cause.Plain(e.Type), "format", cause.Plain(e.Subject.Format), "jti", cause.Plain(e.ID), "error", err)
}

// write keeps whoever sends from filling the log.
func (r *Receiver) write(ctx context.Context, level slog.Level, reason, message string, attributes ...any) {
	if write, before := r.refusals.Write(tally.Kind{Reason: reason}, time.Now()); write {
		attributes = slices.Concat([]any{"transmitter", r.transmitter, "unwritten_before", before}, attributes)
		r.log().Log(ctx, level, message, attributes...)
	}
}

func (r *Receiver) log() *slog.Logger {
	if r.cfg.Logger == nil {
		return slog.Default()
	}
	return r.cfg.Logger
}

var _ http.Handler = (*Receiver)(nil)
