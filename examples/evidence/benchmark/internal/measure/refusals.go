package measure

import (
	"context"
	"fmt"
	"net/http"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Refused is what bad tokens cost with one library, as shares of what a good token costs it that it has not seen.
type Refused struct {
	Name                        string
	Good                        pairing.Quartiles // nanoseconds
	Forged, Garbage, UnknownKey pairing.Quartiles
}

// Refusals are those under one algorithm.
type Refusals struct {
	Algorithm string
	Peers     []Refused
}

// RefusalCosts floods each library with bad tokens of three kinds, each token another one than the last.
func RefusalCosts(ctx context.Context, s Settings) ([]Refusals, error) {
	var all []Refusals
	for _, algorithm := range s.Served {
		r := Refusals{Algorithm: algorithm}
		for _, m := range peer.Makers() {
			refused, err := refusalsOf(ctx, s, algorithm, m)
			if err != nil {
				return nil, err
			}
			if refused != nil {
				r.Peers = append(r.Peers, *refused)
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// refusalsOf gives each library an issuer of its own, so that what one flood leaves behind is not the next one's.
func refusalsOf(ctx context.Context, s Settings, algorithm string, m peer.Maker) (*Refused, error) {
	p, err := newPeers(ctx, algorithm)
	if err != nil {
		return nil, err
	}
	defer p.close()
	target, err := p.make(m)
	if err != nil || target.Verify == nil {
		return nil, err
	}
	cold := target
	if m.Name == "Cardea" {
		// The bad tokens meet Cardea as it comes; the good one must not be found in its cache.
		if cold, err = p.make(peer.Maker{Name: ColdServed, New: peer.CardeaCold}); err != nil {
			return nil, err
		}
	}
	token := p.issuer.Token(1)
	var good []string
	for serial := range ringSize {
		good = append(good, p.issuer.Token(serial))
	}
	serial := 0
	next := func(bad func(serial int) string) func(int) string {
		return func(int) string { serial++; return bad(serial) }
	}
	results := s.plan().Compare(
		verifying("good", cold.Verify, token),
		refusing("forged", target.Verify, next(func(serial int) string { return issuer.Forged(good[serial%len(good)]) })),
		refusing("garbage", target.Verify, next(func(serial int) string { return issuer.Garbage(token, serial) })),
		refusing("unknown kid", target.Verify, next(func(serial int) string { return issuer.UnderUnknownKey(algorithm, token, serial) })),
	)
	return &Refused{
		Name:       m.Name,
		Good:       results[0].Nanoseconds(),
		Forged:     results[1].Ratio,
		Garbage:    results[2].Ratio,
		UnknownKey: results[3].Ratio,
	}, nil
}

// refusing times verify with tokens that it must refuse. As many are made as are judged: of a repeated one something
// might be remembered.
func refusing(name string, verify func(*http.Request) (any, error), token func(at int) string) pairing.Case {
	q := newRequestsBy(0, token)
	prepare := func(n int) {
		q.grow(n)
		q.ring = q.ring[:n]
		q.renew(n)
	}
	return pairing.Case{Name: name, Prepare: prepare, Run: func(n int) {
		for i := range n {
			if _, err := verify(q.at(i)); err == nil {
				panic(fmt.Sprintf("benchmark: a token that is %s is accepted", name))
			}
		}
	}}
}
