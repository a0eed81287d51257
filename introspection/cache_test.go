package introspection_test

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

const (
	activeText   = `{"active":true,"sub":"alice"}`
	inactiveText = `{"active":false}`
)

func TestCacheAge(t *testing.T) {
	tests := []struct {
		name    string
		cfg     introspection.Config
		text    string
		expires time.Duration // of the token; zero: never
		at      []time.Duration
		want    []int // requests so far
	}{
		{"an active answer lives 10 s unless configured", introspection.Config{}, activeText, 0,
			[]time.Duration{0, 10*time.Second - 1, 10 * time.Second}, []int{1, 1, 2}},
		{"an inactive answer lives 5 s unless configured", introspection.Config{}, inactiveText, 0,
			[]time.Duration{0, 5*time.Second - 1, 5 * time.Second}, []int{1, 1, 2}},
		{"ActiveTTL replaces the default", introspection.Config{ActiveTTL: time.Minute}, activeText, 0,
			[]time.Duration{0, time.Minute - 1, time.Minute}, []int{1, 1, 2}},
		{"InactiveTTL replaces the default", introspection.Config{InactiveTTL: time.Second}, inactiveText, 0,
			[]time.Duration{0, time.Second - 1, time.Second}, []int{1, 1, 2}},
		{"a cached answer outliving exp: it does not, and what has expired is not cached at all", introspection.Config{
			ActiveTTL: time.Minute,
		}, activeText, 5 * time.Second,
			[]time.Duration{0, 5*time.Second - 1, 5 * time.Second, 6 * time.Second}, []int{1, 1, 2, 3}},
		{"a negative ActiveTTL asks every time", introspection.Config{ActiveTTL: -1}, activeText, 0,
			[]time.Duration{0, 0, 0}, []int{1, 2, 3}},
		{"a negative ActiveTTL leaves inactive answers cached", introspection.Config{ActiveTTL: -1}, inactiveText, 0,
			[]time.Duration{0, 0}, []int{1, 1}},
		{"a negative InactiveTTL asks every time", introspection.Config{InactiveTTL: -1}, inactiveText, 0,
			[]time.Duration{0, 0}, []int{1, 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				text := test.text
				if test.expires != 0 {
					text = fmt.Sprintf(`{"active":true,"exp":%d}`, start.Add(test.expires).Unix())
				}
				tr := &transport{serve: answers(text)}
				client := newClient(t, test.cfg, tr)
				for i, at := range test.at {
					time.Sleep(time.Until(start.Add(at)))
					response := mustIntrospect(t, client, "token")
					if response.Active() != (test.text == activeText) {
						t.Errorf("at %v: Active = %v", at, response.Active())
					}
					if tr.count() != test.want[i] {
						t.Errorf("at %v: %d requests, want %d", at, tr.count(), test.want[i])
					}
				}
			})
		})
	}
}

func TestCacheAgeCountsFromTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
			return respond(200, activeText), wait(r.Context(), time.Second)
		}}
		client := newClient(t, introspection.Config{}, tr)
		mustIntrospect(t, client, "token")
		time.Sleep(9*time.Second - 1)
		mustIntrospect(t, client, "token")
		if tr.count() != 1 {
			t.Fatalf("%d requests before 10 s, want 1", tr.count())
		}
		time.Sleep(time.Nanosecond)
		mustIntrospect(t, client, "token")
		if tr.count() != 2 {
			t.Errorf("%d requests 10 s after the question, want 2: a revoked token was accepted for longer than ActiveTTL", tr.count())
		}
	})
}

func TestCacheGivesTheSamePointer(t *testing.T) {
	client := newClient(t, introspection.Config{}, &transport{serve: answers(activeText)})
	first := mustIntrospect(t, client, "token")
	if second := mustIntrospect(t, client, "token"); first != second {
		t.Error("two responses for one cached answer")
	}
}

func TestCacheHoldsBadTokensApart(t *testing.T) {
	tr := &transport{serve: func(_ *http.Request, token string) (*http.Response, error) {
		if token == "good" {
			return respond(200, activeText), nil
		}
		return respond(200, inactiveText), nil
	}}
	client := newClient(t, introspection.Config{Entries: 16, ActiveTTL: time.Hour, InactiveTTL: time.Hour}, tr)
	mustIntrospect(t, client, "good")
	for i := range 200 {
		mustIntrospect(t, client, fmt.Sprintf("bad%d", i))
	}
	before := tr.count()
	mustIntrospect(t, client, "good")
	if tr.count() != before {
		t.Error("a flood of bad tokens evicted the good one")
	}
	mustIntrospect(t, client, "bad199")
	if tr.count() != before {
		t.Error("the newest bad token was not remembered")
	}
	mustIntrospect(t, client, "bad0")
	if tr.count() != before+1 {
		t.Error("the oldest bad token was still remembered: the segment is not bounded by Entries")
	}
}

func TestCacheBoundsActiveAnswers(t *testing.T) {
	tr := &transport{serve: answers(activeText)}
	client := newClient(t, introspection.Config{Entries: 2, ActiveTTL: time.Hour}, tr)
	for _, token := range []string{"a", "b", "a", "c", "a", "b"} { // c evicts b, the least recently used
		mustIntrospect(t, client, token)
	}
	if tr.count() != 4 {
		t.Errorf("%d requests, want 4", tr.count())
	}
}

func TestCacheFollowsTheServersMind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var active atomic.Bool
		tr := &transport{serve: func(*http.Request, string) (*http.Response, error) {
			return respond(200, fmt.Sprintf(`{"active":%v}`, active.Load())), nil
		}}
		client := newClient(t, introspection.Config{ActiveTTL: time.Second, InactiveTTL: time.Second}, tr)
		for i := range 6 { // a token that is not active yet, becomes active, is revoked, …
			active.Store(i%2 == 1)
			for range 2 {
				if response := mustIntrospect(t, client, "token"); response.Active() != active.Load() {
					t.Fatalf("round %d: Active = %v", i, response.Active())
				}
			}
			time.Sleep(time.Second)
		}
		if tr.count() != 6 {
			t.Errorf("%d requests, want 6", tr.count())
		}
	})
}

// The first question is asked before the token is revoked, the second afterwards; their answers cross, or nearly.
func TestCacheKeepsTheAnswerToTheLaterQuestion(t *testing.T) {
	tests := map[string]struct{ first, second time.Duration }{
		"the earlier question is answered last":  {1900 * time.Millisecond, 0},
		"the earlier question is answered first": {1300 * time.Millisecond, 400 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var questions atomic.Int32
				tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
					if questions.Add(1) == 1 {
						return respond(200, activeText), wait(r.Context(), test.first)
					}
					return respond(200, inactiveText), wait(r.Context(), test.second)
				}}
				client := newClient(t, introspection.Config{InactiveTTL: time.Second}, tr)
				go client.Introspect(t.Context(), "token")
				time.Sleep(time.Second)
				if mustIntrospect(t, client, "token").Active() {
					t.Fatal("the second question got the first one's answer")
				}
				time.Sleep(950*time.Millisecond - test.second) // both answers are in
				if mustIntrospect(t, client, "token").Active() {
					t.Error("the answer to the earlier question won")
				}
				if tr.count() != 2 {
					t.Errorf("%d requests, want 2", tr.count())
				}
			})
		})
	}
}

// The race detector lets sync.Pool drop things at random, which costs allocations that a program has not.
func underRaceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestCachedAnswerCostsNoAllocation(t *testing.T) {
	client := newClient(t, introspection.Config{ActiveTTL: time.Hour}, &transport{serve: answers(activeText)})
	mustIntrospect(t, client, canaryToken)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := client.Introspect(ctx, canaryToken); err != nil {
			t.Fatal(err)
		}
	}); n != 0 && !underRaceDetector() {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkCached(b *testing.B) {
	tr := &transport{serve: answers(activeText)}
	client, err := introspection.New(introspection.Config{
		URL: "https://as.example/introspect", ClientAuth: introspection.NoClientAuth(),
		HTTPClient: &http.Client{Transport: tr}, ActiveTTL: time.Hour,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := client.Introspect(b.Context(), canaryToken); err != nil {
				b.Fatal(err)
			}
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

func TestLimitOfAnswersKept(t *testing.T) {
	const most = 8192
	for name, text := range map[string]string{"active": activeText, "inactive": inactiveText} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // where no time goes by
				tr := &transport{serve: answers(text)}
				client := newClient(t, introspection.Config{}, tr)
				for i := range most + 1 {
					mustIntrospect(t, client, fmt.Sprint("token", i))
				}
				for i := range most {
					mustIntrospect(t, client, fmt.Sprint("token", i+1))
				}
				if tr.count() != most+1 {
					t.Errorf("%d requests: the last %d answers were not kept", tr.count(), most)
				}
				mustIntrospect(t, client, "token0")
				if tr.count() != most+2 {
					t.Errorf("more than %d answers were kept", most)
				}
			})
		})
	}
}
