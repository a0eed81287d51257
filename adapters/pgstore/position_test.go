package pgstore

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestPositions(t *testing.T) {
	at := time.UnixMicro(1_700_000_000_123_456)
	good := position{cluster{"7300000000000000001", "00000001"}, snapshot{20, []uint64{10, 14}}, row{7, 9, at}}
	const text = "pg1 7300000000000000001 00000001 20 10,14 7 9 1700000000123456"
	if good.String() != text {
		t.Fatalf("%q, want %q", good.String(), text)
	}
	p, ok := parsePosition(text)
	if !ok || p.cluster != good.cluster || p.witness.id != 7 || p.witness.xid != 9 || !p.witness.at.Equal(at) ||
		p.seen.max != 20 || !slices.Equal(p.seen.inProgress, []uint64{10, 14}) {
		t.Errorf("%+v, %t", p, ok)
	}
	for _, spoilt := range []string{
		"", "pg1", "pg2" + text[3:], text + " ", " " + text, text + "0x", text[:len(text)-16] + "0", "pg1 a b 0  7 9 1", "pg1 a b 020 10 7 9 1",
		"pg1 a b 20 10, 7 9 1", "pg1 a b 20 +10 7 9 1", "pg1 a b 20  -7 9 9223372036854775807", "pg1 a b 18446744073709551616  7 9 1", "pg1 a b 20 -1 7 9 1",
	} {
		if p, ok := parsePosition(spoilt); ok {
			t.Errorf("%q is taken for %+v", spoilt, p)
		}
	}
}

// With many transactions in progress a position lies before the first of them, and stays short.
func TestAPositionIsShort(t *testing.T) {
	many := snapshot{max: math.MaxUint64}
	for i := range uint64(10_000) {
		many.inProgress = append(many.inProgress, math.MaxUint64-20_000+i)
	}
	whole := position{cluster{"18446744073709551615", "FFFFFFFF"}, many, row{math.MaxInt64, math.MaxUint64, time.Now()}}
	p, ok := parsePosition(whole.String())
	if !ok || p.seen.max != many.inProgress[0] || len(p.seen.inProgress) != 0 {
		t.Errorf("%v, %t", p.seen, ok)
	}
	whole.seen.inProgress = many.inProgress[:maxInProgress]
	if p, ok := parsePosition(whole.String()); !ok || !slices.Equal(p.seen.inProgress, whole.seen.inProgress) {
		t.Errorf("%d of %d are left, %t", len(p.seen.inProgress), maxInProgress, ok)
	}
}

func TestSnapshots(t *testing.T) {
	for text, want := range map[string]snapshot{
		"10:20:10,14": {20, []uint64{10, 14}}, "20:20:": {20, nil}, "3:18446744073709551615:3": {math.MaxUint64, []uint64{3}},
	} {
		if s, err := parseSnapshot(text); err != nil || s.max != want.max || !slices.Equal(s.inProgress, want.inProgress) {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "10", "10:20", "10:x:", "10:0:", "10:20:x", "10:20:10:", "10:-1:"} {
		if s, err := parseSnapshot(text); err == nil {
			t.Errorf("%q is taken for %v", text, s)
		}
	}
}

func FuzzPosition(f *testing.F) {
	f.Add("pg1 7300000000000000001 00000001 20 10,14 7 9 1700000000123456")
	f.Fuzz(func(t *testing.T, text string) {
		if p, ok := parsePosition(text); ok && p.String() != text {
			t.Errorf("%q is read as %q", text, p)
		}
	})
}
