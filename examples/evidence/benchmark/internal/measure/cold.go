package measure

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// Names of cases that are Cardea in some state.
const (
	Floor      = "bare crypto"
	MethodOnly = "golang-jwt's signature check alone" // which Cardea calls as well
	Cold       = "Cardea"                             // without the cache
	FirstSight = "Cardea, first sight"                // through the cache, which never has the token, and evicts one for it
)

// Colds verifies tokens in full, again and again. The floor is the signature check alone.
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
	tokens := []string{p.issuer.Token(1), p.issuer.Token(2)} // by turns, so that a cache for one never has the next
	floor, err := signatureOnly(p.issuer, tokens)
	if err != nil {
		return Group{}, err
	}
	method, err := methodOnly(p.issuer, tokens)
	if err != nil {
		return Group{}, err
	}
	cases := []pairing.Case{floor, method}

	off, err := p.make(peer.Maker{Name: Cold, New: peer.CardeaCold})
	if err != nil {
		return Group{}, err
	}
	cases = append(cases, verifying(Cold, off.Verify, tokens...))
	tiny, err := p.make(peer.Maker{Name: FirstSight, New: func(ctx context.Context, i *issuer.Issuer) (*peer.Peer, error) {
		return peer.CardeaHolding(ctx, i, 1)
	}})
	if err != nil {
		return Group{}, err
	}
	cases = append(cases, verifying(FirstSight, tiny.Verify, tokens...))

	for _, m := range append(peer.Makers()[1:], peer.Maker{Name: peer.Documented, New: peer.GolangMap}) {
		made, err := p.make(m)
		if err != nil {
			return Group{}, err
		}
		if made.Verify != nil {
			cases = append(cases, verifying(made.Name, made.Verify, tokens...))
		}
	}
	return Group{algorithm, s.plan().Compare(cases...)}, nil
}

// signatureOnly is the floor: the tokens are split and decoded already.
func signatureOnly(i *issuer.Issuer, tokens []string) (pairing.Case, error) {
	check := peer.Crypto(i)
	return signatures(Floor, tokens, func(token string) (func() error, error) {
		signingInput, signature, err := peer.Halves(i.Algorithm, token)
		return func() error { return check(signingInput, signature) }, err
	})
}

// methodOnly is the floor of whoever leaves the signature to golang-jwt.
func methodOnly(i *issuer.Issuer, tokens []string) (pairing.Case, error) {
	method := jwt.GetSigningMethod(i.Algorithm)
	return signatures(MethodOnly, tokens, func(token string) (func() error, error) {
		at := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
		return func() error { return method.Verify(token[:at], signature, i.PublicKey()) }, err
	})
}

// readOnly is what besides that is the least of all that read a token: both its parts are decoded, and read goes through the claims.
func readOnly(i *issuer.Issuer, tokens []string, name string, read func(claims []byte) error) (pairing.Case, error) {
	method := jwt.GetSigningMethod(i.Algorithm)
	return signatures(name, tokens, func(token string) (func() error, error) {
		parts := strings.Split(token, ".")
		return func() error {
			signature, err := base64.RawURLEncoding.DecodeString(parts[2])
			if err != nil {
				return err
			}
			claims, err := base64.RawURLEncoding.DecodeString(parts[1])
			if err != nil {
				return err
			}
			if err := read(claims); err != nil {
				return err
			}
			return method.Verify(token[:len(token)-len(parts[2])-1], signature, i.PublicKey())
		}, nil
	})
}

func valid(claims []byte) error {
	if !json.Valid(claims) {
		return errors.New("benchmark: the claims are no JSON")
	}
	return nil
}

func intoFlat(claims []byte) error { return json.Unmarshal(claims, new(FlatClaims)) }

// signatures takes the tokens by turns.
func signatures(name string, tokens []string, prepare func(token string) (check func() error, err error)) (pairing.Case, error) {
	var checks []func() error
	for _, token := range tokens {
		check, err := prepare(token)
		if err != nil {
			return pairing.Case{}, err
		}
		checks = append(checks, check)
	}
	return pairing.Case{Name: name, Run: func(n int) {
		for i := range n {
			if err := checks[i%len(checks)](); err != nil {
				panic(err)
			}
		}
	}}, nil
}
