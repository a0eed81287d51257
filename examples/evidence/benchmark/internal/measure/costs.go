package measure

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Cost is one figure of what users spend, with the most that it should be.
type Cost struct {
	What          string
	Most          float64 // zero: there is no target
	Got           pairing.Quartiles
	Allocs, Bytes float64 // of one operation; zero where it is none
}

// Costs measures what users spend on Cardea alone: first sights, hits, claims of their own, memory, growth.
func Costs(ctx context.Context, s Settings) ([]Cost, error) {
	var all []Cost
	for _, part := range []func(context.Context, Settings) ([]Cost, error){
		coldCosts, cachedCosts, sizeCosts, proofCosts, questionCosts, contentionCosts, servedCosts,
	} {
		costs, err := part(ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, costs...)
	}
	return all, nil
}

func coldCosts(ctx context.Context, s Settings) ([]Cost, error) {
	var all []Cost
	for _, algorithm := range issuer.Algorithms {
		p, err := newPeers(ctx, algorithm)
		if err != nil {
			return nil, err
		}
		defer p.close()
		tokens := []string{p.issuer.Token(1), p.issuer.Token(2)}
		floor, err := signatureOnly(p.issuer, tokens)
		if err != nil {
			return nil, err
		}
		off, err := p.make(peer.Maker{Name: Cold, New: peer.CardeaCold})
		if err != nil {
			return nil, err
		}
		tiny, err := p.make(peer.Maker{Name: FirstSight, New: func(ctx context.Context, i *issuer.Issuer) (*peer.Peer, error) {
			return peer.CardeaHolding(ctx, i, 1)
		}})
		if err != nil {
			return nil, err
		}
		method, err := methodOnly(p.issuer, tokens)
		if err != nil {
			return nil, err
		}
		reading, err := readOnly(p.issuer, tokens, MethodOnly+", and reading", valid)
		if err != nil {
			return nil, err
		}
		decoding, err := readOnly(p.issuer, tokens, MethodOnly+", and decoding", intoFlat)
		if err != nil {
			return nil, err
		}
		whole := verifying(Cold, off.Verify, tokens...)
		results := s.plan().Compare(floor,
			method,
			burdened(s, method, whole),
			reading,
			decoding,
			whole,
			verifying("flat", withClaims[FlatClaims](off.Verify), tokens...),
			verifying("lists", withClaims[ListClaims](off.Verify), tokens...),
			verifying(FirstSight, tiny.Verify, tokens...))
		limits := map[string][2]float64{"RS256": {1.12, 1.20}, "PS256": {1.12, 0}, "ES256": {1.08, 1.12}, "EdDSA": {1.10, 0}}[algorithm]
		for i, row := range []struct {
			what string
			most float64
		}{
			{"the floor of a new token, golang-jwt's check of its signature alone", 0},
			{"the floor of a new token, the same, and as much memory as Cardea allocates", 0},
			{"the floor of a new token, golang-jwt's check, base64 and json.Valid of its claims", 0},
			{"the floor of a new token and its claims, golang-jwt's check, base64 and encoding/json into a flat struct", 0},
			{"a new token", limits[0]},
			{"a new token, and its claims in a flat struct", limits[1]},
			{"a new token, and its claims in a struct with lists", limits[1]},
			{"a new token, through the cache", 0},
		} {
			r := results[i+1]
			all = append(all, Cost{fmt.Sprintf("%s, of bare crypto, %s", row.what, algorithm), row.most, r.Ratio, r.Allocs, r.Bytes})
		}
	}
	return all, nil
}

// burdened is part of whole, and allocates what else whole does, in as many pieces that hold pointers.
func burdened(s Settings, part, whole pairing.Case) pairing.Case {
	weighed := pairing.Plan{Batch: s.Batch}.Compare(part, whole)
	pieces := max(1, int(math.Round(weighed[1].Allocs-weighed[0].Allocs)))
	const wordSize = 8
	words := max(0, int(weighed[1].Bytes-weighed[0].Bytes)) / pieces / wordSize
	return pairing.Case{Name: part.Name + ", and allocations", Run: func(n int) {
		var piece []*byte
		for range n {
			part.Run(1)
			for range pieces {
				piece = make([]*byte, words)
			}
		}
		runtime.KeepAlive(piece)
	}}
}

func cachedCosts(ctx context.Context, s Settings) ([]Cost, error) {
	p, err := newPeers(ctx, "ES256")
	if err != nil {
		return nil, err
	}
	defer p.close()
	token := p.issuer.Token(1)
	cached, err := p.make(peer.Makers()[0])
	if err != nil {
		return nil, err
	}
	hits := s.plan().Compare(
		hashing(HashOnly, token, 0, 0),
		verifying(Hit, cached.Verify, token))
	claims := s.plan().Compare(
		verifying(Hit, cached.Verify, token),
		verifying("flat", withClaims[FlatClaims](cached.Verify), token),
		verifying("lists", withClaims[ListClaims](cached.Verify), token))
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return nil, err
	}
	decoded, err := decodings(s, cached.Verify, token, payload)
	if err != nil {
		return nil, err
	}
	return []Cost{
		{"a cached token, of one SHA-256 of it, ES256", 0, hits[1].Ratio, hits[1].Allocs, hits[1].Bytes},
		{"a cached token, and its claims in a flat struct, of a cached token", 1.3, claims[1].Ratio, claims[1].Allocs, claims[1].Bytes},
		{"a cached token, and its claims in a struct with lists, of a cached token", 0, claims[2].Ratio, claims[2].Allocs, claims[2].Bytes},
		{"claims in a struct with lists, of encoding/json on the same payload", 0.5, decoded[1].Ratio, decoded[1].Allocs, decoded[1].Bytes},
	}, nil
}

func sizeCosts(ctx context.Context, s Settings) ([]Cost, error) {
	memory, err := Footprint(ctx, s)
	if err != nil {
		return nil, err
	}
	p, err := newPeers(ctx, gridAlgorithm)
	if err != nil {
		return nil, err
	}
	defer p.close()
	few, many := s.Live[0], s.Live[len(s.Live)-1]
	tokens := make([]string, many)
	for serial := range tokens {
		tokens[serial] = p.issuer.Token(serial)
	}
	var cases []pairing.Case
	for _, live := range []int{few, many} {
		holder, err := p.holding(tokens[:live])
		if err != nil {
			return nil, err
		}
		cases = append(cases, crowded(fmt.Sprint(live), 1, holder.Verify, func() string { return tokens[rand.IntN(live)] }))
	}
	grown := s.wallPlan().Compare(cases...)[1]
	return []Cost{
		{What: fmt.Sprintf("bytes of memory for a cached token of %d", memory.TokenBytes), Most: 1500, Got: pairing.QuartilesOf([]float64{memory.PerToken})},
		{fmt.Sprintf("a look-up among %d live tokens, of one among %d", many, few), 2, grown.Ratio, grown.Allocs, grown.Bytes},
	}, nil
}
