// Package standard asks the questions of the sheet of a server that does what the standards say. What a server has beyond them, its own
// package asks.
package standard

import (
	"context"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// Server is what is asked. A function that is nil is something that the server does not offer; Lacks says why.
type Server struct {
	Process *tools.Process

	// Issuer is what a user would write. The introspector is nil if nobody introspects.
	Issuer func(middleware.Introspector) middleware.Issuer

	// Audiences of the Config; zero: Issuer has its own way.
	Audiences []string

	// Introspection says where and as whom to ask.
	Introspection introspection.Config

	// JWTMode is how Issuer has JWTs judged.
	JWTMode middleware.JWTMode

	JWT         func(ctx context.Context, scope string) (string, error)
	Opaque      func(ctx context.Context, scope string) (string, error)
	OtherJWT    func(ctx context.Context) (string, error) // one for another API, or of another client
	OtherOpaque func(ctx context.Context) (string, error)

	// Endless says that answers about opaque tokens have no exp.
	Endless bool

	// OpaquePrefix is what every opaque token begins with.
	OpaquePrefix string

	// Logins bring the tokens of a user, one for each app that makes a difference.
	Logins []Login

	// Bound are tokens that are bound to a DPoP key.
	Bound []Bound

	Revoke func(ctx context.Context, token string) error

	// AddKey makes the server sign with a new key and publish the old one too. RemoveKey makes it publish new ones alone.
	AddKey, RemoveKey func(ctx context.Context) error

	// Typed says that JWTs are what RFC 9068 demands.
	Typed bool

	// Other is the reason for which OtherJWT and OtherOpaque are refused; zero: audience.
	Other middleware.Reason

	Lacks map[sheet.Question]string
}

// Login is how a user logs in with an app. It is done with a nonce and without.
type Login struct {
	App string // in words

	// Strict asks under Profile RFC9068, which alone tells every ID token apart where aud names the API.
	Strict bool

	Do func(ctx context.Context, nonce string) (oauth.Tokens, error)
}

// Bound is how a token is got that is bound to a key.
type Bound struct {
	Question sheet.Question
	Mode     middleware.JWTMode
	Token    func(ctx context.Context, owner *sheet.Prover) (string, error)
}

type asker struct {
	*sheet.Sheet
	Server
}

// Ask fills the sheet.
func Ask(ctx context.Context, answers *sheet.Sheet, s Server) error {
	for question, why := range s.Lacks {
		answers.NotOffered(why, question)
	}
	if s.Other == "" {
		s.Other = middleware.ReasonAudience
	}
	a := asker{answers, s}
	for _, ask := range []func(context.Context) error{a.verified, a.opaque, a.introspected, a.kinds, a.bound, a.rotation, a.hangs} {
		if err := ask(ctx); err != nil {
			return err
		}
	}
	return nil
}

// introspects says whether the server is asked about JWTs.
func (a asker) introspects() bool {
	_, not := a.Lacks[sheet.Introspected]
	return a.JWT != nil && a.Introspection.URL != "" && !not
}

// with starts an API in the given mode, with changes to what a user would write.
func (a asker) with(mode middleware.JWTMode, use func(*sheet.API) error, changes ...func(*middleware.Config)) error {
	var asks middleware.Introspector
	if a.Introspection.URL != "" {
		cfg := a.Introspection
		cfg.ActiveTTL = -1 // so that a revocation is seen at once
		cfg.Timeout = sheet.Patience
		client, err := introspection.New(cfg)
		if err != nil {
			return err
		}
		defer client.Close()
		asks = client
	}
	cfg := middleware.Config{Issuers: []middleware.Issuer{a.Issuer(asks)}, Audiences: a.Audiences}
	if mode != middleware.VerifyJWTs {
		cfg.Issuers[0].JWTs = mode
	}
	for _, change := range changes {
		change(&cfg)
	}
	return sheet.With(cfg, use)
}
