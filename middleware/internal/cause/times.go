package cause

import (
	"errors"
	"time"
)

var (
	errExpired     = errors.New("exp has passed")
	errNotYetValid = errors.New("nbf lies ahead")
	errIssuedAhead = errors.New("iat lies ahead")
)

// ClockHint is the hint about a date as long as nothing is known of the clocks. Whoever knows more puts the words of a Clock in its place.
const ClockHint = "if this is so of fresh tokens, compare the clocks"

// Expired is that exp has passed. issued is iat; zero: absent.
func Expired(expiry, issued, now time.Time, leeway time.Duration) error {
	return New(errExpired, func() Sides {
		s := Sides{
			Expected: "exp after " + date(now) + ", the time here, with a leeway of " + span(leeway),
			Got:      "exp " + date(expiry) + ", " + span(now.Sub(expiry)) + " ago",
			Hint:     ClockHint,
		}
		if !issued.IsZero() {
			s.Got += ", iat " + span(now.Sub(issued)) + " ago"
		}
		return s
	})
}

// NotYetValid is that nbf lies ahead.
func NotYetValid(notBefore, now time.Time, leeway time.Duration) error {
	return New(errNotYetValid, func() Sides { return ahead("nbf", notBefore, now, leeway) })
}

// IssuedAhead is that iat lies ahead.
func IssuedAhead(issued, now time.Time, leeway time.Duration) error {
	return New(errIssuedAhead, func() Sides { return ahead("iat", issued, now, leeway) })
}

func ahead(name string, t, now time.Time, leeway time.Duration) Sides {
	return Sides{
		Expected: name + " before " + date(now) + ", the time here, with a leeway of " + span(leeway),
		Got:      name + " " + date(t) + ", " + span(t.Sub(now)) + " ahead",
		Hint:     ClockHint,
	}
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// span is a duration to the second, which is what claims have.
func span(d time.Duration) string { return d.Round(time.Second).String() }
