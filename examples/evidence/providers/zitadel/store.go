package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// store is the example's storage but for clients, keys, and what an API of its own may ask.
type store struct {
	*storage.Storage
	login string

	locked sync.Mutex
	keys   []*key // the last one signs
}

func newStore(example *storage.Storage, login string) (*store, error) {
	s := &store{Storage: example, login: login}
	_, err := s.rotate("overlap")
	return s, err
}

// client is one of the example's with scopes of ours, with the kind of token that its name says, and with a
// page of ours that fills in the example's form.
type client struct {
	op.Client
	login string
}

func (c client) IsScopeAllowed(scope string) bool { return scope == "read" || scope == "write" }

func (c client) AccessTokenType() op.AccessTokenType {
	if strings.HasSuffix(c.GetID(), "-jwt") {
		return op.AccessTokenTypeJWT
	}
	return op.AccessTokenTypeBearer
}

func (c client) LoginURL(id string) string {
	return c.login + "?" + url.Values{"id": {id}}.Encode()
}

func (s *store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return client{c, s.login}, nil
}

// SetIntrospectionFromToken lets the API ask about the tokens of all apps. The example lets an app ask about its own.
func (s *store) SetIntrospectionFromToken(ctx context.Context, answer *oidc.IntrospectionResponse, token, subject, asks string) error {
	if asks != "api" {
		return s.Storage.SetIntrospectionFromToken(ctx, answer, token, subject, asks)
	}
	for _, app := range apps {
		if err := s.Storage.SetIntrospectionFromToken(ctx, answer, token, subject, app); err == nil {
			return nil
		}
	}
	return fmt.Errorf("no app has the token")
}

// GetPrivateClaimsFromScopes writes scopes into JWTs, which the library leaves to the storage.
func (s *store) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

// rotate adds a key that signs from now on. After "replace" it is the only one.
func (s *store) rotate(how string) ([]string, error) {
	secret, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	s.locked.Lock()
	defer s.locked.Unlock()
	switch how {
	case "overlap":
	case "replace":
		s.keys = nil
	default:
		return nil, fmt.Errorf("unknown command %q", how)
	}
	s.keys = append(s.keys, &key{rand.Text(), secret})
	var kids []string
	for _, k := range s.keys {
		kids = append(kids, k.id)
	}
	return kids, nil
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) {
	s.locked.Lock()
	defer s.locked.Unlock()
	return signingKey{s.keys[len(s.keys)-1]}, nil
}

func (s *store) KeySet(context.Context) ([]op.Key, error) {
	s.locked.Lock()
	defer s.locked.Unlock()
	var set []op.Key
	for _, k := range s.keys {
		set = append(set, publicKey{k})
	}
	return set, nil
}

type key struct {
	id     string
	secret *rsa.PrivateKey
}

func (k *key) ID() string { return k.id }

type signingKey struct{ *key }

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                    { return k.secret }

type publicKey struct{ *key }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.secret.PublicKey }
