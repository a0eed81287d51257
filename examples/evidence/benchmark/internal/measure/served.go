package measure

import (
	"context"
	"fmt"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// servedCosts are what frameworks pay, and whole servers over loopback HTTP whose client costs little.
func servedCosts(ctx context.Context, s Settings) ([]Cost, error) {
	one := s
	one.Served = []string{"ES256"}
	overheads, err := Overheads(ctx, one)
	if err != nil {
		return nil, err
	}
	var all []Cost
	for _, o := range overheads[1:] {
		what := fmt.Sprintf("what Cardea adds to an empty middleware in %s, of what it adds to one in %s", o.Framework, overheads[0].Framework)
		all = append(all,
			Cost{What: what, Most: 1.02, Got: o.Beyond},
			Cost{What: fmt.Sprintf("what the Guard adds in front of %s, without an adapter, of what it adds in %s", o.Framework, overheads[0].Framework), Got: o.Around},
			Cost{What: fmt.Sprintf("what Cardea adds to an empty middleware in %s, of what the Guard adds in front of it", o.Framework), Most: 1.02, Got: o.Adapter})
	}
	p, err := newPeers(ctx, one.Served[0])
	if err != nil {
		return nil, err
	}
	defer p.close()
	cached, err := p.make(peer.Makers()[0])
	if err != nil {
		return nil, err
	}
	var tokens []string
	for serial := range s.Connections {
		tokens = append(tokens, p.issuer.Token(serial))
	}
	digests, err := p.make(peer.Maker{Name: peer.DigestKeptName, New: peer.DigestKept})
	if err != nil {
		return nil, err
	}
	texts, err := p.make(peer.Maker{Name: peer.TokenKeptName, New: peer.TokenKept})
	if err != nil {
		return nil, err
	}
	var fields []*field
	for _, server := range []*peer.Peer{peer.NoAuthentication(), peer.ContextOnly(), cached, digests, texts} {
		f, err := newField(server, tokens)
		if err != nil {
			return nil, err
		}
		defer f.close()
		fields = append(fields, f)
	}
	if err := takeTurns(s.NearWindows, s.Window/2, fields); err != nil {
		return nil, err
	}
	const atLeast = 0.94 // of the requests per second
	passing, judging := fields[1].load(fields[0]), fields[2].load(fields[0])
	byDigest, byText := fields[3].load(fields[0]), fields[4].load(fields[0])
	if len(fields[0].cpu) > 0 {
		all = append(all,
			Cost{What: "CPU time of a request over HTTP with a cached token, of one without authentication", Most: 1 / atLeast, Got: judging.CPURatio},
			Cost{What: "CPU time of a request over HTTP that is given a context and not judged, of one without authentication", Got: passing.CPURatio},
			Cost{What: "the floor of a request over HTTP, its token found by the SHA-256 of it, and not expired, of one without authentication", Got: byDigest.CPURatio},
			Cost{What: "the same, with the tokens themselves in memory, of one without authentication", Got: byText.CPURatio})
	}
	slower := pairing.QuartilesOf(pairing.Ratios(fields[0].rate, fields[2].rate))
	return append(all,
		Cost{What: "requests per second without authentication, of those with cached tokens", Most: 1 / atLeast, Got: slower},
		Cost{What: "p99 of a request over HTTP with a cached token, of one without authentication", Got: judging.P99Ratio}), nil
}
