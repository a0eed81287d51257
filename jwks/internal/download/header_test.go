package download_test

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/download"
)

func header(fields ...string) http.Header {
	h := http.Header{}
	for n := 0; n < len(fields); n += 2 {
		h.Add(fields[n], fields[n+1])
	}
	return h
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	const control, year = "Cache-Control", 365 * 24 * time.Hour
	for _, row := range []struct {
		what   string
		header http.Header
		want   time.Duration
		stated bool
	}{
		{"nothing said", nil, 0, false},
		{"other things said", header(control, "public, must-revalidate"), 0, false},
		{"max-age", header(control, "public, max-age=300, must-revalidate"), 5 * time.Minute, true},
		{"in quotes and capitals", header(control, `Max-Age="300"`), 5 * time.Minute, true},
		{"in a second line", header(control, "public", control, "max-age=300"), 5 * time.Minute, true},
		{"less the age", header(control, "max-age=300", "Age", "120"), 3 * time.Minute, true},
		{"older than that", header(control, "max-age=300", "Age", "1000"), 0, true},
		{"an age that is no number", header(control, "max-age=300", "Age", "old"), 5 * time.Minute, true},
		{"an age alone", header("Age", "120"), 0, false},
		{"none at all", header(control, "max-age=0"), 0, true},
		{"no-store", header(control, "no-store"), 0, true},
		{"no-cache beside max-age", header(control, "max-age=300, no-cache"), 0, true},
		{"the first of two counts (RFC 9111 section 4.2.1)", header(control, "max-age=120, max-age=300"), 2 * time.Minute, true},
		{"the first that is a number counts", header(control, "max-age=soon, max-age=300"), 5 * time.Minute, true},
		{"a year and a day", header(control, "max-age=31622400"), year, true},
		{"more than a number holds", header(control, "max-age=99999999999999999999"), year, true},
		{"a negative one", header(control, "max-age=-1"), 0, false},
		{"text", header(control, "max-age=soon, x"), 0, false},
		{"s-maxage, which is for proxies", header(control, "s-maxage=120"), 0, false},
	} {
		if got, stated := download.Freshness(row.header); got != row.want || stated != row.stated {
			t.Errorf("%s: %v, stated %v; want %v, %v", row.what, got, stated, row.want, row.stated)
		}
	}
}

func TestTheTimeOfTheServer(t *testing.T) {
	t.Parallel()
	const text = "Sun, 22 Nov 2026 12:00:00 GMT"
	date := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		what   string
		header http.Header
		want   time.Time
	}{
		{"nothing said", nil, time.Time{}},
		{"a date", header("Date", text), date},
		{"a date that a cache has kept for a minute", header("Date", text, "Age", "60"), date.Add(time.Minute)},
		{"what is no date", header("Date", "today"), time.Time{}},
		{"an age alone", header("Age", "60"), time.Time{}},
		{"an age that nobody can read", header("Date", text, "Age", "old"), time.Time{}},
		{"an age beyond all numbers", header("Date", text, "Age", "99999999999999999999"), time.Time{}},
	} {
		if got := download.DateOf(row.header); !got.Equal(row.want) {
			t.Errorf("%s: %v, want %v", row.what, got, row.want)
		}
	}
}

func TestValidators(t *testing.T) {
	t.Parallel()
	const date = "Sun, 22 Nov 2026 00:00:00 GMT"
	for what, row := range map[string]struct{ has, want http.Header }{
		"none":                    {header("Cache-Control", "max-age=7"), http.Header{}},
		"a tag":                   {header("ETag", `W/"1"`), header("If-None-Match", `W/"1"`)},
		"a time":                  {header("Last-Modified", date), header("If-Modified-Since", date)},
		"both, and what is not":   {header("ETag", `"1"`, "Last-Modified", date, "Set-Cookie", "a=b"), header("If-None-Match", `"1"`, "If-Modified-Since", date)},
		"what says nothing of it": {header("ETag", "", "Last-Modified", ""), http.Header{}},
	} {
		if got := download.ValidatorsOf(row.has); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %v, want %v", what, got, row.want)
		}
	}
}
