// Package oidcprovider starts npm's oidc-provider as the interoperability tests do, and asks it the questions of the sheet.
package oidcprovider

import (
	"context"
	"net/url"

	"github.com/cardea-auth/cardea/examples/evidence/interop"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/standard"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// Version is what is started.
const Version = "9.13.3"

type provider struct {
	Issuer                        string
	App, Namesake, ResourceServer oauth.Client
	RedirectURI                   string
}

// Ask starts the provider and fills the sheet.
func Ask(ctx context.Context, answers *sheet.Sheet) error {
	home, err := tools.Folder(ctx, "oidc-provider", interop.Files, "", tools.NPM)
	if err != nil {
		return err
	}
	process, err := tools.Start(ctx, tools.Program{Name: "node", Args: []string{"provider.mjs", sheet.Audience}, Dir: home, Talks: true})
	if err != nil {
		return err
	}
	defer process.Close()
	var p provider
	if err := process.Read(&p); err != nil {
		return err
	}
	of := func(resource string) func(context.Context, string) (string, error) {
		return func(ctx context.Context, scope string) (string, error) {
			tokens, err := oauth.Ask(ctx, p.Issuer+"/token", p.App, "", p.form(resource, scope))
			return tokens.Access, err
		}
	}
	rotate := func(how string) func(context.Context) error {
		return func(context.Context) error {
			var kids struct{ KIDs []string }
			return process.Tell("rotate "+how, &kids)
		}
	}
	if err := p.algorithms(ctx, answers); err != nil {
		return err
	}
	return standard.Ask(ctx, answers, standard.Server{
		Process:   process,
		Issuer:    p.issuer,
		Audiences: []string{sheet.Audience},
		Introspection: introspection.Config{
			URL: p.Issuer + "/token/introspection", ClientAuth: introspection.SecretBasic(p.ResourceServer.ID, p.ResourceServer.Secret),
		},
		JWT:         of("urn:api:RS256"),
		Opaque:      of("urn:api:opaque"),
		OtherJWT:    func(ctx context.Context) (string, error) { return of("urn:other")(ctx, "read") },
		OtherOpaque: func(ctx context.Context) (string, error) { return of("urn:other:opaque")(ctx, "read") },
		Logins: []standard.Login{
			{App: "of an app", Do: p.logIn(p.App)},
			{App: "of an app that is called like us, under RFC9068", Strict: true, Do: p.logIn(p.Namesake)},
		},
		Bound: []standard.Bound{
			{Question: sheet.DPoP, Token: p.bound("urn:api:ES256")},
			{Question: sheet.DPoPIntrospected, Token: p.bound("urn:api:opaque")},
		},
		Revoke: func(ctx context.Context, token string) error {
			_, err := oauth.Post(ctx, p.Issuer+"/token/revocation", p.App, nil, url.Values{"token": {token}})
			return err
		},
		AddKey: rotate("overlap"), RemoveKey: rotate("replace"),
		Typed: true,
		Lacks: map[sheet.Question]string{sheet.Introspected: "it answers 400 about JWTs"},
	})
}

func (p provider) issuer(asks middleware.Introspector) middleware.Issuer {
	return middleware.Issuer{URL: p.Issuer, Introspector: asks}
}

func (p provider) form(resource, scope string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {scope}}
}

func (p provider) bound(resource string) func(context.Context, *sheet.Prover) (string, error) {
	return func(ctx context.Context, owner *sheet.Prover) (string, error) {
		tokens, err := oauth.AskBound(ctx, p.Issuer+"/token", p.App, owner, p.form(resource, "read"))
		return tokens.Access, err
	}
}

func (p provider) logIn(c oauth.Client) func(context.Context, string) (oauth.Tokens, error) {
	return func(ctx context.Context, nonce string) (oauth.Tokens, error) {
		parameters := url.Values{"scope": {"openid read"}, "resource": {"urn:api:RS256"}}
		if nonce != "" {
			parameters.Set("nonce", nonce)
		}
		return oauth.LogIn(ctx, p.Issuer+"/auth", p.Issuer+"/token", c, p.RedirectURI, parameters)
	}
}

// algorithms asks with tokens under each algorithm that the provider has a key for.
func (p provider) algorithms(ctx context.Context, answers *sheet.Sheet) error {
	return sheet.With(middleware.Config{Issuers: []middleware.Issuer{p.issuer(nil)}, Audiences: []string{sheet.Audience}}, func(api *sheet.API) error {
		for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"} {
			tokens, err := oauth.Ask(ctx, p.Issuer+"/token", p.App, "", p.form("urn:api:"+algorithm, "read"))
			if err != nil {
				return err
			}
			answers.Want(sheet.JWT, algorithm, "200", api.Get("/read", tokens.Access))
			answers.Want(sheet.Forged, algorithm+", one character of the signature changed", "401 signature", api.Get("/read", sheet.Changed(tokens.Access)))
		}
		return nil
	})
}
