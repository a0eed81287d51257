// Package zitadel builds the example server of zitadel/oidc, starts it, and asks it the questions of the sheet.
package zitadel

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/sheet"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/standard"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// Version is what is started. The module in evidence/providers/zitadel says so as well, with the sum of every source.
const Version = "3.45.0"

const redirect = "https://app.example.com/callback"

// Ask starts the server and fills the sheet.
func Ask(ctx context.Context, answers *sheet.Sheet) error {
	s := &server{secret: rand.Text()}
	login := httptest.NewServer(http.HandlerFunc(s.fillIn))
	defer login.Close()
	if err := s.start(ctx, login.URL); err != nil {
		return err
	}
	defer s.Close()
	if err := s.asItself(ctx, answers); err != nil {
		return err
	}
	return standard.Ask(ctx, answers, standard.Server{
		Process:       s.Process,
		Issuer:        s.issuer,
		Other:         middleware.ReasonClient, // aud is the app
		Introspection: s.asks("api"),
		JWT:           s.token("app-jwt"),
		Opaque:        s.token("app"),
		OtherJWT:      func(ctx context.Context) (string, error) { return s.token("other-jwt")(ctx, "read") },
		OtherOpaque:   func(ctx context.Context) (string, error) { return s.token("other")(ctx, "read") },
		Endless:       true,
		Logins: []standard.Login{
			{App: "of an app", Do: s.logIn("app-jwt", "read offline_access")},
			{App: "of an app with opaque tokens", Do: s.logIn("app", "read offline_access")},
		},
		Revoke: s.revoke,
		AddKey: s.rotate("overlap"), RemoveKey: s.rotate("replace"),
		Lacks: map[sheet.Question]string{
			sheet.DPoP:             "it makes no bound tokens",
			sheet.DPoPIntrospected: "it makes no bound tokens",
		},
	})
}

type server struct {
	*tools.Process
	Issuer string // with its slash
	secret string
}

func (s *server) start(ctx context.Context, login string) error {
	home, err := tools.GoBuild(ctx, "zitadel", "evidence/providers/zitadel", "")
	if err != nil {
		return err
	}
	s.Process, err = tools.Start(ctx, tools.Program{
		Name:  filepath.Join(home, "zitadel"),
		Env:   []string{"REDIRECT=" + redirect, "LOGIN=" + login, "SECRET=" + s.secret},
		Talks: true,
	})
	if err != nil {
		return err
	}
	if err := s.Read(s); err != nil {
		s.Close()
		return err
	}
	return nil
}

// issuer is what a user would write. Answers name neither audience nor kind of token.
func (s *server) issuer(asks middleware.Introspector) middleware.Issuer {
	return middleware.Issuer{
		URL: s.Issuer, AllowedClients: []string{"app", "app-jwt"}, Introspector: asks, DangerouslyUntypedAnswers: true,
	}
}

func (s *server) asks(client string) introspection.Config {
	return introspection.Config{URL: s.Issuer + "oauth/introspect", ClientAuth: introspection.SecretBasic(client, s.secret)}
}

// asItself asks as the example has it: an app that is the API too, and is told about its own tokens alone.
func (s *server) asItself(ctx context.Context, answers *sheet.Sheet) error {
	own, err := s.token("app")(ctx, "read")
	if err != nil {
		return err
	}
	other, err := s.token("other")(ctx, "read")
	if err != nil {
		return err
	}
	cfg := s.asks("app")
	cfg.Timeout = sheet.Patience
	client, err := introspection.New(cfg)
	if err != nil {
		return err
	}
	defer client.Close()
	return sheet.With(middleware.Config{Issuers: []middleware.Issuer{s.issuer(client)}}, func(api *sheet.API) error {
		answers.Want(sheet.Opaque, "introspected by the app itself", "200", api.Get("/read", own))
		answers.Want(sheet.OtherAudience, "opaque, introspected by the app itself", "401 inactive", api.Get("/any", other))
		return nil
	})
}

// token logs a user in for each: the example lets no app have a token of its own.
func (s *server) token(id string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, scope string) (string, error) {
		tokens, err := s.logIn(id, scope)(ctx, "")
		return tokens.Access, err
	}
}

func (s *server) client(id string) oauth.Client { return oauth.Client{ID: id, Secret: s.secret} }

func (s *server) logIn(id, scope string) func(context.Context, string) (oauth.Tokens, error) {
	return func(ctx context.Context, nonce string) (oauth.Tokens, error) {
		parameters := url.Values{"scope": {"openid " + scope}}
		if nonce != "" {
			parameters.Set("nonce", nonce)
		}
		return oauth.LogIn(ctx, s.Issuer+"auth", s.Issuer+"oauth/token", s.client(id), redirect, parameters)
	}
}

// fillIn is where the server sends users to. It sends the form of the example's page, and the user on to where that leads.
func (s *server) fillIn(w http.ResponseWriter, r *http.Request) {
	form := url.Values{"id": {r.URL.Query().Get("id")}, "username": {"test-user2"}, "password": {s.secret}}
	request, err := http.NewRequestWithContext(r.Context(), "POST", s.Issuer+"login/username", strings.NewReader(form.Encode()))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := oauth.HTTP.Do(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	next, err := response.Location()
	if err != nil {
		http.Error(w, "the login was refused: "+response.Status, http.StatusBadGateway)
		return
	}
	http.Redirect(w, r, next.String(), http.StatusSeeOther)
}

func (s *server) revoke(ctx context.Context, token string) error {
	id := "app"
	if strings.Count(token, ".") == 2 {
		id = "app-jwt"
	}
	_, err := oauth.Post(ctx, s.Issuer+"revoke", s.client(id), nil, url.Values{"token": {token}})
	return err
}

func (s *server) rotate(how string) func(context.Context) error {
	return func(context.Context) error {
		var now struct{ KIDs []string }
		return s.Tell(how, &now)
	}
}
