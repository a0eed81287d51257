package strictjson

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// number returns the index after the number at i, or -1 (RFC 8259 section 6).
func number(text string, i int) int {
	if i < len(text) && text[i] == '-' {
		i++
	}
	if i < len(text) && text[i] == '0' {
		i++ // and no digit may follow
	} else if i = digits(text, i); i < 0 {
		return -1
	}
	if i < len(text) && text[i] == '.' {
		if i = digits(text, i+1); i < 0 {
			return -1
		}
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		return digits(text, i)
	}
	return i
}

// digits returns the index after one digit or more, or -1.
func digits(text string, i int) int {
	start := i
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// year10000 is 10000-01-01T00:00:00Z in seconds since the epoch.
const year10000 = 253402300800

// NumericDate returns the instant, in UTC, that v stands for: a JSON number of
// seconds since the epoch (RFC 7519 section 2), as an integer, with a fraction or with
// an exponent. It computes exactly and drops what is finer than a nanosecond.
//
// The error wraps [ErrNumericDate] when v is anything but a number, a string of
// digits included, or lies outside the years 1 to 9999. The very first instant
// of year 1 is out as well: it is the zero time.Time, which readers take for no date.
func (v Value) NumericDate() (time.Time, error) {
	if v.Kind() != Number {
		return time.Time{}, fmt.Errorf("%w: want a JSON number of seconds", ErrNumericDate)
	}
	unsigned, negative := strings.CutPrefix(v.raw, "-")
	seconds, nanos, ok := splitSeconds(unsigned)
	if negative {
		seconds, nanos = -seconds, -nanos
	}
	t := time.Unix(seconds, nanos).UTC()
	if !ok || seconds >= year10000 || !t.After(time.Time{}) {
		return time.Time{}, fmt.Errorf("%w: want a date in the years 1 to 9999", ErrNumericDate)
	}
	return t, nil
}

var powersOf10 = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11}

// splitSeconds divides a vetted number without sign into whole seconds and the
// nanoseconds beyond; ok is false from 10^12 seconds on. Each digit is added with its
// own weight, so that neither a long mantissa nor a large exponent can overflow.
func splitSeconds(text string) (seconds, nanos int64, ok bool) {
	for i := range min(len(text), 12) { // an integer below 10^12, which a date nearly always is
		if text[i] < '0' || text[i] > '9' {
			break
		}
		seconds = 10*seconds + int64(text[i]-'0')
		if i == len(text)-1 {
			return seconds, 0, true
		}
	}
	seconds = 0
	mantissa, weight := text, int64(-1)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		// An exponent out of range is cut to the nearest of 62 bits, far from overflow.
		exponent, _ := strconv.ParseInt(text[i+1:], 10, 62)
		weight += exponent
	}
	whole, _, _ := strings.Cut(mantissa, ".")
	weight += int64(len(whole)) // the power of ten that the first digit counts for
	for _, c := range []byte(mantissa) {
		if c == '.' {
			continue
		}
		digit := int64(c - '0')
		switch {
		case digit == 0 || weight < -9:
		case weight < 0:
			nanos += digit * powersOf10[weight+9]
		case weight < int64(len(powersOf10)):
			seconds += digit * powersOf10[weight]
		default:
			return 0, 0, false
		}
		weight--
	}
	return seconds, nanos, true
}
