package events_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// A function of the application that panics costs the event nothing but time.
func TestAnEventWhoseFunctionsPanicComesAgain(t *testing.T) {
	for name, broken := range map[string]func(cfg *events.Config, panics *bool){
		"Entries": func(cfg *events.Config, panics *bool) {
			cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) {
				if *panics {
					panic("Entries is broken")
				}
				return nil, nil
			}
		},
		"Ends": func(cfg *events.Config, panics *bool) {
			cfg.Ends = func(events.Event) bool {
				if *panics {
					panic(errors.New("Ends is broken"))
				}
				return true
			}
		},
	} {
		panics := true
		f := receiver(t, with(func(cfg *events.Config) { broken(cfg, &panics) }))
		token := f.issuer.SecurityEvent(nil)
		for range 2 {
			if w := f.push(token); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if log := f.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, name+" is broken") {
			t.Errorf("%s: the log is %s", name, log)
		}
		if got := f.Status(); got.Feed.Refused != 0 || got.Feed.LastError == nil {
			t.Errorf("%s: %+v", name, got)
		}
		panics = false
		if f.takes(token); f.revokedBy() != "subject" || f.Status().Duplicates != 0 {
			t.Errorf("%s: it did not come again: %+v", name, f.Status())
		}
	}
}

func TestPollOutlivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asks := 0
		r, list, all := offline(t, func(_ int, _ asked, ctx context.Context) (*http.Response, error) {
			if asks < 5 {
				return sets(false, "a", set("a", "alice"))
			}
			return silence(ctx)
		}, func(cfg *events.Config) {
			cfg.AccessToken = func(context.Context) (string, error) {
				if asks++; asks == 2 {
					panic("AccessToken is broken")
				}
				return "token", nil
			}
			cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) {
				if asks < 4 {
					panic("Entries is broken")
				}
				return nil, nil
			}
		})
		pollFor(t, r, 30*time.Second)
		for n, a := range *all {
			if wants := n >= 3; len(a.SetErrs) > 0 || (len(a.Ack) == 1) != wants {
				t.Errorf("poll %d: %+v", n, a)
			}
		}
		if got := r.Status().Feed; got.Events != 1 || got.Refused != 0 {
			t.Errorf("%+v", got)
		}
		_ = list.Close()
	})
}

// What no List takes is not made better by sending the event again, and does not keep the other entries from being made.
func TestEntriesThatAreNoneAreNotAskedForAgain(t *testing.T) {
	f := receiver(t, func(f *fixture, cfg *events.Config) {
		cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) {
			return []revocation.Entry{
				{Kind: revocation.Session, Issuer: f.issuer.URL()},
				{Kind: "everything", Issuer: f.issuer.URL(), Value: "alice"},
				{Kind: revocation.Subject, Issuer: f.issuer.URL(), Value: "alice"},
			}, nil
		}
	})
	token := f.issuer.SecurityEvent(nil)
	f.takes(token)
	f.takes(token)
	if got := f.Status(); got.Invalid != 2 || got.Duplicates != 1 || f.revokedBy() != "subject" || f.list.Status().Entries != 1 {
		t.Errorf("%+v", got)
	}
	if log := f.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "no List takes") || !strings.Contains(log, "entries=1") {
		t.Errorf("the log is %s", log)
	}
}
