package middleware

import (
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
)

// IssuerHealth is the state of one issuer, for readiness checks and metrics.
type IssuerHealth struct {
	_ [0]func() // keyed literals only

	Issuer        string               // Issuer.URL as configured
	Ready         bool                 // its tokens can be judged now; see Health before acting on it
	Keys          jwks.Status          // zero when its KeySource has no Status method; of tenants with keys of their own, the sum ([jwks.Tenants.Status])
	Introspection introspection.Status // zero when its Introspector has no Status method, or there is none
}

// Health returns one entry per issuer, in the order of Config.Issuers. It does no I/O. A service that has several
// issuers may well be ready while one of them is not. Keys not loaded yet, and an introspection endpoint that stopped
// answering, recover through requests (or Warm, for keys): a readiness check that takes all of them away would keep the
// service from ever becoming ready again.
func (v *Validator) Health() []IssuerHealth {
	if v.unusable() {
		return nil
	}
	issuers := v.policy.judge.Issuers()
	health := make([]IssuerHealth, len(issuers))
	for i, issuer := range issuers {
		health[i] = healthOf(issuer)
		if v.closed.Load() {
			health[i].Ready = false
		}
	}
	return health
}

func healthOf(t *accesstoken.Issuer) IssuerHealth {
	h := IssuerHealth{Issuer: t.URL, Ready: true}
	if source, ok := t.Keys.(interface{ Status() jwks.Status }); ok {
		h.Keys = source.Status()
		h.Ready = h.Keys.Keys > 0
	}
	if _, ok := t.Keys.(*jwks.Tenants); ok {
		h.Ready = h.Ready || h.Keys.LastError == nil // the keys of a tenant come with its first token
	}
	if source, ok := t.Introspector.(interface{ Status() introspection.Status }); ok {
		h.Introspection = source.Status()
		h.Ready = h.Ready && !h.Introspection.BreakerOpen
	}
	return h
}
