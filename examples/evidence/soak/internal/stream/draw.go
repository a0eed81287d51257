package stream

import (
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
)

func (s *Stream) anyServer(m *Memory) *Authority {
	return s.Authorities[m.Random.IntN(len(s.Authorities))]
}

func (s *Stream) verifying(m *Memory) *stock { return s.stocks[m.Random.IntN(verifyingServers)] }

// pick takes a token of one of the servers that are not asked about JWTs. While keys change, one of them may have none.
func (s *Stream) pick(of sort, m *Memory) *Token {
	first := m.Random.IntN(verifyingServers)
	for i := range verifyingServers {
		if t := s.stocks[(first+i)%verifyingServers].rings[of].pick(m.Random); t != nil {
			return t
		}
	}
	return nil
}

func stocked(of sort, path string) func(*Stream, *Memory) *Request {
	return func(s *Stream, m *Memory) *Request {
		if t := s.pick(of, m); t != nil {
			return bearer(path, t)
		}
		return nil
	}
}

func opaqueStocked(of sort, path string) func(*Stream, *Memory) *Request {
	return func(s *Stream, m *Memory) *Request {
		t := s.stocks[m.Random.IntN(len(s.stocks))].rings[of].pick(m.Random)
		if t == nil || t.generation != noKeys {
			return nil
		}
		return bearer(path, t)
	}
}

// introspected draws a JWT of the server that is asked about them.
func introspected(of sort) func(*Stream, *Memory) *Request {
	return func(s *Stream, m *Memory) *Request {
		t := s.stocks[verifyingServers].rings[of].pick(m.Random)
		if t == nil || t.generation == noKeys {
			return nil
		}
		return bearer(server.PathOrders, t)
	}
}

func fresh(path string) func(*Stream, *Memory) *Request {
	return func(s *Stream, m *Memory) *Request {
		for {
			select {
			case t := <-s.verifying(m).fresh:
				if t.Authority.published(t) {
					return bearer(path, t)
				}
			default:
				return nil
			}
		}
	}
}

// jwtsOnly is for the route that trusts one server only.
func jwtsOnly(s *Stream, m *Memory) *Request {
	if t := s.stocks[1].rings[good].pick(m.Random); t != nil {
		return bearer(server.PathJWTs, t)
	}
	return nil
}

func twoTokens(s *Stream, m *Memory) *Request {
	t := s.pick(good, m)
	if t == nil {
		return nil
	}
	return &Request{Bytes: get(server.PathOrders, "", "Bearer "+t.Raw, "Bearer "+t.Raw), from: t.Authority}
}

var junk = []string{
	"Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \"quoted\"", "Bearer a.b", "Bearer ..", "Bearer a.b.c.d.e", "Bearer {}", "bearer",
	"Basic dXNlcjpwYXNz", "Token x", "DPoP x", "Bearer=x", "Bearer ====", "Negotiate", ", Bearer x", "Bearer eyJhbGciOiJub25lIn0..",
}

func garbage(_ *Stream, m *Memory) *Request {
	at := junk[m.Random.IntN(len(junk))]
	return &Request{Bytes: get(server.PathOrders, "", at), detail: at}
}

func broken(s *Stream, m *Memory) *Request {
	all := *s.gallery.Load()
	e := all[m.Random.IntN(len(all))]
	return &Request{Bytes: get(server.PathOrders, "", "Bearer "+e.token), detail: e.name, from: e.of}
}

// atItsEnd draws tokens of the last two seconds, so that the same one is sent before its end and after it.
func atItsEnd(s *Stream, m *Memory) *Request {
	stock := s.verifying(m)
	if now := time.Now(); m.Random.IntN(8) == 0 && stock.of.settled(now) {
		stock.put(ending, stock.ending(now))
	}
	if t := stock.rings[ending].pick(m.Random); t != nil {
		return bearer(server.PathOrders, t)
	}
	return nil
}
