package introspection_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

func TestAnswersByStatusAndMediaType(t *testing.T) {
	const none = "-"
	tests := []struct {
		name      string
		status    int
		mediaType string
		text      string
		ok        bool
	}{
		{"JSON", 200, "application/json", activeText, true},
		{"JSON with parameters, in any case", 200, "Application/JSON; charset=UTF-8", activeText, true},
		{"a JSON type of its own", 200, "application/introspection+json", activeText, true},
		{"no media type but a JSON object", 200, none, activeText, true},
		{"white space around the object", 200, "application/json", "\n" + activeText + "\r\n", true},
		{"plain text, as servers written in Go say", 200, "text/plain; charset=utf-8", activeText, true},
		{"JSON that calls itself HTML", 200, "text/html", activeText, true},
		{"a media type that does not parse", 200, "application/json; charset", activeText, true},
		{"a byte order mark before the object", 200, "application/json", "\ufeff" + activeText, true},
		{"HTML", 200, "application/json", "<!DOCTYPE html><p>" + activeText, false},
		{"no media type and no object", 200, none, `"active"`, false},
		{"a signed answer that nobody asked for", 200, "application/token-introspection+jwt", "e30.e30.c2ln", false},
		{"another success", 201, "application/json", activeText, false},
		{"no content", 204, "application/json", "", false},
		{"an error with an active answer inside", 500, "application/json", activeText, false},
		{"our credentials refused, with an active answer inside", 401, "application/json", activeText, false},
		{"a bad request, with an active answer inside", 400, "application/json", activeText, false},
		{"two objects", 200, "application/json", activeText + activeText, false},
		{"an object cut short", 200, "application/json", activeText[:10], false},
		{"a body over 64 KiB", 200, "application/json", activeText + strings.Repeat(" ", 64<<10), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{test.mediaType}
				if test.mediaType == none {
					w.Header()["Content-Type"] = nil // sends none and sniffs none
				}
				w.WriteHeader(test.status)
				io.WriteString(w, test.text)
			}))
			defer server.Close()
			client := newClient(t, introspection.Config{URL: server.URL}, nil)
			response, err := client.Introspect(t.Context(), canaryToken)
			if !test.ok {
				mustBeUnavailable(t, response, err)
				return
			}
			if err != nil || !response.Active() {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tests := map[string]time.Duration{
			"30":     30 * time.Second,
			"0":      0,
			"301":    5 * time.Minute,
			"999999": 5 * time.Minute,
			"-1":     0,
			"soon":   0,
			"":       0,
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat):  time.Minute,
			time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):    5 * time.Minute,
			time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
		}
		for value, want := range tests {
			tr := &transport{serve: func(*http.Request, string) (*http.Response, error) {
				response := respond(503, "")
				response.Header.Set("Retry-After", value)
				return response, nil
			}}
			response, err := newClient(t, introspection.Config{}, tr).Introspect(t.Context(), "token")
			mustBeUnavailable(t, response, err)
			if got := retryAfter(err); got != want {
				t.Errorf("Retry-After %q: %v, want %v", value, got, want)
			}
		}
	})
}

// A redirect would hand token and credentials to whomever it names.
func TestRedirectsAreRefused(t *testing.T) {
	var reached atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, activeText)
	}))
	defer target.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, code)
		}))
		for _, given := range []*http.Client{nil, {}} {
			client := newClient(t, introspection.Config{URL: server.URL, HTTPClient: given}, nil)
			response, err := client.Introspect(t.Context(), "token")
			mustBeUnavailable(t, response, err)
		}
		server.Close()
	}
	if reached.Load() != 0 {
		t.Errorf("the target was asked %d times", reached.Load())
	}
}

func TestCookiesAreDropped(t *testing.T) {
	var cookies atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies.Add(int32(len(r.Cookies())))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, activeText)
	}))
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	given := &http.Client{Jar: jar}
	client := newClient(t, introspection.Config{URL: server.URL, HTTPClient: given, ActiveTTL: -1}, nil)
	mustIntrospect(t, client, "token")
	mustIntrospect(t, client, "token")
	if cookies.Load() != 0 {
		t.Error("a cookie came back: one caller's session is another's")
	}
	if given.Jar == nil || given.CheckRedirect != nil {
		t.Error("the given client was changed")
	}
}

func TestBodiesAreBounded(t *testing.T) {
	padding := bytes.Repeat([]byte(" "), 1<<20)
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	for range 4 {
		zip.Write(padding)
	}
	zip.Close()
	tests := map[string]http.HandlerFunc{
		"4 MiB in a few kilobytes of gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		},
		"a body without end": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(padding); err != nil {
					return // the client hung up, which is what the test waits for
				}
			}
		},
	}
	for name, serve := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				serve(w, r)
			}))
			client := newClient(t, introspection.Config{URL: server.URL, Timeout: time.Minute}, nil)
			response, err := client.Introspect(t.Context(), "token")
			mustBeUnavailable(t, response, err)
			if !strings.Contains(err.Error(), "larger than 64 KiB") {
				t.Errorf("error %v", err)
			}
			server.Close() // waits for the handler
		})
	}
}

// drip gives a byte a second and never ends.
type drip struct{ request *http.Request }

func (d drip) Read(p []byte) (int, error) {
	if err := wait(d.request.Context(), time.Second); err != nil {
		return 0, err
	}
	p[0] = ' '
	return 1, nil
}

func TestBodyThatDripsIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
			response := respond(200, "")
			response.Body = io.NopCloser(drip{r})
			return response, nil
		}}
		client := newClient(t, introspection.Config{}, tr)
		start := time.Now()
		response, err := client.Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %v, want 2s", took)
		}
	})
}

// These statuses complain of the request, of which a stranger chose the token: they must not count against the server.
func TestStatusesThatComplainOfTheToken(t *testing.T) {
	for _, code := range []int{400, 413, 414, 422, 431} {
		tr := &transport{serve: status(code, "")}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 6 {
			response, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
			mustBeUnavailable(t, response, err)
		}
		if client.Status().BreakerOpen || tr.count() != 6 {
			t.Errorf("status %d: %d requests, and the breaker is open: %t", code, tr.count(), client.Status().BreakerOpen)
		}
	}
}

func TestLimitOfTime(t *testing.T) {
	for latency, judged := range map[time.Duration]bool{2*time.Second - 1: true, 2*time.Second + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			client := newClient(t, introspection.Config{}, &transport{serve: slowly(latency, activeText)})
			began := time.Now()
			_, err := client.Introspect(t.Context(), "token")
			if (err == nil) != judged || time.Since(began) > 2*time.Second {
				t.Errorf("an answer after %v: %v after %v", latency, err, time.Since(began))
			}
		})
	}
}
