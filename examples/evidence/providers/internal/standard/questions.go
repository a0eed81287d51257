package standard

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/middleware"
)

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
	if a.Endless {
		a.NotOffered("its answers about opaque tokens have no exp", sheet.Expired)
		return nil
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
