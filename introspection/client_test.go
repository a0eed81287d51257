package introspection_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
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
