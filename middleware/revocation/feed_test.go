package revocation_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

func TestAFeedIsShownByItsList(t *testing.T) {
	list := newList(t, revocation.Config{})
	f, err := list.Feed("logout", "https://idp.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := list.Feed("logout", "https://idp.example.com"); again != f || err != nil {
		t.Errorf("a second call made another feed, %v", err)
	}
	broken := errors.New("no good")
	f.Heard()
	f.Refused(broken)
	if err := f.SetBlind(t.Context(), "paused"); err != nil {
		t.Fatal(err)
	}
	all := list.Status().Feeds
	if len(all) != 1 {
		t.Fatalf("there are %d feeds", len(all))
	}
	s := all[0]
	if s.Name != "logout" || s.Issuer != "https://idp.example.com" || s.Events != 1 || s.Refused != 1 || s.LastEvent.IsZero() ||
		!errors.Is(s.LastError, broken) || s.Blind != "paused" || s.BlindSince.IsZero() {
		t.Errorf("the status is %+v", s)
	}
	f.Failed(nil)
	if err := f.SetBlind(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if s := f.Status(); s.LastError != nil || s.Blind != "" || !s.BlindSince.IsZero() {
		t.Errorf("a feed that is well again has the status %+v", s)
	}
}

func TestAFeedRefusesWhatCouldNotBeShown(t *testing.T) {
	list := newList(t, revocation.Config{})
	for _, names := range [][2]string{{"", "https://idp.example.com"}, {"logout", ""}, {"logout", strings.Repeat("i", 5000)}} {
		if _, err := list.Feed(names[0], names[1]); err == nil {
			t.Errorf("a feed %.20q was made", names)
		}
	}
	f, err := list.Feed("events", "https://idp.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, why := range []string{strings.Repeat("p", 33), "pau\nsed", "pausé"} {
		if f.SetBlind(t.Context(), why) == nil {
			t.Errorf("%q is a reason", why)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.SetBlind(ended, "paused"); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context had ended: %v", err)
	}
}
