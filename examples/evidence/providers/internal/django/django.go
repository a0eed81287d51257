// Package django starts a site with django-oauth-toolkit, and asks it the questions of the sheet.
package django

import (
	"context"
	"embed"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/standard"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// Version is what is started.
const Version = "3.4.1"

//go:embed server
var files embed.FS

const redirect = "https://app.example.com/callback"

// Ask starts the site and fills the sheet.
func Ask(ctx context.Context, answers *sheet.Sheet) error {
	sources, err := fs.Sub(files, "server")
	if err != nil {
		return err
	}
	home, err := tools.Folder(ctx, "django", sources, "", tools.Pip)
	if err != nil {
		return err
	}
	database, err := os.MkdirTemp("", "cardea-django-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(database)
	p, err := tools.Start(ctx, tools.Program{
		Name: tools.Python(home), Args: []string{filepath.Join(home, "server.py"), database}, Talks: true,
	})
	if err != nil {
		return err
	}
	defer p.Close()
	var site struct{ Base, Secret, Introspection string }
	if err := p.Read(&site); err != nil {
		return err
	}
	client := func(id string) oauth.Client { return oauth.Client{ID: id, Secret: site.Secret} }
	token := func(ctx context.Context, id, scope string) (string, error) {
		tokens, err := oauth.Ask(ctx, site.Base+"/o/token/", client(id), "", url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
		return tokens.Access, err
	}
	bearer := func(context.Context) (string, error) { return site.Introspection, nil }
	return standard.Ask(ctx, answers, standard.Server{
		Process: p,
		Issuer: func(asks middleware.Introspector) middleware.Issuer {
			return issuers.DjangoOAuthToolkit(site.Base, asks, "app", "web")
		},
		Other:         middleware.ReasonClient, // its answers name no audience
		Introspection: introspection.Config{URL: site.Base + "/o/introspect/", ClientAuth: introspection.BearerToken(bearer)},
		Opaque:        func(ctx context.Context, scope string) (string, error) { return token(ctx, "app", scope) },
		OtherOpaque:   func(ctx context.Context) (string, error) { return token(ctx, "other", "read") },
		Logins: []standard.Login{{App: "of an app", Do: func(ctx context.Context, nonce string) (oauth.Tokens, error) {
			parameters := url.Values{"scope": {"openid read"}}
			if nonce != "" {
				parameters.Set("nonce", nonce)
			}
			return oauth.LogIn(ctx, site.Base+"/o/authorize/", site.Base+"/o/token/", client("web"), redirect, parameters)
		}}},
		Revoke: func(ctx context.Context, token string) error {
			_, err := oauth.Post(ctx, site.Base+"/o/revoke_token/", client("app"), nil, url.Values{"token": {token}})
			return err
		},
		Lacks: map[sheet.Question]string{
			sheet.JWT:              "its access tokens are opaque",
			sheet.Introspected:     "its access tokens are opaque",
			sheet.Forged:           "its access tokens are opaque",
			sheet.Rotation:         "its access tokens are opaque",
			sheet.DPoP:             "it makes no bound tokens",
			sheet.DPoPIntrospected: "it makes no bound tokens",
		},
	})
}
