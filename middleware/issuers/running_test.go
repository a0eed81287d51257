package issuers_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

const cluster = "https://kubernetes.default.svc.cluster.local"

// apiServer publishes the keys of a cluster to whoever shows the token of a pod.
func apiServer(t *testing.T, token string) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/openid/v1/jwks" || r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		key := claims{"kid": "rsa", "use": "sig", "alg": "RS256"}.With(testkit.JWK(&testkit.RSAKey().PublicKey))
		_, _ = w.Write(testkit.JSON(claims{"keys": []claims{key}}))
	}))
	t.Cleanup(server.Close)
	return server
}

func TestKubernetes(t *testing.T) {
	server := apiServer(t, "pod")
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	cfg := issuers.KubernetesConfig{
		Issuer: cluster, Audiences: []string{api}, ServiceAccounts: []string{"shop/orders"}, Namespaces: []string{"jobs"},
		JWKSURI: server.URL + "/openid/v1/jwks", CAFile: fileOf(t, ca), TokenFile: fileOf(t, "pod\n"),
	}
	r, err := issuers.Kubernetes(cfg)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r)
	guard := sheet{issuer: r.Issuer}.guard(t)
	token := func(account string, changes claims) string {
		namespace, name, _ := strings.Cut(account, "/")
		return sheet{issuer: r.Issuer, good: claims{
			"aud": []string{api}, "sub": "system:serviceaccount:" + namespace + ":" + name, "nbf": testkit.Now.Unix(), "jti": "j",
			"kubernetes.io": claims{"namespace": namespace, "serviceaccount": claims{"name": name, "uid": "u"}, "pod": claims{"name": "p", "uid": "v"}},
		}}.sign(row{claims: changes})
	}
	for name, row := range map[string]struct {
		token string
		want  middleware.Reason
	}{
		"a service account of ours":      {token("shop/orders", nil), ""},
		"one of a namespace of ours":     {token("jobs/nightly", nil), ""},
		"another of the namespace":       {token("shop/default", nil), middleware.ReasonNotAccepted},
		"another namespace":              {token("evil/orders", nil), middleware.ReasonNotAccepted},
		"a namespace called alike":       {token("jobs-evil/nightly", nil), middleware.ReasonNotAccepted},
		"a user of the API server":       {token("shop/orders", claims{"sub": "system:node:n", "kubernetes.io": nil}), middleware.ReasonNotAccepted},
		"a sub that is a namespace":      {token("evil/orders", claims{"sub": "jobs"}), ""}, // the API server never writes it
		"a token for the API server":     {token("shop/orders", claims{"aud": []string{cluster}}), middleware.ReasonAudience},
		"the token of a Secret":          {token("shop/orders", claims{"iss": "kubernetes/serviceaccount", "exp": nil}), middleware.ReasonUnknownIssuer},
		"another cluster":                {token("shop/orders", claims{"iss": "https://other.example"}), middleware.ReasonUnknownIssuer},
		"an expired token":               {token("shop/orders", claims{"exp": 1}), middleware.ReasonExpired},
		"a token that belongs to no one": {token("jobs/nightly", claims{"kubernetes.io": claims{"namespace": "jobs"}}), middleware.ReasonNotAccepted},
	} {
		tok, err := call(guard, "Authorization", "Bearer "+row.token)
		if reasonOf(err) != row.want {
			t.Errorf("%s: reason is %q, want %q (%s)", name, reasonOf(err), row.want, explained(err))
		}
		if name == "a service account of ours" && (tok == nil || !tok.Roles.Has("shop")) {
			t.Errorf("the token is %v", tok)
		}
	}
	for want, change := range map[string]func(*issuers.KubernetesConfig){
		"Issuer has an empty":       func(c *issuers.KubernetesConfig) { c.Issuer = "" },
		"Audiences is empty":        func(c *issuers.KubernetesConfig) { c.Audiences = nil },
		"which would admit nobody":  func(c *issuers.KubernetesConfig) { c.ServiceAccounts, c.Namespaces = nil, nil },
		`ServiceAccounts has "a"`:   func(c *issuers.KubernetesConfig) { c.ServiceAccounts = []string{"a"} },
		`ServiceAccounts has "a/b/`: func(c *issuers.KubernetesConfig) { c.ServiceAccounts = []string{"a/b/c"} },
		`Namespaces has ""`:         func(c *issuers.KubernetesConfig) { c.Namespaces = []string{""} },
		`Namespaces has "a:b"`:      func(c *issuers.KubernetesConfig) { c.Namespaces = []string{"a:b"} },
		"must begin with https":     func(c *issuers.KubernetesConfig) { c.JWKSURI = "http://kubernetes.default.svc/jwks" },
	} {
		wrong := cfg
		change(&wrong)
		if r, err := issuers.Kubernetes(wrong); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// Files that are replaced count at the next fetch, and a cluster that nobody vouches for is not believed.
func TestKubernetesFiles(t *testing.T) {
	server := apiServer(t, "new")
	for name, files := range map[string]struct {
		ca, token string
		want      middleware.Reason
	}{
		"both are right": {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), "new", ""},
		"the token is an old one": {
			string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), "old",
			middleware.ReasonKeysUnavailable,
		},
		"another CA": {certificate(t), "new", middleware.ReasonKeysUnavailable},
		"no CA":      {"", "new", middleware.ReasonKeysUnavailable},
	} {
		r, err := issuers.Kubernetes(issuers.KubernetesConfig{
			Issuer: cluster, Audiences: []string{api}, Namespaces: []string{"jobs"}, JWKSURI: server.URL + "/openid/v1/jwks",
			CAFile: fileOf(t, files.ca), TokenFile: fileOf(t, files.token),
		})
		if err != nil {
			t.Fatal(err)
		}
		closing(t, r)
		s := sheet{issuer: r.Issuer, good: claims{"aud": api, "sub": "s", "kubernetes.io": claims{"namespace": "jobs", "serviceaccount": claims{"name": "n"}}}}
		_, err = call(s.guard(t), "Authorization", "Bearer "+s.sign(row{}))
		if reasonOf(err) != files.want {
			t.Errorf("%s: reason is %q, want %q (%s)", name, reasonOf(err), files.want, explained(err))
		}
		if strings.Contains(explained(err), "Bearer") {
			t.Errorf("%s: the error shows the token of the pod: %s", name, explained(err))
		}
	}
}

func bundle() string {
	jwt := claims{"kid": "rsa", "use": "jwt-svid"}.With(testkit.JWK(&testkit.RSAKey().PublicKey))
	x509 := claims{"kid": "p256", "use": "x509-svid"}.With(testkit.JWK(&testkit.P256Key().PublicKey))
	useless := claims{"kid": "ed"}.With(testkit.JWK(testkit.EdKey().Public()))
	return string(testkit.JSON(claims{"keys": []claims{jwt, x509, useless}, "spiffe_sequence": 1, "spiffe_refresh_hint": 300}))
}

func TestSPIFFE(t *testing.T) {
	var fetched atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_, _ = w.Write([]byte(bundle()))
	}))
	t.Cleanup(server.Close)
	base := issuers.SPIFFEConfig{TrustDomain: "example.org", Audiences: []string{"spiffe://example.org/orders"}, IDs: []string{"spiffe://example.org/billing"}}
	byURL, byFile, anybody, named := base, base, base, base
	byURL.BundleURL = server.URL
	byFile.BundleFile = fileOf(t, bundle())
	anybody.BundleURL, anybody.IDs, anybody.AnyWorkload = server.URL, nil, true
	named.BundleURL, named.Issuer = server.URL, "https://oidc.example.org"
	for name, cfg := range map[string]issuers.SPIFFEConfig{"by URL": byURL, "by file": byFile, "any workload": anybody, "with an iss": named} {
		t.Run(name, func(t *testing.T) {
			r, err := issuers.SPIFFE(cfg)
			if err != nil {
				t.Fatal(err)
			}
			closing(t, r)
			s := sheet{issuer: r.Issuer, good: claims{"sub": "spiffe://example.org/billing", "aud": []string{"spiffe://example.org/orders"}}}
			iss, otherWorkload := middleware.ReasonUnknownIssuer, middleware.ReasonNotAccepted
			if cfg.Issuer == "" {
				s.good["iss"] = nil
			}
			if cfg.AnyWorkload {
				otherWorkload = ""
			}
			guard := s.guard(t)
			for name, row := range map[string]row{
				"an SVID of ours":            {},
				"another workload":           {claims: claims{"sub": "spiffe://example.org/web"}, want: otherWorkload},
				"another trust domain":       {claims: claims{"sub": "spiffe://evil.org/billing"}, want: middleware.ReasonNotAccepted},
				"a trust domain that begins": {claims: claims{"sub": "spiffe://example.org.evil/billing"}, want: middleware.ReasonNotAccepted},
				"the trust domain itself":    {claims: claims{"sub": "spiffe://example.org/"}, want: middleware.ReasonNotAccepted},
				"nobody":                     {claims: claims{"sub": nil}, want: middleware.ReasonNotAccepted},
				"another audience":           {claims: claims{"aud": []string{"spiffe://example.org/web"}}, want: middleware.ReasonAudience},
				"another iss":                {claims: claims{"iss": "https://evil.example"}, want: iss},
				"a key for X.509-SVIDs":      {header: header{"alg": "ES256", "kid": "p256"}, want: middleware.ReasonUnknownKey},
				"a key without a use":        {header: header{"alg": "EdDSA", "kid": "ed"}, want: middleware.ReasonAlgorithm},
				"the typ JOSE":               {header: header{"typ": "JOSE"}, want: middleware.ReasonTokenType},
				"the typ JWT":                {header: header{"typ": "JWT"}},
				"no kid":                     {header: header{"kid": nil}},
				"no exp":                     {claims: claims{"exp": nil}, want: middleware.ReasonMissingClaim},
			} {
				if _, err := call(guard, "Authorization", "Bearer "+s.sign(row)); reasonOf(err) != row.want {
					t.Errorf("%s: reason is %q, want %q (%s)", name, reasonOf(err), row.want, explained(err))
				}
			}
		})
	}
	if fetched.Load() == 0 {
		t.Error("the bundle endpoint was never asked")
	}
	for want, change := range map[string]func(*issuers.SPIFFEConfig){
		"TrustDomain is \"\"":     func(c *issuers.SPIFFEConfig) { c.TrustDomain = "" },
		"without scheme":          func(c *issuers.SPIFFEConfig) { c.TrustDomain = "spiffe://example.org" },
		"Audiences is empty":      func(c *issuers.SPIFFEConfig) { c.Audiences = nil },
		"IDs is empty":            func(c *issuers.SPIFFEConfig) { c.IDs = nil },
		"choose one":              func(c *issuers.SPIFFEConfig) { c.AnyWorkload = true },
		"is not of the trust":     func(c *issuers.SPIFFEConfig) { c.IDs = []string{"spiffe://evil.org/x"} },
		"BundleFile: set one":     func(c *issuers.SPIFFEConfig) { c.BundleURL = "" },
		"BundleURL: jwks: ":       func(c *issuers.SPIFFEConfig) { c.BundleURL = "http://bundle.example" },
		"issuers.SPIFFE: Path \"": func(c *issuers.SPIFFEConfig) { c.BundleURL, c.BundleFile = "", fileOf(t, `{"keys":[]}`) },
	} {
		wrong := byURL
		change(&wrong)
		if r, err := issuers.SPIFFE(wrong); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
