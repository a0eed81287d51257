package middleware

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
)

// IssuerHealth is the state of one issuer, for readiness checks and metrics. Its errors are {} to encoding/json: write LastError.Error().
type IssuerHealth struct {
	_ [0]func() // keyed literals only

	Issuer string // Issuer.URL as configured

	// Ready: its tokens can be judged now, as far as is known; see Health before acting on it. An issuer that introspects is ready when
	// its endpoint answers and, unless nothing but opaque tokens has come from it, its keys are there.
	Ready bool

	JWTs   bool // its JWTs can be judged now
	Opaque bool // its opaque tokens can; false without an Introspector

	Keys          jwks.Status          // zero when its KeySource has no Status method; of tenants with keys of their own, the sum ([jwks.Tenants.Status])
	Introspection introspection.Status // zero when its Introspector has no Status method, or there is none

	// RevocationsAsOf is as of when Config.Revocations know what was revoked, as far as they have a method AsOf; the oldest counts. Zero:
	// nothing is known, or none has. An issuer is not ready while one knows nothing, or nothing newer than Config.RevocationsWithin.
	RevocationsAsOf time.Time
}

// Health returns one entry per issuer, in the order of Config.Issuers. It does no I/O: of an introspection endpoint it tells what
// requests and Warm have seen, and takes one for well that nobody has asked yet. A service that has several issuers may well
// be ready while one of them is not. Keys not loaded yet, and an introspection endpoint that stopped answering, recover
// through requests or Warm: a readiness check that takes all of them away would keep the service from ever becoming ready
// again.
func (v *Validator) Health() []IssuerHealth {
	if v.unusable() {
		return nil
	}
	issuers := v.policy.judge.Issuers()
	health := make([]IssuerHealth, len(issuers))
	asOf, fresh := v.policy.revocationsAsOf(), v.policy.knowsRevocations()
	for i, issuer := range issuers {
		health[i] = healthOf(issuer)
		health[i].RevocationsAsOf = asOf
		health[i].Ready = health[i].Ready && fresh
		if v.closed.Load() {
			health[i].Ready, health[i].JWTs, health[i].Opaque = false, false, false
		}
	}
	return health
}

func healthOf(t *accesstoken.Issuer) IssuerHealth {
	h := IssuerHealth{Issuer: t.URL, JWTs: true, Opaque: t.Introspector != nil}
	if source, ok := t.Keys.(interface{ Status() jwks.Status }); ok {
		h.Keys = source.Status()
		h.JWTs = h.Keys.Keys > 0
	}
	if _, ok := t.Keys.(*jwks.Tenants); ok {
		h.JWTs = h.JWTs || h.Keys.LastError == nil // the keys of a tenant come with its first token
	}
	answered, failed := t.Answers()
	if source, ok := t.Introspector.(interface{ Status() introspection.Status }); ok {
		h.Introspection = source.Status()
		failed = failed || h.Introspection.BreakerOpen
	}
	h.Opaque = h.Opaque && !failed
	switch {
	case t.Introspector == nil:
		h.Ready = h.JWTs
	case t.Mode != accesstoken.Verify: // the endpoint judges JWTs, or judges them too
		h.JWTs = h.JWTs && h.Opaque
		h.Ready = h.JWTs
	default:
		h.Ready = h.Opaque && (h.JWTs || answered && hasNoKeys(h.Keys))
	}
	return h
}

// hasNoKeys reports whether a server may be one that signs nothing: nobody has missed its keys, or it says that it publishes none.
func hasNoKeys(s jwks.Status) bool {
	return s.LoadedAt.IsZero() && (s.LastError == nil || isAbsent(s.LastError))
}

// isAbsent reports whether a server says that it publishes no keys.
func isAbsent(err error) bool {
	var absent interface{ Absent() bool }
	return errors.As(err, &absent) && absent.Absent()
}

// refresher is what Warm asks of a KeySource; [*jwks.Cache] has it.
type refresher interface {
	Refresh(ctx context.Context) error
}

// prober is what Warm asks of an Introspector; [*introspection.Client] has it.
type prober interface {
	Probe(ctx context.Context) error
}

// Warm loads the keys of every issuer and asks every introspection endpoint whether it can answer, all at once, so that the first
// requests need not wait and wrong credentials are found at the start. It tries each once, whatever earlier failures were, and gives a
// slow one until ctx ends, a minute at most. The error joins those that failed; the others are ready, and those that failed are
// tried again when requests come. Where each tenant has keys of its own there is nothing to load before a token names one. That an
// issuer publishes no keys is no failure where its endpoint answers and JWTs is VerifyJWTs, and is logged: it may give out opaque
// tokens only. Config.Revocations that have a method Warm are waited for as well. Whether a service should wait for Warm is the caller's choice.
func (v *Validator) Warm(ctx context.Context) error {
	if v.unusable() {
		return errUnusable
	}
	if v.closed.Load() {
		return errClosed
	}
	issuers, revocations := v.policy.judge.Issuers(), v.policy.revocations
	errs := make([]error, len(issuers)+len(revocations))
	var all sync.WaitGroup
	for i, issuer := range issuers {
		all.Go(func() { errs[i] = v.policy.warm(ctx, issuer) })
	}
	for i := range revocations {
		all.Go(func() { errs[len(issuers)+i] = revocations[i].warm(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (p *policy) warm(ctx context.Context, issuer *accesstoken.Issuer) error {
	var noKeys, noAnswer error
	var both sync.WaitGroup
	if keys, ok := issuer.Keys.(refresher); ok {
		both.Go(func() { noKeys = keys.Refresh(ctx) })
	}
	endpoint, asked := issuer.Introspector.(prober)
	if asked {
		noAnswer = endpoint.Probe(ctx)
		if noAnswer == nil || ctx.Err() == nil { // otherwise the caller has gone, which says nothing of the endpoint
			issuer.Heard(noAnswer == nil)
		}
	}
	both.Wait()
	if asked && noAnswer == nil && issuer.Mode == accesstoken.Verify && isAbsent(noKeys) {
		p.log().WarnContext(ctx, "middleware: an issuer publishes no keys, so of its tokens only opaque ones are judged",
			"issuer", issuer.URL, "error", noKeys,
			"remedy", "if it signs JWTs, check Issuer.URL or set JWKSURI; if it does not, JWTs: IntrospectJWTs says so")
		noKeys = nil
	}
	var errs []error
	for _, err := range []error{noKeys, noAnswer} {
		if err != nil {
			errs = append(errs, fmt.Errorf("middleware: issuer %q: %w", issuer.URL, err))
		}
	}
	return errors.Join(errs...)
}
