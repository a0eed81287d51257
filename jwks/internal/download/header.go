package download

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxRetryAfter = 5 * time.Minute // whatever Retry-After says

// ValidatorsOf makes the next request for the same document conditional (RFC 9110 section 13.1).
func ValidatorsOf(h http.Header) http.Header {
	validators := make(http.Header)
	if tag := h.Get("ETag"); tag != "" {
		validators.Set("If-None-Match", tag)
	}
	if date := h.Get("Last-Modified"); date != "" {
		validators.Set("If-Modified-Since", date)
	}
	return validators
}

// DateOf is when the server says that it answers; zero: it does not say. An answer that a cache has kept is as much older (RFC 9111 section
// 5.1).
func DateOf(header http.Header) time.Time {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	age, err := strconv.ParseUint(header.Get("Age"), 10, 31)
	if err != nil && header.Get("Age") != "" {
		return time.Time{}
	}
	return date.Add(time.Duration(age) * time.Second)
}

// Freshness is the lifetime that RFC 9111 section 4.2 gives a response: max-age less the Age it already has, a year at most; zero for what
// may not be kept. If the response does not say, stated is false.
func Freshness(h http.Header) (lifetime time.Duration, stated bool) {
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			if age, ok := seconds(strings.Trim(value, `"`)); ok && !stated {
				lifetime, stated = age, true
			}
		}
	}
	if age, ok := seconds(h.Get("Age")); ok && stated {
		lifetime = max(0, lifetime-age)
	}
	return lifetime, stated
}

// retryAfter reads RFC 9110 section 10.2.3: seconds or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	wait, ok := seconds(text)
	if !ok {
		at, err := http.ParseTime(text)
		if err != nil {
			return 0
		}
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// seconds reads delta-seconds (RFC 9111 section 1.2.2); more than a year is as good as a year and cannot overflow.
func seconds(text string) (time.Duration, bool) {
	const year = 365 * 24 * time.Hour
	n, err := strconv.ParseUint(text, 10, 31)
	if errors.Is(err, strconv.ErrRange) {
		return year, true
	}
	return min(time.Duration(n)*time.Second, year), err == nil
}
