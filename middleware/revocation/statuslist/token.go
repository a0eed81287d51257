package statuslist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// statusList is a Status List Token (section 5.1) that was verified.
type statusList struct {
	statuses *statuses
	issuedAt time.Time
	expiry   time.Time     // zero: it has no exp
	ttl      time.Duration // zero: it has no ttl
}

// leeway is the clock skew allowed for iat, nbf and exp of a list, as it is for those of a token.
const leeway = 30 * time.Second

var (
	errSubject  = errors.New("sub is not the uri that the token names")
	errAudience = errors.New("it has an aud, and so is for somebody else: a status list is for everybody")
	errIssued   = errors.New("it has no iat")
	errFuture   = errors.New("iat or nbf lies in the future")
	errExpired  = errors.New("it has expired")
	errTTL      = errors.New("ttl is not a number")
)

// asker is whose list is wanted.
type asker struct {
	keys     *middleware.Validator
	issuer   string // that signs
	uri      string
	maxBytes int
}

// read verifies a Status List Token by the rules of section 8.3. What it says is judged before its signature, as that is cheaper; nothing of
// it is used unless the signature is good too.
func (a asker) read(ctx context.Context, text string, now time.Time) (*statusList, error) {
	var list statusList
	kind := issued.Kind{
		Types:      []string{"statuslist+jwt"},
		MaxBytes:   maxAnswer(a.maxBytes),
		Issuerless: true,
		Accept:     func(s *issued.Statement) error { return list.judgeClaims(s.Claims, a.uri, now) },
	}
	statement, err := issued.Verify(ctx, a.keys, text, kind, a.issuer)
	if err != nil {
		return nil, err
	}
	if list.statuses, err = readStatuses(statement.Claims, a.maxBytes); err != nil {
		return nil, err
	}
	return &list, nil
}

// maxAnswer bounds the text of a list: what does not get shorter by compression is encoded twice, by a third each.
func maxAnswer(maxBytes int) int { return 2*maxBytes + 64<<10 }

func (l *statusList) judgeClaims(claims issued.Claims, uri string, now time.Time) error {
	if subject, err := claims.Text("sub"); subject != uri {
		return cmp.Or(err, fmt.Errorf("%w: it is %s", errSubject, cause.Text(subject)))
	}
	if audience, err := claims.At("aud"); err != nil || audience.Kind() != 0 {
		return cmp.Or(err, errAudience)
	}
	var err error
	if l.issuedAt, err = claims.Time("iat"); l.issuedAt.IsZero() {
		return cmp.Or(err, errIssued)
	}
	notBefore, err := claims.Time("nbf")
	if err != nil {
		return err
	}
	if l.expiry, err = claims.Time("exp"); err != nil {
		return err
	}
	switch {
	case l.issuedAt.After(now.Add(leeway)), notBefore.After(now.Add(leeway)):
		return errFuture
	case !l.expiry.IsZero() && !now.Before(l.expiry.Add(leeway)):
		return errExpired
	}
	l.ttl, err = readTTL(claims)
	return err
}

// readTTL reads seconds. What is not positive is the shortest time that there is, which no limit lets stand (SHOULD of section 11.5).
func readTTL(claims issued.Claims) (time.Duration, error) {
	ttl, err := claims.At("ttl")
	switch {
	case ttl.Kind() == 0: // with err as well
		return 0, err
	case ttl.Kind() != strictjson.Number:
		return 0, errTTL
	}
	seconds, _ := strconv.ParseFloat(ttl.Raw(), 64) // infinite beyond all numbers
	const longest = 100 * 365 * 24 * time.Hour
	return time.Duration(min(max(seconds*float64(time.Second), 1), float64(longest))), nil
}
