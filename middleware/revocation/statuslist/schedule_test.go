package statuslist_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// bubble runs a test in a time of its own, with a server of lists.
func bubble(t *testing.T, cfg statuslist.Config, test func(t *testing.T, s *server, lists *statuslist.Lists)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.serves(nil)
		cfg := cfg
		cfg.HTTPClient = &http.Client{Transport: s}
		test(t, s, newLists(t, keys(t), cfg))
	})
}

// A list that tokens use is fetched again after eight to nine tenths of its ttl, whatever HTTP's own headers say (MUST of section 8.2).
func TestListsAreKeptFresh(t *testing.T) {
	for _, row := range []struct {
		name     string
		claims   testkit.Claims
		cfg      statuslist.Config
		lifetime time.Duration
	}{
		{"ttl", testkit.Claims{"ttl": 60}, statuslist.Config{}, time.Minute},
		{"ttl before exp", testkit.Claims{"ttl": 60, "exp": "in an hour"}, statuslist.Config{}, time.Minute},
		{"exp before ttl", testkit.Claims{"ttl": 7200, "exp": "in an hour"}, statuslist.Config{}, time.Hour},
		{"exp alone, which is far away", testkit.Claims{"exp": "in an hour"}, statuslist.Config{}, 5 * time.Minute},
		{"neither", nil, statuslist.Config{}, 5 * time.Minute},
		{"a ttl of nothing", testkit.Claims{"ttl": 0}, statuslist.Config{}, 15 * time.Second},
		{"a ttl below zero", testkit.Claims{"ttl": -1}, statuslist.Config{}, 15 * time.Second},
		{"a ttl of ten years", testkit.Claims{"ttl": 315360000}, statuslist.Config{}, 24 * time.Hour},
		{"a ttl beyond all numbers", testkit.Claims{"ttl": 1e300}, statuslist.Config{}, 24 * time.Hour},
		{"a ttl with a fraction", testkit.Claims{"ttl": 30.5}, statuslist.Config{}, 30500 * time.Millisecond},
		{"a limit from below", testkit.Claims{"ttl": 60}, statuslist.Config{MinTTL: 10 * time.Minute}, 10 * time.Minute},
		{"a limit from above", testkit.Claims{"ttl": 7200}, statuslist.Config{MaxTTL: time.Hour}, time.Hour},
		{"a limit above nothing", nil, statuslist.Config{MaxTTL: time.Minute}, time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, row.cfg, func(t *testing.T, s *server, lists *statuslist.Lists) {
				var fetches []time.Time
				s.set(func(r *http.Request) (*http.Response, error) {
					fetches = append(fetches, time.Now())
					claims := testkit.Claims{}.With(row.claims)
					if claims["exp"] != nil {
						claims["exp"] = time.Now().Add(time.Hour).Unix()
					}
					a := answer(signed(r.URL.String(), claims))
					a.Header.Set("Cache-Control", "max-age=86400")
					a.Header.Set("Expires", time.Now().Add(48*time.Hour).UTC().Format(http.TimeFormat))
					return a, nil
				})
				for range 400 {
					if got := judged(t, lists, facts(0)); got != "good" {
						t.Fatal(got)
					}
					time.Sleep(row.lifetime / 100)
					synctest.Wait()
				}
				for i, at := range fetches[1:] {
					if after := at.Sub(fetches[i]); after < row.lifetime*8/10 || after > row.lifetime*9/10 {
						t.Errorf("fetched again after %v", after)
					}
				}
				if len(fetches) < 5 || len(fetches) > 6 {
					t.Errorf("%d fetches", len(fetches))
				}
			})
		})
	}
}

// What a refresh has brought holds for the next request, in either direction.
func TestARefreshIsSeen(t *testing.T) {
	bubble(t, statuslist.Config{}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		for i, row := range []struct {
			revoked []int
			want    string
		}{{nil, "good"}, {[]int{5}, statuslist.Invalid}, {[]int{4}, "good"}} {
			s.serves(testkit.Claims{"ttl": 60}, row.revoked...)
			if i > 0 {
				time.Sleep(55 * time.Second)
				synctest.Wait()
			}
			if got := judged(t, lists, facts(5)); got != row.want {
				t.Errorf("%d: %s, want %s", i, got, row.want)
			}
		}
	})
}

// A list that nobody uses is not fetched again, and forgotten when it ends.
func TestUnusedListsAreForgotten(t *testing.T) {
	bubble(t, statuslist.Config{StaleFor: time.Minute}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.serves(testkit.Claims{"ttl": 60}, 5)
		judged(t, lists, facts(5))
		time.Sleep(58 * time.Second) // used just after it was fetched, so it is fetched once more
		synctest.Wait()
		if got := s.count(); got != 2 {
			t.Fatalf("%d fetches", got)
		}
		time.Sleep(time.Minute)
		if got := len(lists.Status().Lists); got != 1 {
			t.Errorf("%d lists while this one can be used", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := lists.Status(); len(got.Lists) != 0 || got.Hits != 1 || got.Bytes != 0 || s.count() != 2 {
			t.Errorf("afterwards: %+v, %d fetches", got, s.count())
		}
		if got := judged(t, lists, facts(0)); got != "good" || s.count() != 3 {
			t.Errorf("when it is used again: %s, %d fetches", got, s.count())
		}
	})
}

// A list that has ended while its server failed is not asked for ever: the next token that needs it asks again.
func TestListsThatEndedAreForgotten(t *testing.T) {
	bubble(t, statuslist.Config{}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.serves(testkit.Claims{"ttl": 60})
		judged(t, lists, facts(0))
		s.fails()
		for range 11 {
			time.Sleep(5 * time.Second)
			judged(t, lists, facts(0))
		}
		time.Sleep(time.Minute)
		count := s.count()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := len(lists.Status().Lists); got != 0 || s.count() != count {
			t.Errorf("%d lists, %d fetches", got, s.count()-count)
		}
	})
}

// How long a list is used while its server fails: by its ttl and exp, and for Config.StaleFor after the ttl, but never after the exp.
func TestHowLongAListIsUsed(t *testing.T) {
	const leeway = 30 * time.Second
	for _, row := range []struct {
		name   string
		claims testkit.Claims
		exp    time.Duration
		stale  time.Duration
		want   time.Duration
	}{
		{"ttl", testkit.Claims{"ttl": 60}, 0, 0, time.Minute},
		{"ttl, and stale", testkit.Claims{"ttl": 60}, 0, time.Hour, time.Minute + time.Hour},
		{"exp", nil, 10 * time.Minute, 0, 10*time.Minute + leeway},
		{"exp, which nothing extends", nil, 10 * time.Minute, time.Hour, 10*time.Minute + leeway},
		{"exp before ttl", testkit.Claims{"ttl": 3600}, 10 * time.Minute, 0, 10*time.Minute + leeway},
		{"ttl before exp", testkit.Claims{"ttl": 60}, 10 * time.Minute, 0, time.Minute},
		{"ttl before exp, and stale until then", testkit.Claims{"ttl": 60}, 10 * time.Minute, time.Hour, 10*time.Minute + leeway},
		{"ttl before exp, and stale before that", testkit.Claims{"ttl": 60}, 10 * time.Minute, 2 * time.Minute, 3 * time.Minute},
		{"neither", nil, 0, 0, 5 * time.Minute},
		{"exp far away", nil, 1000 * time.Hour, 0, 24 * time.Hour},
		{"exp only just", testkit.Claims{"ttl": 60}, -20 * time.Second, time.Hour, 10 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, statuslist.Config{StaleFor: row.stale}, func(t *testing.T, s *server, lists *statuslist.Lists) {
				claims := testkit.Claims{}.With(row.claims)
				if row.exp != 0 {
					claims["exp"] = time.Now().Add(row.exp).Unix()
				}
				s.serves(claims, 5)
				began := time.Now()
				if got := judged(t, lists, facts(0)); got != "good" {
					t.Fatal(got)
				}
				if got := lists.Status().Lists[0].UsedUntil.Sub(began); got != row.want {
					t.Errorf("used for %v, want %v", got, row.want)
				}
				s.fails()
				time.Sleep(row.want - time.Millisecond)
				synctest.Wait()
				for index, want := range map[int]string{0: "good", 5: statuslist.Invalid} {
					if got := judged(t, lists, facts(index)); got != want {
						t.Errorf("at its end: %s, want %s", got, want)
					}
				}
				if age := time.Since(lists.Judge(facts(0)).AsOf); age != row.want-time.Millisecond {
					t.Errorf("what is known is %v old", age)
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				for index := range 6 {
					if got := judged(t, lists, facts(index)); got != "unknown" {
						t.Errorf("afterwards: %s", got)
					}
				}
				s.serves(nil)
				time.Sleep(2 * time.Minute)
				if got := judged(t, lists, facts(5)); got != "good" {
					t.Errorf("when the server is there again: %s", got)
				}
			})
		})
	}
}

// AsOf is when the list was made, as only its issuer knows what has been revoked since.
func TestAsOf(t *testing.T) {
	bubble(t, statuslist.Config{}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		began := time.Now()
		for uri, iat := range map[string]time.Duration{"/a": 0, "/b": -time.Hour, "/c": 20 * time.Second} {
			s.serves(testkit.Claims{"iat": began.Add(iat).Unix()})
			f := facts(0)
			f.StatusURI = testkit.Issuer + uri
			judged(t, lists, f)
			if got := lists.Judge(f).AsOf.Sub(began); got != min(iat, 0) {
				t.Errorf("iat %v: as of %v", iat, got)
			}
		}
		f := facts(0)
		f.StatusURI = ""
		time.Sleep(time.Minute)
		if got := lists.Judge(f).AsOf; !got.Equal(time.Now()) {
			t.Errorf("without status: as of %v", got)
		}
	})
}

// The clock of Config judges dates, and none of the intervals.
func TestClock(t *testing.T) {
	at := time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC)
	bubble(t, statuslist.Config{Clock: func() time.Time { return at }}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.serves(testkit.Claims{"iat": at.Add(-time.Minute).Unix(), "exp": at.Add(time.Minute).Unix()})
		began := time.Now()
		if got := judged(t, lists, facts(0)); got != "good" {
			t.Fatal(got)
		}
		if got := lists.Status().Lists[0].CurrentUntil.Sub(began); got != 90*time.Second {
			t.Errorf("current for %v", got)
		}
		if got := lists.Judge(facts(0)).AsOf.Sub(began); got != -time.Minute {
			t.Errorf("as of %v", got)
		}
	})
}

func TestClose(t *testing.T) {
	var log bytes.Buffer
	bubble(t, statuslist.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.serves(testkit.Claims{"ttl": 60}, 5)
		judged(t, lists, facts(5))
		s.set(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		other := facts(0)
		other.StatusURI += "0"
		waits := make(chan error)
		go func() { waits <- lists.Load(t.Context(), other) }()
		refreshes := make(chan error)
		go func() { refreshes <- lists.Refresh(t.Context()) }()
		synctest.Wait()
		for range 2 {
			if err := lists.Close(); err != nil {
				t.Error(err)
			}
		}
		if <-waits == nil || <-refreshes == nil {
			t.Error("a fetch that was cut off succeeded")
		}
		defer lists.Notify(facts(0), func() {})()
		another := facts(0)
		another.StatusURI += "1"
		defer lists.Notify(another, func() {})()
		count := s.count()
		time.Sleep(time.Hour)
		if log.Len() > 0 {
			t.Errorf("what was cut off is no failure: %s", log.String())
		}
		for name, f := range map[string]func() string{
			"a revoked token":        func() string { return judged(t, lists, facts(5)) },
			"a token of a new list":  func() string { return judged(t, lists, other) },
			"a token without status": func() string { f := facts(0); f.StatusURI = ""; return judged(t, lists, f) },
		} {
			if got := f(); got != "unknown" {
				t.Errorf("%s: %s", name, got)
			}
		}
		known := len(lists.Status().Lists)
		another.StatusURI += "1"
		if err := lists.Load(t.Context(), another); err == nil || len(lists.Status().Lists) != known {
			t.Errorf("Load of closed Lists: %v", err)
		}
		for range 20 {
			if err := lists.Refresh(t.Context()); err == nil {
				t.Error("Refresh of closed Lists")
			}
		}
		if s.count() != count {
			t.Error("something was fetched")
		}
	})
}
