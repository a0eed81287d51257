package measure

import (
	"context"

	"github.com/cardea-auth/cardea/examples/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/benchmark/internal/peer"
)

// Overhead is what Cardea adds to a request in one framework.
type Overhead struct {
	Framework   string
	Nanoseconds pairing.Quartiles
	Ratio       pairing.Quartiles // to what it adds to one of net/http in the same turn
}

// Overheads measures each framework with Cardea, the token being cached, and without, and takes the difference.
func Overheads(ctx context.Context, s Settings) ([]Overhead, error) {
	p, err := newPeers(ctx, s.Served[0])
	if err != nil {
		return nil, err
	}
	defer p.close()
	frameworks, stop, err := peer.Frameworks(ctx, p.issuer)
	if err != nil {
		return nil, err
	}
	defer stop()
	token := p.issuer.Token(1)
	var cases []pairing.Case
	for _, f := range frameworks {
		cases = append(cases, serving(f.Name, f.Guarded, token), serving(f.Name+" alone", f.Plain, token))
	}
	results := s.plan().Compare(cases...)

	var overheads []Overhead
	var first []float64
	for i, f := range frameworks {
		added := differences(results[2*i].PerOp, results[2*i+1].PerOp)
		if first == nil {
			first = added
		}
		overheads = append(overheads, Overhead{
			Framework:   f.Name,
			Nanoseconds: pairing.QuartilesOf(added),
			Ratio:       pairing.QuartilesOf(pairing.Ratios(added, first)),
		})
	}
	return overheads, nil
}

func differences(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}
