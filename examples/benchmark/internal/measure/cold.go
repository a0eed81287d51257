package measure

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/examples/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/benchmark/internal/peer"
)

// Names of cases that are Cardea in some state.
const (
	Floor      = "bare crypto"
	MethodOnly = "golang-jwt's signature check alone" // which Cardea calls as well
	Cold       = "Cardea"                             // without the cache
	FirstSight = "Cardea, first sight"                // through the cache, which never has the token, and evicts one for it
)

// Colds verifies one token in full, again and again. The floor is the signature check alone.
func Colds(ctx context.Context, s Settings) ([]Group, error) {
	var groups []Group
	for _, algorithm := range issuer.Algorithms {
		g, err := cold(ctx, s, algorithm)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func cold(ctx context.Context, s Settings, algorithm string) (Group, error) {
	p, err := newPeers(ctx, algorithm)
	if err != nil {
		return Group{}, err
	}
	defer p.close()
	token := p.issuer.Token(1)
	floor, err := signatureOnly(p.issuer, token)
	if err != nil {
		return Group{}, err
	}
	method, err := methodOnly(p.issuer, token)
	if err != nil {
		return Group{}, err
	}
	cases := []pairing.Case{floor, method}

	off, err := p.make(peer.Maker{Name: Cold, New: peer.CardeaCold})
	if err != nil {
		return Group{}, err
	}
	cases = append(cases, verifying(Cold, off.Verify, token))
	tiny, err := p.make(peer.Maker{Name: FirstSight, New: func(ctx context.Context, i *issuer.Issuer) (*peer.Peer, error) {
		return peer.CardeaHolding(ctx, i, 1)
	}})
	if err != nil {
		return Group{}, err
	}
	cases = append(cases, verifying(FirstSight, tiny.Verify, token, p.issuer.Token(2)))

	for _, m := range peer.Makers()[1:] {
		made, err := p.make(m)
		if err != nil {
			return Group{}, err
		}
		if made.Verify != nil {
			cases = append(cases, verifying(made.Name, made.Verify, token))
		}
	}
	return Group{algorithm, s.plan().Compare(cases...)}, nil
}

// signatureOnly is the floor: the token is split and decoded already.
func signatureOnly(i *issuer.Issuer, token string) (pairing.Case, error) {
	check := peer.Crypto(i)
	signingInput, signature, err := peer.Halves(i.Algorithm, token)
	return repeating(Floor, func() error { return check(signingInput, signature) }), err
}

// methodOnly is the floor of whoever leaves the signature to golang-jwt.
func methodOnly(i *issuer.Issuer, token string) (pairing.Case, error) {
	method := jwt.GetSigningMethod(i.Algorithm)
	at := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	return repeating(MethodOnly, func() error { return method.Verify(token[:at], signature, i.PublicKey()) }), err
}

func repeating(name string, check func() error) pairing.Case {
	return pairing.Case{Name: name, Run: func(n int) {
		for range n {
			if err := check(); err != nil {
				panic(err)
			}
		}
	}}
}
