package revocation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Feed is a source of entries beside the application's own calls: the logout tokens or security events of one issuer. The packages logout
// and events make them; other sources may, too. It keeps what Status shows of the source, and enters nothing itself. It is safe for
// concurrent use.
type Feed struct {
	list *List
	key  feedKey

	mu     sync.Mutex
	status FeedStatus
}

// feedKey is what a feed is known by, in every instance alike.
type feedKey struct{ name, issuer string }

// FeedStatus says how a Feed is.
type FeedStatus struct {
	_ [0]func() // keyed literals only

	Name   string // of the kind of source: "logout", "events"
	Issuer string

	Events    uint64    // that were good, here
	Refused   uint64    // that were not, here
	LastEvent time.Time // when the last good one came, here; zero: none did
	LastError error     // of the last one if it was refused, or of asking for events; nil: none

	// Blind says why events may be missing, such as "paused" or "disabled"; empty: none should be. With a Store it is so in every
	// instance, whichever of them heard of it.
	Blind      string
	BlindSince time.Time // zero unless Blind
}

// Feed returns the feed of that name and issuer, and makes it if there is none yet. Both must be the same in every instance.
func (l *List) Feed(name, issuer string) (*Feed, error) {
	if name == "" || issuer == "" || len(name)+len(issuer) > maxText {
		return nil, fmt.Errorf("revocation: a feed has a name and an issuer, of %d bytes together at most; these are %q and %q", maxText, name, issuer)
	}
	l.feeds.mu.Lock()
	defer l.feeds.mu.Unlock()
	key := feedKey{name, issuer}
	for _, f := range l.feeds.all {
		if f.key == key {
			return f, nil
		}
	}
	f := &Feed{list: l, key: key, status: FeedStatus{Name: name, Issuer: issuer}}
	l.feeds.all = append(l.feeds.all, f)
	return f, nil
}

// feeds are those of one List.
type feeds struct {
	mu  sync.Mutex
	all []*Feed
}

func (fs *feeds) status() []FeedStatus {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var all []FeedStatus
	for _, f := range fs.all {
		all = append(all, f.Status())
	}
	return all
}

// Status says how the feed is. It does no I/O.
func (f *Feed) Status() FeedStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Heard counts a good event, whether or not it revoked anything.
func (f *Feed) Heard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Events++
	f.status.LastEvent, f.status.LastError = time.Now(), nil
}

// Refused counts an event that was no good, and says why.
func (f *Feed) Refused(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Refused++
	f.status.LastError = err
}

// Failed says that this instance could not ask for events. Nil: it could again.
func (f *Feed) Failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.LastError = err
}

var errNoWhy = errors.New("revocation: the reason of a blind feed has at most 32 bytes of printable ASCII")

// maxWhy bounds the reason of a blind feed, which travels.
const maxWhy = 32

// SetBlind says why events may be missing from now on, in at most 32 bytes of ASCII; empty: none should be any more. With a Store it is so
// for every instance. The error is as Revoke's.
func (f *Feed) SetBlind(ctx context.Context, why string) error {
	if len(why) > maxWhy || !isASCII(why) {
		return errNoWhy
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	f.setBlind(why, time.Now())
	return nil
}

func (f *Feed) setBlind(why string, since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Blind, f.status.BlindSince = why, since
	if why == "" {
		f.status.BlindSince = time.Time{}
	}
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}
