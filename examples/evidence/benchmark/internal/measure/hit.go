package measure

import (
	"context"
	"crypto/sha256"
	"math"
	"runtime"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Names of the cases of Hits.
const (
	HashAndAllocations = "SHA-256 of the token, and as many allocations"
	HashOnly           = "SHA-256 of the token"
	Hit                = "Cardea, cached"
	AnswerHit          = "Cardea, an opaque token whose answer is cached"
)

// Hits judges a token that is in the cache. The floor is one hash of it, and allocations of the same number and size.
func Hits(ctx context.Context, s Settings) ([]Group, error) {
	var groups []Group
	for _, algorithm := range s.Served {
		g, err := hit(ctx, s, algorithm)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func hit(ctx context.Context, s Settings, algorithm string) (Group, error) {
	p, err := newPeers(ctx, algorithm)
	if err != nil {
		return Group{}, err
	}
	defer p.close()
	token := p.issuer.Token(1)
	cached, err := p.make(peer.Makers()[0])
	if err != nil {
		return Group{}, err
	}
	asking, err := p.make(peer.Maker{Name: AnswerHit, New: peer.CardeaAsking})
	if err != nil {
		return Group{}, err
	}
	hit := verifying(Hit, cached.Verify, token)
	weighed := pairing.Plan{Batch: s.Batch}.Compare(hit)[0]
	return Group{algorithm, s.plan().Compare(
		hashing(HashAndAllocations, token, int(math.Round(weighed.Allocs)), int(math.Round(weighed.Bytes))),
		hashing(HashOnly, token, 0, 0),
		hit,
		verifying(AnswerHit, asking.Verify, p.issuer.Opaque()),
	)}, nil
}

// hashing hashes fresh copies of the token and allocates bytes in some pieces that hold pointers, as contexts do.
func hashing(name, token string, pieces, bytes int) pairing.Case {
	ring := make([][]byte, ringSize)
	const wordSize = 8
	words := 0
	if pieces > 0 {
		words = bytes / pieces / wordSize
	}
	renew := func(int) {
		for at := range ring {
			ring[at] = []byte(token)
		}
	}
	return pairing.Case{Name: name, Prepare: renew, Run: func(n int) {
		var sum [sha256.Size]byte
		var piece []*byte
		for i := range n {
			sum = sha256.Sum256(ring[i%ringSize])
			for range pieces {
				piece = make([]*byte, words)
			}
		}
		runtime.KeepAlive(sum)
		runtime.KeepAlive(piece)
	}}
}
