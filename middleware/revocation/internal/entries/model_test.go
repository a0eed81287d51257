package entries

import (
	"testing"
	"time"
)

// A Table agrees with a plain list of everything that was said, whatever order it was said in. Entries do not end here.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0x01, 0x12, 0x83, 0x41, 0xc2})
	f.Add([]byte{0x01, 0x01, 0x81, 0x01})
	f.Fuzz(func(t *testing.T, steps []byte) {
		type said struct {
			digest Digest
			record Record
		}
		tab := NewTable(1 << 10)
		var all []said
		undone := make(map[uint64]bool)
		for _, step := range steps[:min(len(steps), 200)] {
			id, d := uint64(step&0x0f)+1, Digest{step >> 4 & 0x03}
			if step&0x80 != 0 {
				undone[id] = true
				if err := tab.Lift(id, 1<<31, start); err != nil {
					t.Fatal(err)
				}
				tab.Remove(d, func(r Record) bool { return r.ID() == id })
				for other := range byte(4) { // an identifier is of one entry, so nothing else is to go
					tab.Remove(Digest{other}, func(r Record) bool { return r.ID() == id })
				}
				continue
			}
			added := Record{Before: uint32(step>>2&0x0f) * 100, Until: 1 << 31, Label: NewLabel(id, 2, 0, step&0x40 != 0)}
			known := false
			for _, s := range all {
				known = known || s.record.ID() == id && s.digest == d
			}
			if isNew, err := tab.Add(d, added, start); err != nil || isNew == (known && !undone[id]) && !undone[id] {
				t.Fatalf("entry %d was new: %v, %v", id, isNew, err)
			}
			if !known {
				all = append(all, said{d, added})
			}
		}
		live := 0
		for _, s := range all {
			if !undone[s.record.ID()] {
				live++
			}
		}
		if tab.Size() != live {
			t.Errorf("there are %d entries, want %d", tab.Size(), live)
		}
		for other := range byte(4) {
			for iat := int64(0); iat < 1600; iat += 50 {
				want := false
				for _, s := range all {
					want = want || s.digest == Digest{other} && !undone[s.record.ID()] && s.record.Hits(time.Unix(iat, 0))
				}
				if got := tab.Has(Digest{other}, time.Unix(iat, 0)); got != want {
					t.Errorf("a token of %d under %d is hit: %v, want %v", iat, other, got, want)
				}
			}
		}
	})
}
