package report

import (
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/model"
)

// Markdown is the whole report.
func (r *Results) Markdown() string {
	m := r.Measured
	var b strings.Builder
	b.WriteString("# Results\n\nWritten by the program, of measured.json; the page beside the folder says what follows from it.\n\n## Measured\n\n")
	fmt.Fprintf(&b, "%s, %s, %s, %d cores, %.0f GiB; %s, %s. Load before: %s; after: %s.\n", m.Machine.Go, m.Machine.Platform, m.Machine.CPU, m.Machine.Cores,
		m.Machine.MemoryGiB, m.Redis.Version, m.Postgres.Version, m.Machine.LoadBefore, m.Machine.LoadAfter)
	for _, part := range []struct{ title, body string }{
		{"A list of an instance", r.lists()},
		{"An entry on its way and at rest", r.sizes()},
		{"Appending", r.appends()},
		{"Following while nothing happens", r.idle()},
		{"Full reads", r.reads()},
		{"From one process to the others", r.spreads()},
	} {
		fmt.Fprintf(&b, "\n### %s\n\n%s", part.title, part.body)
	}
	b.WriteString("\n## Simulated\n\n" + r.assumptions())
	for _, part := range []struct{ title, body string }{
		{"The model beside what was measured", r.checks()},
		{"A million live revocations", r.answers()},
		{"Restart of all instances at once", r.restarts()},
		{"Until a revocation holds at 99 of 100", r.spreadGrid(func(s model.Spread) string { return r.unless(s, duration(s.P99)) })},
		{"Share of the time that the engine works", r.spreadGrid(func(s model.Spread) string { return percent(s.Busy) })},
		{"Bytes a second that the engine sends", r.spreadGrid(func(s model.Spread) string { return r.unless(s, bytes(s.Out)) })},
		{"Engines that it takes", r.partitions()},
	} {
		fmt.Fprintf(&b, "\n### %s\n\n%s", part.title, part.body)
	}
	return b.String()
}

func (r *Results) lists() string {
	t := newTable("entries", "heap, an entry", "process at its largest", "check and enter one", "look-up: revoked", "not revoked", "not revoked, a new token",
		"whole check, nothing changed", "whole check, something changed", "whole check, no list")
	for _, l := range r.Measured.Lists {
		t.row(count(l.Entries), bytes(l.PerEntry), bytes(l.Resident*float64(l.Entries)), duration(l.Apply), duration(l.Hit), duration(l.Miss), duration(l.New),
			duration(l.Guard), duration(l.GuardAll), duration(l.GuardNot))
	}
	return t.String() + "\nThe process holds what makes the entries, too. A whole check is of a token that was verified before.\n"
}

func (r *Results) engines(row func(figures.Engine)) {
	row(r.Measured.Redis)
	row(r.Measured.Postgres)
}

func (r *Results) sizes() string {
	t := newTable("engine", "sealed", "memory", "on disk", "write-ahead log", "sent to a follower")
	r.engines(func(e figures.Engine) {
		out := "–"
		if e.Rest.Memory > 0 {
			out = bytes(r.Costs.EntryOut)
		}
		t.row(e.Version, bytes(float64(r.Measured.Record)), known(e.Rest.Memory), known(e.Rest.Disk), known(e.Rest.WAL), out)
	})
	return t.String()
}

// known is a size that may not have been measured.
func known(n float64) string {
	if n == 0 {
		return "–"
	}
	return bytes(n)
}

func (r *Results) appends() string {
	t := newTable("engine", "one after the other", "many at once", "CPU of the engine", "commands", "received", "sent")
	r.engines(func(e figures.Engine) {
		a := e.Append
		t.row(e.Version, duration(a.Alone), fmt.Sprintf("%s a second (%d)", digits(a.PerSec), a.Many), duration(a.CPU), known0(a.Commands), known(a.In), known(a.Out))
	})
	return t.String()
}

func known0(n float64) string {
	if n == 0 {
		return "–"
	}
	return digits(n)
}

func (r *Results) idle() string {
	t := newTable("engine", "followers", "CPU of the engine, a follower and second", "a look and a wait", "looks", "commands", "received", "sent")
	r.engines(func(e figures.Engine) {
		for _, i := range e.Idle {
			loop := "–"
			if i.Looks > 0 {
				loop = duration(i.CPU / i.Looks)
			}
			t.row(e.Version, count(i.Followers), duration(i.CPU), loop, known0(i.Looks), known0(i.Commands), known(i.In), known(i.Out))
		}
	})
	return t.String() + "\nThe followers are in one process, and the engine cannot tell.\n"
}

func (r *Results) reads() string {
	t := newTable("engine", "processes", "entries", "until the last had all", "CPU of the engine, an entry", "CPU of a process, an entry", "sent, an entry")
	r.engines(func(e figures.Engine) {
		for _, one := range e.Reads {
			all := float64(one.Followers * one.Entries)
			t.row(e.Version, count(one.Followers), count(one.Entries), duration(one.Seconds), duration(one.EngineCPU/all),
				duration(one.FollowerCPU/float64(one.Entries)), known(one.Out/all))
		}
	})
	return t.String()
}

func (r *Results) spreads() string {
	t := newTable("engine", "processes", "a second", "median", "99 of 100", "last", "Revoke took", "CPU of the engine, a second", "CPU of a process, a second", "looks of one, a second")
	r.engines(func(e figures.Engine) {
		for _, s := range e.Spreads {
			t.row(e.Version, count(s.Followers), digits(s.Rate), duration(s.Median), duration(s.P99), duration(s.Last), duration(s.Acknowledged),
				duration(s.EngineCPU/s.Seconds), duration(s.FollowerCPU/s.Seconds), known0(s.Looks/s.Seconds/float64(s.Followers)))
		}
	})
	return t.String() + "\nFrom calling Revoke in one process until the other processes refuse the token, all on one machine.\n"
}

func (r *Results) assumptions() string {
	c := r.Costs
	return fmt.Sprintf("The engine is one Redis. It takes %s for an append, %s for a look and a wait of a follower, if a thousand follow, and %s for each entry that it sends; an instance takes %s for a "+
		"look and %s for an entry: all measured. Assumed are a round trip of %s, a line of %.0f Gbit/s, and a core for each instance.\n",
		duration(c.Append), duration(c.Loop(1000)), duration(c.Entry), duration(c.Turn), duration(c.Apply), duration(c.RoundTrip), c.Line*8/1e9)
}

func (r *Results) checks() string {
	t := newTable("processes", "a second", "median measured", "simulated", "99 of 100 measured", "simulated")
	for _, one := range r.Checks {
		t.row(count(one.Measured.Followers), digits(one.Measured.Rate), duration(one.Measured.Median), duration(one.Simulated.Median),
			duration(one.Measured.P99), duration(one.Simulated.P99))
	}
	u := newTable("processes", "entries", "full read measured", "simulated", "limited by")
	for _, one := range r.Reads {
		u.row(count(one.Measured.Followers), count(one.Measured.Entries), duration(one.Measured.Seconds), duration(one.Simulated.Seconds), one.Simulated.Limit)
	}
	return t.String() + "\n" + u.String()
}

func (r *Results) answers() string {
	head := []string{""}
	for _, a := range r.Questions {
		head = append(head, count(a.Instances)+" instances")
	}
	t := newTable(head...)
	line := func(what string, value func(Answer) string) {
		cells := []string{what}
		for _, a := range r.Questions {
			cells = append(cells, value(a))
		}
		t.row(cells...)
	}
	line("memory of an instance", func(a Answer) string { return bytes(a.Memory) })
	line("memory of the engine", func(a Answer) string { return bytes(float64(a.Entries) * r.Costs.Resting) })
	line("its append-only file", func(a Answer) string { return bytes(float64(a.Entries) * r.Costs.Filed) })
	line("restart of all: until the last can judge", func(a Answer) string { return duration(a.Restart.Seconds) })
	line("… limited by", func(a Answer) string { return a.Restart.Limit })
	line("… CPU of the engine", func(a Answer) string { return duration(a.Restart.Engine) })
	line("… sent by the engine", func(a Answer) string {
		return bytes(a.Restart.Bytes) + ", " + bytes(a.Restart.Bytes/a.Restart.Seconds) + " a second"
	})
	for _, load := range []struct {
		name string
		of   func(Answer) model.Spread
	}{
		{"10 a second", func(a Answer) model.Spread { return a.Steady }},
		{"10 000 a second for ten seconds", func(a Answer) model.Spread { return a.Burst }},
	} {
		line(load.name+": median", func(a Answer) string { return duration(load.of(a).Median) })
		line("… 99 of 100", func(a Answer) string { return duration(load.of(a).P99) })
		line("… after the last revocation until it holds everywhere", func(a Answer) string { return duration(load.of(a).Drained) })
		line("… Revoke takes, 99 of 100", func(a Answer) string { return duration(load.of(a).Acknowledged) })
		line("… not acknowledged within 5 s", func(a Answer) string { return percent(load.of(a).TooLate) })
		line("… the engine works", func(a Answer) string { return percent(load.of(a).Busy) })
		line("… commands a second", func(a Answer) string { return digits(load.of(a).Commands) })
		line("… received a second", func(a Answer) string { return bytes(load.of(a).In) })
		line("… sent a second", func(a Answer) string { return bytes(load.of(a).Out) })
	}
	line("engines that it takes for 10 000 a second without end", func(a Answer) string { return engines(a.Partitions) })
	return t.String()
}

func engines(n int) string {
	if n == 0 {
		return "no number: a relay"
	}
	return count(n)
}

func (r *Results) restarts() string {
	head := []string{"instances"}
	for _, n := range entries {
		head = append(head, count(n)+" entries")
	}
	t := newTable(head...)
	for i := range instances {
		cells := []string{count(instances[i])}
		for _, one := range r.Restarts[i*len(entries) : (i+1)*len(entries)] {
			cells = append(cells, duration(one.Seconds)+" ("+one.Limit+")")
		}
		t.row(cells...)
	}
	return t.String()
}

func rateHead() []string {
	head := []string{"instances"}
	for _, rate := range rates {
		head = append(head, digits(rate)+" a second")
	}
	return head
}

func (r *Results) spreadGrid(value func(model.Spread) string) string {
	t := newTable(rateHead()...)
	for i := range instances {
		cells := []string{count(instances[i])}
		for _, one := range r.Spreads[i*len(rates) : (i+1)*len(rates)] {
			cells = append(cells, value(one))
		}
		t.row(cells...)
	}
	return t.String()
}

// unless is what stands in a table of a load that lasts.
func (r *Results) unless(s model.Spread, text string) string {
	if r.fallsBehind(s.Instances, s.Rate) {
		return "falls behind"
	}
	return text
}

func (r *Results) fallsBehind(instances int, rate float64) bool {
	return r.Costs.Demand(instances, rate) > 1
}

func (r *Results) partitions() string {
	t := newTable(rateHead()...)
	for _, k := range instances {
		cells := []string{count(k)}
		for _, rate := range rates {
			cells = append(cells, engines(r.Costs.Partitions(k, rate)))
		}
		t.row(cells...)
	}
	u := newTable(append([]string{""}, rateHead()[1:]...)...)
	cells := []string{"most instances of one engine"}
	for _, rate := range rates {
		cells = append(cells, count(r.Costs.Followers(rate)))
	}
	u.row(cells...)
	return fmt.Sprintf("So that none is needed more than %s of the time, each with its share of the issuers and followed by all instances.\n\n", percent(model.Enough)) + t.String() + "\n" + u.String()
}
