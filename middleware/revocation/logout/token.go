package logout

import (
	"errors"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// event is the member of events that makes a JWT a logout token (section 2.4).
const event = "http://schemas.openid.net/event/backchannel-logout"

// types: a logout token that says only that it is a JWT, or nothing, is told by its events (section 4).
var types = []string{"logout+jwt", "jwt"}

// The reasons for which a logout token is refused, beside those of package issued.
var (
	errAudience = errors.New("aud names none of Config.ClientIDs")
	errTime     = errors.New("it has expired, is too old or is dated ahead")
	errClaim    = errors.New("a claim is missing or no good")
	errNonce    = errors.New("it has a nonce, so it is no logout token but an ID token")
)

// maxName is how long a sid or sub can be to be entered.
const maxName = 4096

// logout is what a logout token says.
type logout struct {
	issuer  string
	id      string // jti
	at      time.Time
	subject string
	session string
}

// read reads a logout token (section 2.6). It is called before the signature is verified, so it does nothing else.
func (r *Receiver) read(s *issued.Statement, now time.Time) (l logout, err error) {
	l.issuer = s.Issuer
	if !r.takes(s.Issuer) {
		return l, fmt.Errorf("%w: %s is none of Config.Issuers", issued.ErrIssuer, cause.Text(s.Issuer))
	}
	switch named, err := s.AudienceHas(r.cfg.ClientIDs...); {
	case err != nil:
		return l, err
	case !named:
		return l, errAudience
	}
	if s.Has("nonce") {
		return l, errNonce
	}
	if err := checkEvents(s); err != nil {
		return l, err
	}
	if l.at, err = r.checkTime(s, now); err != nil {
		return l, err
	}
	for name, value := range map[string]*string{"jti": &l.id, "sub": &l.subject, "sid": &l.session} {
		if *value, err = s.Text(name); err != nil {
			return l, err
		}
		if len(*value) > maxName {
			return l, fmt.Errorf("%w: %s is longer than %d bytes", errClaim, name, maxName)
		}
	}
	switch {
	case l.id == "":
		return l, fmt.Errorf("%w: there is no jti", errClaim)
	case l.subject == "" && l.session == "":
		return l, fmt.Errorf("%w: there is neither sub nor sid", errClaim)
	}
	return l, nil
}

func checkEvents(s *issued.Statement) error {
	events, _, err := s.In("events")
	if err != nil {
		return err
	}
	_, ok, err := events.In(event)
	if err == nil && !ok {
		return fmt.Errorf("%w: events is no object with a logout that is one too", errClaim)
	}
	return err
}

// checkTime judges iat and exp, and returns iat.
func (r *Receiver) checkTime(s *issued.Statement, now time.Time) (time.Time, error) {
	at, err := s.Time("iat")
	if err != nil {
		return at, err
	}
	end, err := s.Time("exp")
	switch leeway := r.cfg.Leeway; {
	case err != nil:
		return at, err
	case at.IsZero():
		return at, fmt.Errorf("%w: there is no iat", errClaim)
	case end.IsZero() && !r.cfg.DangerouslyNoExpiry:
		return at, fmt.Errorf("%w: there is no exp, and Config.DangerouslyNoExpiry is not set", errClaim)
	case !end.IsZero() && !now.Before(end.Add(leeway)):
		return at, fmt.Errorf("%w: exp was %v ago", errTime, now.Sub(end).Round(time.Second))
	case at.After(now.Add(leeway)):
		return at, fmt.Errorf("%w: iat is %v ahead", errTime, at.Sub(now).Round(time.Second))
	case now.Sub(at) > r.cfg.MaxAge+leeway:
		return at, fmt.Errorf("%w: iat was %v ago, and Config.MaxAge is %v", errTime, now.Sub(at).Round(time.Second), r.cfg.MaxAge)
	}
	return at, nil
}

// entries are what ends. A session ends with all its tokens; of a user only those end that were issued before the logout, as a login may have
// come between it and now.
func (l *logout) entries(wholeSubject bool) (all []revocation.Entry) {
	if l.session != "" {
		all = append(all, revocation.Entry{Kind: revocation.Session, Issuer: l.issuer, Value: l.session})
	}
	if l.subject != "" && (l.session == "" || wholeSubject) {
		all = append(all, revocation.Entry{Kind: revocation.Subject, Issuer: l.issuer, Value: l.subject, IssuedBefore: l.at})
	}
	return all
}
