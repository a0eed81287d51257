package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// outbox is a transmitter that sends the oldest tokens that were not acknowledged, at once. It is safe for concurrent use.
type outbox struct {
	mu    sync.Mutex
	open  []string // jti and sub of each
	made  map[string]string
	polls int
}

func (o *outbox) play(_ int, a asked, _ context.Context) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.polls++
	o.open = slices.DeleteFunc(o.open, func(id string) bool { _, bad := a.SetErrs[id]; return bad || slices.Contains(a.Ack, id) })
	sets := map[string]string{}
	for _, id := range o.open[:min(a.Max, len(o.open))] {
		sets[id] = o.made[id]
	}
	body, _ := json.Marshal(map[string]any{"sets": sets})
	return respond(http.StatusOK, string(body))
}

func (o *outbox) add(ids ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if o.made == nil {
			o.made = make(map[string]string)
		}
		o.open, o.made[id] = append(o.open, id), set(id, id)
	}
}

func (o *outbox) count() (open, polls int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.open), o.polls
}

// polling polls until the end of the function that it returns.
func polling(t *testing.T, r *events.Receiver) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Poll(ctx) }()
	return func() { cancel(); <-ended }
}

// holderOf is a token of a user that was issued a while ago.
func holderOf(sub string) middleware.TokenFacts {
	return middleware.TokenFacts{Issuer: testkit.Issuer, Subject: sub, IssuedAt: time.Now().Add(-24 * time.Hour), Expiry: time.Now().Add(time.Minute)}
}

// What cannot be taken holds up nothing else, and is seen: the feed is blind until it is taken.
func TestEventsThatCannotBeTakenHoldUpNoOthers(t *testing.T) {
	for _, row := range []struct {
		bad    int
		hangs  string
		within time.Duration // in which another event is taken; zero: so many are bad that the transmitter gives no others
	}{
		{1, "", 5 * time.Second},
		{1, "until its context ends", 10 * time.Second},
		{1, "for ever", 10 * time.Second},
		{32, "", 5 * time.Second},
		{32, "until its context ends", 15 * time.Second},
		{32, "for ever", 15 * time.Second},
		{260, "", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			transmitter := new(outbox)
			for n := range row.bad {
				transmitter.add(fmt.Sprint("bad", n))
			}
			var mu sync.Mutex
			mended, asked, goOn := false, 0, make(chan struct{})
			r, list, _ := offline(t, transmitter.play, func(cfg *events.Config) {
				cfg.Entries = func(ctx context.Context, e events.Event) ([]revocation.Entry, error) {
					mu.Lock()
					bad := e.Subject.ID != "alice" && !mended
					asked++
					mu.Unlock()
					switch {
					case !bad:
					case row.hangs == "for ever":
						<-goOn
					case row.hangs != "":
						<-ctx.Done()
					}
					if bad {
						return nil, errors.New("sql: no rows in result set")
					}
					return nil, nil
				}
			})
			end := polling(t, r)
			time.Sleep(2 * time.Minute)
			if got := r.Status().Feed; got.Blind != "untaken" || time.Since(got.BlindSince) < 30*time.Second {
				t.Errorf("%+v: the feed is blind %q since %v", row, got.Blind, got.BlindSince)
			}
			_, before := transmitter.count()
			mu.Lock()
			askedBefore := asked
			mu.Unlock()
			if most := 8 * row.bad; askedBefore > most { // each is tried after one, two, four … seconds
				t.Errorf("%+v: %d tries within two minutes, want %d at most", row, askedBefore, most)
			}
			transmitter.add("alice")
			began := time.Now()
			for list.Judge(holderOf("alice")).Kind == "" && time.Since(began) < 30*time.Second {
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(began); row.within > 0 && took > row.within {
				t.Errorf("%+v: another event is taken after %v", row, took)
			}
			_, after := transmitter.count()
			mu.Lock()
			if took := time.Since(began); after-before > int(took/time.Second)+2 || asked-askedBefore > (int(took/time.Minute)+2)*(row.bad+1) {
				t.Errorf("%+v: %d polls and %d tries within %v", row, after-before, asked-askedBefore, took)
			}
			mu.Unlock()
			mu.Lock()
			mended = true
			close(goOn)
			mu.Unlock()
			time.Sleep(3 * time.Minute)
			if open, _ := transmitter.count(); open > 0 || r.Status().Feed.Blind != "" || r.Status().Feed.Refused != 0 {
				t.Errorf("%+v: in the end %d are left, %+v", row, open, r.Status().Feed)
			}
			end()
			_ = list.Close()
		})
	}
}

// What another process has taken is sent no more, and is not missing.
func TestWhatIsSentNoMoreIsNotMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transmitter := new(outbox)
		transmitter.add("bad")
		r, list, _ := offline(t, transmitter.play, func(cfg *events.Config) {
			cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) { return nil, errors.New("not now") }
		})
		end := polling(t, r)
		time.Sleep(5 * time.Minute)
		if got := r.Status().Feed.Blind; got != "untaken" {
			t.Errorf("blind %q", got)
		}
		transmitter.mu.Lock()
		transmitter.open = nil
		transmitter.mu.Unlock()
		time.Sleep(11 * time.Minute)
		if got := r.Status().Feed.Blind; got != "" {
			t.Errorf("blind %q", got)
		}
		end()
		_ = list.Close()
	})
}

// A transmitter that refuses what acknowledges a jti which it has forgotten is asked on without. If it refuses every acknowledgement the feed
// is blind, as it gives no further events in the end.
func TestPollOutlivesAnAcknowledgementThatIsRefused(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusInternalServerError} {
		for _, always := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				transmitter := new(outbox)
				transmitter.add("a")
				r, list, _ := offline(t, func(n int, a asked, ctx context.Context) (*http.Response, error) {
					forgotten := slices.Contains(a.Ack, "a") || always && len(a.Ack) > 0
					if forgotten {
						transmitter.mu.Lock()
						defer transmitter.mu.Unlock()
						if !always {
							transmitter.open = slices.DeleteFunc(transmitter.open, func(id string) bool { return id == "a" })
						}
						return respond(status, `{"err":"invalid_request"}`)
					}
					return transmitter.play(n, a, ctx)
				})
				end := polling(t, r)
				time.Sleep(5 * time.Second)
				transmitter.add("b")
				time.Sleep(5 * time.Minute)
				if got := list.Judge(holderOf("b")).Kind; got != "subject" {
					t.Errorf("%d, always: %t: the next event is not taken", status, always)
				}
				open, polls := transmitter.count()
				if blind := r.Status().Feed.Blind; (blind == "unpolled") != always || (open > 0) != always || polls > 300 {
					t.Errorf("%d, always: %t: blind %q, %d are left, %d polls", status, always, blind, open, polls)
				}
				end()
				if got := r.Status().Feed.Blind; got != "" {
					t.Errorf("blind %q though nobody polls any more", got)
				}
				_ = list.Close()
			})
		}
	}
}

// A transmitter that goes on sending what was acknowledged, or refused, is not asked without a rest.
func TestPollDoesNotHurryAfterNothingNew(t *testing.T) {
	for name, tokens := range map[string][][]string{
		"a good token": {{"a", set("a", "alice")}}, "one that is none": {{"a", "x.y.z"}},
		"two by turns": {{"a", set("a", "alice")}, {"b", "x.y.z"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, list, all := offline(t, func(n int, _ asked, _ context.Context) (*http.Response, error) {
				return sets(n%2 == 0, tokens[n%len(tokens)]...)
			})
			pollFor(t, r, time.Minute)
			if n := len(*all); n < 30 || n > 35 {
				t.Errorf("%s: %d polls within a minute", name, n)
			}
			_ = list.Close()
		})
	}
}

// A poll that waits and is cut off, by HTTPClient or by what is between, says nothing of the transmitter: the stream is quiet.
func TestPollWaitsThroughWhatCutsItOff(t *testing.T) {
	for name, row := range map[string]struct {
		timeout time.Duration
		after   time.Duration
		play    func() (*http.Response, error)
	}{
		"HTTPClient.Timeout":         {30 * time.Second, time.Hour, nil},
		"a short HTTPClient.Timeout": {3 * time.Second, time.Hour, nil},
		"a time-out of a transport":  {0, 8 * time.Second, func() (*http.Response, error) { return nil, fmt.Errorf("awaiting: %w", context.DeadlineExceeded) }},
		"a proxy":                    {0, 30 * time.Second, func() (*http.Response, error) { return respond(http.StatusGatewayTimeout, "") }},
		"a load balancer":            {0, 50 * time.Second, func() (*http.Response, error) { return nil, errors.New("connection reset by peer") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			var longest atomic.Int64 // during which nobody waits at the transmitter, so that an event would wait
			last := time.Now()
			r, list, _ := offline(t, func(_ int, a asked, ctx context.Context) (*http.Response, error) {
				longest.Store(max(longest.Load(), int64(time.Since(last))))
				defer func() { last = time.Now() }()
				if a.AtOnce {
					return sets(false)
				}
				select {
				case <-time.After(row.after):
					return row.play()
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}, func(cfg *events.Config) { cfg.HTTPClient.Timeout = row.timeout })
			end := polling(t, r)
			time.Sleep(20 * time.Minute)
			idle := time.Duration(longest.Load())
			if got := r.Status().Feed; got.LastError != nil || got.Blind != "" || idle > 3*time.Second {
				t.Errorf("%s: nobody polls for %v at a time, and a quiet stream is blind %q, %v", name, idle.Round(time.Second), got.Blind, got.LastError)
			}
			end()
			_ = list.Close()
		})
	}
}

// Polls that fail for a minute are more than a moment's trouble: revocations may be missing here.
func TestPollsThatKeepFailingMakeTheFeedBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var healthy atomic.Bool
		r, list, _ := offline(t, func(int, asked, context.Context) (*http.Response, error) {
			if healthy.Load() {
				return sets(false)
			}
			return respond(http.StatusUnauthorized, "")
		})
		end := polling(t, r)
		time.Sleep(50 * time.Second)
		if got := r.Status().Feed; got.Blind != "" || got.LastError == nil {
			t.Errorf("after 50 s: blind %q, %v", got.Blind, got.LastError)
		}
		time.Sleep(75 * time.Second)
		if got := r.Status().Feed; got.Blind != "unpolled" || list.Status().Feeds[0].Blind != "unpolled" {
			t.Errorf("after %v: blind %q", time.Since(began), got.Blind)
		}
		updates(t, time.Now(), "paused", r) // what the transmitter says itself is shown first
		if got := r.Status().Feed.Blind; got != "paused" {
			t.Errorf("blind %q", got)
		}
		updates(t, time.Now(), "enabled", r)
		healthy.Store(true)
		time.Sleep(time.Minute)
		if got := r.Status().Feed; got.Blind != "" || got.LastError != nil {
			t.Errorf("after a poll that was answered: blind %q, %v", got.Blind, got.LastError)
		}
		end()
		_ = list.Close()
	})
}
