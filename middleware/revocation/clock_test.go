package revocation

import (
	"bytes"
	"context"
	"testing"
	"time"
)

// recording keeps what is appended, and delivers nothing.
type recording struct{ entries chan []byte }

func (c recording) Append(_ context.Context, entry []byte, _ time.Time) error {
	c.entries <- bytes.Clone(entry)
	return nil
}

func (c recording) Follow(ctx context.Context, _ string, _ func([]byte, string) error, alive func(time.Time)) error {
	alive(time.Now())
	<-ctx.Done()
	return ctx.Err()
}

// A machine boots with a clock that is two days ahead, reads the Store, and NTP sets the clock right. All that was read "had ended".
func TestAClockThatWasAheadHidesNoEntry(t *testing.T) {
	store := recording{make(chan []byte, 8)} // an entry that is on its way when the Store is first read comes twice
	cfg := Config{Store: store, Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}}
	one, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if err := one.Revoke(t.Context(), Entry{Kind: Subject, Issuer: "https://i", Value: "u"}); err != nil {
		t.Fatal(err)
	}
	two, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	if err := two.Warm(t.Context()); err != nil { // from then on nobody but this test moves AsOf
		t.Fatal(err)
	}
	again := false
	f := &follower{shared: two.shared, reread: func() { again = true }}
	r, err := f.seal.Open(<-store.entries)
	if err != nil {
		t.Fatal(err)
	}
	f.alive(time.Now())
	before := two.AsOf()
	if err := f.apply(r, time.Now().Add(48*time.Hour)); err != nil { // what deliver does while the clock is ahead
		t.Fatal(err)
	}
	f.alive(time.Now())
	if !again || !two.AsOf().Equal(before) {
		t.Errorf("the clock is right again, and an entry lives that was passed over: everything is read anew: %v, AsOf moved by %v", again, two.AsOf().Sub(before))
	}
	f.incomplete, again = false, false // the full read has begun
	f.alive(time.Now())
	if again || two.AsOf().Equal(before) {
		t.Errorf("after the full read: everything is read anew: %v, AsOf moved by %v", again, two.AsOf().Sub(before))
	}
}
