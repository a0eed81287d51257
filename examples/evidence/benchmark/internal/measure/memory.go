package measure

import (
	"context"
	"runtime"
)

// Memory is what the cache holds on to.
type Memory struct {
	Tokens     int
	TokenBytes int     // length of one token
	PerToken   float64 // bytes of heap for one cached token
}

// Footprint fills a cache and looks at how the heap grows. No copy of a token is held outside the cache.
func Footprint(ctx context.Context, s Settings) (Memory, error) {
	p, err := newPeers(ctx, gridAlgorithm)
	if err != nil {
		return Memory{}, err
	}
	defer p.close()
	holder, err := p.holding([]string{p.issuer.Token(0)}) // so that what is there once is there
	if err != nil {
		return Memory{}, err
	}
	m := Memory{Tokens: s.Live[len(s.Live)-1], TokenBytes: len(p.issuer.Token(0))}
	before := heap()
	r := newRequest()
	for serial := range m.Tokens {
		r.Header["Authorization"][0] = "Bearer " + p.issuer.Token(serial+1)
		if _, err := holder.Verify(r); err != nil {
			return Memory{}, err
		}
	}
	r.Header["Authorization"][0] = ""
	m.PerToken = (heap() - before) / float64(m.Tokens)
	runtime.KeepAlive(holder)
	return m, nil
}

// heap is what is reachable.
func heap() float64 {
	var stats runtime.MemStats
	for range 2 { // finalizers and pools let go in the second round
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}
