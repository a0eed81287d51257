package introspection_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

func TestBreakerOpensWhenTheServerDoesNotAnswer(t *testing.T) {
	type server func(*http.Request, string) (*http.Response, error)
	tests := map[string]struct {
		serve    server
		requests int // four questions and our own; the fifth caller's too if our own takes longer than its head start
	}{
		"no connection":      {func(*http.Request, string) (*http.Response, error) { return nil, errors.New("refused") }, 5},
		"an answer too late": {slowly(time.Hour, activeText), 6},
		"a transport slow to give up": {func(r *http.Request, _ string) (*http.Response, error) {
			err := wait(r.Context(), time.Hour)
			time.Sleep(10 * time.Millisecond)
			return nil, err
		}, 6},
		"500":                             {status(500, activeText), 5},
		"503":                             {status(503, ""), 5},
		"429":                             {status(429, ""), 5},
		"401 to us":                       {status(401, ""), 5},
		"403 to us":                       {status(403, ""), 5},
		"302":                             {status(302, ""), 5},
		"404, the wrong address":          {status(404, ""), 5},
		"an empty answer":                 {answers(""), 5},
		"HTML":                            {answers("<html>"), 5},
		"a JSON text that is no object":   {answers(`[true]`), 5},
		"a JSON object that is cut short": {answers(`{"active":true`), 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &transport{serve: test.serve}
				client := newClient(t, introspection.Config{}, tr)
				for i := range 5 {
					if client.Status().BreakerOpen {
						t.Fatalf("open after %d failures", i)
					}
					response, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
					mustBeUnavailable(t, response, err)
				}
				time.Sleep(10 * time.Millisecond) // the transport that is slow to give up
				synctest.Wait()
				if status := client.Status(); !status.BreakerOpen || status.LastError == nil {
					t.Fatalf("status %+v after 5 failures", status)
				}
				start := time.Now()
				response, err := client.Introspect(t.Context(), "token5")
				mustBeUnavailable(t, response, err)
				if time.Since(start) != 0 || retryAfter(err) > time.Second || retryAfter(err) < 900*time.Millisecond || tr.count() != test.requests {
					t.Errorf("refused after %v, RetryAfter %v, %d requests; want at once, 1s, %d",
						time.Since(start), retryAfter(err), tr.count(), test.requests)
				}
			})
		})
	}
}

func status(code int, text string) func(*http.Request, string) (*http.Response, error) {
	return func(*http.Request, string) (*http.Response, error) { return respond(code, text), nil }
}

// Whoever chooses tokens, and to some extent claims, can cause these on a healthy server.
func TestBreakerStaysClosedForOddTokens(t *testing.T) {
	tests := map[string]func(*http.Request, string) (*http.Response, error){
		"a token that the server calls malformed": status(400, ""),
		"a token too long for the server":         status(413, ""),
		"claims too large for us":                 answers(`{"active":true,"x":"` + strings.Repeat("x", 64<<10) + `"}`),
		"a claim that occurs twice":               answers(`{"active":true,"x":1,"x":2}`),
		"an exp that is no date":                  answers(`{"active":true,"exp":"never"}`),
		"an object without active":                answers(`{}`),
		"claims nested too deep":                  answers(`{"active":true,"x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`),
		"claims with half a character":            answers(`{"active":true,"x":"\ud800"}`),
	}
	for name, serve := range tests {
		t.Run(name, func(t *testing.T) {
			tr := &transport{serve: serve}
			client := newClient(t, introspection.Config{}, tr)
			for i := range 20 {
				response, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
				mustBeUnavailable(t, response, err)
			}
			if client.Status().BreakerOpen || tr.count() != 20 {
				t.Errorf("open %v after %d requests, want closed after 20", client.Status().BreakerOpen, tr.count())
			}
			response, err := client.Introspect(t.Context(), "token0")
			mustBeUnavailable(t, response, err)
			if tr.count() != 21 {
				t.Error("an answer that cannot be used was cached")
			}
		})
	}
}

func TestBreakerStaysClosedForOurOwnTroubles(t *testing.T) {
	tr := &transport{serve: answers(activeText)}
	client := newClient(t, introspection.Config{
		ClientAuth: introspection.BearerToken(tokenError(errors.New("vault is sealed"))),
	}, tr)
	for i := range 20 {
		response, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
		mustBeUnavailable(t, response, err)
		if !strings.Contains(err.Error(), "vault is sealed") {
			t.Errorf("error %q hides its cause", err)
		}
	}
	if status := client.Status(); status.BreakerOpen || status.LastError == nil || tr.count() != 0 {
		t.Errorf("status %+v, %d requests", status, tr.count())
	}
}

func TestBreakerCountsFailuresInARowOnly(t *testing.T) {
	tr := &transport{serve: func(_ *http.Request, token string) (*http.Response, error) {
		if strings.HasPrefix(token, "bad") {
			return respond(500, ""), nil
		}
		return respond(200, activeText), nil
	}}
	client := newClient(t, introspection.Config{}, tr)
	for i := range 20 {
		for j := range 3 {
			client.Introspect(t.Context(), fmt.Sprintf("bad-%d-%d", i, j))
		}
		mustIntrospect(t, client, fmt.Sprint("good", i))
		if err := client.Status().LastError; err != nil {
			t.Errorf("LastError %v after a success", err)
		}
	}
	if tr.count() != 20*4 {
		t.Errorf("%d requests, want 80: three failures in a row are no reason to ask a question of our own", tr.count())
	}
}

func TestBreakerProbesOnceASecondAndServesTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		tr := &transport{serve: func(*http.Request, string) (*http.Response, error) {
			if down.Load() {
				return respond(503, ""), nil
			}
			return respond(200, activeText), nil
		}}
		client := newClient(t, introspection.Config{ActiveTTL: time.Hour}, tr)
		mustIntrospect(t, client, "cached")
		down.Store(true)
		start := time.Now()
		for i := 0; time.Since(start) < time.Minute; i++ { // 100 a second
			response, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
			mustBeUnavailable(t, response, err)
			mustIntrospect(t, client, "cached")
			time.Sleep(10 * time.Millisecond)
		}
		if n := tr.count() - 1; n < 5+59 || n > 5+60 {
			t.Errorf("%d requests in a minute's outage, want 5 and one a second", n)
		}
		down.Store(false)
		start = time.Now()
		for i := 0; ; i++ {
			if _, err := client.Introspect(t.Context(), fmt.Sprint("again", i)); err == nil {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%v until the first answer after the outage, want a second at most", took)
		}
		mustIntrospect(t, client, "at.once")
		if client.Status().BreakerOpen {
			t.Error("still open after a success")
		}
	})
}

// However long each probe hangs, the next one is a second later, and the log does not repeat itself.
func TestBreakerProbesAServerThatHangsOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		tr := &transport{serve: hang}
		client := newClient(t, introspection.Config{Logger: textLogger(&logged)}, tr)
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		synctest.Wait()
		before, start := tr.count(), time.Now()
		for i := 0; time.Since(start) < 3*time.Minute; i++ {
			go client.Introspect(t.Context(), fmt.Sprint("later", i))
			time.Sleep(10 * time.Millisecond)
		}
		if n := tr.count() - before; n < 178 || n > 180 {
			t.Errorf("%d probes in 180 seconds", n)
		}
		if n := strings.Count(logged.String(), "\n"); n != 1 {
			t.Errorf("%d log lines about one outage:\n%s", n, &logged)
		}
		time.Sleep(3 * time.Second)
	})
}

// That a server is left alone says nothing about why. A log that holds nothing else sends its reader to the network, where all is well.
func TestAnOpenBreakerNamesTheLastCause(t *testing.T) {
	for name, row := range map[string]struct {
		serve func(*http.Request, string) (*http.Response, error)
		want  string
	}{
		"our credentials are refused": {status(401, ""), "(401)"},
		"a server error":              {status(503, ""), "503"},
		"no connection":               {func(*http.Request, string) (*http.Response, error) { return nil, errors.New("no such host") }, "could not be asked"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, introspection.Config{}, &transport{serve: row.serve})
				var err error
				for i := range 8 {
					_, err = client.Introspect(t.Context(), fmt.Sprint("token", i))
				}
				if !client.Status().BreakerOpen {
					t.Fatal("the breaker is not open")
				}
				if err == nil || !strings.Contains(err.Error(), "left alone") || !strings.Contains(err.Error(), row.want) {
					t.Errorf("it says %v, want it to name %q", err, row.want)
				}
				if !errors.Is(err, introspection.ErrUnavailable) {
					t.Errorf("%v is not ErrUnavailable", err)
				}
			})
		})
	}
}

func TestBreakerLetsOneOfManyProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: status(503, "")}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		time.Sleep(time.Second)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				response, err := client.Introspect(t.Context(), fmt.Sprint("probe", i))
				mustBeUnavailable(t, response, err)
			})
		}
		wg.Wait()
		if tr.count() != 6 {
			t.Errorf("%d requests, want 6", tr.count())
		}
	})
}

func TestBreakerRefusesWithoutQueueingBehindTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{}
		tr.serve = func(r *http.Request, _ string) (*http.Response, error) {
			if tr.count() > 5 {
				return nil, wait(r.Context(), time.Hour)
			}
			return respond(503, ""), nil
		}
		client := newClient(t, introspection.Config{MaxInFlight: 1}, tr)
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		time.Sleep(time.Second)
		go client.Introspect(t.Context(), "probe")
		synctest.Wait()
		start := time.Now()
		response, err := client.Introspect(t.Context(), "other")
		mustBeUnavailable(t, response, err)
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
	})
}

func TestBreakerIsClosedByAnyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var code atomic.Int32
		code.Store(503)
		tr := &transport{serve: func(*http.Request, string) (*http.Response, error) {
			return respond(int(code.Load()), ""), nil
		}}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		time.Sleep(time.Second)
		code.Store(400) // the attacker's token got the probe
		client.Introspect(t.Context(), "odd")
		if client.Status().BreakerOpen {
			t.Error("an odd token as probe keeps the breaker open although the server answers")
		}
	})
}

// Requests sent before the server came back end later than the probe that found it well.
func TestBreakerIgnoresFailuresOfAnEarlierTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
			switch {
			case strings.HasPrefix(token, "hang"):
				return nil, wait(r.Context(), time.Hour)
			case strings.HasPrefix(token, "fail"):
				return respond(503, ""), nil
			}
			return respond(200, activeText), nil
		}}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 20 {
			go client.Introspect(t.Context(), fmt.Sprint("hang", i))
		}
		synctest.Wait()
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("fail", i))
		}
		time.Sleep(time.Second)
		mustIntrospect(t, client, "probe")
		time.Sleep(2 * time.Second)
		if client.Status().BreakerOpen {
			t.Error("late failures opened the breaker again")
		}
	})
}

// What queued while the server failed must not be sent once it is left alone.
func TestQueueIsRefusedWhenTheBreakerOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
			return respond(503, ""), wait(r.Context(), 10*time.Millisecond)
		}}
		client := newClient(t, introspection.Config{MaxInFlight: 1}, tr)
		var callers sync.WaitGroup
		for i := range 20 {
			callers.Go(func() {
				response, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
				mustBeUnavailable(t, response, err)
			})
		}
		callers.Wait()
		if tr.count() != 5 {
			t.Errorf("%d requests, want 5", tr.count())
		}
	})
}

func TestOpenBreakerAsksNothingOfACallerUntilOurOwnQuestionIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var own ownTokens
		tr := &transport{serve: own.seenBy(status(503, ""))}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		for i := range 3 {
			time.Sleep(time.Second)
			response, err := client.Introspect(t.Context(), "token")
			mustBeUnavailable(t, response, err)
			if !strings.Contains(err.Error(), "status 503") || own.count() != i+2 || tr.count() != 4+own.count() {
				t.Errorf("%v; %d requests, %d of them our own", err, tr.count(), own.count())
			}
		}
	})
}

// The cut requests were sent moments before their callers' patience ended; that says nothing about the server.
func TestFlightsOfAFloodDoNotOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: slowly(300*time.Millisecond, inactiveText)}
		client := newClient(t, introspection.Config{MaxInFlight: 8}, tr)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() { client.Introspect(t.Context(), fmt.Sprint("flood", i)) })
		}
		wg.Wait()
		if client.Status().BreakerOpen {
			t.Fatal("a flood of tokens opened the breaker of a healthy server")
		}
		mustIntrospect(t, client, "good")
	})
}
