package measure

import (
	"context"
	"net/http"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Overhead is what Cardea adds to a request in one framework.
type Overhead struct {
	Framework   string
	Nanoseconds pairing.Quartiles
	Ratio       pairing.Quartiles // to what it adds to one of net/http in the same turn
	Empty       pairing.Quartiles // nanoseconds that a middleware adds which does nothing
	Beyond      pairing.Quartiles // Ratio where both is counted from a middleware that does nothing
	Around      pairing.Quartiles // Beyond where the Guard stands in front of the framework, and no adapter is in use
	Adapter     pairing.Quartiles // what Cardea adds in the framework, to what it adds in front of it, both counted as in Beyond
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
		before := frameworks[0] // net/http, whatever it is in front of
		cases = append(cases,
			serving(f.Name, f.Guarded, token), serving(f.Name+" alone", f.Plain, token), serving(f.Name+", empty", f.Empty, token),
			serving(f.Name+", behind", chained(before.Guarded, f.Plain), token), serving(f.Name+", behind an empty one", chained(before.Empty, f.Plain), token))
	}
	results := s.plan().Compare(cases...)

	var overheads []Overhead
	var first, firstBeyond []float64
	for i, f := range frameworks {
		of := results[5*i:]
		alone, empty := of[1].PerOp, of[2].PerOp
		added, beyond := differences(of[0].PerOp, alone), differences(of[0].PerOp, empty)
		around := differences(of[3].PerOp, of[4].PerOp)
		if first == nil {
			first, firstBeyond = added, beyond
		}
		overheads = append(overheads, Overhead{
			Framework:   f.Name,
			Nanoseconds: pairing.QuartilesOf(added),
			Ratio:       pairing.QuartilesOf(pairing.Ratios(added, first)),
			Empty:       pairing.QuartilesOf(differences(empty, alone)),
			Beyond:      pairing.QuartilesOf(pairing.Ratios(beyond, firstBeyond)),
			Around:      pairing.QuartilesOf(pairing.Ratios(around, firstBeyond)),
			Adapter:     pairing.QuartilesOf(pairing.Ratios(beyond, around)),
		})
	}
	return overheads, nil
}

func chained(outer, inner func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return outer(inner(next)) }
}

func differences(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}
