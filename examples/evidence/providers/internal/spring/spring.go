// Package spring starts a Spring Authorization Server with its default tokens, and asks it the questions of the sheet.
package spring

import (
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/standard"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// Version is what is started.
const Version = "7.0.6"

var (
	//go:embed server
	files embed.FS

	//go:embed server/jars.sha256
	jars string
)

const redirect = "https://app.example.com/callback"

// Ask starts the server and fills the sheet: once with the preset for its default tokens, which are JWTs whose aud is the client, and once with
// the one for reference tokens.
func Ask(ctx context.Context, answers *sheet.Sheet) error {
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := standard.Ask(ctx, answers, s.verified()); err != nil {
		return err
	}
	answers.Prefix = "SpringReference: "
	defer func() { answers.Prefix = "" }()
	return standard.Ask(ctx, answers, s.introspected())
}

type server struct {
	*tools.Process
	issuer, secret string
}

func start(ctx context.Context) (*server, error) {
	sources, err := fs.Sub(files, "server")
	if err != nil {
		return nil, err
	}
	home, err := tools.Folder(ctx, "spring", sources, "", func(ctx context.Context, dir string) error {
		if err := tools.MavenJars(ctx, dir, jars); err != nil {
			return err
		}
		return tools.Javac(ctx, dir, "Server.java")
	})
	if err != nil {
		return nil, err
	}
	port, err := tools.FreePort()
	if err != nil {
		return nil, err
	}
	s := &server{issuer: fmt.Sprintf("http://127.0.0.1:%d", port), secret: rand.Text()}
	s.Process, err = tools.Start(ctx, tools.Program{
		Name: "java",
		Args: []string{
			"-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", tools.ClassPath("jars/*", "classes"), "Server",
			"--server.address=127.0.0.1", fmt.Sprintf("--server.port=%d", port),
		},
		Dir:   home,
		Env:   []string{"CARDEA_ISSUER=" + s.issuer, "CARDEA_SECRET=" + s.secret},
		Talks: true,
	})
	if err != nil {
		return nil, err
	}
	var started struct{ Ready bool }
	if err := s.Read(&started); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *server) client(id string) oauth.Client {
	return oauth.Client{ID: id, Secret: s.secret + "-" + id}
}

func (s *server) token(id string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, scope string) (string, error) {
		tokens, err := oauth.Ask(ctx, s.issuer+"/oauth2/token", s.client(id), "", url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
		return tokens.Access, err
	}
}

func (s *server) read(id string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) { return s.token(id)(ctx, "read") }
}

func (s *server) bound(id string) func(context.Context, *sheet.Prover) (string, error) {
	return func(ctx context.Context, owner *sheet.Prover) (string, error) {
		tokens, err := oauth.AskBound(ctx, s.issuer+"/oauth2/token", s.client(id), owner, url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}})
		return tokens.Access, err
	}
}

func (s *server) logIn(id string) func(context.Context, string) (oauth.Tokens, error) {
	return func(ctx context.Context, nonce string) (oauth.Tokens, error) {
		parameters := url.Values{"scope": {"openid read"}}
		if nonce != "" {
			parameters.Set("nonce", nonce)
		}
		return oauth.LogIn(ctx, s.issuer+"/oauth2/authorize", s.issuer+"/oauth2/token", s.client(id), redirect, parameters)
	}
}

func (s *server) revoke(ctx context.Context, token string) (err error) {
	for _, id := range []string{"app", "reference"} { // who may revoke is who was given the token
		if _, err = oauth.Post(ctx, s.issuer+"/oauth2/revoke", s.client(id), nil, url.Values{"token": {token}}); err == nil {
			return nil
		}
	}
	return err
}

func (s *server) rotate(how string) func(context.Context) error {
	return func(context.Context) error {
		var kept struct{ Keys int }
		return s.Tell("rotate "+how, &kept)
	}
}

// verified is what the preset Spring is asked.
func (s *server) verified() standard.Server {
	return standard.Server{
		Process:  s.Process,
		Issuer:   func(middleware.Introspector) middleware.Issuer { return issuers.Spring(s.issuer, "app") },
		JWT:      s.token("app"),
		OtherJWT: s.read("other"),
		Logins:   []standard.Login{{App: "of an app", Do: s.logIn("app")}},
		Bound:    []standard.Bound{{Question: sheet.DPoP, Token: s.bound("app")}},
		AddKey:   s.rotate("overlap"), RemoveKey: s.rotate("replace"),
	}
}

// introspected is what the preset SpringReference is asked, which introspects JWTs too.
func (s *server) introspected() standard.Server {
	return standard.Server{
		Process: s.Process,
		Issuer: func(asks middleware.Introspector) middleware.Issuer {
			return issuers.SpringReference(s.issuer, asks, "app", "reference")
		},
		Introspection: introspection.Config{
			URL: s.issuer + "/oauth2/introspect", ClientAuth: introspection.SecretBasic("resource-server", s.secret+"-resource-server"),
		},
		JWT:         s.token("app"),
		JWTMode:     middleware.IntrospectJWTs,
		Opaque:      s.token("reference"),
		OtherJWT:    s.read("other"),
		OtherOpaque: s.read("other-reference"),
		Other:       middleware.ReasonClient,
		Logins: []standard.Login{
			{App: "of an app with JWTs", Do: s.logIn("app")},
			{App: "of an app with reference tokens", Do: s.logIn("reference")},
		},
		Bound: []standard.Bound{
			{Question: sheet.DPoPIntrospected, Token: s.bound("reference")},
			{Question: sheet.DPoPIntrospected, Token: s.bound("app")},
		},
		Revoke: s.revoke,
	}
}
