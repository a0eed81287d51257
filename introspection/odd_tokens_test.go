package introspection_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

// oddly serves tokens that begin with "odd" like that, and finds every other one active.
func oddly(odd func(*http.Request, string) (*http.Response, error)) func(*http.Request, string) (*http.Response, error) {
	return func(r *http.Request, token string) (*http.Response, error) {
		if strings.HasPrefix(token, "odd") {
			return odd(r, token)
		}
		return respond(200, activeText), nil
	}
}

func hang(r *http.Request, _ string) (*http.Response, error) {
	return nil, wait(r.Context(), time.Hour)
}

// Nothing was answered before, so nothing but our own question can tell that the server is well.
func TestOddTokensShutOutNobodyElse(t *testing.T) {
	for name, row := range map[string]struct {
		odd   func(*http.Request, string) (*http.Response, error)
		asked int // questions of our own, over 50 odd tokens
	}{
		"a firewall answers 403":     {status(403, ""), 1},
		"a gateway answers 401":      {status(401, ""), 1},
		"the server crashes":         {status(500, ""), 1},
		"429":                        {status(429, ""), 1},
		"a redirect to a login page": {status(302, ""), 1},
		"a page instead of JSON":     {answers("<html>blocked</html>"), 1},
		"half an answer":             {answers(`{"active":`), 1},
		"the connection is reset":    {func(*http.Request, string) (*http.Response, error) { return nil, errors.New("reset") }, 1},
		"a hang":                     {hang, 12}, // which takes time: once in four failures
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var own ownTokens
				tr := &transport{serve: own.seenBy(oddly(row.odd))}
				client := newClient(t, introspection.Config{}, tr)
				for i := range 50 {
					response, err := client.Introspect(t.Context(), fmt.Sprint("odd", i))
					mustBeUnavailable(t, response, err)
				}
				if client.Status().BreakerOpen || own.count() != row.asked || tr.count() != 50+row.asked {
					t.Errorf("open %t, %d requests, %d of them our own; want closed, %d, %d",
						client.Status().BreakerOpen, tr.count(), own.count(), 50+row.asked, row.asked)
				}
				mustIntrospect(t, client, "good")
			})
		})
	}
}

func TestOddTokensAtOnceCauseOneQuestionOfOurOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var own ownTokens
		tr := &transport{serve: own.seenBy(oddly(status(403, "")))}
		client := newClient(t, introspection.Config{}, tr)
		for range 10 { // seconds
			var flood sync.WaitGroup
			for i := range 200 {
				flood.Go(func() { client.Introspect(t.Context(), fmt.Sprint("odd", i)) })
			}
			flood.Wait()
			mustIntrospect(t, client, "good")
			time.Sleep(time.Second)
		}
		if client.Status().BreakerOpen || own.count() != 10 {
			t.Errorf("open %t, %d questions of our own in 10 seconds, want 10", client.Status().BreakerOpen, own.count())
		}
	})
}

// The caller who brings our own question along waits for it only as long as its own can still be answered.
func TestSlowServerStillAnswersTheCallerAfterFourFailures(t *testing.T) {
	for name, places := range map[string]int{"with a place for both questions": 2, "of the default": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var own ownTokens
				tr := &transport{serve: own.seenBy(func(r *http.Request, token string) (*http.Response, error) {
					if strings.HasPrefix(token, "odd") {
						return respond(403, ""), nil
					}
					return respond(200, activeText), wait(r.Context(), 1850*time.Millisecond)
				})}
				client := newClient(t, introspection.Config{MaxInFlight: places}, tr)
				for i := range 4 {
					client.Introspect(t.Context(), fmt.Sprint("odd", i))
				}
				start := time.Now()
				mustIntrospect(t, client, "good")
				if took := time.Since(start); took != 1950*time.Millisecond || own.count() != 1 {
					t.Errorf("answered after %v, %d questions of our own", took, own.count())
				}
			})
		})
	}
}

// The way back is ours alone: a flood of odd tokens can neither take it nor keep the breaker open.
func TestOddTokensDoNotDelayTheRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		tr := &transport{}
		tr.serve = func(r *http.Request, token string) (*http.Response, error) {
			if down || strings.HasPrefix(token, "odd") {
				return respond(403, ""), nil
			}
			return respond(200, activeText), nil
		}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		if !client.Status().BreakerOpen || tr.count() != 5 {
			t.Fatalf("open %t after %d requests", client.Status().BreakerOpen, tr.count())
		}
		down = false
		recovered := time.Now()
		for i := 0; ; i++ { // an odd token in front of every good one
			client.Introspect(t.Context(), fmt.Sprint("odd", i))
			if _, err := client.Introspect(t.Context(), fmt.Sprint("good", i)); err == nil {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		if took := time.Since(recovered); took > time.Second {
			t.Errorf("the first good token passed %v after the recovery", took)
		}
	})
}

// One odd token may cause the line about refused credentials, but must not take the place of the other.
func TestOddTokensHideNoOutageFromTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		down := false
		tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
			if down {
				return respond(503, ""), nil
			}
			return oddly(status(403, ""))(r, token)
		}}
		client := newClient(t, introspection.Config{Logger: textLogger(&logged)}, tr)
		for i := range 100 {
			client.Introspect(t.Context(), fmt.Sprint("odd", i))
		}
		down = true
		time.Sleep(time.Second)
		for i := range 100 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		text := logged.String()
		if strings.Count(text, "\n") != 2 || !strings.Contains(
			text, "a firewall in front of the server objects",
		) || !strings.Contains(text, "the server does not answer") {
			t.Errorf("want a line about the refusal and one about the outage:\n%s", text)
		}
	})
}
