package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// Ask starts Keycloak and fills the sheet.
func Ask(ctx context.Context, answers *sheet.Sheet) error {
	logouts := make(chan string, 8)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logouts <- r.FormValue("logout_token")
	}))
	defer app.Close()

	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.setUp(ctx, app.URL); err != nil {
		return err
	}
	answers.NotOffered("every access token of Keycloak is a JWT", sheet.Opaque)
	asker := asker{Sheet: answers, server: s, logouts: logouts}
	for _, ask := range []func(context.Context) error{
		asker.verified, asker.algorithms, asker.kinds, asker.introspected, asker.light, asker.revoked, asker.bound, asker.rotation, asker.hangs,
	} {
		if err := ask(ctx); err != nil {
			return err
		}
	}
	return nil
}

type asker struct {
	*sheet.Sheet
	*server
	logouts <-chan string
}

// config is what a user would write.
func (a asker) config(changes ...func(*middleware.Config)) middleware.Config {
	cfg := middleware.Config{
		Issuers:   []middleware.Issuer{issuers.Keycloak(a.base, realm)},
		Audiences: []string{sheet.Audience},
	}
	for _, change := range changes {
		change(&cfg)
	}
	return cfg
}

// with starts an API that introspects as mode says.
func (a asker) with(mode middleware.JWTMode, use func(*sheet.API) error) error {
	if mode == middleware.VerifyJWTs {
		return sheet.With(a.config(), use)
	}
	asks, err := introspection.New(introspection.Config{
		URL:        a.endpoint("token/introspect"),
		ClientAuth: introspection.SecretBasic(sheet.Audience, a.secret),
		Timeout:    sheet.Patience,
		ActiveTTL:  -1, // so that a revocation is seen at once
	})
	if err != nil {
		return err
	}
	defer asks.Close()
	return sheet.With(a.config(func(cfg *middleware.Config) {
		cfg.Issuers[0] = issuers.KeycloakLightweight(a.base, realm, asks)
		cfg.Issuers[0].JWTs = mode
	}), use)
}

// introspecting are the ways in which Keycloak is asked about JWTs.
var introspecting = map[string]middleware.JWTMode{
	"verified and introspected": middleware.VerifyAndIntrospectJWTs,
	"introspected only":         middleware.IntrospectJWTs,
}

// algorithms asks with tokens under each of Keycloak's algorithms. It makes the keys when they are first asked for, and an API takes only
// three fetches in a row for keys that it does not know, so all tokens are there before the API is.
func (a asker) algorithms(ctx context.Context) error {
	tokens := map[string]string{}
	for _, algorithm := range signed {
		token, err := a.token(ctx, algorithm, "read")
		if err != nil {
			return err
		}
		tokens[algorithm] = token
	}
	return a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		for _, algorithm := range signed {
			a.Want(sheet.JWT, algorithm, "200", api.Get("/any", tokens[algorithm]))
			a.Want(sheet.Forged, algorithm+", one character of the signature changed", "401 signature", api.Get("/any", sheet.Changed(tokens[algorithm])))
		}
		return nil
	})
}

func (a asker) verified(ctx context.Context) error {
	return a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		token, err := a.token(ctx, app, "read")
		if err != nil {
			return err
		}
		a.Want(sheet.JWT, "RS256, of a client", "200", api.Get("/any", token))
		a.Want(sheet.Scopes, "read, which the token has", "200", api.Get("/read", token))
		a.Want(sheet.Scopes, "write, which it has not", "403 scope", api.Post("/write", token))
		a.Want(sheet.Scopes, "a role of the realm that the client has not", "403 role", api.Get("/role", token))
		user, err := a.logIn(ctx, app, "write")
		if err != nil {
			return err
		}
		a.Want(sheet.JWT, "RS256, of a user", "200", api.Get("/any", user.Access))
		a.Want(sheet.Scopes, "write, which the user's token has", "200", api.Post("/write", user.Access))
		a.Want(sheet.Scopes, "a role of the realm that the user has", "200", api.Get("/role", user.Access))
		token, err = a.token(ctx, other, "read")
		if err != nil {
			return err
		}
		a.Want(sheet.OtherAudience, "a token for another API", "401 audience", api.Get("/any", token))
		a.WantForged(api, user.Access, token)

		tokens, err := a.token(ctx, typed, "read")
		if err != nil {
			return err
		}
		a.Want(sheet.JWT, "typ at+jwt", "200", api.Get("/any", tokens))
		return a.profile(tokens, token)
	})
}

// profile asks with the stricter profile, and with a clock that is ahead.
func (a asker) profile(typed, foreign string) error {
	strict := func(cfg *middleware.Config) { cfg.Issuers[0].Profile = middleware.RFC9068 }
	if err := sheet.With(a.config(strict), func(api *sheet.API) error {
		a.Want(sheet.JWT, "typ at+jwt under Profile RFC9068", "200", api.Get("/any", typed))
		return nil
	}); err != nil {
		return err
	}
	late := func(cfg *middleware.Config) { cfg.Clock = sheet.Later(time.Hour) }
	return sheet.With(a.config(late), func(api *sheet.API) error {
		a.Want(sheet.Expired, "the same token an hour later", "401 expired", api.Get("/any", typed))
		return nil
	})
}

// kinds asks with tokens of other kinds, of a client that is called like the API too: aud tells its ID tokens from nothing.
func (a asker) kinds(ctx context.Context) error {
	for name, mode := range map[string]middleware.JWTMode{"verified": middleware.VerifyJWTs, "introspected only": middleware.IntrospectJWTs} {
		if err := a.with(mode, func(api *sheet.API) error {
			for _, client := range []string{app, sheet.Audience} {
				tokens, err := a.logIn(ctx, client, "openid profile email read")
				if err != nil {
					return err
				}
				row := fmt.Sprintf(" of client %s, %s", client, name)
				a.Want(sheet.IDToken, "the access token that came with it,"+row, "200", api.Get("/read", tokens.Access))
				a.Want(sheet.IDToken, "ID token"+row, "401 token_type", api.Get("/any", tokens.ID))
				a.Want(sheet.RefreshToken, "refresh token"+row, "401 token_type", api.Get("/any", tokens.Refresh))
				tokens, err = a.logIn(ctx, client, "openid offline_access read")
				if err != nil {
					return err
				}
				a.Want(sheet.RefreshToken, "offline token"+row, "401 token_type", api.Get("/any", tokens.Refresh))
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if err := a.endSessions(ctx); err != nil {
		return err
	}
	select {
	case logout := <-a.logouts:
		return a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
			a.Want(sheet.IDToken, "a logout token", "401 token_type", api.Get("/any", logout))
			return nil
		})
	case <-time.After(10 * time.Second):
		return errors.New("no logout token came")
	}
}

func (a asker) introspected(ctx context.Context) error {
	for name, mode := range introspecting {
		if err := a.with(mode, func(api *sheet.API) error {
			user, err := a.logIn(ctx, app, "read")
			if err != nil {
				return err
			}
			a.Want(sheet.Introspected, name, "200", api.Get("/read", user.Access))
			a.Want(sheet.Introspected, name+", a role", "200", api.Get("/role", user.Access))
			a.Want(sheet.Introspected, name+", a scope that is missing", "403 scope", api.Post("/write", user.Access))
			token, err := a.token(ctx, other, "read")
			if err != nil {
				return err
			}
			refused := "401 audience"
			if mode == middleware.IntrospectJWTs {
				refused = "401 inactive" // Keycloak tells a client only about tokens that name it
			}
			a.Want(sheet.OtherAudience, "a token for another API, "+name, refused, api.Get("/any", token))
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (a asker) light(ctx context.Context) error {
	user, err := a.logIn(ctx, lightweight, "read")
	if err != nil {
		return err
	}
	for name, mode := range introspecting {
		if err := a.with(mode, func(api *sheet.API) error {
			a.Want(sheet.Introspected, "lightweight, "+name, "200", api.Get("/read", user.Access))
			a.Want(sheet.Introspected, "lightweight, "+name+", a role that only the answer has", "200", api.Get("/role", user.Access))
			return nil
		}); err != nil {
			return err
		}
	}
	return a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		a.Want(sheet.OtherAudience, "lightweight, verified only: it names no audience", "401 audience", api.Get("/any", user.Access))
		return nil
	})
}

func (a asker) revoked(ctx context.Context) error {
	for name, mode := range introspecting {
		if err := a.with(mode, func(api *sheet.API) error {
			token, err := a.token(ctx, app, "read")
			if err != nil {
				return err
			}
			a.Want(sheet.Revoked, "before, "+name, "200", api.Get("/any", token))
			if err := a.revoke(ctx, app, token); err != nil {
				return err
			}
			a.Want(sheet.Revoked, "after, "+name, "401 inactive", api.Get("/any", token))
			user, err := a.logIn(ctx, app, "read")
			if err != nil {
				return err
			}
			a.Want(sheet.Revoked, "before the session ended, "+name, "200", api.Get("/any", user.Access))
			if err := a.endSessions(ctx); err != nil {
				return err
			}
			a.Want(sheet.Revoked, "after the session ended, "+name, "401 inactive", api.Get("/any", user.Access))
			return nil
		}); err != nil {
			return err
		}
	}
	return a.with(middleware.VerifyJWTs, func(api *sheet.API) error {
		token, err := a.token(ctx, app, "read")
		if err != nil {
			return err
		}
		if err := a.revoke(ctx, app, token); err != nil {
			return err
		}
		a.Want(sheet.Revoked, "verified only: good until it expires, as documented", "200", api.Get("/any", token))
		return nil
	})
}

// bound asks with tokens that are bound to a DPoP key, and makes proofs of all kinds.
func (a asker) bound(ctx context.Context) error {
	owner, err := sheet.NewProver()
	if err != nil {
		return err
	}
	get := func(client string) (string, error) {
		tokens, err := oauth.AskBound(ctx, a.endpoint("token"), a.client(client), owner, url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}})
		return tokens.Access, err
	}
	unbound, err := a.token(ctx, app, "read")
	if err != nil {
		return err
	}
	for _, set := range []struct {
		question sheet.Question
		client   string
		mode     middleware.JWTMode
	}{
		{sheet.DPoP, bound, middleware.VerifyJWTs},
		{sheet.DPoPIntrospected, bound, middleware.VerifyAndIntrospectJWTs},
		{sheet.DPoPIntrospected, boundLight, middleware.IntrospectJWTs},
	} {
		token, err := get(set.client)
		if err != nil {
			return err
		}
		sibling, err := get(set.client)
		if err != nil {
			return err
		}
		if err := a.with(set.mode, func(api *sheet.API) error {
			return a.WantProofs(set.question, api, owner, token, sibling, unbound)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (a asker) rotation(ctx context.Context) error {
	before, err := a.token(ctx, app, "read")
	if err != nil {
		return err
	}
	return a.with(middleware.VerifyJWTs, func(warm *sheet.API) error {
		a.Want(sheet.Rotation, "before", "200", warm.Get("/any", before))
		if err := a.addKey(ctx); err != nil {
			return err
		}
		after, err := a.token(ctx, app, "read")
		if err != nil {
			return err
		}
		a.Want(sheet.Rotation, "the first request with a new key", "200", warm.Get("/any", after))
		a.Want(sheet.Rotation, "the old key, still published", "200", warm.Get("/any", before))
		if err := a.removeFirstKey(ctx); err != nil {
			return err
		}
		return a.with(middleware.VerifyJWTs, func(fresh *sheet.API) error {
			a.Want(sheet.Rotation, "the old key, no longer published", "401 unknown_key", fresh.Get("/any", before))
			a.Want(sheet.Rotation, "the new key", "200", fresh.Get("/any", after))
			return nil
		})
	})
}

// hangs asks while Keycloak keeps its connections and says nothing.
func (a asker) hangs(ctx context.Context) error {
	token, err := a.token(ctx, app, "read")
	if err != nil {
		return err
	}
	return a.with(middleware.VerifyJWTs, func(warm *sheet.API) error {
		a.Want(sheet.Down, "keys that are held, before", "200", warm.Get("/any", token))
		if err := a.Pause(); err != nil {
			return err
		}
		a.Want(sheet.Down, "keys that are held", "200", warm.Get("/any", token))
		if err := a.with(middleware.VerifyJWTs, func(cold *sheet.API) error {
			a.Want(sheet.Down, "keys that were never fetched", "503 keys_unavailable", cold.GetOnce("/any", token))
			return nil
		}); err != nil {
			return err
		}
		return a.with(middleware.IntrospectJWTs, func(cold *sheet.API) error {
			a.Want(sheet.Down, "introspection", "503 introspection_unavailable", cold.GetOnce("/any", token))
			return nil
		})
	})
}
