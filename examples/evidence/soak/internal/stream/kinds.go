package stream

import (
	cryptorand "crypto/rand"
	"net/http"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// Kind is a kind of request.
type Kind struct {
	Name     string
	Weight   int
	Upstream bool              // an authorization server may have to be asked, which takes time when it fails
	Good     bool              // to be admitted
	Refusals []int             // the right answers if not
	Needs    []window.Endpoint // without which it may be answered 503
	draw     func(s *Stream, m *Memory) *Request
}

var (
	badRequest   = []int{http.StatusBadRequest}
	unauthorized = []int{http.StatusUnauthorized}
	forbidden    = []int{http.StatusForbidden}
	either       = []int{http.StatusBadRequest, http.StatusUnauthorized}

	keys  = []window.Endpoint{window.Keys}
	asked = []window.Endpoint{window.Introspection}
	both  = []window.Endpoint{window.Keys, window.Introspection}
)

// Kinds returns the kinds that need no authorization server, and those that may need one.
func Kinds() (local, upstream []*Kind) {
	for _, list := range [][]Kind{admitted, refused, proofs, opaques} {
		for i := range list {
			if k := &list[i]; k.Upstream {
				upstream = append(upstream, k)
			} else {
				local = append(local, k)
			}
		}
	}
	return local, upstream
}

// admitted are requests with good JWTs, or that need none. They need no authorization server: keys stay good while it is away.
var admitted = []Kind{
	{Name: "good JWT, seen before", Weight: 30, Good: true, draw: stocked(good, server.PathOrders)},
	{Name: "good JWT, new", Weight: 14, Good: true, draw: fresh(server.PathOrders)},
	{Name: "good JWT, token optional", Weight: 3, Good: true, draw: stocked(good, server.PathPrices)},
	{Name: "good JWT, where only JWTs are taken", Weight: 3, Good: true, draw: jwtsOnly},
	{Name: "no token, token optional", Weight: 2, Good: true, draw: func(*Stream, *Memory) *Request {
		return &Request{Bytes: get(server.PathPrices, ""), Subject: server.Anonymous}
	}},
	{Name: "JWT at its end", Weight: 3, Good: true, draw: atItsEnd},
	{Name: "good JWT of new keys", Weight: 8, Upstream: true, Good: true, Needs: keys, draw: stocked(newKey, server.PathOrders)},
	{Name: "JWT of withdrawn keys", Weight: 4, Upstream: true, Good: true, Needs: keys, draw: stocked(withdrawn, server.PathOrders)},
	{Name: "good JWT, introspected as well", Weight: 12, Upstream: true, Good: true, Needs: asked, draw: introspected(good)},
	{Name: "JWT that was revoked", Weight: 4, Upstream: true, Good: true, Needs: asked, draw: introspected(ended)},
}

// refused are requests of which the handler must never hear.
var refused = []Kind{
	{Name: "no token", Weight: 2, Refusals: unauthorized, draw: func(*Stream, *Memory) *Request {
		return &Request{Bytes: get(server.PathOrders, "")}
	}},
	{Name: "two tokens", Weight: 1, Refusals: badRequest, draw: twoTokens},
	{Name: "garbage", Weight: 2, Refusals: either, draw: garbage},
	{Name: "wrong scope", Weight: 2, Refusals: forbidden, Needs: keys, draw: stocked(weak, server.PathOrders)},
	{Name: "wrong scope for this route", Weight: 2, Refusals: forbidden, Needs: keys, draw: stocked(good, server.PathAdmin)},
	{Name: "expired", Weight: 3, Refusals: unauthorized, Needs: keys, draw: stocked(expired, server.PathOrders)},
	{Name: "not yet valid", Weight: 2, Refusals: unauthorized, Needs: keys, draw: stocked(early, server.PathOrders)},
	{Name: "wrong audience", Weight: 3, Refusals: unauthorized, Needs: keys, draw: stocked(otherAudience, server.PathOrders)},
	{Name: "wrong issuer", Weight: 2, Refusals: unauthorized, Needs: keys, draw: stocked(otherIssuer, server.PathOrders)},
	{Name: "altered signature", Weight: 4, Refusals: unauthorized, Needs: keys, draw: stocked(altered, server.PathOrders)},
	{Name: "claims changed after signing", Weight: 2, Refusals: unauthorized, Needs: keys, draw: stocked(swapped, server.PathOrders)},
	{Name: "alg none", Weight: 1, Refusals: unauthorized, Needs: keys, draw: stocked(unsigned, server.PathOrders)},
	{Name: "ID token", Weight: 2, Refusals: unauthorized, Needs: keys, draw: stocked(idToken, server.PathOrders)},
	{Name: "expired, token optional", Weight: 1, Refusals: unauthorized, Needs: keys, draw: stocked(expired, server.PathPrices)},
	{Name: "unknown kid", Weight: 5, Upstream: true, Refusals: unauthorized, Needs: keys, draw: unknownKid},
	{Name: "the key of another server", Weight: 3, Upstream: true, Refusals: unauthorized, Needs: keys, draw: stocked(otherServersKey, server.PathOrders)},
	{Name: "broken", Weight: 9, Upstream: true, Refusals: either, Needs: both, draw: broken},
}

// proofs are requests with tokens that are bound to a key.
var proofs = []Kind{
	{Name: "DPoP", Weight: 4, Good: true, draw: func(s *Stream, m *Memory) *Request {
		t := s.pick(bound, m)
		if t == nil {
			return nil
		}
		r := s.proven(t, http.MethodGet)
		r.Proven = true
		return r
	}},
	{Name: "DPoP, replayed", Weight: 2, Refusals: unauthorized, Needs: keys, draw: func(_ *Stream, m *Memory) *Request {
		if m.Spent == nil {
			return nil
		}
		again := *m.Spent
		return &again
	}},
	{Name: "DPoP, for another method", Weight: 1, Refusals: unauthorized, Needs: keys, draw: func(s *Stream, m *Memory) *Request {
		if t := s.pick(bound, m); t != nil {
			return s.proven(t, http.MethodPost)
		}
		return nil
	}},
	{Name: "DPoP, without a proof", Weight: 1, Refusals: unauthorized, Needs: keys, draw: func(s *Stream, m *Memory) *Request {
		t := s.pick(bound, m)
		if t == nil {
			return nil
		}
		r := bearer(server.PathPayments, t)
		r.Bytes = get(server.PathPayments, "", "DPoP "+t.Raw)
		return r
	}},
	{Name: "DPoP-bound, as Bearer", Weight: 1, Refusals: unauthorized, Needs: keys, draw: stocked(bound, server.PathOrders)},
	{Name: "unbound, where bound is wanted", Weight: 1, Refusals: unauthorized, Needs: keys, draw: stocked(good, server.PathPayments)},
}

// opaques are requests with opaque tokens.
var opaques = []Kind{
	{Name: "good opaque token, seen before", Weight: 30, Upstream: true, Good: true, Needs: asked, draw: opaqueStocked(opaque, server.PathOrders)},
	{Name: "good opaque token, new", Weight: 8, Upstream: true, Good: true, Needs: asked, draw: func(s *Stream, m *Memory) *Request {
		return bearer(server.PathOrders, s.anyServer(m).opaque(nil))
	}},
	{Name: "opaque token that was revoked", Weight: 6, Upstream: true, Good: true, Needs: asked, draw: opaqueStocked(ended, server.PathOrders)},
	{Name: "opaque token that nobody made", Weight: 3, Upstream: true, Refusals: unauthorized, Needs: asked, draw: invented},
	{
		Name: "opaque token for another audience", Weight: 3, Upstream: true, Refusals: unauthorized, Needs: asked,
		draw: opaqueStocked(opaqueElsewhere, server.PathOrders),
	},
	{Name: "opaque token, wrong scope", Weight: 3, Upstream: true, Refusals: forbidden, Needs: asked, draw: opaqueStocked(opaque, server.PathAdmin)},
	{Name: "opaque token, where only JWTs are taken", Weight: 1, Refusals: unauthorized, draw: opaqueStocked(opaque, server.PathJWTs)},
}

func invented(s *Stream, m *Memory) *Request {
	a := s.anyServer(m)
	return &Request{Bytes: get(server.PathOrders, "", "Bearer "+a.Trust.Prefix+"at_"+cryptorand.Text()), from: a}
}

func unknownKid(s *Stream, m *Memory) *Request {
	return bearer(server.PathOrders, s.verifying(m).of.mint(authtest.Header{"kid": cryptorand.Text()}, nil))
}
