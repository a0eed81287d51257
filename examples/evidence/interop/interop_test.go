package interop_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var algorithms = []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}

type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

func TestAcceptedTokens(t *testing.T) {
	p := startProvider(t)
	api := startAPI(t, p, p.ResourceServer.Secret)

	for _, algorithm := range algorithms {
		t.Run("a JWT signed with "+algorithm, func(t *testing.T) {
			api.wantAccepted(t, p.token(t, "urn:api:"+algorithm, "orders:read"))
		})
	}
	t.Run("an opaque token", func(t *testing.T) {
		api.wantAccepted(t, p.token(t, "urn:api:opaque", "orders:read"))
	})
	t.Run("the access token of a user who logged in", func(t *testing.T) {
		token := p.logIn(t, p.App, "n-0S6_WzA2Mj").Access
		api.wantAccepted(t, token)

		var got claims
		if err := json.Unmarshal([]byte(api.must(t, "GET", "/me", token).body), &got); err != nil {
			t.Fatal(err)
		}
		want := claims{Issuer: p.Issuer, Subject: "alice", Audience: audience, ClientID: "app", Scope: "orders:read"}
		if got != want {
			t.Errorf("got claims %+v, want %+v", got, want)
		}
	})
}

func TestInsufficientScope(t *testing.T) {
	p := startProvider(t)
	api := startAPI(t, p, p.ResourceServer.Secret)

	for _, resource := range []string{"urn:api:ES256", "urn:api:opaque"} {
		token := p.token(t, resource, "orders:read")
		got := api.must(t, "POST", "/orders", token)
		if got.status != http.StatusForbidden || !strings.Contains(
			got.challenge, `error="insufficient_scope"`,
		) || !strings.Contains(got.challenge, `scope="orders:write"`) {
			t.Errorf("a token for %s without orders:write: status %d, challenge %q", resource, got.status, got.challenge)
		}
	}
}

func TestRefusedTokens(t *testing.T) {
	p := startProvider(t)
	api := startAPI(t, p, p.ResourceServer.Secret)
	good := p.token(t, "urn:api:RS256", "orders:read")
	api.wantAccepted(t, good)
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	_, otherRest, _ := strings.Cut(p.token(t, "urn:api:RS256", "orders:read orders:write"), ".")
	otherPayload, _, _ := strings.Cut(otherRest, ".")
	otherHeader, _, _ := strings.Cut(p.token(t, "urn:api:PS256", "orders:read"), ".")

	for name, token := range map[string]string{
		"a JWT for another API":                                          p.token(t, "urn:other", "orders:read"),
		"an opaque token for another API":                                p.token(t, "urn:other:opaque", "orders:read"),
		"a JWT that has expired":                                         p.token(t, "urn:api:expired", "orders:read"),
		"an ID token":                                                    p.logIn(t, p.App, "n-0S6_WzA2Mj").ID,
		"an ID token of an app without nonce":                            p.logIn(t, p.App, "").ID,
		"an ID token whose aud is ours, as the app is called like us":    p.logIn(t, p.Namesake, "n-0S6_WzA2Mj").ID,
		"a refresh token, which the introspection endpoint calls active": p.logIn(t, p.App, "").Refresh,
		"a token that nobody issued":                                     "WmXbBjXh0dY2nHkqBqZ3fQ",
		"the claims of one token under the signature of another":         header + "." + otherPayload + "." + signature,
		"an RS256 signature under a PS256 header":                        otherHeader + "." + payload + "." + signature,
		"a JWT without its signature":                                    header + "." + payload + ".",
	} {
		t.Run(name, func(t *testing.T) {
			api.wantRefused(t, token)
		})
	}
}

// Without typ, nonce or at_hash nothing marks this ID token as one, and its aud is ours. The stricter profile is for
// providers that can do better.
func TestRFC9068ProfileTellsEveryIDTokenApart(t *testing.T) {
	p := startProvider(t)
	api := startAPI(t, p, p.ResourceServer.Secret, "-rfc9068")

	for _, algorithm := range algorithms {
		api.wantAccepted(t, p.token(t, "urn:api:"+algorithm, "orders:read"))
	}
	login := p.logIn(t, p.Namesake, "")
	api.wantAccepted(t, login.Access)
	api.wantRefused(t, login.ID)
}

func TestRevokedTokenIsRefusedOnceItsAnswerIsForgotten(t *testing.T) {
	p := startProvider(t)
	api := startAPI(t, p, p.ResourceServer.Secret, "-introspection-ttl", "200ms")
	token := p.token(t, "urn:api:opaque", "orders:read")
	api.wantAccepted(t, token)

	p.revoke(t, token)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		got, err := api.call(ctx, "GET", "/orders", token)
		if err != nil {
			t.Fatalf("the revoked token is still accepted: %v", err)
		}
		if got.status == http.StatusUnauthorized {
			return
		}
		if got.status != http.StatusOK {
			t.Fatalf("status %d for a revoked token", got.status)
		}
	}
}

// A wrong secret of ours is our fault: no token must be called bad for it.
func TestRefusedIntrospectionClientIsNotTheCallersFault(t *testing.T) {
	p := startProvider(t)
	api := startAPI(t, p, "not-the-secret")

	got := api.must(t, "GET", "/orders", p.token(t, "urn:api:opaque", "orders:read"))
	if got.status != http.StatusServiceUnavailable || got.challenge != "" {
		t.Errorf("an opaque token: status %d, challenge %q; want 503 without a challenge", got.status, got.challenge)
	}
	api.wantAccepted(t, p.token(t, "urn:api:ES256", "orders:read"))
}

func TestKeyRotationWhileServing(t *testing.T) {
	p := startProvider(t)
	api := startAPI(t, p, p.ResourceServer.Secret)
	all := func() []string {
		var tokens []string
		for _, algorithm := range algorithms {
			tokens = append(tokens, p.token(t, "urn:api:"+algorithm, "orders:read"))
		}
		return tokens
	}
	first := all()
	wantAccepted := func(tokens []string) {
		t.Helper()
		for _, token := range tokens {
			api.wantAccepted(t, token)
		}
	}
	wantAccepted(first)

	stop := serveMeanwhile(t, api, first[0])
	p.rotate(t, "overlap")
	second := all()
	wantAccepted(second)
	wantAccepted(first)
	stop()

	// The API learns that the old keys have gone when a new key makes it fetch.
	p.rotate(t, "replace")
	third := all()
	wantAccepted(third)
	for _, token := range append(first, second...) {
		api.wantRefused(t, token)
	}
}

// serveMeanwhile sends requests with a good token, one after the other, until stop is called. All must pass.
func serveMeanwhile(t *testing.T, api api, token string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var served, failed atomic.Int64
	var worker sync.WaitGroup
	worker.Go(func() {
		for ctx.Err() == nil {
			got, err := api.call(ctx, "GET", "/orders", token)
			switch {
			case ctx.Err() != nil:
			case err == nil && got.status == http.StatusOK:
				served.Add(1)
			default:
				failed.Add(1)
			}
		}
	})
	return func() {
		t.Helper()
		cancel()
		worker.Wait()
		if failed.Load() > 0 || served.Load() == 0 {
			t.Errorf("%d of %d requests failed during the rotation", failed.Load(), served.Load()+failed.Load())
		}
	}
}
