// Package standard asks the questions of the sheet of a server that does what the standards say. What a server has beyond them, its own
// package asks.
package standard

import (
	"context"
	"time"

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

func (a asker) verified(ctx context.Context) error {
	if a.JWT == nil || a.JWTMode == middleware.IntrospectJWTs {
		return nil
	}
	read, err := a.JWT(ctx, "read")
	if err != nil {
		return err
	}
	both, err := a.JWT(ctx, "read write")
	if err != nil {
		return err
	}
	err = a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		a.Want(sheet.JWT, "verified", "200", api.Get("/any", read))
		a.Want(sheet.Scopes, "JWT: read, which it has", "200", api.Get("/read", read))
		a.Want(sheet.Scopes, "JWT: write, which it has not", "403 scope", api.Post("/write", read))
		a.Want(sheet.Scopes, "JWT: write, beside read", "200", api.Post("/write", both))
		a.WantForged(api, read, both)
		if a.OtherJWT == nil {
			return nil
		}
		other, err := a.OtherJWT(ctx)
		a.Want(sheet.OtherAudience, "JWT", "401 "+string(a.Other), api.Get("/any", other))
		return err
	})
	if err != nil {
		return err
	}
	if err := a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		a.Want(sheet.Expired, "JWT, by a clock that is ahead", "401 expired", api.Get("/any", read))
		return nil
	}, ahead); err != nil {
		return err
	}
	if !a.Typed {
		return nil
	}
	return a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		a.Want(sheet.JWT, "under Profile RFC9068", "200", api.Get("/any", read))
		return nil
	}, strict)
}

// ahead is more than any token of these servers lives.
func ahead(cfg *middleware.Config) { cfg.Clock = sheet.Later(100 * 24 * time.Hour) }

func strict(cfg *middleware.Config) { cfg.Issuers[0].Profile = middleware.RFC9068 }

func (a asker) opaque(ctx context.Context) error {
	if a.Opaque == nil {
		return nil
	}
	read, err := a.Opaque(ctx, "read")
	if err != nil {
		return err
	}
	err = a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		a.Want(sheet.Opaque, "introspected", "200", api.Get("/any", read))
		a.Want(sheet.Opaque, "a token that nobody issued", "401 inactive", api.Get("/any", a.OpaquePrefix+"WmXbBjXh0dY2nHkqBqZ3fQ"))
		a.Want(sheet.Scopes, "opaque: read, which it has", "200", api.Get("/read", read))
		a.Want(sheet.Scopes, "opaque: write, which it has not", "403 scope", api.Post("/write", read))
		if a.OtherOpaque != nil {
			other, err := a.OtherOpaque(ctx)
			if err != nil {
				return err
			}
			a.Want(sheet.OtherAudience, "opaque", "401 "+string(a.Other), api.Get("/any", other))
		}
		if err := a.Revoke(ctx, read); err != nil {
			return err
		}
		a.Want(sheet.Revoked, "opaque", "401 inactive", api.Get("/any", read))
		return nil
	})
	if err != nil {
		return err
	}
	fresh, err := a.Opaque(ctx, "read")
	if err != nil {
		return err
	}
	return a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		a.Want(sheet.Expired, "opaque, by a clock that is ahead", "401 expired", api.Get("/any", fresh))
		return nil
	}, ahead)
}

func (a asker) introspected(ctx context.Context) error {
	if !a.introspects() {
		return nil
	}
	modes := map[string]middleware.JWTMode{"introspected only": middleware.IntrospectJWTs}
	if a.JWTMode != middleware.IntrospectJWTs {
		modes["verified and introspected"] = middleware.VerifyAndIntrospectJWTs
	}
	for name, mode := range modes {
		token, err := a.JWT(ctx, "read")
		if err != nil {
			return err
		}
		err = a.with(mode, func(api *sheet.API) error {
			a.Want(sheet.Introspected, name, "200", api.Get("/read", token))
			a.Want(sheet.Introspected, name+": a scope that is missing", "403 scope", api.Post("/write", token))
			if a.OtherJWT != nil {
				other, err := a.OtherJWT(ctx)
				if err != nil {
					return err
				}
				a.Want(sheet.OtherAudience, "JWT, "+name, "401 "+string(a.Other), api.Get("/any", other))
			}
			if err := a.Revoke(ctx, token); err != nil {
				return err
			}
			a.Want(sheet.Revoked, "JWT, "+name, "401 inactive", api.Get("/any", token))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// kinds asks with tokens of other kinds.
func (a asker) kinds(ctx context.Context) error {
	for _, login := range a.Logins {
		for name, nonce := range map[string]string{"with nonce": "n-0S6_WzA2Mj", "without nonce": ""} {
			tokens, err := login.Do(ctx, nonce)
			if err != nil {
				return err
			}
			if err := a.kindsOf(login.App+", "+name, login.Strict, tokens); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a asker) kindsOf(row string, rfc9068 bool, tokens oauth.Tokens) error {
	var changes []func(*middleware.Config)
	if rfc9068 {
		changes = append(changes, strict)
	}
	modes := map[string]middleware.JWTMode{"": middleware.VerifyJWTs}
	if a.introspects() && !rfc9068 && a.JWTMode != middleware.IntrospectJWTs {
		modes["; introspected only"] = middleware.IntrospectJWTs
	}
	for name, mode := range modes {
		if err := a.with(mode, func(api *sheet.API) error {
			a.Want(sheet.IDToken, row+": the access token beside it"+name, "200", api.Get("/any", tokens.Access))
			if tokens.ID != "" {
				a.WantRefused(sheet.IDToken, row+name, api.Get("/any", tokens.ID))
			}
			if tokens.Refresh != "" {
				a.WantRefused(sheet.RefreshToken, row+name, api.Get("/any", tokens.Refresh))
			}
			return nil
		}, changes...); err != nil {
			return err
		}
	}
	return nil
}

func (a asker) bound(ctx context.Context) error {
	for _, bound := range a.Bound {
		owner, err := sheet.NewProver()
		if err != nil {
			return err
		}
		token, err := bound.Token(ctx, owner)
		if err != nil {
			return err
		}
		sibling, err := bound.Token(ctx, owner)
		if err != nil {
			return err
		}
		unbound, err := a.any(ctx)
		if err != nil {
			return err
		}
		if err := a.with(bound.Mode, func(api *sheet.API) error {
			return a.WantProofs(bound.Question, api, owner, token, sibling, unbound)
		}); err != nil {
			return err
		}
	}
	return nil
}

// any is an access token of whatever kind.
func (a asker) any(ctx context.Context) (string, error) {
	if a.JWT != nil {
		return a.JWT(ctx, "read")
	}
	return a.Opaque(ctx, "read")
}

func (a asker) rotation(ctx context.Context) error {
	if a.AddKey == nil {
		return nil
	}
	before, err := a.JWT(ctx, "read")
	if err != nil {
		return err
	}
	return a.with(middleware.VerifyJWTs, func(warm *sheet.API) error {
		a.Want(sheet.Rotation, "before", "200", warm.Get("/any", before))
		if err := a.AddKey(ctx); err != nil {
			return err
		}
		after, err := a.JWT(ctx, "read")
		if err != nil {
			return err
		}
		a.Want(sheet.Rotation, "the first request with a new key", "200", warm.Get("/any", after))
		a.Want(sheet.Rotation, "the old key, still published", "200", warm.Get("/any", before))
		if a.RemoveKey == nil {
			return nil
		}
		if err := a.RemoveKey(ctx); err != nil {
			return err
		}
		last, err := a.JWT(ctx, "read")
		if err != nil {
			return err
		}
		return a.with(middleware.VerifyJWTs, func(fresh *sheet.API) error {
			a.Want(sheet.Rotation, "the new key, published alone", "200", fresh.Get("/any", last))
			a.WantRefused(sheet.Rotation, "the old key, no longer published", fresh.Get("/any", before))
			return nil
		})
	})
}

// hangs asks while the server keeps its connections and says nothing.
func (a asker) hangs(ctx context.Context) (err error) {
	var jwt, opaque string
	if a.JWT != nil && a.JWTMode != middleware.IntrospectJWTs {
		if jwt, err = a.JWT(ctx, "read"); err != nil {
			return err
		}
	}
	if a.Opaque != nil {
		if opaque, err = a.Opaque(ctx, "read"); err != nil {
			return err
		}
	}
	return a.with(middleware.VerifyJWTs, func(warm *sheet.API) error {
		if jwt != "" {
			a.Want(sheet.Down, "keys that are held, before", "200", warm.Get("/any", jwt))
		}
		if err := a.Process.Pause(); err != nil {
			return err
		}
		defer a.Process.Resume()
		if jwt != "" {
			a.Want(sheet.Down, "keys that are held", "200", warm.Get("/any", jwt))
		}
		return a.with(middleware.VerifyJWTs, func(cold *sheet.API) error {
			if jwt != "" {
				a.Want(sheet.Down, "keys that were never fetched", "503 keys_unavailable", cold.GetOnce("/any", jwt))
			}
			if opaque != "" {
				a.Want(sheet.Down, "introspection", "503 introspection_unavailable", cold.GetOnce("/any", opaque))
			}
			return nil
		})
	})
}
