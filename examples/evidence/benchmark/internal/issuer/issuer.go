// Package issuer is the authorization server of the benchmark: signing keys, typical access tokens, the metadata and
// JWKS documents that every library under test fetches over loopback HTTP, and an introspection endpoint.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// Audience and Scope are what every library under test demands of a token, beside the signature, the issuer and the time.
const (
	Audience = "https://api.example.com"
	Scope    = "orders:read"
)

// Algorithms are those that are compared.
var Algorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

// Issuer signs with one key of one algorithm. Its key set holds a second key, as that of a server does which rotates.
// It is safe for concurrent use.
type Issuer struct {
	URL       string
	Algorithm string

	method jwt.SigningMethod
	key    crypto.Signer
	opaque string
	server *httptest.Server
}

const keyID = "2026-11-current"

// Start serves an issuer on a loopback address until Close.
func Start(algorithm string) (*Issuer, error) {
	i := &Issuer{Algorithm: algorithm, method: jwt.GetSigningMethod(algorithm), opaque: newOpaque()}
	next, err := NewKey(algorithm)
	if err != nil {
		return nil, err
	}
	if i.key, err = NewKey(algorithm); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	i.server = httptest.NewServer(mux)
	i.URL = i.server.URL

	serve(mux, "/jwks", jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: next.Public(), KeyID: "2026-12-next", Algorithm: algorithm, Use: "sig"},
		{Key: i.key.Public(), KeyID: keyID, Algorithm: algorithm, Use: "sig"},
	}})
	mux.HandleFunc("POST /introspect", i.introspect)
	metadata := map[string]any{
		"issuer":                                i.URL,
		"jwks_uri":                              i.JWKSURL(),
		"authorization_endpoint":                i.URL + "/authorize",
		"token_endpoint":                        i.URL + "/token",
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{algorithm},
	}
	serve(mux, "/.well-known/openid-configuration", metadata)
	serve(mux, "/.well-known/oauth-authorization-server", metadata)
	return i, nil
}

// JWKSURL is where the keys are.
func (i *Issuer) JWKSURL() string { return i.URL + "/jwks" }

// IntrospectionURL is where opaque tokens are judged.
func (i *Issuer) IntrospectionURL() string { return i.URL + "/introspect" }

// PublicKey is the key that verifies the tokens.
func (i *Issuer) PublicKey() crypto.PublicKey { return i.key.Public() }

// Close ends the server and the connections to it.
func (i *Issuer) Close() {
	i.server.CloseClientConnections()
	i.server.Close()
}

func serve(mux *http.ServeMux, path string, document any) {
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // the documents are made above
	}
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(body)
	})
}

// NewKey makes a key to sign with.
func NewKey(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "RS256", "PS256":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	default:
		return nil, fmt.Errorf("benchmark: no key for algorithm %q; use one of %q", algorithm, Algorithms)
	}
}
