// Package server is the protected API of the soak, in a process of its own: so its memory is its own, and what the clients and
// the authorization servers need of the CPU is not counted as the middleware's.
package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// Audience is the name of the API in the tokens.
const Audience = "https://soak.example.test"

// Setup is what the parent process tells the server.
type Setup struct {
	Servers  []Trust
	Profiles bool // sample allocations finely enough for the profiles of Process.HeapProfile to be of use
}

// Trust is one authorization server and how it is to be trusted.
type Trust struct {
	URL    string // of its front: metadata, keys, introspection
	Issuer string // iss of its tokens

	Prefix           string // of its opaque tokens
	ClientID, Secret string

	Refresh, Cooldown      time.Duration // of keys; zero: everything is left to the defaults, discovery included
	ActiveTTL, InactiveTTL time.Duration // of introspection.Config
	IntrospectJWTs         bool          // verify them, and ask as well
}

// entries is the size of each cache. It is a small part of Cardea's default, so that even the cache with the fewest new tokens is full,
// and evicts, in the first minutes of a run: whatever grows after that is a leak. Only the unknown kids that are remembered, 1024 of some
// 150 bytes for each server, have no setting and go on filling slowly.
const entries = 256

// validators are what protects the routes, and what it is made of.
type validators struct {
	all, jwtsOnly *middleware.Validator
	caches        []*jwks.Cache
	clients       []*introspection.Client
}

func (s Setup) validators(public string) (v *validators, err error) {
	v = new(validators)
	defer func() {
		if err != nil {
			v.close()
		}
	}()
	cfg := middleware.Config{
		Audiences:    []string{Audience},
		PublicURL:    public,
		ErrorHandler: explain,
		TokenCache:   middleware.TokenCache{Entries: entries},
		Logger:       slog.New(slog.DiscardHandler),
	}
	second := cfg
	for _, t := range s.Servers {
		asks, err := introspection.New(introspection.Config{
			URL:         t.URL + "/introspect",
			ClientAuth:  introspection.SecretBasic(t.ClientID, t.Secret),
			ActiveTTL:   t.ActiveTTL,
			InactiveTTL: t.InactiveTTL,
			Entries:     entries,
			Logger:      slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return v, err
		}
		v.clients = append(v.clients, asks)
		issuer := middleware.Issuer{
			URL:            t.URL,
			Aliases:        []string{t.Issuer},
			Introspector:   asks,
			OpaquePrefixes: []string{t.Prefix},
		}
		if t.IntrospectJWTs {
			issuer.JWTs = middleware.VerifyAndIntrospectJWTs
		}
		if t.Refresh > 0 {
			cache, err := jwks.New(jwks.Config{Issuer: t.URL, Refresh: t.Refresh, Cooldown: t.Cooldown})
			if err != nil {
				return v, err
			}
			v.caches = append(v.caches, cache)
			issuer.Keys = cache
		}
		cfg.Issuers = append(cfg.Issuers, issuer)
		if issuer.Keys != nil && !t.IntrospectJWTs {
			second.Issuers = append(second.Issuers, middleware.Issuer{URL: issuer.URL, Aliases: issuer.Aliases, Keys: issuer.Keys})
		}
	}
	if v.all, err = middleware.New(cfg); err != nil {
		return v, err
	}
	if v.jwtsOnly, err = middleware.New(second); err != nil {
		return v, fmt.Errorf("the route for JWTs only: %w", err)
	}
	return v, nil
}

// explain tells the parent which check refused, so that a wrong answer can be understood. A real API keeps that to itself.
func explain(w http.ResponseWriter, r *http.Request, err *middleware.Error) {
	w.Header().Set(ReasonField, string(err.Reason))
	middleware.WriteError(w, r, err)
}

// ReasonField is the field of a refusal that names its reason.
const ReasonField = "Soak-Reason"

func (v *validators) close() {
	var errs []error
	if v.all != nil {
		errs = append(errs, v.all.Close())
	}
	if v.jwtsOnly != nil {
		errs = append(errs, v.jwtsOnly.Close())
	}
	for _, c := range v.caches {
		errs = append(errs, c.Close())
	}
	for _, c := range v.clients {
		errs = append(errs, c.Close())
	}
	_ = errors.Join(errs...) // nothing is left to be done about them
}

// The routes.
const (
	PathOrders   = "/orders"   // scope read, any token
	PathAdmin    = "/admin"    // scope admin, which few tokens have
	PathJWTs     = "/jwts"     // JWTs of one issuer
	PathPayments = "/payments" // tokens that are bound to a key
	PathPrices   = "/prices"   // with or without a token
)

// Anonymous is what PathPrices answers to requests without a token; to others it answers, like all routes, with the subject.
const Anonymous = "nobody"

func (v *validators) routes() http.Handler {
	mux := http.NewServeMux()
	read := v.all.Require("read")
	mux.Handle("GET "+PathOrders, read.HandlerFunc(subject))
	mux.Handle("GET "+PathAdmin, v.all.Require("admin").HandlerFunc(subject))
	mux.Handle("GET "+PathPayments, read.Bound().HandlerFunc(subject))
	mux.Handle("GET "+PathPrices, v.all.Optional().HandlerFunc(subject))
	mux.Handle("GET "+PathJWTs, v.jwtsOnly.Require("read").HandlerFunc(subject))
	return mux
}

func subject(w http.ResponseWriter, r *http.Request) {
	text := Anonymous
	if token, ok := middleware.TokenFromContext(r.Context()); ok {
		text = token.Subject
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(text)) // that the client has gone is no concern of ours
}
