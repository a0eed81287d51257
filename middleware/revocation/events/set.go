package events

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

const (
	// maxSET bounds the text of a security event token.
	maxSET = 64 << 10

	// maxEvents bounds the types of one: they are alternative names of one type (SSF 1.0 section 4.2.1).
	maxEvents = 8

	// maxID bounds jti, which is remembered and sent back.
	maxID = 512

	// maxAhead is how far an event may lie in the future, for clocks that differ.
	maxAhead = time.Minute

	// milliseconds: from here on event_timestamp, which counts seconds (CAEP 1.0 section 2), is read as milliseconds. As seconds it would
	// be the year 5138, as milliseconds it is 1973, and there are transmitters that send them.
	milliseconds = 1e11
)

// set is a security event token (RFC 8417).
type set struct {
	id     string
	issued time.Time
	events []Event // one at least
}

// read takes from a statement what RFC 8417 section 2 and SSF 1.0 section 4 demand of a security event token.
func (r *Receiver) read(s *issued.Statement, now time.Time) (*set, error) {
	for _, name := range [...]string{"sub", "exp"} {
		if s.Has(name) { // SSF 1.0 sections 4.1.2 and 4.1.7: so it cannot be taken for another kind of token, nor another one for it
			return nil, malformed("it has the claim %s, which belongs to other kinds of token", name)
		}
	}
	id, _ := s.Text("jti") // empty unless it is there, once, and is text
	if id == "" || len(id) > maxID {
		return nil, malformed("it has no jti of %d bytes at most", maxID)
	}
	at, _ := s.Time("iat") // zero likewise
	if at.Unix() <= 0 {
		return nil, malformed("it has no iat")
	}
	is := &set{id: id, issued: at}
	return is, r.readEvents(is, s, now)
}

func (r *Receiver) readEvents(is *set, s *issued.Statement, now time.Time) error {
	transaction, err := s.Text("txn")
	if err != nil {
		return err
	}
	all, _, _ := s.In("events") // without members unless it is an object
	for name, v := range all.Members {
		if u, err := url.Parse(name); err != nil || !u.IsAbs() || v.Kind() != strictjson.Object {
			return malformed("the event %s is not an object under a URI", cause.Text(name))
		}
		subject, err := subjectIn(s, issued.Of(v))
		if err != nil {
			return err
		}
		at, err := happened(s, issued.Of(v), is.issued)
		if err != nil {
			return err
		}
		if latest := now.Add(maxAhead); at.After(latest) {
			at = latest
		}
		is.events = append(is.events, Event{
			Type:        name,
			Transmitter: r.transmitter,
			ID:          is.id,
			Transaction: transaction,
			Subject:     subject,
			Time:        at,
			Payload:     json.RawMessage(v.Raw()),
		})
		if len(is.events) > maxEvents {
			return malformed("it has more than %d events", maxEvents)
		}
	}
	switch {
	case len(is.events) == 0:
		return malformed("it has no events, an object with an event")
	case r.cfg.Interop && len(is.events) > 1: // CAEP Interoperability Profile 1.0 section 2.7.1
		return malformed("it has %d events, and the profile allows one", len(is.events))
	}
	return nil
}

// subjectIn reads sub_id. Where there is none, the member subject of the event counts, as it did in the drafts of SSF (1.0 section 3.1.1).
// It is the zero Subject if there is neither.
func subjectIn(s *issued.Statement, payload issued.Claims) (Subject, error) {
	v, err := s.At("sub_id")
	if err != nil {
		return Subject{}, err
	}
	if v.Kind() == 0 {
		if v, err = payload.At("subject"); err != nil || v.Kind() == 0 {
			return Subject{}, err
		}
	}
	return subjectOf(v, false)
}

// happened is when an event did: event_timestamp, toe (RFC 8417 section 2.2), or iat, which is later and so covers more tokens. An
// event_timestamp that cannot be read counts as none, as the event has happened all the same.
func happened(s *issued.Statement, payload issued.Claims, issued time.Time) (time.Time, error) {
	v, err := payload.At("event_timestamp")
	if err != nil {
		return time.Time{}, err
	}
	if at, ok := timestamp(v); ok {
		return at, nil
	}
	toe, err := s.Time("toe")
	if err != nil {
		return time.Time{}, err
	}
	if toe.Unix() > 0 {
		return toe, nil
	}
	return issued, nil
}

func timestamp(v strictjson.Value) (time.Time, bool) {
	seconds, _ := strconv.ParseFloat(v.Raw(), 64) // 0 of what is no number, infinite of what is beyond all
	if seconds >= milliseconds {
		seconds /= 1000
	}
	if seconds < 1 || seconds >= milliseconds {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true // whole seconds are what an entry knows
}
