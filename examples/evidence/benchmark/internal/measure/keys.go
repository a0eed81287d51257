package measure

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
	"github.com/cardea-auth/cardea/jwks"
)

// Names of the key sources.
const (
	FixedKeys   = "Cardea, jwks.Set"
	FetchedKeys = "Cardea, jwks.Cache"
)

// maxFetched is the largest document that jwks.Cache takes.
const maxFetched = 100

// LookUp is one key source with one number of keys.
type LookUp struct {
	Source string
	Keys   int
	pairing.Result
}

// KeyCounts are the sizes of key sets.
var KeyCounts = []int{1, 10, 100, 1000}

// LookUps finds keys by kid, whose sources have them already. The floor is one key in a fixed set.
func LookUps(ctx context.Context, s Settings) ([]LookUp, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var lookUps []LookUp
	var cases []pairing.Case
	for _, n := range KeyCounts {
		k, err := newKeyRing(n)
		if err != nil {
			return nil, err
		}
		defer k.server.Close()
		for _, source := range []func(context.Context) (name string, find func(kid string) error, err error){
			k.fixed, k.fetched, k.keyfunc, k.jwx,
		} {
			name, find, err := source(ctx)
			if err != nil {
				return nil, fmt.Errorf("benchmark: %d keys: %s: %w", n, name, err)
			}
			if find == nil {
				continue
			}
			lookUps = append(lookUps, LookUp{Source: name, Keys: n})
			cases = append(cases, finding(name, k.kids, find))
		}
	}
	for at, r := range s.plan().Compare(cases...) {
		lookUps[at].Result = r
	}
	return lookUps, nil
}

func finding(name string, kids []string, find func(string) error) pairing.Case {
	return pairing.Case{Name: name, Run: func(n int) {
		for i := range n {
			if err := find(kids[i%len(kids)]); err != nil {
				panic(fmt.Sprintf("benchmark: %s: %v", name, err))
			}
		}
	}}
}

// keyRing is a set of keys that is served over HTTP.
type keyRing struct {
	kids   []string
	keys   []*jwks.Key
	server *httptest.Server
}

func newKeyRing(n int) (*keyRing, error) {
	var k keyRing
	var set jose.JSONWebKeySet
	for i := range n {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		kid := fmt.Sprintf("2026-11-%04d", i)
		key, err := jwks.NewKey(kid, "ES256", &private.PublicKey)
		if err != nil {
			return nil, err
		}
		k.kids, k.keys = append(k.kids, kid), append(k.keys, key)
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &private.PublicKey, KeyID: kid, Algorithm: "ES256", Use: "sig"})
	}
	document, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	k.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document)
	}))
	return &k, nil
}

func (k *keyRing) fixed(ctx context.Context) (string, func(string) error, error) {
	set := jwks.NewSet(k.keys...)
	return FixedKeys, func(kid string) error {
		_, err := set.VerificationKeys(ctx, kid, "ES256")
		return err
	}, nil
}

func (k *keyRing) fetched(ctx context.Context) (string, func(string) error, error) {
	if len(k.keys) > maxFetched {
		return FetchedKeys, nil, nil
	}
	cache, err := jwks.New(jwks.Config{URL: k.server.URL})
	if err != nil {
		return FetchedKeys, nil, err
	}
	context.AfterFunc(ctx, func() { _ = cache.Close() })
	return FetchedKeys, func(kid string) error {
		_, err := cache.VerificationKeys(ctx, kid, "ES256")
		return err
	}, cache.Refresh(ctx)
}

func (k *keyRing) keyfunc(ctx context.Context) (string, func(string) error, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{k.server.URL})
	if err != nil {
		return "keyfunc", nil, err
	}
	token := &jwt.Token{Method: jwt.SigningMethodES256, Header: map[string]any{"alg": "ES256"}}
	return "keyfunc", func(kid string) error {
		token.Header["kid"] = kid
		_, err := keys.Keyfunc(token)
		return err
	}, nil
}

func (k *keyRing) jwx(ctx context.Context) (string, func(string) error, error) {
	set, err := peer.JWXSet(ctx, k.server.URL)
	return "jwx, jwk.CachedSet", func(kid string) error {
		if _, ok := set.LookupKeyID(kid); !ok {
			return jwks.ErrKeyNotFound
		}
		return nil
	}, err
}
