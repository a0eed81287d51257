package download_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/download"
)

func TestWhatAStatusMeans(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct{ redirect, missing, busy bool }{
		201: {}, 204: {}, 206: {}, 299: {}, 304: {}, 400: {}, 401: {}, 403: {},
		300: {redirect: true}, 301: {redirect: true}, 302: {redirect: true}, 307: {redirect: true}, 399: {redirect: true},
		404: {missing: true}, 410: {missing: true}, 428: {}, 430: {}, 499: {},
		429: {busy: true}, 500: {busy: true}, 502: {busy: true}, 503: {busy: true}, 599: {busy: true},
	} {
		_, err := get(t, answering(status, nothing(), "Location", "https://elsewhere.example/keys"), nil)
		var e *download.StatusError
		if !errors.As(err, &e) || e.Code != status || e.Missing() != want.missing || e.Busy() != want.busy {
			t.Errorf("%d: %v, want %+v", status, err, want)
		}
		if strings.Contains(err.Error(), "redirects are not followed") != want.redirect || strings.Contains(err.Error(), "elsewhere") {
			t.Errorf("%d: %v", status, err)
		}
		var absent interface{ Absent() bool }
		if errors.As(err, &absent) {
			t.Errorf("%d: of one document it is said that there are none at all", status)
		}
	}
}

func TestHowLongABusyServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what   string
		status int
		value  func() string
		want   time.Duration
	}{
		{"seconds", 503, func() string { return "30" }, 30 * time.Second},
		{"seconds with 429", 429, func() string { return "30" }, 30 * time.Second},
		{"a date", 503, func() string { return time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat) }, 90 * time.Second},
		{"five minutes", 503, func() string { return "300" }, 5 * time.Minute},
		{"a second more is cut", 503, func() string { return "301" }, 5 * time.Minute},
		{"a year from now is cut", 503, func() string { return time.Now().Add(365 * 24 * time.Hour).UTC().Format(http.TimeFormat) }, 5 * time.Minute},
		{"more than a number holds is cut", 503, func() string { return "99999999999999999999" }, 5 * time.Minute},
		{"a date in the past", 503, func() string { return "Thu, 01 Jan 1970 00:00:00 GMT" }, 0},
		{"nothing", 503, func() string { return "" }, 0},
		{"nonsense", 503, func() string { return "soon" }, 0},
		{"a negative number", 503, func() string { return "-5" }, 0},
		{"a status that is not about load", 404, func() string { return "30" }, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := get(t, answering(row.status, nothing(), "Retry-After", row.value()), nil)
			var e *download.StatusError
			if !errors.As(err, &e) || e.After != row.want {
				t.Errorf("%s: %+v, want %v", row.what, e, row.want)
			}
		})
	}
}
