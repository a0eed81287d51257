package issuers

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

const podFiles = "/var/run/secrets/kubernetes.io/serviceaccount/"

// KubernetesConfig says whose service account tokens of a cluster are let in. Issuer and Audiences are required, and one of ServiceAccounts and
// Namespaces.
type KubernetesConfig struct {
	_ [0]func() // keyed literals only

	// Issuer is the iss of the cluster's tokens, the flag --service-account-issuer of its API server: often
	// "https://kubernetes.default.svc.cluster.local", an address of the provider in a managed cluster.
	Issuer string

	// Audiences are what pods ask tokens for, in a projected volume or by TokenRequest: never the API server's own.
	Audiences []string

	// ServiceAccounts are those that may call, each as "namespace/name". Any pod of the cluster can have a token for your audience, so a list is
	// required.
	ServiceAccounts []string

	// Namespaces are those of which every service account may call.
	Namespaces []string

	// JWKSURI is the address of the keys. Zero: "https://kubernetes.default.svc/openid/v1/jwks", that of the API server for a pod.
	JWKSURI string

	// CAFile has the certificates that vouch for that address, as PEM. Zero: those that a pod is given.
	CAFile string

	// TokenFile has the token that is shown there, to that address alone. Both files are read anew for each fetch, so they may be replaced.
	// Zero: that of the pod, which may read the keys by the ClusterRole system:service-account-issuer-discovery.
	TokenFile string

	// Logger is told about the keys; nil: as in jwks.Config.
	Logger *slog.Logger
}

// Kubernetes is the service accounts of a cluster, by the tokens that the API server makes for pods (projected volumes, TokenRequest).
//
// It relies on aud, and on sub or the namespace in the claim kubernetes.io. The role is the namespace. Refused are all other service accounts, tokens for
// the API server, and the old tokens of Secrets, which do not expire.
//
// That the pod or the service account was deleted since is not seen before the token expires: only the TokenReview API tells.
func Kubernetes(cfg KubernetesConfig) (*Running, error) {
	a := argumentsOf("Kubernetes")
	a.filled("Issuer", cfg.Issuer)
	a.list("Audiences", cfg.Audiences, "what pods ask tokens for")
	if len(cfg.ServiceAccounts) == 0 && len(cfg.Namespaces) == 0 {
		a.wrong("ServiceAccounts and Namespaces are both empty, which would admit nobody: name the service accounts that may call")
	}
	var callers []string
	for _, account := range cfg.ServiceAccounts {
		namespace, name, found := strings.Cut(account, "/")
		if !found || !isKubernetesName(namespace) || !isKubernetesName(name) {
			a.wrong(`ServiceAccounts has %q: it must be "namespace/name"`, account)
		}
		callers = append(callers, "system:serviceaccount:"+namespace+":"+name)
	}
	for _, namespace := range cfg.Namespaces {
		if !isKubernetesName(namespace) {
			a.wrong("Namespaces has %q, which is no name of a namespace", namespace)
		}
		callers = append(callers, namespace) // no sub has this form
	}
	if len(a.errs) > 0 {
		return nil, a.err()
	}
	keys, err := jwks.New(jwks.Config{
		URL:        cmp.Or(cfg.JWKSURI, "https://kubernetes.default.svc/openid/v1/jwks"),
		HTTPClient: &http.Client{Transport: &podTransport{ca: cmp.Or(cfg.CAFile, podFiles+"ca.crt"), token: cmp.Or(cfg.TokenFile, podFiles+"token")}},
		Logger:     cfg.Logger,
	})
	if err != nil {
		a.wrong("%w", err)
		return nil, a.err()
	}
	return &Running{
		Issuer: middleware.Issuer{
			URL:       cfg.Issuer,
			Audiences: cfg.Audiences,
			Keys:      keys,
			ClaimRules: []middleware.ClaimRule{
				{Claims: []string{"sub", "/kubernetes.io/namespace"}, OneOf: callers},
				present("/kubernetes.io/serviceaccount/name"),
			},
			Claims: middleware.ClaimMapping{Roles: []string{"/kubernetes.io/namespace"}},
		},
		closers: []func() error{keys.Close},
	}, nil
}

func isKubernetesName(name string) bool {
	return name != "" && len(name) <= 253 && strings.Trim(name, hostCharacters) == ""
}

// podTransport speaks to the API server as a pod does.
type podTransport struct {
	ca, token string // files

	mu        sync.Mutex
	roots     []byte // that transport believes
	transport *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (t *podTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := os.ReadFile(t.token)
	if err != nil {
		return nil, err
	}
	transport, err := t.believing()
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(bytes.TrimSpace(token)))
	return transport.RoundTrip(r)
}

// believing returns a transport that believes what is in the file now.
func (t *podTransport) believing() (*http.Transport, error) {
	roots, err := os.ReadFile(t.ca)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.transport != nil && bytes.Equal(roots, t.roots) {
		return t.transport, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots) {
		return nil, fmt.Errorf("%s: %w", t.ca, errors.New("the file holds no certificate"))
	}
	t.roots = roots
	t.transport = &http.Transport{ // no proxy: the API server is inside
		TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, // keys are fetched so seldom that a kept connection would only be found dead
	}
	return t.transport, nil
}
