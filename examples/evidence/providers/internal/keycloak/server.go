// Package keycloak starts a real Keycloak and asks it the questions of the sheet.
package keycloak

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"path/filepath"
	"testing/fstest"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/oauth"
	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
)

// Version is what is started.
const Version = "26.7.3"

const (
	artifact = "org.keycloak:keycloak-quarkus-dist:" + Version + ":zip"
	sum      = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
	realm    = "cardea"
)

// server is a running Keycloak with the realm of setUp.
type server struct {
	*tools.Process
	admin
	base   string // its address
	issuer string
	secret string // of every client
	alice  string // her password
}

// start starts Keycloak as its documentation does for development, with a database in memory.
func start(ctx context.Context) (*server, error) {
	if err := tools.Need("java"); err != nil {
		return nil, err
	}
	home, err := tools.Folder(ctx, "keycloak", fstest.MapFS{}, artifact+sum, func(ctx context.Context, dir string) error {
		return tools.MavenZip(ctx, dir, artifact, sum)
	})
	if err != nil {
		return nil, err
	}
	port, err := tools.FreePort()
	if err != nil {
		return nil, err
	}
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	s := &server{
		base: base, issuer: base + "/realms/" + realm, secret: rand.Text(), alice: rand.Text(),
		admin: admin{base: base, password: rand.Text()},
	}
	s.Process, err = tools.Start(ctx, tools.Program{
		Name: filepath.Join(home, "bin", "kc.sh"),
		Args: []string{"start-dev", "--db=dev-mem", "--http-host=127.0.0.1", fmt.Sprintf("--http-port=%d", port)},
		Env: []string{
			"KC_BOOTSTRAP_ADMIN_USERNAME=admin", "KC_BOOTSTRAP_ADMIN_PASSWORD=" + s.admin.password,
			"JAVA_OPTS_KC_HEAP=-Xms64m -Xmx512m",
			"JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1", // it lives for a minute
		},
	})
	if err != nil {
		return nil, err
	}
	if err := s.Ready(ctx, base+"/realms/master"); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *server) client(id string) oauth.Client { return oauth.Client{ID: id, Secret: s.secret} }

func (s *server) endpoint(name string) string { return s.issuer + "/protocol/openid-connect/" + name }

// token asks for an access token of the client itself (RFC 6749 section 4.4).
func (s *server) token(ctx context.Context, client string, scopes string) (string, error) {
	tokens, err := oauth.Ask(ctx, s.endpoint("token"), s.client(client), "", url.Values{"grant_type": {"client_credentials"}, "scope": {scopes}})
	return tokens.Access, err
}

// logIn asks for the tokens of alice, by her password, which spares the login form.
func (s *server) logIn(ctx context.Context, client, scopes string) (oauth.Tokens, error) {
	return oauth.Ask(ctx, s.endpoint("token"), s.client(client), "", url.Values{
		"grant_type": {"password"}, "username": {"alice"}, "password": {s.alice}, "scope": {scopes},
	})
}

func (s *server) revoke(ctx context.Context, client, token string) error {
	_, err := oauth.Post(ctx, s.endpoint("revoke"), s.client(client), nil, url.Values{"token": {token}})
	return err
}
