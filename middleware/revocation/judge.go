package revocation

import (
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/names"
)

// Judge implements middleware.Revocations.
func (l *List) Judge(t middleware.TokenFacts) middleware.Verdict {
	asOf := l.AsOf() // before the look-up, so that everything that is known as of then is in it
	if kind := l.kindThatHits(&t); kind != "" {
		l.hits.Add(1)
		return middleware.Verdict{Kind: string(kind), AsOf: asOf}
	}
	if l.livesLong(t, asOf) {
		l.noteLong(t)
	}
	return middleware.Verdict{AsOf: asOf}
}

func (l *List) kindThatHits(t *middleware.TokenFacts) Kind {
	if l.table.Size() == 0 {
		return ""
	}
	named := namedBy(t)
	if l.shared != nil {
		if place := l.names.Hit(&named); place >= 0 {
			return kinds[place]
		}
		return ""
	}
	for place, value := range named.Values {
		if named.Has(place) && l.table.Used(0, place) && l.table.Has(l.hasher.Digest(place, t.Issuer, value), t.IssuedAt) {
			return kinds[place]
		}
	}
	return ""
}

// namedBy is by what entries can name a token.
func namedBy(t *middleware.TokenFacts) names.Token {
	return names.Token{Issuer: t.Issuer, Values: [len(kinds)]string{t.ID, t.SessionID, t.Subject, t.ClientID}, Issued: t.IssuedAt}
}

// livesLong reports whether a token lives, or may live, longer than entries about more than itself are kept. One without iat began now, as far
// as anybody can tell.
func (l *List) livesLong(t middleware.TokenFacts, now time.Time) bool {
	switch {
	case now.IsZero(): // the List is closed or has not read its Store yet, and judges nothing
		return false
	case t.Expiry.IsZero():
		return true
	case t.IssuedAt.IsZero():
		return t.Expiry.Sub(now) > l.maxAge
	default:
		return t.Expiry.Sub(t.IssuedAt) > l.maxAge
	}
}

func (l *List) noteLong(t middleware.TokenFacts) {
	l.long.Add(1)
	if !l.longLogged.Swap(true) {
		l.log().Error("revocation: a token lives longer than Config.MaxAge, or does not say how long, so it can outlive an entry that revokes it: raise MaxAge",
			"issuer", t.Issuer, "iat", t.IssuedAt, "exp", t.Expiry, "max_age", l.maxAge)
	}
}

// Version changes with every entry. It spares tokens that are seen again their look-ups.
func (l *List) Version() uint64 { return l.version.Load() }

// AsOf is as of when the List knows what was revoked: now without a Store, and else when the Store last proved that nothing is missing. It
// is zero before the first full read, and of a List that was closed.
func (l *List) AsOf() time.Time {
	switch {
	case l.closed.Load():
		return time.Time{}
	case l.shared != nil:
		return l.shared.asOf()
	default:
		return time.Now()
	}
}
