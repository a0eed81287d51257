package measure

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// gridAlgorithm signs fast, so that tens of thousands of tokens are made in seconds. A cached token costs the same
// whatever its algorithm.
const gridAlgorithm = "EdDSA"

// Row is one number of goroutines.
type Row struct {
	Goroutines int
	Cells      []Cell         // in the order of Settings.Live
	Reference  pairing.Result // golang-jwt + keyfunc, which remembers no token
}

// Cell is one number of live tokens. Its Ratio is to the fewest tokens.
type Cell struct {
	Live int
	pairing.Result
}

// Grid looks cached tokens up: each time another one, chosen evenly among all that are live, which is the hardest
// for the CPU's own caches. The cache has room for all of them.
func Grid(ctx context.Context, s Settings) ([]Row, error) {
	p, err := newPeers(ctx, gridAlgorithm)
	if err != nil {
		return nil, err
	}
	defer p.close()
	most := s.Live[len(s.Live)-1]
	tokens := make([]string, most)
	for serial := range tokens {
		tokens[serial] = p.issuer.Token(serial)
	}
	reference, err := p.make(peer.Makers()[1])
	if err != nil {
		return nil, err
	}
	var holders []*peer.Peer
	for _, live := range s.Live {
		holder, err := p.holding(tokens[:live])
		if err != nil {
			return nil, err
		}
		holders = append(holders, holder)
	}

	var rows []Row
	for _, size := range s.Crowds {
		var cases []pairing.Case
		for at, live := range s.Live {
			cases = append(cases, crowded(fmt.Sprint(live, " tokens"), size, holders[at].Verify,
				func() string { return tokens[rand.IntN(live)] }))
		}
		cases = append(cases, crowded(reference.Name, size, reference.Verify,
			func() string { return tokens[rand.IntN(most)] }))
		results := s.wallPlan().Compare(cases...)
		row := Row{Goroutines: size, Reference: results[len(s.Live)]}
		for at, live := range s.Live {
			row.Cells = append(row.Cells, Cell{live, results[at]})
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// capacity holds the largest number of live tokens of [Full] with room to spare.
const capacity = 1 << 16

// holding is Cardea with all these tokens in its cache.
func (p *peers) holding(tokens []string) (*peer.Peer, error) { return p.holdingUpTo(capacity, tokens) }

// holdingUpTo is Cardea with the last of these tokens in its cache, as many as there is room for.
func (p *peers) holdingUpTo(room int, tokens []string) (*peer.Peer, error) {
	holder, err := p.make(peer.Maker{Name: "Cardea", New: func(ctx context.Context, i *issuer.Issuer) (*peer.Peer, error) {
		return peer.CardeaHolding(ctx, i, room)
	}})
	if err != nil {
		return nil, err
	}
	r := newRequest()
	for _, token := range tokens {
		r.Header["Authorization"][0] = "Bearer " + token
		if _, err := holder.Verify(r); err != nil {
			return nil, err
		}
	}
	return holder, nil
}
