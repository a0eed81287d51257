// Package authlib starts an authorization server that is made with Authlib, and asks it the questions of the sheet.
package authlib

import (
	"context"
	"embed"
	"io/fs"
	"net/url"
	"path/filepath"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/standard"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// Version is what is started.
const Version = "1.9.10"

//go:embed server
var files embed.FS

const redirect = "https://app.example.com/callback"

// Ask starts the server and fills the sheet.
func Ask(ctx context.Context, answers *sheet.Sheet) error {
	sources, err := fs.Sub(files, "server")
	if err != nil {
		return err
	}
	home, err := tools.Folder(ctx, "authlib", sources, "", tools.Pip)
	if err != nil {
		return err
	}
	p, err := tools.Start(ctx, tools.Program{
		Name: tools.Python(home), Args: []string{filepath.Join(home, "server.py"), sheet.Audience}, Talks: true,
		Env: []string{"AUTHLIB_INSECURE_TRANSPORT=1"},
	})
	if err != nil {
		return err
	}
	defer p.Close()
	var started struct{ Issuer, Secret string }
	if err := p.Read(&started); err != nil {
		return err
	}
	client := func(id string) oauth.Client { return oauth.Client{ID: id, Secret: started.Secret} }
	token := func(ctx context.Context, id, scope string) (string, error) {
		tokens, err := oauth.Ask(ctx, started.Issuer+"/token", client(id), "", url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
		return tokens.Access, err
	}
	logIn := func(id string) func(context.Context, string) (oauth.Tokens, error) {
		return func(ctx context.Context, nonce string) (oauth.Tokens, error) {
			parameters := url.Values{"scope": {"openid read offline_access"}}
			if nonce != "" {
				parameters.Set("nonce", nonce)
			}
			return oauth.LogIn(ctx, started.Issuer+"/authorize", started.Issuer+"/token", client(id), redirect, parameters)
		}
	}
	rotate := func(how string) func(context.Context) error {
		return func(context.Context) error {
			var kids struct{ KIDs []string }
			return p.Tell("rotate "+how, &kids)
		}
	}
	return standard.Ask(ctx, answers, standard.Server{
		Process: p,
		Issuer: func(asks middleware.Introspector) middleware.Issuer {
			return middleware.Issuer{URL: started.Issuer, Introspector: asks}
		},
		Audiences: []string{sheet.Audience},
		Introspection: introspection.Config{
			URL: started.Issuer + "/introspect", ClientAuth: introspection.SecretBasic("resource-server", started.Secret),
		},
		JWT:         func(ctx context.Context, scope string) (string, error) { return token(ctx, "app", scope) },
		Opaque:      func(ctx context.Context, scope string) (string, error) { return token(ctx, "app-opaque", scope) },
		OtherJWT:    func(ctx context.Context) (string, error) { return token(ctx, "other", "read") },
		OtherOpaque: func(ctx context.Context) (string, error) { return token(ctx, "other-opaque", "read") },
		Logins: []standard.Login{
			{App: "of an app", Do: logIn("app")},
			{App: "of an app with opaque tokens", Do: logIn("app-opaque")},
			{App: "of an app that is called like us", Do: logIn(sheet.Audience)},
		},
		Revoke: func(ctx context.Context, token string) error {
			// Who may revoke is who was given the token.
			for _, id := range []string{"app", "app-opaque"} {
				if _, err := oauth.Post(ctx, started.Issuer+"/revoke", client(id), nil, url.Values{"token": {token}}); err == nil {
					return nil
				}
			}
			_, err := oauth.Post(ctx, started.Issuer+"/revoke", client("app"), nil, url.Values{"token": {token}})
			return err
		},
		AddKey: rotate("overlap"), RemoveKey: rotate("replace"),
		Typed: true,
		Lacks: map[sheet.Question]string{
			sheet.DPoP:             "Authlib makes no bound tokens",
			sheet.DPoPIntrospected: "Authlib makes no bound tokens",
		},
	})
}
