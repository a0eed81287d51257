package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/soak"
)

// Soak reports a whole soak.
func Soak(r *soak.Results) *Document {
	var b strings.Builder
	fmt.Fprintf(&b, "# Soak\n\n%s of %d requests/s over %d connections, a fault every %v, seed %d, begun %s.\n\n",
		r.Took.Round(time.Second), r.Settings.Rate, r.Settings.Conns, r.Settings.Every, r.Settings.Seed, r.Start.UTC().Format("2006-01-02 15:04 MST"))
	b.WriteString(machine() + "\n")
	b.WriteString(promises(r) + "\n![Timeline](soak.svg)\n\n")
	b.WriteString("## Kinds of requests\n\n" + kinds(r))
	b.WriteString("\n## Answers in windows\n\nBoth answers are right there; what ends and begins a window is in the README.\n\n" + windows(r))
	b.WriteString("\n## Authorization servers\n\n" + upstream(r))
	b.WriteString("\n## Faults\n\n" + faults(r))
	if len(r.Mistakes) > 0 {
		b.WriteString("\n## Mistakes\n\n- " + strings.Join(r.Mistakes, "\n- ") + "\n")
	}
	return &Document{Mode: "soak", Markdown: b.String(), Summary: promises(r), Picture: timeline(r)}
}

// telling is how long a run must be for its second half to begin with full caches.
const telling = 10 * time.Minute

func promises(r *soak.Results) string {
	t := newTable("soak", "promised", "measured", "")
	zero := func(what string, n int64) { t.row(what, "0", count(n), mark(n == 0)) }
	t.row("decisions", "", fmt.Sprintf("%s in %s", count(r.Decisions), r.Took.Round(time.Second)), "")
	t.row("faults", "", count(int64(len(r.Faults))), "")
	zero("wrong accepts", r.Verdicts[label.WrongAccept])
	zero("wrong refusals outside the windows", r.Verdicts[label.WrongRefusal])
	zero("503 outside the windows", r.Verdicts[label.Outside])
	zero("otherwise wrong answers", r.Verdicts[label.WrongAnswer])
	t.row("503 inside the windows", "", share(r.Verdicts[label.Inside], r.Decisions), "")
	t.row("503 in a stall of the machine", "", share(r.Verdicts[label.Stalled], r.Decisions), "")
	t.row("accepted or refused in a window in which both are right", "", share(r.Verdicts[label.Excused], r.Decisions), "")
	t.row("answers while no fault is open, p50 and p99", "", latency(r.Quiet), "")
	t.row("answers while one is open, p50 and p99", "", latency(r.Faulty), "")
	rss, heap := memory(r)
	if r.Took >= telling {
		t.row("heap at rest, growth over the second half", "≤ 1 MiB/h", heap.String(), mark(heap.atMost(1)))
	} else {
		t.row("heap at rest, growth over the second half (too short a run to tell)", "≤ 1 MiB/h", heap.String(), "")
	}
	t.row("resident memory, growth over the second half", "", rss.String(), "")
	t.row("resident memory, first, last, most", "", ends(r, func(p soak.Point) float64 { return p.RSS }, "%.1f MiB"), "")
	t.row("goroutines, first, last, most", "", ends(r, func(p soak.Point) float64 { return p.Goroutines }, "%.0f"), "")
	t.row("stalls: the machine did not run a process for half a second or more", "", fmt.Sprintf("%d, about %s", r.Stalls, seconds(r.Stalled)), "")
	return t.String()
}

func share(n, of int64) string {
	return fmt.Sprintf("%s (%.2f %%)", count(n), 100*float64(n)/float64(max(of, 1)))
}

func latency(l soak.Latency) string {
	return fmt.Sprintf("%s, %s (of %s)", milliseconds(l.P50), milliseconds(l.P99), count(l.Answers))
}

// memory returns how much grows in the second half of the run. Resident memory depends on when the collector runs, and so on
// what else the machine does; what it cannot free does not.
func memory(r *soak.Results) (rss, heap trend) {
	var at, resident, hours, alive []float64
	for _, p := range r.Points[len(r.Points)/2:] {
		at, resident = append(at, p.At), append(resident, p.RSS)
	}
	for _, one := range r.Rests[len(r.Rests)/2:] {
		hours, alive = append(hours, one.At/3600), append(alive, one.Heap)
	}
	return trendOf(lowest(at, resident)), trendOf(hours, alive)
}

func ends(r *soak.Results, of func(soak.Point) float64, format string) string {
	if len(r.Points) == 0 {
		return ""
	}
	var most float64
	for _, p := range r.Points {
		most = max(most, of(p))
	}
	return fmt.Sprintf(format+", "+format+", "+format, of(r.Points[0]), of(r.Points[len(r.Points)-1]), most)
}

func kinds(r *soak.Results) string {
	t := newTable("", "sent", "200", "4xx", "503", "in a window", "wrong")
	for _, k := range r.Kinds {
		t.row(k.Name, count(k.Sent), count(k.Admitted), count(k.Refused), count(k.Unavailable), count(k.Excused), count(k.Wrong))
	}
	return t.String()
}

func windows(r *soak.Results) string {
	t := newTable("", "answers")
	t.row("503: an endpoint that is needed is at fault, or has just come back", count(r.Verdicts[label.Inside]))
	for _, name := range slices.Sorted(maps.Keys(r.Excused)) {
		t.row(name, count(r.Excused[name]))
	}
	return t.String()
}

func upstream(r *soak.Results) string {
	t := newTable("server", "metadata", "key set", "introspection", "redirects followed", "new keys, first accepted after")
	for i, c := range r.Upstream {
		t.row(string(rune('a'+i)), count(c.Metadata), count(c.Keys), count(c.Introspections), count(c.Trapped), spread(c.Rotations))
	}
	return t.String()
}

func faults(r *soak.Results) string {
	t := newTable("", "times")
	for _, name := range slices.Sorted(maps.Keys(r.Counts)) {
		t.row(name, fmt.Sprint(r.Counts[name]))
	}
	return t.String()
}
