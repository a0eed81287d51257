package measure

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/middleware"
)

// FlatClaims are claims that an application may want for itself, without anything that two requests could not share.
type FlatClaims struct {
	Username string `json:"username"`
	Locale   string `json:"locale"`
	Tenant   struct {
		ID   string `json:"id"`
		Plan struct {
			Name  string `json:"name"`
			Seats int    `json:"seats"`
		} `json:"plan"`
	} `json:"tenant"`
}

// ListClaims have lists and a map beside.
type ListClaims struct {
	Username string         `json:"username"`
	Locale   string         `json:"locale"`
	Audience []string       `json:"aud"`
	Roles    []string       `json:"roles"`
	Tenant   map[string]any `json:"tenant"`
}

// withClaims judges a request as verify does, and has its claims in a T.
func withClaims[T any](verify func(*http.Request) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		admitted, err := verify(r)
		if err != nil {
			return nil, err
		}
		claims, err := middleware.ClaimsFromContext[T](admitted.(context.Context))
		return &claims, err
	}
}

// decodings compares ClaimsFromContext with encoding/json, the floor, on the same payload.
func decodings(s Settings, verify func(*http.Request) (any, error), token string, payload []byte) ([]pairing.Result, error) {
	r := newRequest()
	r.Header["Authorization"][0] = "Bearer " + token
	admitted, err := verify(r)
	if err != nil {
		return nil, err
	}
	ctx := admitted.(context.Context)
	decoding := func(name string, decode func() error) pairing.Case {
		return pairing.Case{Name: name, Run: func(n int) {
			for range n {
				if err := decode(); err != nil {
					panic(fmt.Sprintf("benchmark: %s: %v", name, err))
				}
			}
		}}
	}
	return s.plan().Compare(
		decoding("encoding/json", func() error { return json.Unmarshal(payload, new(ListClaims)) }),
		decoding("ClaimsFromContext", func() error {
			_, err := middleware.ClaimsFromContext[ListClaims](ctx)
			return err
		}),
	), nil
}
