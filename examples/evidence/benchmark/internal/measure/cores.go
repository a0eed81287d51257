package measure

import (
	"context"
	"fmt"
	"runtime"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Scaling is how one library uses cores.
type Scaling struct {
	Name   string
	Points []ScalingPoint
}

// ScalingPoint is one number of cores.
type ScalingPoint struct {
	Cores   int
	Rate    float64           // judgements per second
	Speedup pairing.Quartiles // against one core in the same turn
}

// coreTokens are as many live tokens as share the cache in the measurement.
const coreTokens = 1000

// Scalings runs as many goroutines as there are cores, under GOMAXPROCS of 1, 2, 4 and so on.
func Scalings(ctx context.Context, s Settings) ([]Scaling, error) {
	p, err := newPeers(ctx, gridAlgorithm)
	if err != nil {
		return nil, err
	}
	defer p.close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	cached, tokens, err := p.holdingMany()
	if err != nil {
		return nil, err
	}
	cached.Name = Hit
	all := []*peer.Peer{cached}
	for _, m := range []peer.Maker{{Name: ColdServed, New: peer.CardeaCold}, peer.Makers()[1]} {
		made, err := p.make(m)
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	var scalings []Scaling
	for _, one := range all {
		scalings = append(scalings, scale(s, one, tokens))
	}
	return scalings, nil
}

// holdingMany is Cardea with coreTokens in its cache.
func (p *peers) holdingMany() (cached *peer.Peer, tokens []string, _ error) {
	for serial := range coreTokens {
		tokens = append(tokens, p.issuer.Token(serial))
	}
	cached, err := p.holding(tokens)
	return cached, tokens, err
}

func scale(s Settings, p *peer.Peer, tokens []string) Scaling {
	cores := coreCounts()
	var cases []pairing.Case
	for _, n := range cores {
		next := 0
		c := crowded(fmt.Sprintf("%s on %d", p.Name, n), n, p.Verify, func() string { next++; return tokens[next%len(tokens)] })
		prepare := c.Prepare
		c.Prepare = func(operations int) {
			runtime.GOMAXPROCS(n)
			prepare(operations)
		}
		cases = append(cases, c)
	}
	scaling := Scaling{Name: p.Name}
	results := s.wallPlan().Compare(cases...)
	for at, r := range results {
		scaling.Points = append(scaling.Points, ScalingPoint{
			Cores:   cores[at],
			Rate:    1e9 / r.Nanoseconds().Median,
			Speedup: pairing.QuartilesOf(pairing.Ratios(results[0].PerOp, r.PerOp)),
		})
	}
	return scaling
}

func coreCounts() []int {
	var counts []int
	for n := 1; n < runtime.NumCPU(); n *= 2 {
		counts = append(counts, n)
	}
	return append(counts, runtime.NumCPU())
}
