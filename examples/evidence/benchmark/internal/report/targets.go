package report

import (
	"fmt"
	"math"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/measure"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Target is a promise, and what was measured.
type Target struct {
	What string
	Want string
	Got  string
	Met  bool
}

// atMost and atLeast judge the median.
func atMost(what string, limit float64, got pairing.Quartiles) Target {
	return Target{what, "≤ " + limitText(limit), ratio(got), got.Median <= limit}
}

func atLeast(what string, limit float64, got pairing.Quartiles) Target {
	return Target{what, "≥ " + limitText(limit), ratio(got), got.Median >= limit}
}

func limitText(limit float64) string {
	if limit >= 100 {
		return fmt.Sprintf("%.0f", limit)
	}
	if limit < 0.05 {
		return fmt.Sprintf("1/%.0f", 1/limit)
	}
	return fmt.Sprintf("%.2f", limit)
}

func exactly(what string, want int, got float64) Target {
	return Target{what, fmt.Sprint(want), fmt.Sprintf("%.2f", got), math.Round(got) == float64(want)}
}

// TargetTable shows the targets with met or missed.
func (r *Results) TargetTable() string {
	t := newTable("", "target", "measured", "")
	for _, one := range r.Targets() {
		verdict := "missed"
		if one.Met {
			verdict = "met"
		}
		t.row(one.What, one.Want, one.Got, verdict)
	}
	return t.String()
}

// Targets are all promises about cost.
func (r *Results) Targets() []Target {
	var all []Target
	all = append(all, r.coldTargets()...)
	all = append(all, r.warmTargets()...)
	all = append(all, r.loopbackTargets()...)
	all = append(all, r.lookUpTargets()...)
	all = append(all, r.refusalTargets()...)
	all = append(all, r.gridTargets()...)
	all = append(all,
		atMost(fmt.Sprintf("a request with %d live tokens, of one with %d, over HTTP", r.Growth.Many, r.Growth.Few), flatRequest, r.Growth.Cached),
		atMost("look-ups beyond the room of the cache, of their hits and misses", flatRequest, r.Growth.Beyond))
	for _, o := range r.Overheads[1:] {
		all = append(all, atMost("what Cardea adds in "+o.Framework+", of what it adds in net/http", 1.05, o.Ratio))
	}
	return all
}

func (r *Results) coldTargets() []Target {
	var all []Target
	for _, g := range r.Cold {
		limit := map[string]float64{"RS256": 1.15, "PS256": 1.15, "ES256": 1.10, "EdDSA": 1.12}[g.Algorithm]
		cold, _ := g.Result(measure.Cold)
		all = append(all, atMost("cold, of bare crypto, "+g.Algorithm, limit, cold.Ratio))
	}
	for _, g := range r.Cold {
		limit, compared := map[string]float64{"RS256": 0.75, "ES256": 0.85, "EdDSA": 0.80}[g.Algorithm]
		if !compared {
			continue
		}
		cold, _ := g.Result(measure.Cold)
		for _, name := range []string{peer.Reference, peer.Documented} {
			golang, _ := g.Result(name)
			all = append(all, atMost("cold, of "+name+", "+g.Algorithm, limit,
				pairing.QuartilesOf(pairing.Ratios(cold.PerOp, golang.PerOp))))
		}
	}
	return all
}

func (r *Results) warmTargets() []Target {
	var all []Target
	for _, g := range r.Hits {
		hit, _ := g.Result(measure.Hit)
		all = append(all, atMost("cached, of one SHA-256 of the token and its allocations, "+g.Algorithm, 1.25, hit.Ratio))
	}
	for _, g := range r.Hits {
		hit, _ := g.Result(measure.Hit)
		answer, _ := g.Result(measure.AnswerHit)
		all = append(all, atMost("an opaque token, its answer cached, of a cached JWT, "+g.Algorithm, 1,
			pairing.QuartilesOf(pairing.Ratios(answer.PerOp, hit.PerOp))))
	}
	for _, g := range r.Handlers {
		cached, _ := g.Result("Cardea")
		all = append(all,
			exactly("cached, whole middleware, allocations, "+g.Algorithm, 2, cached.Allocs),
			atMost("cached, whole middleware, of "+peer.Reference+", "+g.Algorithm, 1.0/40, cached.Ratio))
	}
	return all
}

func (r *Results) loopbackTargets() []Target {
	var all []Target
	for _, l := range r.Loopback {
		for _, by := range []struct {
			client  string
			servers []measure.Load
		}{{"net/http's client", l.Ordinary}, {"a client that costs little", l.Servers}} {
			cached, _ := measure.LoadOf(by.servers, "Cardea")
			what := "loopback, " + by.client + ", cached, of no authentication, " + l.Algorithm
			all = append(all, atLeast(what, 0.93, cached.Share),
				Target{what + ", p99", "lower quartile ≤ 1", ratio(cached.P99Ratio), cached.P99Ratio.First <= 1})
		}
	}
	return all
}

func (r *Results) lookUpTargets() []Target {
	var all []Target
	base := map[string][]float64{}
	for _, l := range r.LookUps {
		if l.Source != measure.FixedKeys && l.Source != measure.FetchedKeys {
			continue
		}
		if l.Keys == measure.KeyCounts[0] {
			base[l.Source] = l.PerOp
			all = append(all, exactly("finding a key, allocations, "+l.Source, 0, l.Allocs))
			continue
		}
		all = append(all, atMost(fmt.Sprintf("finding one of %d keys, of one of one, %s", l.Keys, l.Source), flat,
			pairing.QuartilesOf(pairing.Ratios(l.PerOp, base[l.Source]))))
	}
	return all
}

// flat is what counts as the same cost over orders of magnitude. The CPU's caches hold less of much, whatever the
// algorithm.
const flat = 1.5

// flatRequest is what counts as the same cost of a whole request, and of a sum and its parts.
const flatRequest = 1.1

func (r *Results) refusalTargets() []Target {
	var all []Target
	for _, one := range r.Refusals {
		cardea := one.Peers[0]
		all = append(all,
			atMost("refusing a forged token, of verifying a good one, "+one.Algorithm, 1, cardea.Forged),
			atMost("refusing garbage, "+one.Algorithm, 0.05, cardea.Garbage),
			atMost("refusing an unknown kid, "+one.Algorithm, 1, cardea.UnknownKey))
	}
	return all
}

func (r *Results) gridTargets() []Target {
	var all []Target
	for _, row := range r.Grid {
		most := row.Cells[len(row.Cells)-1]
		all = append(all, atMost(fmt.Sprintf("cached, %d live tokens of %d, goroutines: %d", most.Live, row.Cells[0].Live, row.Goroutines),
			flat, most.Ratio))
	}
	return all
}
