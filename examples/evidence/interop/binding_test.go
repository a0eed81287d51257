package interop_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// newValidator trusts the provider for JWTs, and asks it about opaque tokens.
func newValidator(t *testing.T, p *provider, change func(*middleware.Config)) *middleware.Validator {
	t.Helper()
	asker, err := introspection.New(introspection.Config{
		URL:        p.Issuer + "/token/introspection",
		ClientAuth: introspection.SecretBasic(p.ResourceServer.ID, p.ResourceServer.Secret),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = asker.Close() })
	config := middleware.Config{
		Issuers:   []middleware.Issuer{{URL: p.Issuer, Introspector: asker}},
		Audiences: []string{audience},
	}
	change(&config)
	auth, err := middleware.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	return auth
}

func ok(http.ResponseWriter, *http.Request) {}

// attempt is a request of dpop.mjs, and what came of it.
type attempt struct {
	Resource string `json:"resource"`
	Alg      string `json:"alg"`
	Request  string `json:"request"`
	Status   int    `json:"status"`
	Error    string `json:"error"`
}

// attempts runs dpop.mjs against the API.
func attempts(t *testing.T, p *provider, api string, resources, algorithms []string) []attempt {
	t.Helper()
	argument, err := json.Marshal(map[string]any{
		"issuer": p.Issuer, "client": map[string]string{"id": p.App.ID, "secret": p.App.Secret},
		"resources": resources, "algorithms": algorithms, "api": api,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, "node", "dpop.mjs", string(argument))
	var log bytes.Buffer
	command.Stderr = &log
	output, err := command.Output()
	if err != nil {
		t.Fatalf("node dpop.mjs: %v\n%s", err, log.String())
	}
	var made []attempt
	for line := range strings.Lines(string(output)) {
		var a attempt
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		made = append(made, a)
	}
	return made
}

func TestDPoPBoundTokens(t *testing.T) {
	p := startProvider(t)
	server := httptest.NewUnstartedServer(nil)
	auth := newValidator(t, p, func(config *middleware.Config) {
		config.PublicURL = "http://" + server.Listener.Addr().String()
		config.DPoP = middleware.DPoP{Required: true, NonceSecrets: [][]byte{bytes.Repeat([]byte("0"), 32)}}
	})
	server.Config.Handler = auth.Require("orders:read").HandlerFunc(ok)
	server.Start()
	t.Cleanup(server.Close)

	want := map[string]attempt{
		"oauth4webapi, first":                   {Status: 401, Error: "use_dpop_nonce"},
		"oauth4webapi, with the nonce":          {Status: 200},
		"jose":                                  {Status: 200},
		"the same proof again":                  {Status: 401, Error: "invalid_dpop_proof"},
		"the nonce of the authorization server": {Status: 401, Error: "use_dpop_nonce"},
		"another key":                           {Status: 401, Error: "invalid_token"},
		"another method":                        {Status: 401, Error: "invalid_dpop_proof"},
		"another address":                       {Status: 401, Error: "invalid_dpop_proof"},
		"no ath":                                {Status: 401, Error: "invalid_dpop_proof"},
		"as Bearer":                             {Status: 401, Error: "invalid_token"},
		"as Bearer, without a proof":            {Status: 401, Error: "invalid_token"},
	}
	resources := []string{"urn:api:RS256", "urn:api:opaque"}
	made := attempts(t, p, server.URL+"/orders", resources, algorithms)
	for _, a := range made {
		if w, known := want[a.Request]; !known || a.Status != w.Status || a.Error != w.Error {
			t.Errorf("%s, %s, %s: status %d %q, want %d %q", a.Resource, a.Alg, a.Request, a.Status, a.Error, w.Status, w.Error)
		}
	}
	if n := len(resources) * len(algorithms) * len(want); len(made) != n {
		t.Errorf("%d requests were made, want %d", len(made), n)
	}
}

func TestDPoPIsNotForTokensThatAreBoundToNothing(t *testing.T) {
	p := startProvider(t)
	auth := newValidator(t, p, func(config *middleware.Config) {
		config.PublicURL = "https://api.example.com"
		config.DPoP.Required = true
	})
	for _, resource := range []string{"urn:api:ES256", "urn:api:opaque"} {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+p.token(t, resource, "orders:read"))
		w := httptest.NewRecorder()
		auth.Require("orders:read").HandlerFunc(ok).ServeHTTP(w, r)
		challenges := strings.Join(w.Header().Values("WWW-Authenticate"), "; ")
		if w.Code != http.StatusUnauthorized || !strings.HasPrefix(challenges, "DPoP ") || !strings.Contains(challenges, `error="invalid_token"`) {
			t.Errorf("%s: status %d, challenge %q", resource, w.Code, challenges)
		}
	}
}

func TestCertificateBoundTokens(t *testing.T) {
	p := startProvider(t)
	auth := newValidator(t, p, func(config *middleware.Config) { config.MTLS.Required = true })
	server := httptest.NewUnstartedServer(auth.Require("orders:read").HandlerFunc(ok))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	maker := authtest.NewIssuer(t)
	own, other := maker.ClientCertificate(), maker.ClientCertificate()

	for _, resource := range []string{"urn:api:ES256", "urn:api:opaque"} {
		bound := p.certifiedToken(t, own, resource)
		for name, row := range map[string]struct {
			token  string
			shown  []tls.Certificate
			status int
		}{
			"the certificate of the token":                  {bound, []tls.Certificate{own}, http.StatusOK},
			"another certificate, by one who has the token": {bound, []tls.Certificate{other}, http.StatusUnauthorized},
			"no certificate, by one who has the token":      {bound, nil, http.StatusUnauthorized},
			"a token that is bound to nothing":              {p.token(t, resource, "orders:read"), []tls.Certificate{own}, http.StatusUnauthorized},
		} {
			if got := status(t, server, row.token, row.shown); got != row.status {
				t.Errorf("%s, %s: status %d, want %d", resource, name, got, row.status)
			}
		}
	}
}

// status is that of an answer to a client that shows the certificates.
func status(t *testing.T, server *httptest.Server, token string, shown []tls.Certificate) int {
	t.Helper()
	transport, _ := server.Client().Transport.(*http.Transport)
	transport = transport.Clone()
	transport.TLSClientConfig.Certificates = shown
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// certifiedToken asks for a token that is bound to the certificate (RFC 8705 section 3), as the provider's proxy would pass
// it on.
func (p *provider) certifiedToken(t *testing.T, certificate tls.Certificate, resource string) string {
	t.Helper()
	request := p.newPost(t, "/token", p.Certified, url.Values{
		"grant_type": {"client_credentials"},
		"resource":   {resource},
		"scope":      {"orders:read"},
	})
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Leaf.Raw})
	request.Header.Set(p.CertificateField, url.PathEscape(string(block)))
	var answer tokens
	if body := p.send(t, request); json.Unmarshal(body, &answer) != nil || answer.Access == "" {
		t.Fatalf("no access token: %s", body)
	}
	return answer.Access
}
