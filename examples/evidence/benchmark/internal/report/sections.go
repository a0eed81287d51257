package report

import (
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/measure"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

type part struct{ title, body string }

func (r *Results) sections() []part {
	return []part{
		{"Cold: a token that was not seen before, against the signature check alone", r.cold()},
		{"Warm: a token that is in the cache", groups(r.Hits, "of the floor")},
		{"The whole middleware, called directly", groups(r.Handlers, "of "+peer.Reference)},
		{"What Cardea adds in each framework", r.overheads()},
		{"Loopback HTTP", r.loopback()},
		{"Live tokens by goroutines: one cached look-up", r.grid()},
		{"Growth", r.growth()},
		{"Finding a key by its kid", r.lookUps()},
		{"Refusing bad tokens, against verifying a good one", r.refusals()},
		{"Memory", r.memory()},
		{"Cores", r.scaling()},
	}
}

// cold has a row for each library and a column for each algorithm.
func (r *Results) cold() string {
	t := newTable("", "RS256", "PS256", "ES256", "EdDSA", "allocs, B (RS256)", "allocs, B (ES256)")
	for at, row := range r.Cold[0].Results {
		cells := []string{row.Name}
		for _, g := range r.Cold {
			cells = append(cells, ratio(g.Results[at].Ratio))
		}
		for _, algorithm := range []string{"RS256", "ES256"} {
			one := measure.Of(r.Cold, algorithm).Results[at]
			cells = append(cells, fmt.Sprintf("%.0f, %.0f", one.Allocs, one.Bytes))
		}
		t.row(cells...)
	}
	cells := []string{"*" + measure.MethodOnly + ", of " + peer.Reference + "*"}
	for _, g := range r.Cold {
		method, _ := g.Result(measure.MethodOnly)
		reference, _ := g.Result(peer.Reference)
		cells = append(cells, ratio(pairing.QuartilesOf(pairing.Ratios(method.PerOp, reference.PerOp))))
	}
	t.row(append(cells, "", "")...)
	cells = []string{"*the floor, absolute*"}
	for _, g := range r.Cold {
		cells = append(cells, duration(g.Results[0].Nanoseconds().Median))
	}
	t.row(append(cells, "", "")...)
	return t.String() + "\n" + firstSightNote + "\n\n![Cold verification](cold.svg)\n"
}

func groups(all []measure.Group, unit string) string {
	var b strings.Builder
	for _, g := range all {
		t := newTable(g.Algorithm, unit, "time", "allocs", "B")
		for _, one := range g.Results {
			t.row(one.Name, ratio(one.Ratio), duration(one.Nanoseconds().Median),
				fmt.Sprintf("%.0f", one.Allocs), fmt.Sprintf("%.0f", one.Bytes))
		}
		b.WriteString(t.String() + "\n")
	}
	return b.String()
}

func (r *Results) overheads() string {
	t := newTable("", "of net/http", "time", "a middleware that does nothing")
	for _, o := range r.Overheads {
		t.row(o.Framework, ratio(o.Ratio), duration(o.Nanoseconds.Median), duration(o.Empty.Median))
	}
	return "With Cardea and a cached token, minus the framework alone; and the same of an empty middleware.\n\n" + t.String()
}

func (r *Results) loopback() string {
	var b strings.Builder
	for _, l := range r.Loopback {
		b.WriteString(loads(l.Algorithm, l.Servers) + loads(l.Algorithm+", asked by net/http's client", l.Ordinary))
	}
	return b.String() + "![Loopback HTTP](loopback.svg)\n"
}

func loads(title string, servers []measure.Load) string {
	t := newTable(title, "of no authentication", "requests/s", "p50, ms", "p99, ms", "p99 of no authentication")
	for _, s := range servers {
		t.row(s.Name, ratio(s.Share), fmt.Sprintf("%.0f", s.Rate.Median), digits(s.P50.Median), digits(s.P99.Median), ratio(s.P99Ratio))
	}
	return t.String() + "\n"
}

func (r *Results) grid() string {
	head := []string{"goroutines"}
	for _, c := range r.Grid[0].Cells {
		head = append(head, fmt.Sprint(c.Live, " tokens"))
	}
	t := newTable(append(head, peer.Reference)...)
	for _, row := range r.Grid {
		cells := []string{fmt.Sprint(row.Goroutines)}
		for _, c := range row.Cells {
			cells = append(cells, duration(c.Nanoseconds().Median)+", "+ratio(c.Ratio))
		}
		t.row(append(cells, duration(row.Reference.Nanoseconds().Median)+", "+ratio(row.Reference.Ratio))...)
	}
	return "Time per look-up over all cores, and its ratio to that with the fewest tokens. Tokens are drawn evenly.\n\n" +
		t.String() + "\n![Live tokens by goroutines](grid.svg)\n"
}

func (r *Results) growth() string {
	g := r.Growth
	t := newTable(fmt.Sprintf("%d live tokens", g.Many), "ratio")
	t.row(fmt.Sprintf("a request over HTTP, no authentication, of one with %d live tokens", g.Few), ratio(g.Open))
	t.row(fmt.Sprintf("a request over HTTP, Cardea, of one with %d live tokens", g.Few), ratio(g.Cached))
	t.row(fmt.Sprintf("a look-up with room for %d, of %.0f %% misses and the rest hits", g.Room, 100*g.Missed), ratio(g.Beyond))
	return "Every request carries another token, drawn evenly.\n\n" + t.String()
}

func (r *Results) lookUps() string {
	t := newTable("", "keys", "of one key in a jwks.Set", "time", "allocs")
	for _, name := range lookUpSources(r.LookUps) {
		for _, l := range r.LookUps {
			if l.Source == name {
				t.row(name, fmt.Sprint(l.Keys), ratio(l.Ratio), duration(l.Nanoseconds().Median), fmt.Sprintf("%.0f", l.Allocs))
			}
		}
	}
	return t.String() + "\nA jwks.Cache refuses documents of more than 100 keys.\n\n![Finding a key](keys.svg)\n"
}

// lookUpSources are the names, in the order of the first occurrence.
func lookUpSources(all []measure.LookUp) []string {
	var names []string
	for _, l := range all {
		if l.Keys == measure.KeyCounts[0] {
			names = append(names, l.Source)
		}
	}
	return names
}

func (r *Results) refusals() string {
	var b strings.Builder
	for _, one := range r.Refusals {
		t := newTable(one.Algorithm, "forged signature", "garbage", "unknown kid", "a good token, new")
		for _, p := range one.Peers {
			t.row(p.Name, ratio(p.Forged), ratio(p.Garbage), ratio(p.UnknownKey), duration(p.Good.Median))
		}
		b.WriteString(t.String() + "\n")
	}
	return b.String() + "Every bad token is another one. zitadel/oidc fetches the key set again for each unknown kid, go-oidc for each bad signature as well, here without a network between.\n\n" +
		"![Refusals](refusals.svg)\n"
}

func (r *Results) memory() string {
	return fmt.Sprintf("%.0f bytes of heap for one cached token of %d bytes (%d tokens in the cache). No other library caches verified tokens.\n",
		r.Memory.PerToken, r.Memory.TokenBytes, r.Memory.Tokens)
}

func (r *Results) scaling() string {
	head := []string{""}
	for _, p := range r.Scaling[0].Points {
		head = append(head, fmt.Sprintf("%d cores", p.Cores))
	}
	t := newTable(head...)
	for _, s := range r.Scaling {
		cells := []string{s.Name}
		for _, p := range s.Points {
			cells = append(cells, fmt.Sprintf("%.0f/s, %s", p.Rate, ratio(p.Speedup)))
		}
		t.row(cells...)
	}
	return "Judgements per second, and the ratio to one core.\n\n" + t.String()
}

const firstSightNote = "“Cardea” has its cache off here. “First sight” goes through the cache and puts each token there, evicting another: what a new token costs a server that runs with the default configuration."
