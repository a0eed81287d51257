package events

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// Why a feed is blind, as revocation.FeedStatus.Blind has it. The others are the statuses of a stream that is not enabled.
const unverified = "unverified"

const (
	verifyWithin = time.Minute

	// verificationAge is how old a verification event may be by its iat, unless Verify waits longer: an old one says nothing of the stream now.
	verificationAge = 10 * time.Minute
)

// stream is what the transmitter has said of the stream itself.
type stream struct {
	updating chan struct{} // of one place, held while an update is taken up, which may have to wait for the Store

	mu       sync.Mutex
	verified time.Time // when the last verification event came
	updated  time.Time // iat of the last update, so that an older one that comes late does not undo it
	since    time.Time // as of when the feed was blind after that update; zero: it was not
}

func (s *stream) lastVerified() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verified
}

// ErrUnverified says that the transmitter has not sent the verification event that it was asked for.
var ErrUnverified = errors.New("events: the stream is not verified")

// Verify asks the transmitter for a verification event (SSF 1.0 section 8.1.4) and waits until it has come, by push or poll, to this
// process or to another one that shares the List's Store. If it does not come within Config.VerifyWithin, or the transmitter knows no
// such stream, the feed is blind ("unverified") until an event comes that answers a Verify, and the error wraps ErrUnverified. Any other
// error is about asking, and says nothing of the stream. Call it now and then, and not more often than the stream's
// min_verification_interval: it is what tells a quiet stream from a broken one.
func (r *Receiver) Verify(ctx context.Context) error {
	address, err := r.verificationURL(ctx)
	if err != nil {
		return err
	}
	state := r.newState()
	answered := make(chan struct{})
	stop := r.list.Notify(markOf(state), sync.OnceFunc(func() { close(answered) }))
	defer stop()
	if err := r.ask(ctx, address, state); err != nil {
		return err
	}
	within := r.cfg.VerifyWithin
	if within == 0 {
		within = verifyWithin
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("events: %w", ctx.Err())
	case <-timer.C:
		return r.isUnverified(ctx, fmt.Errorf("no event came within %v", within))
	}
}

func (r *Receiver) verificationURL(ctx context.Context) (string, error) {
	if r.cfg.StreamID == "" {
		return "", errors.New("events: Config.StreamID is empty: a verification is asked for by the stream's id")
	}
	if r.cfg.VerificationURL != "" {
		return r.cfg.VerificationURL, nil
	}
	c, err := r.metadata.load(ctx, r)
	if err != nil {
		return "", err
	}
	if c.verificationURL == "" {
		return "", errors.New("events: the transmitter's configuration has no verification_endpoint")
	}
	return c.verificationURL, nil
}

func (r *Receiver) ask(ctx context.Context, address, state string) error {
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	got, err := r.post(asking, address, map[string]string{"stream_id": r.cfg.StreamID, "state": state})
	if err == nil {
		err = got.refused(http.StatusNoContent, http.StatusOK, http.StatusAccepted)
	}
	if err == nil {
		return nil
	}
	r.feed.Failed(err)
	var answered *statusError
	if errors.As(err, &answered) && answered.status == http.StatusNotFound {
		return r.isUnverified(ctx, err)
	}
	return err
}

func (r *Receiver) isUnverified(ctx context.Context, why error) error {
	err := r.setBlind(ctx, unverified)
	return errors.Join(fmt.Errorf("%w: %w", ErrUnverified, why), err)
}

// aboutThis reads the payload of an event about a stream, which must be this one.
func (r *Receiver) aboutThis(e Event) (map[string]json.RawMessage, error) {
	if s := e.Subject; s.Format != opaque || r.cfg.StreamID != "" && s.ID != r.cfg.StreamID {
		return nil, malformed("the event %s is not about this stream", e.Type)
	}
	var payload map[string]json.RawMessage
	return payload, json.Unmarshal(e.Payload, &payload)
}

// verified takes a verification event. One without state is the transmitter's own idea, which answers no Verify: it does not end the
// blindness that a Verify without an answer has begun.
func (r *Receiver) verified(ctx context.Context, e Event, issued time.Time) error {
	payload, err := r.aboutThis(e)
	if err != nil {
		return err
	}
	now := time.Now()
	old := now.Sub(issued) > max(verificationAge, r.cfg.VerifyWithin) || issued.After(now.Add(maxAhead))
	given, asked := payload["state"]
	if old && !asked {
		return nil
	}
	var mark middleware.TokenFacts
	if asked {
		var state string
		if json.Unmarshal(given, &state) != nil || !r.isOurs(state) {
			return refuse(invalidState, "the state of the verification event is none of ours")
		}
		if old {
			return refuse(invalidState, "the verification event is of %v, which is not now", issued.UTC())
		}
		mark = markOf(state)
	}
	r.stream.mu.Lock()
	r.stream.verified = now
	r.stream.mu.Unlock()
	if !asked {
		return nil
	}
	if r.feed.Status().Blind == unverified {
		if err := r.setBlind(ctx, ""); err != nil {
			return err
		}
	}
	// It comes last, as Verify returns with it.
	return r.list.Revoke(ctx, revocation.Entry{Kind: revocation.Token, Issuer: mark.Issuer, Value: mark.ID, Until: now.Add(verifyWithin)})
}

// updated takes a change of the stream's status (SSF 1.0 section 8.1.5), one at a time.
func (r *Receiver) updated(ctx context.Context, e Event, issued time.Time) error {
	payload, err := r.aboutThis(e)
	if err != nil {
		return err
	}
	var status string
	_ = json.Unmarshal(payload["status"], &status) // what is no string is none of these
	why, known := map[string]string{"enabled": "", "paused": "paused", "disabled": "disabled"}[status]
	if !known {
		return malformed("the status %s of the stream is none", cause.Text(status))
	}
	select {
	case r.stream.updating <- struct{}{}:
		defer func() { <-r.stream.updating }()
	case <-ctx.Done():
		return fmt.Errorf("events: another update is being taken: %w", ctx.Err())
	}
	if r.stream.outdates(issued, why, r.feed.Status()) {
		r.log().WarnContext(ctx, "events: an update of the stream is older than what is known of it, and is left out", "transmitter", r.transmitter, "status", status)
		return nil
	}
	if err := r.setBlind(ctx, why); err != nil {
		return err
	}
	r.stream.note(issued, r.feed.Status().BlindSince)
	return nil
}

// outdates reports whether what is known is newer than an update. Here one update is told from another by their iat. Of a blindness that
// another process, or a Verify, has begun only the time is known: an update from before it does not end it. iat counts whole seconds. If
// the transmitter's clock is behind by more than the update came later, the feed stays blind, which is safe, until the next update.
func (s *stream) outdates(issued time.Time, why string, feed revocation.FeedStatus) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if issued.Before(s.updated) {
		return true
	}
	return why == "" && feed.Blind != "" && !feed.BlindSince.Equal(s.since) && issued.Before(feed.BlindSince.Truncate(time.Second))
}

func (s *stream) note(issued, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.updated, s.since = issued, since
}

// setBlind also tells whoever reads the log.
func (r *Receiver) setBlind(ctx context.Context, why string) error {
	if why != "" {
		r.log().WarnContext(ctx, "events: the stream is blind: revocations may be missing", "transmitter", r.transmitter, "why", why)
	} else if was := r.feed.Status().Blind; was != "" {
		r.log().InfoContext(ctx, "events: the stream is no longer blind", "transmitter", r.transmitter, "was", was)
	}
	return r.feed.SetBlind(ctx, why)
}

// markOf is the token that nobody has which is revoked when the verification event of a state comes: so every process learns of it in the
// way in which it learns of everything.
func markOf(state string) middleware.TokenFacts {
	return middleware.TokenFacts{Issuer: "urn:cardea:verification", ID: state}
}

// newState makes the state of a verification. It can be told from others by every process with this Config, whichever of them gets
// the event, and so nothing has to be remembered. It is no secret, and the event that brings it back is signed.
func (r *Receiver) newState() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // it never fails, or ends the program
	return base64.RawURLEncoding.EncodeToString(append(random, r.mac(random)...))
}

func (r *Receiver) isOurs(state string) bool {
	decoded, err := base64.RawURLEncoding.DecodeString(state)
	return err == nil && len(decoded) == 32 && hmac.Equal(decoded[16:], r.mac(decoded[:16]))
}

func (r *Receiver) mac(random []byte) []byte {
	mac := hmac.New(sha256.New, []byte("cardea: state of a verification: "+r.transmitter+" "+r.cfg.StreamID))
	mac.Write(random)
	return mac.Sum(nil)[:16]
}
