package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

var (
	errCritical = errors.New("a critical member of its subject is not understood")
	errNobody   = errors.New("its subject is nobody whom tokens name")
)

// entriesOf says what an event ends: what Config.Entries says, and else what its subject says by itself.
func (r *Receiver) entriesOf(ctx context.Context, e Event) ([]revocation.Entry, error) {
	ends := Event.EndsAccess
	if r.cfg.Ends != nil {
		ends = r.cfg.Ends
	}
	if !ends(e) {
		return nil, nil
	}
	if e.Subject.Format == "" {
		return nil, malformed("the event %s has no subject (sub_id)", cause.Text(e.Type))
	}
	if r.cfg.Entries != nil {
		entries, err := r.cfg.Entries(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("events: Entries: %w", err)
		}
		if len(entries) > 0 {
			return r.dated(entries, e), nil
		}
	}
	if err := r.checkCritical(e.Subject); err != nil {
		return nil, err
	}
	entries := r.dated(r.ownReading(e), e)
	if len(entries) == 0 { // SSF 1.0 section 9.3: not an error, as subjects come and go
		r.unmapped.Add(1)
		r.warn(ctx, "unmapped", "events: an event should end access and names nobody whom tokens can name: set Entries", e, errNobody)
	}
	return entries, nil
}

// dated copies entries and gives the event's time to those that mean "issued before" and do not say when.
func (r *Receiver) dated(entries []revocation.Entry, e Event) []revocation.Entry {
	all := make([]revocation.Entry, len(entries))
	for i, entry := range entries {
		switch entry.Kind {
		case revocation.Subject, revocation.Client, revocation.Issuer:
			if entry.IssuedBefore.IsZero() {
				entry.IssuedBefore = e.Time
			}
		}
		all[i] = entry
	}
	return all
}

// understood are the members of a complex subject that the own reading takes into account.
var understood = map[string]bool{"user": true, "session": true}

func (r *Receiver) checkCritical(s Subject) error {
	for name := range s.Members {
		if !understood[name] && r.isCritical(name) {
			return fmt.Errorf(`%w: "%s"`, errCritical, cause.Plain(name)) // which has no quotes inside it
		}
	}
	return nil
}

// ownReading takes the wider reading where a subject says more than tokens do: an event about a user on one device ends the tokens of the
// user on every device, because no token names devices. Members of a complex subject only narrow it, so the user alone is wide enough.
func (r *Receiver) ownReading(e Event) []revocation.Entry {
	switch s := e.Subject; {
	case s.Format == complexSubject:
		session := r.sessionOf(s.Members["session"])
		user := r.accountOf(s.Members["user"])
		if len(session) > 0 && (e.namesSession() || len(user) == 0) {
			return session
		}
		return user
	case s.Format == aliases: // all of them are the same subject, so each of them counts
		var all []revocation.Entry
		for _, alias := range s.Aliases {
			all = append(all, r.simple(e, alias)...)
		}
		return all
	default:
		return r.simple(e, s)
	}
}

// simple reads a subject that has no others inside it.
func (r *Receiver) simple(e Event, s Subject) []revocation.Entry {
	if s.Format == opaque && e.namesSession() { // CAEP 1.0 section 3.1.2
		return r.sessionOf(s)
	}
	return r.accountOf(s)
}

// sessionOf reads the identifier of a session, which is the sid of its tokens.
func (r *Receiver) sessionOf(s Subject) []revocation.Entry {
	if s.Format == opaque {
		return []revocation.Entry{{Kind: revocation.Session, Issuer: r.issuer, Value: s.ID}}
	}
	return nil
}

// accountOf reads the identifier of an account, or of one token.
func (r *Receiver) accountOf(s Subject) []revocation.Entry {
	switch {
	case s.Format == issSub && r.names(s.Issuer):
		return []revocation.Entry{{Kind: revocation.Subject, Issuer: r.issuer, Value: s.ID}}
	case s.Format == jwtID && r.names(s.Issuer):
		return []revocation.Entry{{Kind: revocation.Token, Issuer: r.issuer, Value: s.ID}}
	default:
		return nil
	}
}

// names reports whether iss is the issuer that events are about, by any of its names.
func (r *Receiver) names(iss string) bool {
	return iss == r.issuer || issued.NameOf(r.validator, iss) == r.issuer
}
