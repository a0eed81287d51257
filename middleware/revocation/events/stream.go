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

// Why a feed is blind, as revocation.FeedStatus.Blind has it. The others are the statuses of a stream that is not enabled, which the transmitter
// says itself, and what poll.go has. Each of them ends by itself.
const unverified = "unverified"

const (
	verifyWithin = time.Minute

	// verificationAge is how old a verification event may be by its iat, unless Verify waits longer: an old one says nothing of the stream now.
	verificationAge = 10 * time.Minute
)

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
	r.lastVerified.Store(&now)
	if !asked {
		return nil
	}
	if err := r.setBlind(ctx, ""); err != nil { // also if nothing says that it is: this process may be behind the Store
		return err
	}
	// It comes last, as Verify returns with it.
	return r.list.Revoke(ctx, revocation.Entry{Kind: revocation.Token, Issuer: mark.Issuer, Value: mark.ID, Until: now.Add(verifyWithin)})
}

// updated takes a change of the stream's status (SSF 1.0 section 8.1.5). Of several the one counts that was issued last.
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
	counts := why != "" || !issued.After(time.Now().Add(maxAhead)) // as of verification events: one of the future ends nothing
	if counts {
		err = r.seeing(ctx, func() (err error) { counts, err = r.feed.SetBlindBySource(ctx, why, issued); return err })
	}
	if err == nil && !counts {
		r.log().WarnContext(ctx, "events: an update of the stream is older than what is known of it, or lies in the future, and is left out",
			"transmitter", r.transmitter, "status", status)
	}
	return err
}

// seeing tells whoever reads the log when a change makes the feed blind, or ends that.
func (r *Receiver) seeing(ctx context.Context, change func() error) error {
	was := r.feed.Status().Blind
	err := change()
	switch why := r.feed.Status().Blind; {
	case why == was:
	case why == "":
		r.log().InfoContext(ctx, "events: the stream is no longer blind", "transmitter", r.transmitter, "was", was)
	default:
		r.log().WarnContext(ctx, "events: the stream is blind: revocations may be missing", "transmitter", r.transmitter, "why", why)
	}
	return err
}

func (r *Receiver) setBlind(ctx context.Context, why string) error {
	return r.seeing(ctx, func() error { return r.feed.SetBlind(ctx, why) })
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
