package statuslist_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// A list that nobody used when it was to be fetched again is fetched once it is used, before it says that anybody is good. What is held of it
// serves only where the server brings nothing, and where it takes longer than a token waits.
func TestAListThatWasUnusedIsFetchedBeforeItIsUsed(t *testing.T) {
	for _, row := range []struct {
		name   string
		claims testkit.Claims
		cfg    statuslist.Config
		server func(*server, testkit.Claims)
		want   string
		wait   time.Duration
	}{
		{"beyond its ttl, within StaleFor", testkit.Claims{"ttl": 60}, statuslist.Config{StaleFor: time.Hour}, revokes, statuslist.Invalid, 0},
		{"of an exp that is far away", testkit.Claims{"exp": "in a day"}, statuslist.Config{}, revokes, statuslist.Invalid, 0},
		{"and the server is away", testkit.Claims{"ttl": 60}, statuslist.Config{StaleFor: time.Hour}, (*server).isAway, "good", 0},
		{"and the server is silent", testkit.Claims{"ttl": 60}, statuslist.Config{StaleFor: time.Hour}, (*server).isSilent, "good", 2 * time.Second},
		{"and nothing may be stale", testkit.Claims{"ttl": 60}, statuslist.Config{}, (*server).isAway, "unknown", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, row.cfg, func(t *testing.T, s *server, lists *statuslist.Lists) {
				claims := testkit.Claims{}.With(row.claims)
				if claims["exp"] != nil {
					claims["exp"] = time.Now().Add(24 * time.Hour).Unix()
				}
				s.serves(claims)
				if got := judged(t, lists, facts(5)); got != "good" {
					t.Fatal(got)
				}
				time.Sleep(20 * time.Minute)
				synctest.Wait()
				before := s.count()
				row.server(s, claims)
				for i, wait := range []time.Duration{row.wait, 0} {
					began := time.Now()
					if got := judged(t, lists, facts(5)); got != row.want || time.Since(began) != wait || s.count() != before+1 {
						t.Errorf("%d: %s after %v and %d fetches, want %s after %v and one", i, got, time.Since(began), s.count()-before, row.want, wait)
					}
				}
			})
		})
	}
}

func revokes(s *server, claims testkit.Claims) { s.serves(claims, 5) }

func (s *server) isAway(testkit.Claims) { s.fails() }

func (s *server) isSilent(testkit.Claims) {
	s.set(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
}
