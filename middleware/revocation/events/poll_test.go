package events_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

func TestPollTakesWhatIsGoodAndRefusesWhatIsNot(t *testing.T) {
	f := receiver(t, with(func(cfg *events.Config) {
		cfg.AccessToken = func(context.Context) (string, error) { return "a token", nil }
	}))
	good := make([]string, 80) // more than one poll brings
	for n := range good {
		good[n] = f.issuer.SecurityEvent(claims{"jti": fmt.Sprint("good ", n)})
	}
	bad := map[string]string{
		"no iat":     f.issuer.SecurityEvent(claims{"jti": "no iat", "iat": nil}),
		"not for us": f.issuer.SecurityEvent(claims{"jti": "not for us", "aud": "https://other.example.test"}),
	}
	f.issuer.OfferEvents(good...)
	f.issuer.OfferEvents(bad["no iat"], bad["not for us"])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f.Poll(ctx) }()
	eventually(t, "the acknowledgement", func() bool {
		acked, refused := f.issuer.PolledEvents()
		return len(acked) == len(good) && len(refused) == 2
	})
	if _, refused := f.issuer.PolledEvents(); refused["no iat"] != "invalid_request" || refused["not for us"] != "invalid_audience" {
		t.Errorf("refused: %v", refused)
	}
	if f.revokedBy() != "subject" {
		t.Error("alice is not revoked")
	}
	f.issuer.OfferEvents(f.issuer.SecurityEvent(claims{"jti": "later"})) // while the poll waits
	eventually(t, "the later event", func() bool { acked, _ := f.issuer.PolledEvents(); return slices.Contains(acked, "later") })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := f.Status(); got.Feed.Events != 81 || got.Feed.Refused != 2 {
		t.Errorf("%+v", got)
	}
}

// A process that ends between what it has taken and its acknowledgement is sent everything again, and does nothing twice.
func TestWhatWasNotAcknowledgedComesAgain(t *testing.T) {
	lost := errors.New("the process has ended")
	var told []string
	dead := false
	first := receiver(t, with(func(cfg *events.Config) {
		cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			if dead {
				return nil, lost
			}
			dead = true // after the first poll
			return http.DefaultTransport.RoundTrip(r)
		})}
	}))
	token := first.issuer.SecurityEvent(claims{"jti": "one"})
	first.issuer.OfferEvents(token)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- first.Poll(ctx) }()
	eventually(t, "the revocation", func() bool { return first.revokedBy() == "subject" })
	eventually(t, "the failure", func() bool { return first.Status().Feed.LastError != nil })
	cancel()
	<-ended
	if acked, _ := first.issuer.PolledEvents(); len(acked) > 0 {
		t.Fatalf("acknowledged: %v", acked)
	}
	var mu sync.Mutex
	second := receiver(t, func(f *fixture, cfg *events.Config) {
		f.issuer, f.auth = first.issuer, first.auth
		cfg.Transmitter, cfg.PollURL = f.issuer.URL(), f.issuer.URL()+string(authtest.EndpointPoll)
		cfg.Event = func(_ context.Context, e events.Event) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, e.ID)
		}
	})
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	go func() { ended <- second.Poll(ctx) }()
	eventually(t, "the acknowledgement", func() bool { acked, _ := second.issuer.PolledEvents(); return len(acked) == 1 })
	cancel()
	<-ended
	mu.Lock()
	defer mu.Unlock()
	if second.revokedBy() != "subject" || !slices.Equal(told, []string{"one"}) {
		t.Errorf("revoked by %q, told of %q", second.revokedBy(), told)
	}
}

func TestPollSaysWhatItHasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, list, all := offline(t, func(n int, _ asked, ctx context.Context) (*http.Response, error) {
			switch n {
			case 1:
				return sets(true, "a", set("a", "alice"), "b", "no token", "c", set("other", "carol"))
			case 2:
				return sets(false, "d", set("d", "dave"))
			default:
				return silence(ctx)
			}
		}, func(cfg *events.Config) {
			cfg.AccessToken = func(context.Context) (string, error) { return "the token", nil }
		})
		pollFor(t, r, 10*time.Second)
		if len(*all) != 4 { // the last one is the acknowledgement at the end
			t.Fatalf("%d polls: %+v", len(*all), *all)
		}
		first, second, third := (*all)[0], (*all)[1], (*all)[2]
		if first.AtOnce || first.Max != 32 || len(first.Ack)+len(first.SetErrs) > 0 || first.header.Get("Authorization") != "Bearer the token" ||
			first.header.Get("Content-Type") != "application/json" || first.header.Get("Accept") != "application/json" || first.header.Get("Content-Language") != "en" {
			t.Errorf("the first: %+v", first)
		}
		if !second.AtOnce || !slices.Equal(second.Ack, []string{"a"}) || len(second.SetErrs) != 2 || second.at != 0 ||
			second.SetErrs["b"].Err != "invalid_request" || second.SetErrs["c"].Err != "invalid_request" || second.SetErrs["b"].Description == "" {
			t.Errorf("the second: %+v", second)
		}
		if third.AtOnce || !slices.Equal(third.Ack, []string{"d"}) || len(third.SetErrs) > 0 {
			t.Errorf("the third: %+v", third)
		}
		for sub, want := range map[string]string{"alice": "subject", "carol": "", "dave": "subject"} {
			if got := list.Judge(middleware.TokenFacts{Issuer: testkit.Issuer, Subject: sub, IssuedAt: time.Now().Add(-time.Minute)}).Kind; got != want {
				t.Errorf("%s: %q", sub, got)
			}
		}
		_ = list.Close()
	})
}

func TestPollOutlivesItsTransmitter(t *testing.T) {
	broken := errors.New("broken")
	for _, row := range []struct {
		name string
		play func(n int, ctx context.Context) (*http.Response, error)
		want []time.Duration // of the first polls, with a second to either side
		err  string
	}{
		{
			"it is gone", func(int, context.Context) (*http.Response, error) { return nil, broken },
			[]time.Duration{0, s(1), s(3), s(7), s(15), s(31)}, "could not be asked",
		},
		{"it refuses", func(int, context.Context) (*http.Response, error) { return respond(401, "") }, []time.Duration{0, s(1), s(3), s(7)}, "status 401"},
		{"it redirects", func(int, context.Context) (*http.Response, error) {
			return respond(307, "", "Location", "https://evil.example/")
		}, []time.Duration{0, s(1), s(3)}, "status 307"},
		{
			"it is busy", func(int, context.Context) (*http.Response, error) { return respond(429, "", "Retry-After", "20") },
			[]time.Duration{0, s(20), s(40)}, "status 429",
		},
		{"it is busy for days", func(int, context.Context) (*http.Response, error) {
			return respond(503, "", "Retry-After", "60000")
		}, []time.Duration{0, s(60), s(120)}, "status 503"},
		{"its answer has no end", func(int, context.Context) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(endless{})}, nil
		}, []time.Duration{0, s(1), s(3)}, "longer than"},
		{
			"its answer is no JSON", func(int, context.Context) (*http.Response, error) { return respond(200, "<html>") },
			[]time.Duration{0, s(1), s(3)}, "not a JSON object",
		},
		{"its answer is null", func(int, context.Context) (*http.Response, error) { return respond(200, "null") }, []time.Duration{0, s(1)}, "not a JSON object"},
		{"its answer has no sets", func(int, context.Context) (*http.Response, error) { return respond(200, "{}") }, []time.Duration{0, s(1)}, "no object sets"},
		{
			"its sets are a list", func(int, context.Context) (*http.Response, error) { return respond(200, `{"sets":[]}`) },
			[]time.Duration{0, s(1)}, "no object sets",
		},
		{"its moreAvailable is text", func(int, context.Context) (*http.Response, error) {
			return respond(200, `{"sets":{},"moreAvailable":"yes"}`)
		}, []time.Duration{0, s(1)}, "moreAvailable"},
		{"it answers at once and has nothing", func(int, context.Context) (*http.Response, error) { return sets(false) }, []time.Duration{0, s(2), s(4), s(6)}, ""},
		{"it says nothing of more", func(int, context.Context) (*http.Response, error) { return respond(200, `{"sets":{}}`) }, []time.Duration{0, s(2), s(4)}, ""},
		{"its answer breaks off", func(int, context.Context) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(strings.NewReader(`{"sets":{}}`), brokenOff{}))}, nil
		}, []time.Duration{0, s(1), s(3)}, "could not be asked"},
		{
			"it says that there is more and has nothing", func(int, context.Context) (*http.Response, error) { return sets(true) },
			[]time.Duration{0, s(2), s(4), s(6)}, "",
		},
		{"it lets polls wait", func(_ int, ctx context.Context) (*http.Response, error) {
			select {
			case <-time.After(s(30)):
				return sets(false)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}, []time.Duration{0, s(30), s(60), s(90)}, ""},
		{
			"it never answers", func(_ int, ctx context.Context) (*http.Response, error) { return silence(ctx) },
			[]time.Duration{0, s(55), s(66), s(78)}, "did not answer",
		},
		{"it answers only those that do not wait", func(n int, ctx context.Context) (*http.Response, error) {
			if n%2 == 1 {
				return silence(ctx)
			}
			return sets(false)
		}, []time.Duration{0, s(55), s(57), s(112)}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, list, all := offline(t, func(n int, _ asked, ctx context.Context) (*http.Response, error) { return row.play(n, ctx) })
			pollFor(t, r, row.want[len(row.want)-1]+5*time.Second)
			if len(*all) < len(row.want) || len(*all) > len(row.want)+4 {
				t.Fatalf("%s: %d polls, want %d: %+v", row.name, len(*all), len(row.want), *all)
			}
			for n, want := range row.want {
				// a wait after a failure is up to a quarter shorter than it may be
				if got := (*all)[n].at; got > want || got < want*3/4 {
					t.Errorf("%s: poll %d after %v, want %v", row.name, n+1, got, want)
				}
			}
			err := r.Status().Feed.LastError
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("%s: the error is %v", row.name, err)
			}
			_ = list.Close()
		})
	}
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, errors.New("reset: secret") }

// Whoever runs the receiver is told what is wrong with the connection, and nothing that a server could have written.
func TestWhyATransmitterCouldNotBeAsked(t *testing.T) {
	for _, why := range []error{
		&net.OpError{Op: "dial", Err: errors.New("connection refused")},
		&net.DNSError{Err: "no such host", Name: "idp.example.com"},
		&tls.CertificateVerificationError{Err: errors.New("unknown authority")},
		errors.New("malformed HTTP status line: secret"),
	} {
		synctest.Test(t, func(t *testing.T) {
			r, list, _ := offline(t, func(int, asked, context.Context) (*http.Response, error) { return nil, why })
			pollFor(t, r, s(1)/2)
			err := r.Status().Feed.LastError
			if known := !strings.Contains(why.Error(), "secret"); err == nil || errors.Is(err, why) != known || strings.Contains(err.Error(), "secret") ||
				!known && !strings.Contains(err.Error(), "*errors.errorString") {
				t.Errorf("%v: %v", why, err)
			}
			_ = list.Close()
		})
	}
}

// That a poll is given up at the end is no failure of the transmitter.
func TestTheEndOfPollIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, list, _ := offline(t, func(_ int, _ asked, ctx context.Context) (*http.Response, error) { return silence(ctx) })
		pollFor(t, r, s(5))
		if err := r.Status().Feed.LastError; err != nil {
			t.Error(err)
		}
		_ = list.Close()
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// What cannot be judged now is neither acknowledged nor refused, and not asked for without a rest.
func TestPollLeavesWhatItCannotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := false
		r, list, all := offline(t, func(n int, a asked, ctx context.Context) (*http.Response, error) {
			if slices.Contains(a.Ack, "a") {
				return silence(ctx)
			}
			ready = n == 3
			return sets(false, "a", set("a", "alice"))
		}, func(cfg *events.Config) {
			cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) {
				if ready {
					return nil, nil
				}
				return nil, errors.New("not now")
			}
		})
		pollFor(t, r, 10*time.Second)
		if len(*all) != 5 || (*all)[1].at == 0 || len((*all)[1].Ack)+len((*all)[1].SetErrs)+len((*all)[2].Ack) > 0 || (*all)[2].at < s(2) || !slices.Equal(
			(*all)[3].Ack, []string{"a"},
		) {
			t.Errorf("%+v", *all)
		}
		if got := r.Status().Feed; got.Events != 1 || got.Refused != 0 {
			t.Errorf("%+v", got)
		}
		_ = list.Close()
	})
}

// The last tokens are acknowledged although Poll is to end, and Poll does not wait for that for long.
func TestPollAcknowledgesAtItsEnd(t *testing.T) {
	for name, hangs := range map[string]bool{"a transmitter that answers": false, "a transmitter that hangs": true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, list, all := offline(t, func(n int, _ asked, asking context.Context) (*http.Response, error) {
				if n > 1 && hangs {
					return silence(asking)
				}
				return sets(false, "a", set("a", "alice"))
			}, func(cfg *events.Config) {
				cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) { cancel(); return nil, nil }
			})
			began := time.Now()
			if err := r.Poll(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if took := time.Since(began); took > 2*time.Second || (took > 0) != hangs {
				t.Errorf("%s: Poll ended after %v", name, took)
			}
			if len(*all) != 2 || (*all)[1].Max != 0 || !(*all)[1].AtOnce || !slices.Equal((*all)[1].Ack, []string{"a"}) {
				t.Errorf("%s: %+v", name, *all)
			}
			if err := r.Status().Feed.LastError; (err != nil) != hangs {
				t.Errorf("%s: %v", name, err)
			}
			_ = list.Close()
		})
	}
}

func TestPollNeedsAnAddressAndAToken(t *testing.T) {
	r, _, _ := offline(t, nil, func(cfg *events.Config) { cfg.PollURL = "" })
	if err := r.Poll(t.Context()); err == nil || !strings.Contains(err.Error(), "PollURL") {
		t.Error(err)
	}
	synctest.Test(t, func(t *testing.T) { // what was refused is told at the end, too
		ctx, cancel := context.WithCancel(t.Context())
		r, list, all := offline(t, func(n int, _ asked, _ context.Context) (*http.Response, error) {
			if n == 2 {
				cancel()
			}
			return sets(false, "b", "no token")
		})
		_ = r.Poll(ctx)
		if len(*all) != 3 || (*all)[2].Max != 0 || len((*all)[2].SetErrs) != 1 {
			t.Errorf("%+v", *all)
		}
		_ = list.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		none := errors.New("no token")
		r, list, all := offline(t, nil, func(cfg *events.Config) {
			cfg.AccessToken = func(context.Context) (string, error) { return "", none }
		})
		pollFor(t, r, s(5))
		if err := r.Status().Feed.LastError; len(*all) > 0 || !errors.Is(err, none) {
			t.Errorf("%d polls, %v", len(*all), err)
		}
		_ = list.Close()
	})
}
