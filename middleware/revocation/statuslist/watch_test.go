package statuslist_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// A stream ends when a list that was fetched anew refuses its token, with the cause that it has for every revocation.
func TestStreamsEndWhenTheirStatusChanges(t *testing.T) {
	a := newAPI(t, nil)
	list := a.issuer.StatusList(2)
	open := func(claims authtest.Claims) context.Context {
		r := httptest.NewRequest(http.MethodGet, "/stream", nil)
		r.Header.Set("Authorization", "Bearer "+a.issuer.Token(claims))
		admitted, err := a.guard.Check(r)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := middleware.ContextWithExpiry(admitted)
		t.Cleanup(stop)
		return ctx
	}
	revoked, suspended := open(authtest.Claims{"status": list.Claim(1)}), open(authtest.Claims{"status": list.Claim(2)})
	good, without := open(authtest.Claims{"status": list.Claim(3)}), open(nil)
	if got := a.lists.Status(); got.Streams != 3 || got.Lists[0].Streams != 3 {
		t.Errorf("%d streams listen", got.Streams)
	}
	list.Set(1, 1)
	list.Set(2, 2)
	if err := a.lists.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, ctx := range []context.Context{revoked, suspended} {
		<-ctx.Done()
		if got := context.Cause(ctx); !errors.Is(got, middleware.ErrRevoked) {
			t.Errorf("the cause is %v", got)
		}
	}
	if good.Err() != nil || without.Err() != nil {
		t.Error("the stream of another token ended")
	}
}

// While streams listen, their list is kept fresh although no request uses it, and even if nobody knows it yet.
func TestNotify(t *testing.T) {
	bubble(t, statuslist.Config{}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.serves(testkit.Claims{"ttl": 60})
		var calls, others atomic.Int32
		stop := lists.Notify(facts(5), func() { calls.Add(1) })
		other := lists.Notify(facts(6), func() { others.Add(1) })
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := s.count(); got < 6 || got > 7 {
			t.Errorf("%d fetches in five minutes", got)
		}
		s.fails()
		time.Sleep(10 * time.Minute) // long after the list has ended
		s.serves(testkit.Claims{"ttl": 60}, 5)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if calls.Load() != 1 || others.Load() != 0 {
			t.Errorf("%d calls, %d of another token", calls.Load(), others.Load())
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls for one stream", calls.Load())
		}
		stop()
		stop()
		if got := lists.Status().Streams; got != 1 {
			t.Errorf("%d streams are left", got)
		}
		other()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := lists.Status(); got.Streams != 0 || len(got.Lists) != 0 {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

// A stream on a list that was idle has it fetched at once when it is due, and waits for a fetch that is under way.
func TestStreamsOfIdleLists(t *testing.T) {
	bubble(t, statuslist.Config{StaleFor: time.Hour}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.serves(testkit.Claims{"ttl": 60})
		judged(t, lists, facts(0))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		count := s.count()
		stop := lists.Notify(facts(0), func() {})
		synctest.Wait()
		if got := s.count(); got != count+1 {
			t.Errorf("%d fetches for a list that was due, want one", got-count)
		}
		stop()

		s.set(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answer(signed(r.URL.String(), nil)), nil
		})
		f := facts(0)
		f.StatusURI += "0"
		for range 3 {
			defer lists.Notify(f, func() {})()
			time.Sleep(100 * time.Millisecond)
		}
		if got := s.count(); got != count+2 {
			t.Errorf("%d fetches for three streams, want one", got-count-1)
		}
		time.Sleep(time.Second)
	})
}

// The function of a stream may stop it.
func TestStopWhileRevoking(t *testing.T) {
	bubble(t, statuslist.Config{}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		judged(t, lists, facts(0))
		stopped := make(chan struct{})
		var stop func()
		stop = lists.Notify(facts(5), func() { stop(); close(stopped) })
		s.serves(nil, 5)
		if err := lists.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		<-stopped
	})
}

// Streams hear of nothing that no list can change, and cost nothing then.
func TestNotifyOfTokensWithoutAList(t *testing.T) {
	lists := newLists(t, keys(t), statuslist.Config{})
	for _, f := range []middleware.TokenFacts{
		{Issuer: testkit.Issuer}, {Issuer: testkit.Issuer, StatusIndex: -1}, {Issuer: testkit.Issuer, StatusURI: "https://evil.example/1"},
	} {
		stop := lists.Notify(f, func() { t.Error("called") })
		if got := lists.Status(); got.Streams != 0 || len(got.Lists) != 0 {
			t.Errorf("%+v: %+v", f, got)
		}
		stop()
	}
	_ = lists.Close()
	defer lists.Notify(facts(0), func() {})()
}

// The lists that are known are bounded: the one that was not used for longest makes room, unless it was fetched only just.
func TestMaxLists(t *testing.T) {
	bubble(t, statuslist.Config{MaxLists: 3}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.serves(testkit.Claims{"ttl": 3600})
		of := func(n int) middleware.TokenFacts {
			f := facts(0)
			f.StatusURI = fmt.Sprint(testkit.Issuer, "/", n)
			return f
		}
		expect := func(n int, want string, fetches int) {
			t.Helper()
			before := s.count()
			if got := judged(t, lists, of(n)); got != want || s.count()-before != fetches {
				t.Errorf("list %d: %s after %d fetches, want %s after %d", n, got, s.count()-before, want, fetches)
			}
		}
		for n := range 3 {
			expect(n, "good", 1)
		}
		expect(3, "unknown", 0)
		time.Sleep(14 * time.Second)
		expect(3, "unknown", 0)
		time.Sleep(time.Second)
		expect(0, "good", 0)
		expect(2, "good", 0)
		expect(3, "good", 1) // in the place of 1
		expect(0, "good", 0)
		expect(2, "good", 0)
		expect(1, "good", 1) // in the place of 0 or 2
		expect(4, "good", 1) // of the other one
		expect(5, "unknown", 0)
		if got := len(lists.Status().Lists); got != 3 {
			t.Errorf("%d lists", got)
		}
		var stops []func()
		for _, n := range []int{1, 3, 4, 6} { // streams do not go without, whatever the bound
			stops = append(stops, lists.Notify(of(n), func() {}))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := lists.Status(); got.Streams != 4 || len(got.Lists) != 4 {
			t.Errorf("%d streams, %d lists", got.Streams, len(got.Lists))
		}
		expect(7, "unknown", 0)
		for _, stop := range stops {
			stop()
		}
		expect(7, "good", 1)
	})
}

// A list that is on its way makes no room.
func TestListsOnTheirWayStay(t *testing.T) {
	bubble(t, statuslist.Config{MaxLists: 1, MinTTL: time.Millisecond}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.set(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answer(signed(r.URL.String(), nil)), nil
		})
		go func() { _ = lists.Load(t.Context(), facts(0)) }()
		time.Sleep(100 * time.Millisecond)
		other := facts(0)
		other.StatusURI += "0"
		if err := lists.Load(t.Context(), other); err == nil || s.count() != 1 {
			t.Errorf("%v, %d fetches", err, s.count())
		}
		time.Sleep(time.Second)
		if got := judged(t, lists, facts(0)); got != "good" || s.count() != 1 {
			t.Errorf("%s, %d fetches", got, s.count())
		}
	})
}

// A list that was dropped is gone: what was planned for it does not bring it back.
func TestDroppedListsAreGone(t *testing.T) {
	bubble(t, statuslist.Config{MaxLists: 1}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.serves(testkit.Claims{"ttl": 60}, 5)
		judged(t, lists, facts(5))
		time.Sleep(20 * time.Second)
		other := facts(0)
		other.StatusURI += "0"
		judged(t, lists, other)
		if got := lists.Status(); got.Hits != 1 || len(got.Lists) != 1 || got.Lists[0].URI != other.StatusURI {
			t.Errorf("%+v", got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := s.count(); got != 3 { // the other list once more, as it was used after its fetch
			t.Errorf("%d fetches", got)
		}
	})
}
