package introspection_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

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

// The answer to an earlier question must not undo a later one, whichever way the token has changed in between.
func TestLateAnswerDoesNotReplaceALaterActiveOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{}
		tr.serve = func(r *http.Request, _ string) (*http.Response, error) {
			if tr.count() == 1 {
				return respond(200, inactiveText), wait(r.Context(), 1900*time.Millisecond)
			}
			return respond(200, activeText), nil
		}
		client := newClient(t, introspection.Config{InactiveTTL: time.Second, ActiveTTL: time.Minute}, tr)
		go client.Introspect(t.Context(), "token")
		time.Sleep(1500 * time.Millisecond) // the token becomes active
		if !mustIntrospect(t, client, "token").Active() {
			t.Fatal("the second question got the first one's answer")
		}
		time.Sleep(600 * time.Millisecond)
		if !mustIntrospect(t, client, "token").Active() || tr.count() != 2 {
			t.Errorf("%d requests: the answer to the earlier question won", tr.count())
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

// A caller who waited in the queue has less time left than the request, and does not get more.
func TestCallerFromTheQueueWaitsNoLongerThanTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
			if token == "first" {
				return respond(200, activeText), wait(r.Context(), time.Second)
			}
			return nil, wait(r.Context(), time.Hour)
		}}
		client := newClient(t, introspection.Config{MaxInFlight: 1}, tr)
		go client.Introspect(t.Context(), "first")
		synctest.Wait()
		start := time.Now()
		response, err := client.Introspect(t.Context(), "second")
		mustBeUnavailable(t, response, err)
		if took := time.Since(start); took != 2*time.Second || tr.count() != 2 {
			t.Errorf("took %v and %d requests, want 2s and 2", took, tr.count())
		}
	})
}

func TestQueuedTokenIsAskedAboutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
			return respond(200, activeText), wait(r.Context(), 500*time.Millisecond)
		}}
		client := newClient(t, introspection.Config{MaxInFlight: 1}, tr)
		var callers sync.WaitGroup
		for _, token := range []string{"first", "queued", "queued", "queued"} {
			callers.Go(func() { mustIntrospect(t, client, token) })
			synctest.Wait()
		}
		callers.Wait()
		if tr.count() != 2 {
			t.Errorf("%d requests, want one for each token", tr.count())
		}
	})
}

func TestAnswerWhoseConnectionBreaksIsNone(t *testing.T) {
	tr := &transport{serve: func(*http.Request, string) (*http.Response, error) {
		r := respond(200, "")
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(activeText), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return r, nil
	}}
	response, err := newClient(t, introspection.Config{}, tr).Introspect(t.Context(), "token")
	mustBeUnavailable(t, response, err)
}
