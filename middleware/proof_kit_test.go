package middleware_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

const badProof = "401 invalid_dpop_proof"

// jwkOf writes a public key as RFC 7518 section 6 and RFC 8037 want it.
func jwkOf(public crypto.PublicKey) claims {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return claims{"kty": "OKP", "crv": "Ed25519", "x": b64(k)}
	case *ecdsa.PublicKey:
		point := must(k.Bytes())
		return claims{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
	case *rsa.PublicKey:
		return claims{"kty": "RSA", "e": b64(big.NewInt(int64(k.E)).Bytes()), "n": b64(k.N.Bytes())}
	}
	panic(fmt.Sprintf("no JWK for a %T", public))
}

// jktOf is RFC 7638, whose canonical form encoding/json happens to write for a map of strings without characters to escape.
func jktOf(public crypto.PublicKey) string {
	digest := sha256.Sum256(toJSON(jwkOf(public)))
	return b64(digest[:])
}

func athOf(token string) string {
	digest := sha256.Sum256([]byte(token))
	return b64(digest[:])
}

// boundTo is the cnf of a token for a client's key.
func boundTo(key crypto.Signer) claims { return claims{"cnf": claims{"jkt": jktOf(key.Public())}} }

// proof is a DPoP proof to be made; changes override members, nil removes them.
type proof struct {
	key    crypto.Signer
	token  string
	header claims
	claims claims
}

var proofs atomic.Int64

func (p proof) String() string {
	alg := "EdDSA"
	switch p.key.(type) {
	case *ecdsa.PrivateKey:
		alg = "ES256"
	case *rsa.PrivateKey:
		alg = "RS256"
	}
	header := claims{"typ": "dpop+jwt", "alg": alg, "jwk": jwkOf(p.key.Public())}
	payload := claims{
		"jti": fmt.Sprintf("proof-%d", proofs.Add(1)), "htm": "GET", "htu": audience + "/orders", "iat": now.Unix(), "ath": athOf(p.token),
	}
	return sign(string(toJSON(changed(header, p.header))), string(toJSON(changed(payload, p.claims))), any(p.key))
}

func changed(c, changes claims) claims {
	maps.Copy(c, changes)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// dpopRequest sends a token with the DPoP scheme and these proofs.
func dpopRequest(token string, proofs ...string) *http.Request {
	h := http.Header{"Authorization": {"DPoP " + token}}
	if len(proofs) > 0 {
		h["Dpop"] = proofs
	}
	return request(http.MethodGet, h)
}

// proven is a good call: a token bound to the key and a fresh proof.
func proven(key crypto.Signer) *http.Request {
	token := mint(good(boundTo(key)))
	return dpopRequest(token, proof{key: key, token: token}.String())
}

// public switches DPoP on.
func public(cfg *middleware.Config) { cfg.PublicURL = audience }

// withDPoP is a Validator that judges proofs, with changes.
func withDPoP(t testing.TB, change func(*middleware.Config)) *middleware.Validator {
	t.Helper()
	return validator(t, func(cfg *middleware.Config) {
		public(cfg)
		if change != nil {
			change(cfg)
		}
	})
}

// wantServed sends r and wants this outcome and this reason of the refusal, which is seen by Observe.
func wantServed(t testing.TB, g *middleware.Guard, r *http.Request, outcome string, reason middleware.Reason) served {
	t.Helper()
	got := serve(g, r.Clone(context.Background()))
	if text := got.ofAnyScheme(); text != outcome {
		t.Errorf("outcome is %q, want %q", text, outcome)
	}
	if reason != "" {
		if seen := reasonOf(t, g, r.Clone(context.Background())); seen != reason {
			t.Errorf("reason is %q, want %q", seen, reason)
		}
	}
	return got
}

// replayFunc is a ReplayStore.
type replayFunc func(ctx context.Context, key string, until time.Time) (bool, error)

func (f replayFunc) Add(ctx context.Context, key string, until time.Time) (bool, error) {
	return f(ctx, key, until)
}

// errStore is what a store says that is out of reach.
var errStore = errors.New("the store is out of reach")

// challengesOf parses all challenges of an answer, by scheme.
func challengesOf(t testing.TB, h http.Header) map[string]map[string]string {
	t.Helper()
	found := make(map[string]map[string]string)
	for _, line := range h.Values("WWW-Authenticate") {
		c, err := parseChallenge(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if found[c.scheme] != nil {
			t.Fatalf("two challenges of scheme %s", c.scheme)
		}
		found[c.scheme] = c.params
	}
	return found
}

// clockAt judges by a time that the test moves.
func clockAt(t *time.Time) func(*middleware.Config) {
	return func(cfg *middleware.Config) { public(cfg); cfg.Clock = func() time.Time { return *t } }
}

// ofAnyScheme is String with the error of whichever challenge has one.
func (s served) ofAnyScheme() string {
	lines := slices.Clone(s.Header["Www-Authenticate"])
	slices.SortStableFunc(lines, func(a, b string) int {
		return strings.Count(b, `error="`) - strings.Count(a, `error="`)
	})
	copied := *s.Response
	copied.Header = http.Header{"Www-Authenticate": lines}
	s.Response = &copied
	return s.String()
}

func outcomeOf(g *middleware.Guard, r *http.Request) string { return serve(g, r).ofAnyScheme() }

func edKeyOf(seed []byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(seed) }
