// Package hydra builds Ory Hydra, starts it with a database in memory, and asks it the questions of the sheet.
package hydra

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
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
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// Version is what is started. The module in evidence/providers/hydra says so as well, with the sum of every source.
const Version = "2.3.0"

const redirect = "https://app.example.com/callback"

// Ask starts Hydra and fills the sheet.
func Ask(ctx context.Context, answers *sheet.Sheet) error {
	s := &server{secret: rand.Text()}
	login := httptest.NewServer(http.HandlerFunc(s.logInAndConsent))
	defer login.Close()
	if err := s.start(ctx, login.URL); err != nil {
		return err
	}
	defer s.Close()
	for id, audience := range map[string]string{
		"app": sheet.Audience, "app-opaque": sheet.Audience, "other": "https://other.example.com", "other-opaque": "https://other.example.com",
	} {
		if err := s.register(ctx, id, audience); err != nil {
			return err
		}
	}
	return standard.Ask(ctx, answers, standard.Server{
		Process:       s.Process,
		Issuer:        func(asks middleware.Introspector) middleware.Issuer { return issuers.Hydra(s.public+"/", asks) },
		Audiences:     []string{sheet.Audience},
		Introspection: introspection.Config{URL: s.admin + "/admin/oauth2/introspect", ClientAuth: introspection.NoClientAuth()},
		JWT: func(ctx context.Context, scope string) (string, error) {
			return s.token(ctx, "app", sheet.Audience, scope)
		},
		Opaque: func(ctx context.Context, scope string) (string, error) {
			return s.token(ctx, "app-opaque", sheet.Audience, scope)
		},
		OtherJWT: func(ctx context.Context) (string, error) {
			return s.token(ctx, "other", "https://other.example.com", "read")
		},
		OtherOpaque: func(ctx context.Context) (string, error) {
			return s.token(ctx, "other-opaque", "https://other.example.com", "read")
		},
		OpaquePrefix: "ory_at_",
		Logins: []standard.Login{
			{App: "of an app", Do: s.logIn("app")},
			{App: "of an app with opaque tokens", Do: s.logIn("app-opaque")},
		},
		Revoke: s.revoke,
		AddKey: s.addKey, RemoveKey: s.removeOldKey,
		Lacks: map[sheet.Question]string{
			sheet.DPoP:             "Hydra makes no bound tokens",
			sheet.DPoPIntrospected: "Hydra makes no bound tokens",
		},
	})
}

type server struct {
	*tools.Process
	public, admin string // addresses; the issuer is public with a slash
	secret        string
	oldKey        string
}

func (s *server) start(ctx context.Context, login string) error {
	home, err := tools.GoBuild(ctx, "hydra", "evidence/providers/hydra", "sqlite,json1")
	if err != nil {
		return err
	}
	public, err := tools.FreePort()
	if err != nil {
		return err
	}
	admin, err := tools.FreePort()
	if err != nil {
		return err
	}
	s.public, s.admin = fmt.Sprintf("http://127.0.0.1:%d", public), fmt.Sprintf("http://127.0.0.1:%d", admin)
	s.Process, err = tools.Start(ctx, tools.Program{
		Name: filepath.Join(home, "hydra"),
		Args: []string{"serve", "all", "--dev"},
		Env: []string{
			"DSN=memory", "SECRETS_SYSTEM=" + rand.Text(), "URLS_SELF_ISSUER=" + s.public + "/", "URLS_LOGIN=" + login + "/login",
			"URLS_CONSENT=" + login + "/consent", "SQA_OPT_OUT=true", "LOG_LEVEL=warn",
			"SERVE_PUBLIC_HOST=127.0.0.1", fmt.Sprintf("SERVE_PUBLIC_PORT=%d", public),
			"SERVE_ADMIN_HOST=127.0.0.1", fmt.Sprintf("SERVE_ADMIN_PORT=%d", admin),
		},
	})
	if err != nil {
		return err
	}
	if err := s.Ready(ctx, s.admin+"/health/ready"); err != nil {
		s.Close()
		return err
	}
	return nil
}

// do calls the admin API.
func (s *server) do(ctx context.Context, method, path string, body any, status int) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, s.admin+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	return oauth.Do(request, status)
}

// register makes a client; its name says which kind of token it gets.
func (s *server) register(ctx context.Context, id, audience string) error {
	strategy := "jwt"
	if strings.HasSuffix(id, "-opaque") {
		strategy = "opaque"
	}
	_, err := s.do(ctx, "POST", "/admin/clients", map[string]any{
		"client_id": id, "client_secret": s.secret, "audience": []string{audience}, "scope": "openid offline_access read write",
		"grant_types": []string{"client_credentials", "authorization_code", "refresh_token"}, "response_types": []string{"code"},
		"redirect_uris": []string{redirect}, "access_token_strategy": strategy,
	}, http.StatusCreated)
	return err
}

func (s *server) client(id string) oauth.Client { return oauth.Client{ID: id, Secret: s.secret} }

func (s *server) token(ctx context.Context, id, audience, scope string) (string, error) {
	tokens, err := oauth.Ask(ctx, s.public+"/oauth2/token", s.client(id), "", url.Values{
		"grant_type": {"client_credentials"}, "audience": {audience}, "scope": {scope},
	})
	return tokens.Access, err
}

func (s *server) logIn(id string) func(context.Context, string) (oauth.Tokens, error) {
	return func(ctx context.Context, nonce string) (oauth.Tokens, error) {
		parameters := url.Values{"scope": {"openid offline_access read"}, "audience": {sheet.Audience}, "state": {rand.Text()}}
		if nonce != "" {
			parameters.Set("nonce", nonce)
		}
		return oauth.LogIn(ctx, s.public+"/oauth2/auth", s.public+"/oauth2/token", s.client(id), redirect, parameters)
	}
}

// logInAndConsent is the app that Hydra sends users to. Everybody is alice and agrees.
func (s *server) logInAndConsent(w http.ResponseWriter, r *http.Request) {
	what, answer := "login", map[string]any{"subject": "alice"}
	challenge := r.URL.Query().Get("login_challenge")
	if r.URL.Path == "/consent" {
		challenge = r.URL.Query().Get("consent_challenge")
		what, answer = "consent", map[string]any{
			"grant_scope": []string{"openid", "offline_access", "read"}, "grant_access_token_audience": []string{sheet.Audience},
		}
	}
	body, err := s.do(r.Context(), "PUT", "/admin/oauth2/auth/requests/"+what+"/accept?"+what+"_challenge="+url.QueryEscape(challenge), answer, http.StatusOK)
	var next struct {
		To string `json:"redirect_to"`
	}
	if err == nil {
		err = json.Unmarshal(body, &next)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, next.To, http.StatusSeeOther)
}

func (s *server) revoke(ctx context.Context, token string) error {
	id := "app"
	if strings.HasPrefix(token, "ory_at_") {
		id = "app-opaque"
	}
	_, err := oauth.Post(ctx, s.public+"/oauth2/revoke", s.client(id), nil, url.Values{"token": {token}})
	return err
}

const keySet = "/admin/keys/hydra.jwt.access-token"

func (s *server) addKey(ctx context.Context) error {
	token, err := s.token(ctx, "app", sheet.Audience, "read")
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return err
	}
	var header struct{ KID string }
	if err := json.Unmarshal(text, &header); err != nil {
		return err
	}
	s.oldKey = header.KID
	_, err = s.do(ctx, "POST", keySet, map[string]string{"alg": "RS256", "use": "sig", "kid": rand.Text()}, http.StatusCreated)
	return err
}

func (s *server) removeOldKey(ctx context.Context) error {
	_, err := s.do(ctx, "DELETE", keySet+"/"+s.oldKey, nil, http.StatusNoContent)
	return err
}
