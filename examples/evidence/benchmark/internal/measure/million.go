package measure

import (
	"context"
	"math/rand/v2"
	"runtime"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Crowded is a cache that holds very many live tokens, beside one that holds few.
type Crowded struct {
	Memory

	Few      int
	Among    pairing.Quartiles // nanoseconds of a look-up among all
	AmongFew pairing.Quartiles
	Ratio    pairing.Quartiles
}

// sampled is how many of the tokens are looked up. They are drawn from all, evenly.
const sampled = 20_000

// Million fills a cache with so many tokens and looks some of them up.
func Million(ctx context.Context, s Settings, tokens int) (Crowded, error) {
	p, err := newPeers(ctx, gridAlgorithm)
	if err != nil {
		return Crowded{}, err
	}
	defer p.close()
	few, err := p.holdingUpTo(capacity, nil)
	if err != nil {
		return Crowded{}, err
	}
	all, err := p.holdingUpTo(tokens+tokens/16, nil) // shards fill up unevenly
	if err != nil {
		return Crowded{}, err
	}
	var sample []string
	admit := func(holder *peer.Peer, token string) error {
		r := newRequest()
		r.Header["Authorization"][0] = "Bearer " + token
		_, err := holder.Verify(r)
		return err
	}
	every := max(1, tokens/sampled)
	for serial := range tokens { // the sample is part of what grows, and subtracted
		if serial%every == 0 {
			sample = append(sample, p.issuer.Token(serial))
		}
	}
	before := heap()
	next := 0
	for serial := range tokens {
		token := ""
		if serial%every == 0 {
			token = sample[next]
			next++
		} else {
			token = p.issuer.Token(serial)
		}
		if err := admit(all, token); err != nil {
			return Crowded{}, err
		}
	}
	c := Crowded{Memory: Memory{Tokens: tokens, TokenBytes: len(sample[0]), PerToken: (heap() - before) / float64(tokens)}, Few: 100}
	for _, token := range sample[:min(c.Few, len(sample))] {
		if err := admit(few, token); err != nil {
			return Crowded{}, err
		}
	}
	results := s.wallPlan().Compare(
		crowded("few", 1, few.Verify, func() string { return sample[rand.IntN(min(c.Few, len(sample)))] }),
		crowded("all", 1, all.Verify, func() string { return sample[rand.IntN(len(sample))] }))
	c.AmongFew, c.Among, c.Ratio = results[0].Nanoseconds(), results[1].Nanoseconds(), results[1].Ratio
	runtime.KeepAlive(all)
	return c, nil
}
