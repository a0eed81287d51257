package revocation

import (
	"errors"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// Kind says what an Entry names. The zero Kind is refused, so that a mistake cannot revoke more than was meant.
type Kind string

// The kinds, and so the values of middleware.Verdict.Kind and Decision.RevokedBy.
const (
	Token   Kind = "token"   // Value is a jti
	Session Kind = "session" // Value is a sid
	Subject Kind = "subject" // Value is a sub; tokens issued before
	Client  Kind = "client"  // Value is a client id; tokens issued before
	Issuer  Kind = "issuer"  // without Value; tokens issued before
)

// kinds are in the order in which a token is looked up. Their places are part of what a digest is made of.
var kinds = [...]Kind{Token, Session, Subject, Client, Issuer}

// place returns the index of k in kinds; -1 if it is none.
func (k Kind) place() int {
	for i, known := range kinds {
		if k == known {
			return i
		}
	}
	return -1
}

// names reports whether an entry of this kind has a Value.
func (k Kind) names() bool { return k != Issuer }

// dated reports whether an entry of this kind hits only tokens that were issued before.
func (k Kind) dated() bool { return k == Subject || k == Client || k == Issuer }

// Entry says which tokens are revoked.
type Entry struct {
	Kind   Kind
	Issuer string // as middleware.TokenFacts.Issuer has it: Issuer.URL, never one of its Aliases, by which nothing is hit
	Value  string // what the kind names; never empty, except for the kind Issuer, which has none

	// IssuedBefore, for the kinds Subject, Client and Issuer: tokens issued in this second or before are hit. Zero: now, and two
	// seconds more, because the issuer's clock may be ahead; a token issued within them is refused too. It is at most MaxAge ahead, or a
	// minute, by which clocks may differ however short tokens live.
	IssuedBefore time.Time

	// Until is when the entry may be forgotten. Zero: when no token of Config.MaxAge can be hit any more.
	Until time.Time

	Note string // for the log of this process; it never travels
}

// skew is how far the clock of an issuer is taken to be ahead where an entry means "until now".
const skew = 2 * time.Second

// ByToken is about t alone, until t ends: a token that does not expire is never forgotten. Its Value is empty, and so refused, if t has no
// jti.
func ByToken(t *middleware.Token) Entry {
	f := t.Facts()
	until := f.Expiry
	if until.IsZero() || until.After(latest) {
		until = latest
	}
	return Entry{Kind: Token, Issuer: f.Issuer, Value: f.ID, Until: until}
}

// BySession is about every token of the session that t belongs to. Its Value is empty, and so refused, if t has no sid.
func BySession(t *middleware.Token) Entry {
	f := t.Facts()
	return Entry{Kind: Session, Issuer: f.Issuer, Value: f.SessionID}
}

// BySubject is about every token of the subject of t that was issued before; zero: until now, as Entry.IssuedBefore has it, t itself
// included however far its issuer's clock is ahead. Its Value is empty, and so refused, if t has no sub.
func BySubject(t *middleware.Token, before time.Time) Entry {
	f := t.Facts()
	return Entry{Kind: Subject, Issuer: f.Issuer, Value: f.Subject, IssuedBefore: andOf(f, before)}
}

// ByClient is about every token of the client of t that was issued before; zero: until now, t itself included. Its Value is empty, and so
// refused, if t names no client.
func ByClient(t *middleware.Token, before time.Time) Entry {
	f := t.Facts()
	return Entry{Kind: Client, Issuer: f.Issuer, Value: f.ClientID, IssuedBefore: andOf(f, before)}
}

// andOf is before, or the iat of a token that is ahead of what a zero before means.
func andOf(f middleware.TokenFacts, before time.Time) time.Time {
	if before.IsZero() && f.IssuedAt.After(time.Now().Add(skew)) {
		return f.IssuedAt
	}
	return before
}

// WholeIssuer is about every token of an issuer that was issued before; zero: until now.
func WholeIssuer(issuer string, before time.Time) Entry {
	return Entry{Kind: Issuer, Issuer: issuer, IssuedBefore: before}
}

// maxText bounds what an entry names. No identifier needs more, and a Store carries it.
const maxText = 4096

var (
	errNoKind   = errors.New("revocation: Entry.Kind is empty: name what is revoked, as ByToken and its siblings do")
	errNoIssuer = errors.New("revocation: Entry.Issuer is empty: name the issuer as middleware.TokenFacts does")
)

// check says what is wrong with an entry.
func (e Entry) check(now time.Time, maxAge time.Duration) error {
	switch {
	case e.Kind == "":
		return errNoKind
	case e.Kind.place() < 0:
		return fmt.Errorf("revocation: Entry.Kind %q is not a kind: use one of %q", e.Kind, kinds)
	case e.Issuer == "":
		return errNoIssuer
	case e.Kind.names() && e.Value == "":
		return fmt.Errorf("revocation: Entry.Value is empty: there is no %s to name, so the token does not say what its %s is; use another kind", e.Kind, e.Kind)
	case !e.Kind.names() && e.Value != "":
		return fmt.Errorf("revocation: Entry.Value stands in an entry about a whole issuer, which would revoke more than it names: leave it out, or use another kind")
	case len(e.Issuer) > maxText || len(e.Value) > maxText:
		return fmt.Errorf("revocation: Entry.Issuer and Entry.Value may have %d bytes each", maxText)
	case !e.Kind.dated() && !e.IssuedBefore.IsZero():
		return fmt.Errorf("revocation: Entry.IssuedBefore means nothing to an entry about a %s, which hits it whenever it was issued: leave it out", e.Kind)
	case e.Kind.dated() && e.IssuedBefore.After(now.Add(max(maxAge, time.Minute))):
		return fmt.Errorf("revocation: Entry.IssuedBefore is more than Config.MaxAge (%v) ahead: entries are for tokens that exist; to shut somebody out use a Rule", maxAge)
	case !e.Until.IsZero() && e.Until.Add(longestLeeway).Before(now):
		return errors.New("revocation: Entry.Until has passed, so the entry would be forgotten at once: leave it out, or name the end of the last token to be hit")
	case !e.Until.IsZero() && outOfRange(e.Until) || !e.IssuedBefore.IsZero() && outOfRange(e.IssuedBefore):
		return errors.New("revocation: Entry.Until and Entry.IssuedBefore must lie between 1970 and 2100")
	default:
		return nil
	}
}

// filled is e with its dates.
func (e Entry) filled(now time.Time, maxAge time.Duration) Entry {
	if e.Kind.dated() && e.IssuedBefore.IsZero() {
		e.IssuedBefore = now.Add(skew)
	}
	if e.Until.IsZero() {
		e.Until = now.Add(maxAge)
		if e.Kind.dated() {
			e.Until = e.IssuedBefore.Add(maxAge)
		}
	}
	return e
}

var latest = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// outOfRange reports whether a date does not fit into the 32 bits that a List spends on it, of which zero stands for none.
func outOfRange(t time.Time) bool { return t.Unix() <= 0 || t.After(latest) }
