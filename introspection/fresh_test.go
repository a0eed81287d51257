package introspection_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

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
