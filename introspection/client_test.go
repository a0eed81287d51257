package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

func TestIntrospectRefusesWhatIsNoToken(t *testing.T) {
	for name, token := range map[string]string{
		"nothing":          "",
		"a space":          "to ken",
		"a newline":        "token\n",
		"a comma list":     "a,b",
		"a byte not ASCII": "tökén",
		"64 KiB and one":   strings.Repeat("x", 64<<10+1),
	} {
		t.Run(name, func(t *testing.T) {
			tr := &transport{serve: answers(activeText)}
			response, err := newClient(t, introspection.Config{}, tr).Introspect(t.Context(), token)
			if response != nil || err == nil || tr.count() != 0 {
				t.Fatalf("response %v, error %v, %d requests", response, err, tr.count())
			}
			if token != "" && strings.Contains(err.Error(), token) {
				t.Error("the error repeats the token")
			}
		})
	}
	tr := &transport{serve: answers(activeText)}
	mustIntrospect(t, newClient(t, introspection.Config{}, tr), strings.Repeat("x", 64<<10))
}

func TestClientThatNewDidNotMake(t *testing.T) {
	for _, client := range []*introspection.Client{nil, {}} {
		response, err := client.Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		if status := client.Status(); status.BreakerOpen || status.InFlight != 0 || client.Close() != nil {
			t.Errorf("status %+v", status)
		}
	}
}

// The same token may mean different things to different resource servers (RFC 7662 section 2.2).
func TestClientsShareNothing(t *testing.T) {
	active := &transport{serve: answers(activeText)}
	inactive := &transport{serve: answers(inactiveText)}
	if !mustIntrospect(t, newClient(t, introspection.Config{}, active), "token").Active() {
		t.Error("inactive")
	}
	if mustIntrospect(t, newClient(t, introspection.Config{}, inactive), "token").Active() {
		t.Error("one client's answer reached another")
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: slowly(time.Hour, activeText)}
		client := newClient(t, introspection.Config{}, tr)
		var callers sync.WaitGroup
		for i := range 1000 { // 64 in flight, the others queued
			callers.Go(func() {
				response, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
				mustBeUnavailable(t, response, err)
			})
		}
		synctest.Wait()
		if n := client.Status().InFlight; n != 64 {
			t.Errorf("%d in flight, want 64", n)
		}
		start := time.Now()
		var closers sync.WaitGroup
		for range 100 {
			closers.Go(func() {
				if err := client.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		closers.Wait()
		callers.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
		if status := client.Status(); status.InFlight != 0 || status.BreakerOpen || tr.count() != 64 {
			t.Errorf("status %+v after %d requests", status, tr.count())
		}
		response, err := client.Introspect(t.Context(), "later")
		mustBeUnavailable(t, response, err)
		if client.Close() != nil || tr.count() != 64 {
			t.Error("a closed client asked")
		}
	})
}

func TestCloseEndsCachedAnswersToo(t *testing.T) {
	client := newClient(t, introspection.Config{}, &transport{serve: answers(activeText)})
	mustIntrospect(t, client, "token")
	client.Close()
	response, err := client.Introspect(t.Context(), "token")
	mustBeUnavailable(t, response, err)
}

// deaf ignores its context, as no transport should.
func TestDeafTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(*http.Request, string) (*http.Response, error) {
			time.Sleep(10 * time.Second)
			return respond(200, activeText), nil
		}}
		client := newClient(t, introspection.Config{}, tr)
		start := time.Now()
		response, err := client.Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		if took := time.Since(start); took > 2100*time.Millisecond {
			t.Errorf("the caller was held for %v", took)
		}
		response, err = client.Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		if tr.count() != 2 {
			t.Errorf("%d requests, want 2: a caller joined one whose time was over", tr.count())
		}
		start = time.Now()
		client.Close()
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close took %v, want 1s", took)
		}
		time.Sleep(10 * time.Second) // for the bubble to end
	})
}

func TestClientLeavesNothingBehind(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, activeText)
	}))
	defer server.Close()
	cycle := func() {
		client, err := introspection.New(introspection.Config{URL: server.URL, ClientAuth: introspection.NoClientAuth()})
		if err != nil {
			t.Fatal(err)
		}
		mustIntrospect(t, client, "token")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		client.Introspect(ctx, "left")
		client.Close()
	}
	cycle()
	server.CloseClientConnections()
	baseline := runtime.NumGoroutine()
	for range 200 {
		cycle()
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > baseline+2 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), baseline)
		}
		runtime.Gosched()
	}
}

func TestOwnCredentialsRefusedIsSaidOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, code := range []int{401, 403} {
			var logged strings.Builder
			tr := &transport{serve: status(code, "")}
			client := newClient(t, introspection.Config{URL: "https://as.example/introspect?key=canary-Secret", Logger: textLogger(&logged)}, tr)
			start := time.Now()
			for i := 0; time.Since(start) < 3*time.Minute; i++ {
				response, err := client.Introspect(t.Context(), fmt.Sprint(canaryToken, i))
				mustBeUnavailable(t, response, err)
				time.Sleep(100 * time.Millisecond)
			}
			text := logged.String()
			if n, lines := strings.Count(text, "refuses our own credentials"), strings.Count(text, "\n"); n != 3 || lines != 3 {
				t.Errorf("%d: said %d times, %d lines in 3 minutes, want 3:\n%s", code, n, lines, text)
			}
			if strings.Contains(text, "canary") {
				t.Errorf("the log tells a secret:\n%s", text)
			}
			for _, part := range []string{fmt.Sprint("status=", code), "endpoint=https://as.example/introspect", "method=client_secret_basic", "client_id=api"} {
				if !strings.Contains(text, part) {
					t.Errorf("the log does not say %s:\n%s", part, text)
				}
			}
		}
	})
}

// clinging is a transport that ignores its context.
func clinging(d time.Duration) func(*http.Request, string) (*http.Response, error) {
	return func(*http.Request, string) (*http.Response, error) {
		time.Sleep(d)
		return respond(200, activeText), nil
	}
}

func TestCloseTellsWhyNobodyGetsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, introspection.Config{MaxInFlight: 1}, &transport{serve: clinging(1500 * time.Millisecond)})
		var callers sync.WaitGroup
		for _, token := range []string{"sent", "queued"} {
			callers.Go(func() {
				response, err := client.Introspect(t.Context(), token)
				mustBeUnavailable(t, response, err)
				if !strings.Contains(err.Error(), "the Client is closed") {
					t.Errorf("the %s token: %v", token, err)
				}
			})
			synctest.Wait()
		}
		client.Close()
		callers.Wait()
		time.Sleep(time.Second) // the transport lets go
	})
}

// expiring is an active answer of a token that ends in d.
func expiring(d time.Duration) func(*http.Request, string) (*http.Response, error) {
	return func(*http.Request, string) (*http.Response, error) {
		return respond(200, fmt.Sprintf(`{"active":true,"exp":%d}`, time.Now().Add(d).Unix())), nil
	}
}

func TestFreshIsWhatIntrospectWouldGiveAgain(t *testing.T) {
	for name, row := range map[string]struct {
		cfg   introspection.Config
		serve func(*http.Request, string) (*http.Response, error)
		last  time.Duration // how long the answer is good; zero: it never is
	}{
		"an active answer":               {introspection.Config{ActiveTTL: time.Minute}, answers(activeText), time.Minute},
		"of a token that expires before": {introspection.Config{ActiveTTL: time.Minute}, expiring(30 * time.Second), 30 * time.Second},
		"the cache is off":               {introspection.Config{ActiveTTL: -1}, answers(activeText), 0},
		"an inactive answer":             {introspection.Config{InactiveTTL: time.Minute}, answers(inactiveText), 0},
		"of a token that has expired":    {introspection.Config{ActiveTTL: time.Minute}, expiring(-time.Second), 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &transport{serve: row.serve}
				client := newClient(t, row.cfg, tr)
				r := mustIntrospect(t, client, "token")
				for range 2 {
					if got := client.Fresh(r, time.Now()); got != (row.last > 0) {
						t.Fatalf("Fresh = %t", got)
					}
				}
				if row.last == 0 {
					return
				}
				time.Sleep(row.last - 1)
				if !client.Fresh(r, time.Now()) {
					t.Error("not fresh a moment before its end")
				}
				time.Sleep(time.Nanosecond)
				if client.Fresh(r, time.Now()) {
					t.Error("fresh at its end")
				}
				if tr.count() != 1 {
					t.Errorf("%d requests: Fresh asks nobody", tr.count())
				}
			})
		})
	}
}

func TestFreshIsOfOneClient(t *testing.T) {
	ours := newClient(t, introspection.Config{}, &transport{serve: answers(activeText)})
	other := newClient(t, introspection.Config{}, &transport{serve: answers(activeText)})
	parsed, err := introspection.ParseResponse([]byte(activeText))
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		client   *introspection.Client
		response *introspection.Response
	}{
		"another Client's":        {ours, mustIntrospect(t, other, "token")},
		"made by ParseResponse":   {ours, parsed},
		"a zero Response":         {ours, new(introspection.Response)},
		"no Response":             {ours, nil},
		"asked of no Client":      {nil, mustIntrospect(t, ours, "token")},
		"asked of a zero Client":  {new(introspection.Client), mustIntrospect(t, ours, "token")},
		"nothing asked of nobody": {nil, nil},
	} {
		if row.client.Fresh(row.response, time.Now()) {
			t.Errorf("%s: it is fresh", name)
		}
	}
}

func TestNothingIsFreshAfterClose(t *testing.T) {
	client := newClient(t, introspection.Config{}, &transport{serve: answers(activeText)})
	r := mustIntrospect(t, client, "token")
	client.Close()
	if client.Fresh(r, time.Now()) {
		t.Error("a closed Client vouches for an answer")
	}
}

func TestFreshEndsWhenTheCacheLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, introspection.Config{Entries: 2, ActiveTTL: time.Hour}, &transport{serve: answers(activeText)})
		a, b := mustIntrospect(t, client, "a"), mustIntrospect(t, client, "b")
		time.Sleep(time.Second) // uses are known to the second
		if !client.Fresh(a, time.Now()) {
			t.Fatal("a is not fresh")
		}
		mustIntrospect(t, client, "c")
		if client.Fresh(b, time.Now()) {
			t.Error("b made room for c, and is fresh")
		}
		if !client.Fresh(a, time.Now()) {
			t.Error("a made room for c although b was used less recently: Fresh is no use")
		}
	})
}

// Two questions cross; the later one hears that the token was revoked meanwhile, or that it is still active.
func TestFreshEndsWithALaterAnswer(t *testing.T) {
	for _, later := range []string{inactiveText, activeText} {
		t.Run(later, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var questions atomic.Int32
				tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
					if questions.Add(1) == 1 {
						return respond(200, activeText), wait(r.Context(), 1300*time.Millisecond)
					}
					return respond(200, later), wait(r.Context(), 600*time.Millisecond)
				}}
				client := newClient(t, introspection.Config{InactiveTTL: time.Second}, tr)
				first := make(chan *introspection.Response, 1)
				go func() {
					r, _ := client.Introspect(t.Context(), "token")
					first <- r
				}()
				time.Sleep(time.Second)
				second := mustIntrospect(t, client, "token")
				if r := <-first; client.Fresh(r, time.Now()) {
					t.Error("the answer to the earlier question is fresh")
				}
				if got := client.Fresh(second, time.Now()); got != (later == activeText) {
					t.Errorf("the answer to the later question: Fresh = %t", got)
				}
			})
		})
	}
}

func TestFreshIsSafeForConcurrentUse(t *testing.T) {
	client := newClient(t, introspection.Config{Entries: 4, ActiveTTL: time.Millisecond}, &transport{serve: answers(activeText)})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 200 {
				r, err := client.Introspect(t.Context(), fmt.Sprint("token-", i%6))
				if err != nil {
					t.Error(err)
					return
				}
				client.Fresh(r, time.Now())
			}
		})
	}
	all.Wait()
}

func TestLimitOfTokens(t *testing.T) {
	tr := &transport{serve: answers(activeText)}
	client := newClient(t, introspection.Config{}, tr)
	mustIntrospect(t, client, strings.Repeat("t", 64<<10))
	_, err := client.Introspect(t.Context(), strings.Repeat("t", 64<<10+1))
	if err == nil || errors.Is(err, introspection.ErrUnavailable) || tr.count() != 1 {
		t.Errorf("a token of 64 KiB and one byte: %v, %d requests", err, tr.count())
	}
}
