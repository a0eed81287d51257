package measure

import (
	"context"
	"slices"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// ColdServed is Cardea without its cache, beside Cardea as it comes.
const ColdServed = "Cardea, cold"

// served are all middlewares, in the order of the tables.
func (p *peers) served() ([]*peer.Peer, error) {
	makers := peer.Makers()
	all := []*peer.Peer{peer.NoAuthentication(), peer.ContextOnly(), peer.BareCrypto(p.issuer)}
	for _, m := range append([]peer.Maker{makers[0], {Name: ColdServed, New: peer.CardeaCold}}, makers[1:]...) {
		made, err := p.make(m)
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return all, nil
}

// Handlers calls each middleware directly, without a network. The floor is [peer.Reference].
func Handlers(ctx context.Context, s Settings) ([]Group, error) {
	var groups []Group
	for _, algorithm := range s.Served {
		p, err := newPeers(ctx, algorithm)
		if err != nil {
			return nil, err
		}
		defer p.close()
		all, err := p.served()
		if err != nil {
			return nil, err
		}
		token := p.issuer.Token(1)
		var cases []pairing.Case
		for _, one := range all {
			c := serving(one.Name, one.Handler, token)
			if one.Name == peer.Reference {
				cases = slices.Insert(cases, 0, c)
				continue
			}
			cases = append(cases, c)
		}
		groups = append(groups, Group{algorithm, s.plan().Compare(cases...)})
	}
	return groups, nil
}
