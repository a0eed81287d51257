package authtest_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// newBoundAPI is newAPI for requests with a proof, of which it tells the decision as well. Clients call it below api.
func newBoundAPI(t *testing.T, cfg middleware.Config) func(method, token, proof string) (*httptest.ResponseRecorder, middleware.Decision) {
	t.Helper()
	cfg.PublicURL = api
	var decision middleware.Decision
	cfg.Observe = func(_ context.Context, d middleware.Decision) { decision = d }
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	handler := auth.Require().HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	return func(method, token, proof string) (*httptest.ResponseRecorder, middleware.Decision) {
		r := httptest.NewRequest(method, "/orders?page=2", nil)
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", proof)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w, decision
	}
}

func newClientKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func boundTo(key crypto.Signer) authtest.Claims {
	return authtest.Claims{"cnf": authtest.Claims{"jkt": authtest.Thumbprint(key)}}
}

func TestProofIsGoodForEveryKindOfKeyAndToken(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{"Ed25519": edwards}
	if keys["RSA"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if keys[curve.Params().Name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	issuer := authtest.NewIssuer(t)
	call := newBoundAPI(t, issuer.Config(api))
	for name, key := range keys {
		for _, token := range []string{issuer.Token(boundTo(key)), issuer.OpaqueToken(boundTo(key))} {
			proof := issuer.Proof(key, token, http.MethodGet, api+"/orders?page=2#top")
			if w, d := call(http.MethodGet, token, proof); w.Code != http.StatusOK {
				t.Errorf("%s: status %d: %v", name, w.Code, d.Err)
			}
		}
	}
}

func TestProofIsGoodOnceAndForItsOwnRequest(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	call := newBoundAPI(t, issuer.Config(api))
	key := newClientKey(t)
	token := issuer.Token(boundTo(key))
	proof := issuer.Proof(key, token, http.MethodGet, api+"/orders")

	if w, d := call(http.MethodPost, token, proof); w.Code != http.StatusUnauthorized || d.Reason != middleware.ReasonProof {
		t.Errorf("for another method: status %d (%s)", w.Code, d.Reason)
	}
	if w, d := call(http.MethodGet, token, proof); w.Code != http.StatusOK {
		t.Errorf("for its request: status %d: %v", w.Code, d.Err)
	}
	if w, d := call(http.MethodGet, token, proof); w.Code != http.StatusUnauthorized || d.Reason != middleware.ReasonProofReplay {
		t.Errorf("for the second time: status %d (%s)", w.Code, d.Reason)
	}
}

func TestProofFollowsTheClock(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	call := newBoundAPI(t, issuer.Config(api))
	issuer.SetClock(func() time.Time { return time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC) })
	key := newClientKey(t)
	token := issuer.Token(boundTo(key))
	if w, d := call(http.MethodGet, token, issuer.Proof(key, token, http.MethodGet, api+"/orders")); w.Code != http.StatusOK {
		t.Errorf("status %d: %v", w.Code, d.Err)
	}
}

func TestMintProofReplacesAndRemoves(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	call := newBoundAPI(t, issuer.Config(api))
	key := newClientKey(t)
	token := issuer.Token(boundTo(key))
	good := func() authtest.Claims {
		return authtest.Claims{"htm": "GET", "htu": api + "/orders", "ath": authtest.TokenHash(token)}
	}
	if w, d := call(http.MethodGet, token, issuer.MintProof(key, nil, good())); w.Code != http.StatusOK {
		t.Errorf("with all that it needs: status %d: %v", w.Code, d.Err)
	}
	if w, _ := call(http.MethodGet, token, issuer.MintProof(key, authtest.Header{"typ": nil}, good())); w.Code != http.StatusUnauthorized {
		t.Errorf("without typ: status %d", w.Code)
	}
	claims := good()
	claims["iat"] = nil
	if w, _ := call(http.MethodGet, token, issuer.MintProof(key, nil, claims)); w.Code != http.StatusUnauthorized {
		t.Errorf("without iat: status %d", w.Code)
	}
}

// The key and the thumbprint of RFC 9449's own examples, sections 4.1 and 6.1.
func TestThumbprintIsThatOfTheStandard(t *testing.T) {
	t.Parallel()
	point := []byte{4} // then x and y
	for _, coordinate := range []string{"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"} {
		decoded, err := base64.RawURLEncoding.DecodeString(coordinate)
		if err != nil {
			t.Fatal(err)
		}
		point = append(point, decoded...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	key := &ecdsa.PrivateKey{PublicKey: *public} // its private half is not needed
	if got, want := authtest.Thumbprint(key), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The access token and the ath of section 7.1.
	const token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	if got, want := authtest.TokenHash(token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestKeysThatMakeNoProofsEndTheTest(t *testing.T) {
	t.Parallel()
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var tb recorder
	issuer := authtest.NewIssuer(&tb)
	t.Cleanup(func() { tb.cleanup[0]() })
	if issuer.Proof(small, "token", http.MethodGet, api); tb.fatal == "" {
		t.Error("nobody was told")
	}
	tb.fatal = ""
	for name := range issuer.BrokenProofs(small, "token", http.MethodGet, api) {
		t.Errorf("%s: it was made", name)
	}
	if tb.fatal == "" {
		t.Error("nobody was told about the broken ones")
	}
	if got := authtest.Thumbprint(small); got != "" {
		t.Errorf("it has thumbprint %q", got)
	}
}

func TestIntrospectionTellsTheTypeOfABoundToken(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	key := newClientKey(t)
	chosen := boundTo(key)
	chosen["token_type"] = "Bearer"
	byCertificate := authtest.Claims{"cnf": authtest.Claims{"x5t#S256": authtest.CertificateThumbprint(issuer.ClientCertificate().Leaf)}}
	for name, row := range map[string]struct {
		claims authtest.Claims
		want   string
	}{
		"bound to a key":                      {boundTo(key), "DPoP"},
		"bound to a key, with a type of ours": {chosen, "Bearer"},
		"bound to a certificate":              {byCertificate, "Bearer"},
		"bound to nothing":                    {nil, "Bearer"},
	} {
		if got := introspect(t, issuer, issuer.OpaqueToken(row.claims))["token_type"]; got != row.want {
			t.Errorf("%s: token_type %v, want %s", name, got, row.want)
		}
	}
}
