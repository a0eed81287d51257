package stream

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Stream makes requests. It is safe for concurrent use, each goroutine with a Memory of its own.
type Stream struct {
	Authorities []*Authority

	public  string // the address of the API, for proofs
	stocks  []*stock
	lanes   [2]lane
	gallery atomic.Pointer[[]exhibit]
	flood   atomic.Bool
}

// lane is kinds and the sum of their weights.
type lane struct {
	kinds []*Kind
	sum   int
}

type exhibit struct {
	name, token string
	of          *Authority
}

// New makes the first stock of tokens. The first two authorities have their JWTs verified, the third also introspected.
func New(authorities []*Authority, public string) *Stream {
	s := &Stream{Authorities: authorities, public: public}
	local, upstream := Kinds()
	for i, kinds := range [][]*Kind{local, upstream} {
		s.lanes[i].kinds = kinds
		for _, k := range kinds {
			s.lanes[i].sum += k.Weight
		}
	}
	for i, a := range authorities {
		s.stocks = append(s.stocks, newStock(a, authorities[(i+1)%len(authorities)]))
	}
	s.exhibit()
	return s
}

// Run makes further tokens until ctx ends.
func (s *Stream) Run(ctx context.Context) {
	var running sync.WaitGroup
	for i, stock := range s.stocks {
		running.Go(func() { stock.run(ctx) })
		if i < verifyingServers {
			running.Go(func() { stock.runFresh(ctx) })
		}
	}
	running.Go(func() {
		ticker := time.NewTicker(20 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				s.exhibit()
			}
		}
	})
	running.Wait()
}

// exhibit makes the broken tokens anew.
func (s *Stream) exhibit() {
	var all []exhibit
	for _, stock := range s.stocks[:verifyingServers] {
		for name, token := range stock.of.Issuer.Broken() {
			all = append(all, exhibit{name, token, stock.of})
		}
	}
	s.gallery.Store(&all)
}

// verifyingServers is how many authorities' JWTs are verified only, and need nobody to be asked.
const verifyingServers = 2

// Next draws a request: one that needs no authorization server, or one that may need one.
func (s *Stream) Next(m *Memory, upstream bool) *Request {
	which := 0
	if upstream {
		which = 1
		if s.flood.Load() && m.Random.IntN(2) == 0 {
			r := invented(s, m)
			r.Kind = inventedKind
			return r
		}
	}
	for {
		k := s.lanes[which].any(m.Random)
		if r := k.draw(s, m); r != nil {
			r.Kind = k
			return r
		}
	}
}

// inventedKind is the kind of which a flood consists.
var inventedKind = func() *Kind {
	for i := range opaques {
		if opaques[i].Name == "opaque token that nobody made" {
			return &opaques[i]
		}
	}
	panic("soak: no such kind")
}()

func (l *lane) any(random *rand.Rand) *Kind {
	at := random.IntN(l.sum)
	for _, k := range l.kinds {
		if at -= k.Weight; at < 0 {
			return k
		}
	}
	return l.kinds[0]
}

// Flood lets half of the requests that need an authorization server carry opaque tokens that nobody made.
func (s *Stream) Flood(on bool) { s.flood.Store(on) }

// Revoke ends some tokens of one server, which are used on.
func (s *Stream) Revoke(server, count int) {
	stock := s.stocks[server]
	from := []sort{opaque}
	if server >= verifyingServers {
		from = append(from, good)
	}
	for _, sort := range from {
		for _, t := range stock.rings[sort].take(count, func(*Token) bool { return true }) {
			t.revoke()
			stock.rings[ended].put(t)
		}
	}
}
