package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/loopback"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/introspection"
)

// questionCosts compares asking the issuer's server about a token that it was not asked about before with an http.Client that posts
// the same form, reads the answer and decodes it into a struct. The server gives prepared bytes. Where the CPU time can be had, it counts.
func questionCosts(ctx context.Context, s Settings) ([]Cost, error) {
	i, err := issuer.Start("ES256")
	if err != nil {
		return nil, err
	}
	defer i.Close()
	server, err := loopback.Answer(i.Answer())
	if err != nil {
		return nil, err
	}
	defer server.Close()
	asks, err := introspection.New(introspection.Config{URL: server.URL, ClientAuth: introspection.SecretBasic("api", "secret"), ActiveTTL: time.Hour})
	if err != nil {
		return nil, err
	}
	defer asks.Close()

	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	asked := 0
	asking := func(name string, ask func(token string) error) pairing.Case {
		return pairing.Case{Name: name, Run: func(n int) {
			for range n {
				asked++
				if err := ask(fmt.Sprintf("2YotnFZFEjr1zCsicMWpAA%021d", asked)); err != nil {
					panic(fmt.Sprintf("benchmark: %s: %v", name, err))
				}
			}
		}}
	}
	if _, err := pairing.CPUClock(); err == nil {
		s.CPUTime = true
	}
	r := s.plan().Compare(
		asking("http.Client", func(token string) error { return post(ctx, client, server.URL, token) }),
		asking("introspection.Client", func(token string) error {
			response, err := asks.Introspect(ctx, token)
			if err == nil && !response.Active() {
				return errInactive
			}
			return err
		}))[1]
	return []Cost{{"asking about an opaque token (CPU time), of a bare http.Client that posts, reads and decodes", 1.3, r.Ratio, r.Allocs, r.Bytes}}, nil
}

var errInactive = errors.New("the token is not active")

// answer is what an application reads that asks by itself.
type answer struct {
	Active   bool     `json:"active"`
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Client   string   `json:"client_id"`
	Scope    string   `json:"scope"`
	Audience []string `json:"aud"`
	Expiry   int64    `json:"exp"`
}

func post(ctx context.Context, client *http.Client, address, token string) error {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.SetBasicAuth("api", "secret")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !a.Active {
		return errInactive
	}
	return nil
}
