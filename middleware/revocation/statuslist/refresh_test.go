package statuslist_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// While a server fails it is asked after one second, two, four, up to a minute; and so if nobody knows its list yet. Requests are answered at once.
func TestBackOff(t *testing.T) {
	for name, known := range map[string]bool{"a list that is held": true, "a list that nobody knows": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, statuslist.Config{StaleFor: time.Hour}, func(t *testing.T, s *server, lists *statuslist.Lists) {
				if known {
					s.serves(testkit.Claims{"ttl": 60})
					judged(t, lists, facts(0))
				}
				s.fails()
				var at []time.Duration
				count, last := s.count(), time.Now()
				for range 10 * 60 * 10 {
					began := time.Now()
					judged(t, lists, facts(0))
					if waited := time.Since(began); waited != 0 {
						t.Fatalf("waited for %v", waited)
					}
					synctest.Wait()
					if s.count() > count {
						at = append(at, time.Since(last).Round(time.Second))
						count, last = s.count(), time.Now()
					}
					time.Sleep(100 * time.Millisecond)
				}
				for i, want := range []time.Duration{0, 1, 2, 4, 8, 16, 32, 60, 60} {
					if i > 0 && at[i] != want*time.Second {
						t.Errorf("the tries came after %v", at)
						break
					}
				}
			})
		})
	}
}

// A server that hangs costs the first request two seconds, those that come after the first failure a fifth of one, and most of them nothing.
func TestServersThatHang(t *testing.T) {
	bubble(t, statuslist.Config{}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		hangs := func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		s.set(hangs)
		wait := func() time.Duration {
			began := time.Now()
			if got := judged(t, lists, facts(0)); got != "unknown" {
				t.Error(got)
			}
			return time.Since(began)
		}
		if got := wait(); got != 2*time.Second {
			t.Errorf("the first request waited for %v", got)
		}
		time.Sleep(3*time.Second + time.Millisecond) // it has failed after five
		if got := wait(); got != 0 {
			t.Errorf("while it is left alone a request waited for %v", got)
		}
		time.Sleep(time.Second)
		if got := wait(); got != 200*time.Millisecond || s.count() != 2 {
			t.Errorf("when it is asked again a request waited for %v, %d fetches", got, s.count())
		}
		var hint interface{ RetryAfter() time.Duration }
		if err := lists.Load(t.Context(), facts(0)); !errors.As(err, &hint) || hint.RetryAfter() != time.Second {
			t.Errorf("when to try again: %v", err)
		}
	})
}

// Fetches of one list are shared, and go on without those who wait.
func TestFetchesAreShared(t *testing.T) {
	bubble(t, statuslist.Config{}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.set(func(r *http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return answer(signed(r.URL.String(), nil)), nil
		})
		results := make(chan string, 100)
		for range cap(results) {
			go func() { results <- judged(t, lists, facts(0)) }()
		}
		for range cap(results) {
			if got := <-results; got != "unknown" {
				t.Errorf("got %s", got)
			}
		}
		if got := s.count(); got != 1 {
			t.Errorf("%d fetches for a hundred first sights", got)
		}
		time.Sleep(1500 * time.Millisecond)
		if got := judged(t, lists, facts(0)); got != "good" || s.count() != 1 {
			t.Errorf("after it came: %s, %d fetches", got, s.count())
		}
	})
}

// A copy from somewhere on the way must not take back what is known.
func TestOlderListsAreNotTaken(t *testing.T) {
	bubble(t, statuslist.Config{StaleFor: time.Hour}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		old := signed(listURI, testkit.Claims{"ttl": 60})
		time.Sleep(time.Second)
		s.serves(testkit.Claims{"ttl": 60}, 5)
		judged(t, lists, facts(5))
		s.set(func(*http.Request) (*http.Response, error) { return answer(old), nil })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := judged(t, lists, facts(5)); got != statuslist.Invalid {
			t.Errorf("got %s", got)
		}
		status := lists.Status().Lists[0]
		if status.LastError == nil || !strings.Contains(status.LastError.Error(), "older") {
			t.Errorf("the status says %v", status.LastError)
		}
		if time.Since(lists.Judge(facts(0)).AsOf) < 2*time.Minute {
			t.Error("an old copy passes for fresh knowledge")
		}
	})
}

// A list that has ended, and was fetched only just, is not fetched at every request.
func TestMinTTLBoundsFetches(t *testing.T) {
	bubble(t, statuslist.Config{MinTTL: time.Minute}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.set(func(r *http.Request) (*http.Response, error) {
			return answer(signed(r.URL.String(), testkit.Claims{"exp": time.Now().Add(-25 * time.Second).Unix()})), nil
		})
		if got := judged(t, lists, facts(0)); got != "good" {
			t.Fatal(got)
		}
		for range 47 {
			time.Sleep(time.Second)
			judged(t, lists, facts(0))
		}
		if got := s.count(); got != 1 {
			t.Errorf("%d fetches in less than a minute", got)
		}
		if err := lists.Load(t.Context(), facts(0)); err == nil || !strings.Contains(err.Error(), "out of date") {
			t.Errorf("after its end: %v", err)
		}
		time.Sleep(8 * time.Second)
		if got := judged(t, lists, facts(0)); got != "good" || s.count() != 2 {
			t.Errorf("after a minute: %s, %d fetches", got, s.count())
		}
	})
}
