package entries

import (
	"errors"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

func after(d time.Duration) time.Time { return start.Add(d) }

// dated is a Record about what was issued so long after the start or before, kept for as long.
func dated(before, until time.Duration) Record {
	return Record{Before: uint32(after(before).Unix()), Until: uint32(after(until).Unix())}
}

func all(Record) bool { return true }

func always(until time.Duration) Record { return Record{Until: uint32(after(until).Unix())} }

// Of what is known already nothing is kept twice, and what says less never takes the place of what says more.
func TestEntriesOfOneName(t *testing.T) {
	const hour = time.Hour
	for _, row := range []struct {
		name   string
		add    []Record
		size   int
		hits   []time.Duration // iat of tokens that are revoked
		passes []time.Duration
	}{
		{"the same twice", []Record{dated(0, hour), dated(0, hour)}, 1, []time.Duration{0}, []time.Duration{1 * time.Second}},
		{"a later date, for longer, takes its place", []Record{dated(0, hour), dated(hour, 2*hour)}, 1, []time.Duration{0, hour}, []time.Duration{hour + time.Second}},
		{"an earlier date, for shorter, says nothing new", []Record{dated(hour, 2*hour), dated(0, hour)}, 1, []time.Duration{hour}, []time.Duration{2 * hour}},
		{"an earlier date, for longer, stands beside", []Record{dated(hour, hour), dated(0, 2*hour)}, 2, []time.Duration{0, hour}, []time.Duration{2 * hour}},
		{"a later date, for shorter, stands beside", []Record{dated(0, 2*hour), dated(hour, hour)}, 2, []time.Duration{0, hour}, []time.Duration{2 * hour}},
		{"three that say different things", []Record{dated(0, 3*hour), dated(hour, 2*hour), dated(2*hour, hour)}, 3, []time.Duration{2 * hour}, []time.Duration{3 * hour}},
		{"what stands beside is known too", []Record{dated(0, 2*hour), dated(hour, hour), dated(hour, hour)}, 2, []time.Duration{hour}, []time.Duration{2 * hour}},
		{"without a date it hits all", []Record{dated(0, hour), always(hour)}, 1, []time.Duration{0, 5 * hour}, nil},
		{"a date after that says nothing new", []Record{always(hour), dated(5*hour, hour)}, 1, []time.Duration{9 * hour}, nil},
		{"without a date, for shorter", []Record{dated(0, 2*hour), always(hour)}, 2, []time.Duration{0, 9 * hour}, nil},
		{"a date, for longer than one without", []Record{always(hour), dated(0, 2*hour)}, 2, []time.Duration{0, 9 * hour}, nil},
	} {
		tab := NewTable(10)
		for _, r := range row.add {
			if _, err := tab.Add(Digest{}, r, start); err != nil {
				t.Fatal(err)
			}
		}
		if got := int(tab.size.Load()); got != row.size {
			t.Errorf("%s: %d entries, want %d", row.name, got, row.size)
		}
		for _, iat := range row.hits {
			if !tab.Has(Digest{}, after(iat)) {
				t.Errorf("%s: a token of %v is not hit", row.name, iat)
			}
		}
		for _, iat := range row.passes {
			if tab.Has(Digest{}, after(iat)) {
				t.Errorf("%s: a token of %v is hit", row.name, iat)
			}
		}
		if tab.Remove(Digest{}, all) != row.size || tab.size.Load() != 0 || tab.Has(Digest{}, after(0)) {
			t.Errorf("%s: something is left after it was lifted", row.name)
		}
	}
}

// What has ended goes when a shard has doubled, long before the table is full, and what stands behind it takes its place.
func TestEndedEntriesAreSwept(t *testing.T) {
	tab := NewTable(1 << 20)
	of := func(i int) Digest { return Digest{0, byte(i), byte(i >> 8)} } // all of one shard
	for i := range leastSweep {
		first, second := dated(0, time.Minute), dated(-time.Hour, 2*time.Minute)
		switch i {
		case 0: // one of two has ended, the other not
			second = dated(-time.Hour, 3*time.Hour)
		case 1: // the other way round
			first, second = dated(-time.Hour, 3*time.Hour), dated(0, time.Minute)
		}
		for _, r := range []Record{first, second} {
			if _, err := tab.Add(of(i), r, start); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := tab.Add(of(500), always(3*time.Hour), after(time.Hour)); err != nil {
		t.Fatal(err)
	}
	s := tab.shard(of(0))
	if got := int(tab.size.Load()); got != 3 || s.size != 3 || len(s.first) != 3 || len(s.further) != 0 {
		t.Errorf("%d entries, %d in the shard, %d and %d digests, want 3, 3, 3 and none", got, s.size, len(s.first), len(s.further))
	}
	for _, i := range []int{0, 1} {
		if !tab.Has(of(i), after(-time.Hour)) || tab.Has(of(i), after(0)) {
			t.Errorf("of digest %d the wrong one was kept", i)
		}
	}
}

// A table that is full of live entries looks for room once a second, and not with each that comes.
func TestAFullTableIsSweptOnceASecond(t *testing.T) {
	tab := NewTable(1)
	if _, err := tab.Add(Digest{1}, always(time.Minute), start); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		at   time.Time
		want error
	}{
		{after(60*time.Second + 500*time.Millisecond), ErrFull}, // looks, and nothing has ended
		{after(61*time.Second + 400*time.Millisecond), ErrFull}, // does not look
		{after(61*time.Second + 600*time.Millisecond), nil},
	} {
		if _, err := tab.Add(Digest{2}, always(time.Hour), step.at); !errors.Is(err, step.want) {
			t.Errorf("step %d: %v, want %v", i, err, step.want)
		}
	}
}

func TestWatchersLeaveNothing(t *testing.T) {
	var ws Watchers
	one, two := &watcher{digests: []Digest{{1}, {2}}}, &watcher{digests: []Digest{{2}}}
	ws.add(one)
	ws.add(two)
	ws.remove(one)
	if len(ws.all) != 1 || len(ws.all[Digest{2}]) != 1 || ws.Count() != 1 {
		t.Errorf("%v", ws.all)
	}
	ws.remove(two)
	if len(ws.all) != 0 || ws.Count() != 0 {
		t.Errorf("%v are left", ws.all)
	}
}

// An entry is known by its identifier, also where it stands behind a wider one; and when the widest goes, the next widest is in front.
func TestEntriesOfOneNameWithIdentifiers(t *testing.T) {
	tab := NewTable(10)
	add := func(id uint64, before time.Duration) bool {
		t.Helper()
		r := dated(before, time.Hour)
		r.Label = NewLabel(id, 2, 0, false)
		isNew, err := tab.Add(Digest{}, r, start)
		if err != nil {
			t.Fatal(err)
		}
		return isNew
	}
	for id, before := range map[uint64]time.Duration{1: 10 * time.Second, 2: 30 * time.Second, 3: 20 * time.Second, 4: 0} {
		if !add(id, before) {
			t.Errorf("entry %d is known before it came", id)
		}
	}
	for id := uint64(1); id <= 4; id++ {
		if add(id, 0) {
			t.Errorf("entry %d is new again", id)
		}
	}
	for _, step := range []struct {
		gone uint64
		want time.Duration
	}{{2, 20 * time.Second}, {3, 10 * time.Second}, {1, 0}} {
		if n := tab.Remove(Digest{}, func(r Record) bool { return r.ID() == step.gone }); n != 1 {
			t.Errorf("%d entries are gone with %d", n, step.gone)
		}
		if !tab.Has(Digest{}, after(step.want)) || tab.Has(Digest{}, after(step.want+time.Second)) {
			t.Errorf("without entry %d the widest is not of %v", step.gone, step.want)
		}
	}
}

// What was lifted is remembered until it ends, and no longer.
func TestLiftedEntriesAreForgottenWhenTheyHaveEnded(t *testing.T) {
	tab := NewTable(1)
	most := uint64(tab.lifted.most)
	until := uint32(after(time.Minute).Unix())
	for id := uint64(1); id <= most; id++ {
		if err := tab.Lift(id, until, start); err != nil {
			t.Fatalf("lift %d of %d: %v", id, most, err)
		}
	}
	if err := tab.Lift(most+1, until, start); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	if err := tab.Lift(1, until, start); err != nil {
		t.Errorf("one that is known: %v", err)
	}
	if err := tab.Lift(most+1, until+60, after(2*time.Minute)); err != nil || len(tab.lifted.until) != 1 {
		t.Errorf("when all have ended: %v, and %d are remembered", err, len(tab.lifted.until))
	}
}

// What was forgotten as ended and lives by a clock that is right again is known to have been forgotten.
func TestWhatWasForgottenIsNoted(t *testing.T) {
	table := NewTable(1)
	now := time.Unix(1_000_000, 0)
	end := uint32(now.Add(time.Hour).Unix())
	if _, err := table.Add(Digest{1}, Record{Until: end}, now); err != nil {
		t.Fatal(err)
	}
	if got := table.Forgotten(); got.After(now) {
		t.Errorf("nothing was forgotten, and what was lived until %v", got)
	}
	if _, err := table.Add(Digest{2}, Record{Until: end + 3600}, now.Add(90*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := table.Forgotten(); got.Unix() != int64(end) {
		t.Errorf("what was forgotten lived until %v, want %d", got, end)
	}
	table.Recall()
	if got := table.Forgotten(); got.After(now) {
		t.Errorf("after Recall: %v", got)
	}
}
