package revocation

import (
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/names"
)

// Judge implements middleware.Revocations.
func (l *List) Judge(t middleware.TokenFacts) middleware.Verdict {
	asOf := l.AsOf() // before the look-up, so that everything that is known as of then is in it
	return l.verdict(l.kindThatHits(&t), asOf, lifeOf(&t))
}

// ForToken returns Judge for this one token, which holds what is dear to make of it; nil without a Store, where nothing is, and where asked
// is not l but has it in itself. It is for package middleware.
func (l *List) ForToken(asked middleware.Revocations, t middleware.TokenFacts) (judge func() middleware.Verdict) {
	if l.shared == nil || asked != middleware.Revocations(l) {
		return nil
	}
	named := namedBy(&t)
	known, life := l.index.Known(&named), lifeOf(&t)
	return func() middleware.Verdict {
		asOf := l.AsOf()
		return l.verdict(kindAt(known.Hit()), asOf, life)
	}
}

func (l *List) verdict(kind Kind, asOf time.Time, of life) middleware.Verdict {
	if kind != "" {
		l.hits.Add(1)
	} else if of.exceeds(l.maxAge, asOf) {
		l.noteLong(of)
	}
	return middleware.Verdict{Kind: string(kind), AsOf: asOf}
}

func (l *List) kindThatHits(t *middleware.TokenFacts) Kind {
	if l.table.Size() == 0 {
		return ""
	}
	named := namedBy(t)
	if l.shared != nil {
		return kindAt(l.index.Hit(&named))
	}
	for place, value := range named.Values {
		if named.Has(place) && l.table.Used(0, place) && l.table.Has(l.hasher.Digest(place, t.Issuer, value), t.IssuedAt) {
			return kinds[place]
		}
	}
	return ""
}

func kindAt(place int) Kind {
	if place < 0 {
		return ""
	}
	return kinds[place]
}

// namedBy is by what entries can name a token.
func namedBy(t *middleware.TokenFacts) names.Token {
	return names.Token{Issuer: t.Issuer, Values: [len(kinds)]string{t.ID, t.SessionID, t.Subject, t.ClientID}, Issued: t.IssuedAt}
}

// life is how long a token lives.
type life struct {
	issuer         string
	issued, expiry time.Time
}

func lifeOf(t *middleware.TokenFacts) life { return life{t.Issuer, t.IssuedAt, t.Expiry} }

// exceeds reports whether a token lives, or may live, longer than entries about more than itself are kept. One without iat began now, as far
// as anybody can tell.
func (of life) exceeds(maxAge time.Duration, now time.Time) bool {
	switch {
	case now.IsZero(): // the List is closed or has not read its Store yet, and judges nothing
		return false
	case of.expiry.IsZero():
		return true
	case of.issued.IsZero():
		return of.expiry.Sub(now) > maxAge
	default:
		return of.expiry.Sub(of.issued) > maxAge
	}
}

func (l *List) noteLong(of life) {
	l.long.Add(1)
	if !l.longLogged.Swap(true) {
		l.log().Error("revocation: a token lives longer than Config.MaxAge, or does not say how long, so it can outlive an entry that revokes it: raise MaxAge",
			"issuer", of.issuer, "iat", of.issued, "exp", of.expiry, "max_age", l.maxAge)
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
