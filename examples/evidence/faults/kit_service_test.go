package faults_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// Faults are what these tests are about; one that wants to read a line brings a Logger.
func init() { slog.SetDefault(slog.New(slog.DiscardHandler)) }

// service is an API behind a Guard, and the count of what it answered. It is safe for concurrent use.
type service struct {
	t         *testing.T
	validator *middleware.Validator
	handler   http.Handler

	mu    sync.Mutex
	count tally
	shown int
}

// tally holds no wrong accepts and no wrong refusals: each is an error at once, see service.judge.
type tally struct {
	accepted, refused int // as is right: good tokens with 200, bad ones with 401
	unavailable       int // 503
	waited            int // requests that were not answered in the moment they came

	// Forged tokens that were answered with 503, at once or when a fetch had failed. A server may publish a new key under the old name, so while
	// its keys cannot be fetched, nobody can tell that a token which no key verifies, and which is good in all else, is forged
	// (DESIGN 3.5). None is ever accepted.
	doubted int
}

// newService protects a handler by cfg until the test ends. In a bubble it must be the bubble's t.
func newService(t *testing.T, cfg middleware.Config) *service {
	t.Helper()
	validator, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = validator.Close() })
	s := &service{t: t, validator: validator}
	s.handler = validator.Require("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := middleware.TokenFromContext(r.Context()); !ok || token.Subject != "alice" {
			t.Errorf("the handler runs for the token %+v, %v", token, ok)
		}
		w.Header().Set("Handler-Ran", "yes")
	})
	return s
}

// reply is what a client gets.
type reply struct {
	status     int
	ran        bool          // the protected handler
	retryAfter time.Duration // of a 503
	took       time.Duration
}

// sort is what a token is worth.
type sort string

const (
	good   sort = "good"   // to be accepted, or not judged
	bad    sort = "bad"    // to be refused, or not judged
	forged sort = "forged" // bad by nothing but its signature
)

func (s *service) good(token string) reply   { return s.judge(context.Background(), token, good) }
func (s *service) bad(token string) reply    { return s.judge(context.Background(), token, bad) }
func (s *service) forged(token string) reply { return s.judge(context.Background(), token, forged) }

func (s *service) judge(ctx context.Context, token string, is sort) reply {
	w := &written{header: make(http.Header), status: http.StatusOK}
	began := time.Now()
	s.handler.ServeHTTP(w, requestWith(ctx, token))
	r := reply{status: w.status, ran: w.header.Get("Handler-Ran") != "", took: time.Since(began)}
	challenge := w.header.Get("WWW-Authenticate")
	seconds, err := strconv.Atoi(w.header.Get("Retry-After"))
	r.retryAfter = time.Duration(seconds) * time.Second

	s.mu.Lock()
	defer s.mu.Unlock()
	if r.took > 0 && is != forged { // which waits for the fetch that could vouch for it
		s.count.waited++
	}
	switch {
	case is == good && r.status == 200 && r.ran:
		s.count.accepted++
	case is != good && r.status == 401 && !r.ran && strings.Contains(challenge, `error="invalid_token"`):
		s.count.refused++
	case r.status == 503 && !r.ran && challenge == "" && err == nil && seconds > 0:
		if is == forged {
			s.count.doubted++
		} else {
			s.count.unavailable++
		}
	default:
		if s.shown++; s.shown <= 5 {
			s.t.Errorf("%s token: answer: status %d, challenge %q, Retry-After %q, handler ran: %v",
				is, r.status, challenge, w.header.Get("Retry-After"), r.ran)
		}
	}
	return r
}

// take returns the count since the last take.
func (s *service) take() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := s.count
	s.count = tally{}
	return count
}

// wantServed wants all requests since the last take to have been judged, and at least one of each kind.
func (s *service) wantServed(what string) {
	s.t.Helper()
	if c := s.take(); c.unavailable > 0 || c.accepted == 0 || c.refused == 0 {
		s.t.Errorf("%s: %+v; want good and bad tokens judged, and none unavailable", what, c)
	}
}

// health is that of the only issuer.
func (s *service) health() middleware.IssuerHealth { return s.validator.Health()[0] }

// traffic is the requests of one stretch of time: good tokens in turn, one bad one in twenty, and one in a hundred that is good and
// was never seen before.
type traffic struct {
	perSecond int
	good, bad []string
	forged    string
	fresh     func() string // nil: none
}

// steady sends the traffic for d.
func (s *service) steady(d time.Duration, tr traffic) {
	for n := range int(d.Seconds() * float64(tr.perSecond)) {
		switch {
		case n%20 == 7:
			if k := n / 20 % (len(tr.bad) + 1); k < len(tr.bad) {
				s.bad(tr.bad[k])
			} else {
				s.forged(tr.forged)
			}
		case tr.fresh != nil && n%100 == 0:
			s.good(tr.fresh())
		default:
			s.good(tr.good[n%len(tr.good)])
		}
		time.Sleep(time.Second / time.Duration(tr.perSecond))
	}
}

// usual is traffic with tokens of one authority, signed with the key that it signs with now.
func (a *authority) usual(perSecond int) traffic {
	key := a.key()
	return traffic{
		perSecond: perSecond,
		good:      []string{a.token(key), a.token(key), a.token(key)},
		bad:       a.bad(),
		forged:    a.forged(),
		fresh:     func() string { return a.token(key) },
	}
}

var ordersURL = &url.URL{Path: "/orders"}

// requestWith is quick to make, as there are millions.
func requestWith(ctx context.Context, token string) *http.Request {
	r := &http.Request{
		Method: "GET", URL: ordersURL, RequestURI: "/orders", Host: "api.example.com", RemoteAddr: "192.0.2.1:1234",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Authorization": {"Bearer " + token}},
	}
	return r.WithContext(ctx)
}

// written is a ResponseWriter that keeps status and header.
type written struct {
	header http.Header
	status int
}

func (w *written) Header() http.Header         { return w.header }
func (w *written) WriteHeader(status int)      { w.status = status }
func (w *written) Write(b []byte) (int, error) { return len(b), nil }

// status sends a token about which nothing is known, and does not count it.
func (s *service) status(token string) int {
	w := &written{header: make(http.Header), status: http.StatusOK}
	s.handler.ServeHTTP(w, requestWith(context.Background(), token))
	return w.status
}

// asRefusal is nil for nil.
func asRefusal(err error) *middleware.Error {
	var refusal *middleware.Error
	errors.As(err, &refusal)
	return refusal
}
