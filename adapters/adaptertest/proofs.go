package adaptertest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// publicURL is where clients of the API are sent, in front of which stands a proxy that strips the prefix.
const publicURL = "https://api.example/shop"

func proofsOfPossession() []clause {
	const refused = "A proof of possession that does not suffice is refused, with the challenges of both schemes and the Guard's DPoP-Nonce."
	return []clause{
		{"bound: a proof", "A DPoP proof reaches the Guard with the method and the request-target that arrived.", proofPasses},
		{"bound: a proof in two lines", refused, badProof(func(h http.Header) { h["Dpop"] = append(h["Dpop"], h["Dpop"]...) }, middleware.InvalidDPoPProof)},
		{"bound: no proof", refused, badProof(func(h http.Header) { h.Del("DPoP") }, middleware.InvalidDPoPProof)},
		{"bound: a downgrade", refused, badProof(func(h http.Header) {
			h.Set("Authorization", "Bearer"+h.Get("Authorization")[len("DPoP"):])
		}, middleware.InvalidToken)},
		{"bound: no nonce", "A proof without a nonce is answered with use_dpop_nonce and a DPoP-Nonce.", nonceWanted},
		{"bound: the next nonce", "The answer to an admitted request carries the next DPoP-Nonce, and is not stored.", nonceHandedOut},
		{"bound: a certificate", "The client certificate of the TLS layer reaches the Guard.", certificatePasses},
		{"bound: another certificate", "A token that is bound to another certificate is refused.", otherCertificate},
	}
}

// boundAPI is an API whose clients prove possession.
type boundAPI struct {
	*middleware.Validator

	issuer, client ed25519.PrivateKey
	now            time.Time
}

func newBoundAPI(nonces bool) *boundAPI {
	a := &boundAPI{issuer: newKey(), client: newKey(), now: now}
	key, err := jwks.NewKey("k1", "EdDSA", a.issuer.Public())
	if err != nil {
		panic(err)
	}
	cfg := middleware.Config{
		Issuers:   []middleware.Issuer{{URL: issuer, Keys: jwks.NewSet(key)}},
		Audiences: []string{audience},
		PublicURL: publicURL,
		Logger:    slog.New(slog.DiscardHandler),
		Clock:     func() time.Time { return a.now },
	}
	if nonces {
		cfg.DPoP.NonceSecrets = [][]byte{newKey()}
	}
	if a.Validator, err = middleware.New(cfg); err != nil {
		panic(err)
	}
	return a
}

func newKey() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return private
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (a *boundAPI) jwk() map[string]any {
	return map[string]any{"crv": "Ed25519", "kty": "OKP", "x": base64.RawURLEncoding.EncodeToString(a.client.Public().(ed25519.PublicKey))}
}

// token is bound by cnf.
func (a *boundAPI) token(cnf map[string]any) string {
	return signed(a.issuer, map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}, map[string]any{
		"iss": issuer, "aud": audience, "sub": "alice", "client_id": "shop", "scope": "read", "cnf": cnf,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
}

// proven is a call with a fresh proof. Its RFC 7638 thumbprint is that of a map in the order of encoding/json.
func (a *boundAPI) proven(method, jti, nonce string) call {
	token := a.token(map[string]any{"jkt": thumbprint(a.jwk())})
	claims := map[string]any{
		"jti": jti, "htm": method, "htu": publicURL + "/orders/4%2F2", "iat": a.now.Unix(), "ath": digest([]byte(token)),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	proof := signed(a.client, map[string]any{"alg": "EdDSA", "typ": "dpop+jwt", "jwk": a.jwk()}, claims)
	return call{
		method: method, target: "/orders/4%2F2?page=2",
		header: http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}},
	}
}

func thumbprint(jwk map[string]any) string {
	text, err := base64.RawURLEncoding.DecodeString(segment(jwk))
	if err != nil {
		panic(err)
	}
	return digest(text)
}

func signed(key ed25519.PrivateKey, header, claims map[string]any) string {
	input := segment(header) + "." + segment(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(input)))
}

func proofPasses(serve adapter) error {
	var problems []error
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
		a := newBoundAPI(false)
		ran := 0
		h := serve(a.Require("read"), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			ran++
			problems = append(problems, differ("subject", subject(r), "alice"))
		}))
		first, err := a.proven(method, "one", "").send(h)
		problems = append(problems, err, differ(method+": status", first.status, 200), differ("DPoP-Nonce", first.header["Dpop-Nonce"], nil))
		second, err := a.proven(method, "one", "").send(h)
		problems = append(problems, err, differ(method+": status of a replay", second.status, 401), differ(method+": runs", ran, 1))
	}
	return errors.Join(problems...)
}

// badProof changes the fields of a good call.
func badProof(spoil func(http.Header), code middleware.ErrorCode) func(serve adapter) error {
	return func(serve adapter) error {
		a := newBoundAPI(false)
		c := a.proven(http.MethodGet, "one", "")
		spoil(c.header)
		return errors.Join(
			refusal{status: 401, code: code}.agree(a.Require("read"), c),
			sendRefused(serve, a.Require("read"), c))
	}
}

func nonceWanted(serve adapter) error {
	a := newBoundAPI(true)
	c := a.proven(http.MethodGet, "one", "")
	got, err := c.send(serve(a.Require("read"), http.NotFoundHandler()))
	return errors.Join(err,
		differ("number of DPoP-Nonce fields", len(got.header["Dpop-Nonce"]), 1),
		refusal{status: 401, code: middleware.UseDPoPNonce}.agree(a.Require("read"), c),
		sendRefused(serve, a.Require("read"), c))
}

func nonceHandedOut(serve adapter) error {
	a := newBoundAPI(true)
	h := serve(a.Require("read"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	asked, err := a.proven(http.MethodGet, "one", "").send(h)
	if err != nil {
		return err
	}
	nonce := asked.header.Get("Dpop-Nonce")
	a.now = a.now.Add(4 * time.Minute) // of five
	got, err := a.proven(http.MethodGet, "two", nonce).send(h)
	next := got.header["Dpop-Nonce"]
	return errors.Join(err,
		differ("status", got.status, 200),
		differ("number of DPoP-Nonce fields", len(next), 1),
		differ("the nonce is a new one", len(next) == 1 && next[0] != nonce, true),
		differ("Cache-Control", got.header["Cache-Control"], []string{"no-store"}))
}

// overTLS serves a token that is bound to one certificate over a connection with another, and returns the status.
func overTLS(serve adapter, shown, bound string) int {
	a := newBoundAPI(false)
	r := bearer(a.token(map[string]any{"x5t#S256": digest([]byte(bound))})).request()
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte(shown)}}}
	w := httptest.NewRecorder()
	serve(a.Require("read"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w.Code
}

func certificatePasses(serve adapter) error {
	return differ("status", overTLS(serve, "own", "own"), 200)
}

func otherCertificate(serve adapter) error {
	return differ("status", overTLS(serve, "other", "own"), 401)
}
