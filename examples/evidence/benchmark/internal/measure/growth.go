package measure

import (
	"context"
	"math/rand/v2"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/loopback"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Growth is what many live tokens cost.
type Growth struct {
	Few, Many int

	// Time per request over loopback HTTP with many live tokens, of that with few: for a server that judges nothing, and
	// for Cardea with room for all of them.
	Open, Cached pairing.Quartiles

	// Beyond is for a cache with room for some of many tokens: the time per look-up, of what hits and misses cost apart,
	// in the shares in which they come.
	Room   int
	Missed float64 // the share of misses
	Beyond pairing.Quartiles
}

// Growths draws the tokens evenly, which is the hardest for every cache.
func Growths(ctx context.Context, s Settings) (Growth, error) {
	p, err := newPeers(ctx, gridAlgorithm)
	if err != nil {
		return Growth{}, err
	}
	defer p.close()
	g := Growth{Few: s.Live[0], Many: s.Live[len(s.Live)-1]}
	tokens := make([]string, g.Many)
	for serial := range tokens {
		tokens[serial] = p.issuer.Token(serial)
	}
	if err := g.overHTTP(p, s, tokens); err != nil {
		return Growth{}, err
	}
	return g, g.beyond(p, s, tokens)
}

func (g *Growth) overHTTP(p *peers, s Settings, tokens []string) error {
	var fields []*field
	for _, live := range []int{g.Few, g.Many} {
		holder, err := p.holding(tokens[:live])
		if err != nil {
			return err
		}
		for _, one := range []*peer.Peer{peer.NoAuthentication(), holder} {
			f, err := newFieldBy(one, func(addr string) (client, error) {
				return loopback.DialMixed(addr, peer.Path, s.Connections, tokens[:live])
			})
			if err != nil {
				return err
			}
			defer f.close()
			fields = append(fields, f)
		}
	}
	if err := takeTurns(s.NearWindows, s.Window/2, fields); err != nil {
		return err
	}
	// The time per request is the inverse of the rate.
	g.Open = pairing.QuartilesOf(pairing.Ratios(fields[0].rate, fields[2].rate))
	g.Cached = pairing.QuartilesOf(pairing.Ratios(fields[1].rate, fields[3].rate))
	return nil
}

func (g *Growth) beyond(p *peers, s Settings, tokens []string) error {
	g.Room = g.Many / 8
	g.Missed = 1 - float64(g.Room)/float64(g.Many)
	all, err := p.holding(tokens)
	if err != nil {
		return err
	}
	some, err := p.holdingUpTo(g.Room, tokens)
	if err != nil {
		return err
	}
	none, err := p.holdingUpTo(1, tokens[:1])
	if err != nil {
		return err
	}
	pick := func() string { return tokens[rand.IntN(len(tokens))] }
	results := s.wallPlan().Compare(
		crowded("hits", 1, all.Verify, pick),
		crowded("first sights", 1, none.Verify, pick),
		crowded("both", 1, some.Verify, pick))
	var expected []float64
	for turn, hit := range results[0].PerOp {
		expected = append(expected, hit+g.Missed*(results[1].PerOp[turn]-hit))
	}
	g.Beyond = pairing.QuartilesOf(pairing.Ratios(results[2].PerOp, expected))
	return nil
}
