package sealed_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

func sealer(t testing.TB) *sealed.Sealer {
	t.Helper()
	s, err := sealed.New([][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What is read is what was written, under each secret.
func TestRecordsComeBack(t *testing.T) {
	s := sealer(t)
	for secret := range s.Secrets() {
		digest := s.Digest(secret, 2, "https://i", "u")
		for _, r := range []sealed.Record{
			{Secret: secret, Op: 2, Digest: digest, ID: 1, Before: 5, Until: 6},
			{Secret: secret, Op: 4, Digest: digest, ID: 1<<56 - 1, Until: 1<<32 - 1},
			{Secret: secret, Op: sealed.OpLift, Digest: digest, ID: 9, Until: 6, Besides: sealed.BesidesOfLift([]uint64{1, 1<<56 - 1})},
			{Secret: secret, Op: sealed.OpFeed, Digest: digest, ID: 9, Until: 6, Besides: sealed.BesidesOfFeed(sealed.FeedState{Why: "paused", At: 7, ID: 9})},
		} {
			got, err := s.Open(s.Seal(r))
			if err != nil || got.Secret != r.Secret || got.Op != r.Op || got.Digest != r.Digest || got.ID != r.ID ||
				got.Before != r.Before || got.Until != r.Until || !bytes.Equal(got.Besides, r.Besides) {
				t.Errorf("%+v came back as %+v, %v", r, got, err)
			}
			switch r.Op {
			case sealed.OpLift:
				if ids, err := got.Lifted(); err != nil || len(ids) != 2 || ids[0] != 1 || ids[1] != 1<<56-1 {
					t.Errorf("lifted %v, %v", ids, err)
				}
			case sealed.OpFeed:
				if state, err := got.FeedState(); err != nil || state != (sealed.FeedState{Why: "paused", At: 7, ID: 9}) {
					t.Errorf("the feed is %+v, %v", state, err)
				}
			}
		}
	}
	if n := len(s.Seal(sealed.Record{Besides: sealed.BesidesOfLift(make([]uint64, sealed.MaxLifted))})); n > sealed.MaxSize {
		t.Errorf("the largest lift has %d bytes", n)
	}
}

// What is too short for what it says is an error, and of two states of one time the same counts everywhere.
func TestRecordsOfNoSense(t *testing.T) {
	s := sealer(t)
	if _, err := s.Open(s.Seal(sealed.Record{Op: 2, ID: 1, Besides: make([]byte, sealed.MaxSize)})); err == nil {
		t.Error("a record that is too long is read")
	}
	for _, besides := range [][]byte{nil, make([]byte, 8), slices.Clip(append(make([]byte, 8), 3, 'a', 'b'))} {
		if state, err := (sealed.Record{Op: sealed.OpFeed, ID: 1, Besides: besides}).FeedState(); err == nil {
			t.Errorf("%x says %+v", besides, state)
		}
	}
	for _, besides := range [][]byte{nil, slices.Clip([]byte{1, 0, 0})} {
		if ids, err := (sealed.Record{Op: sealed.OpLift, ID: 1, Besides: besides}).Lifted(); err == nil {
			t.Errorf("%x lifts %v", besides, ids)
		}
	}
	one, two := sealed.FeedState{At: 5, ID: 1}, sealed.FeedState{At: 5, ID: 2}
	if !two.IsLaterThan(one) || one.IsLaterThan(two) || one.IsLaterThan(one) || !(sealed.FeedState{At: 6}).IsLaterThan(two) || one.IsLaterThan(sealed.FeedState{At: 6}) {
		t.Error("states of one time are in no order")
	}
}

// Digests tell apart what differs in anything, wherever one text ends and the next begins.
func TestDigestsDiffer(t *testing.T) {
	s := sealer(t)
	seen := make(map[entries.Digest]string)
	for name, d := range map[string]entries.Digest{
		"it":               s.Digest(0, 2, "https://i", "u"),
		"another secret":   s.Digest(1, 2, "https://i", "u"),
		"another kind":     s.Digest(0, 3, "https://i", "u"),
		"another issuer":   s.Digest(0, 2, "https://j", "u"),
		"another value":    s.Digest(0, 2, "https://i", "v"),
		"another boundary": s.Digest(0, 2, "https://iu", ""),
	} {
		if other, taken := seen[d]; taken {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
	}
}

// Only what was sealed can be opened, and no bytes are a panic.
func FuzzOpen(f *testing.F) {
	s := sealer(f)
	f.Add([]byte{}, []byte{})
	f.Add(s.Seal(sealed.Record{Op: 2, ID: 1}), []byte{3})
	f.Add(s.Seal(sealed.Record{Op: sealed.OpLift, ID: 1, Besides: []byte{1, 2, 3, 4, 5, 6, 7, 8}}), []byte{1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, record, besides []byte) {
		if r, err := s.Open(record); err == nil && !bytes.Equal(s.Seal(r), record) {
			t.Errorf("%x was opened as %+v, which is sealed otherwise", record, r)
		}
		r := sealed.Record{Op: sealed.OpLift, ID: 1, Besides: besides}
		if ids, err := r.Lifted(); err == nil && (len(ids) != int(besides[0]) || !bytes.HasPrefix(besides, sealed.BesidesOfLift(ids))) {
			t.Errorf("%x lifts %v", besides, ids)
		}
		if state, err := r.FeedState(); err == nil && !bytes.HasPrefix(besides, sealed.BesidesOfFeed(state)) {
			t.Errorf("%x says %+v", besides, state)
		}
	})
}
