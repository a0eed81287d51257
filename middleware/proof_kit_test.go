package middleware_test

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const badProof = "401 invalid_dpop_proof"

// What the tests have of testkit, under the names that they use all the time.
var (
	jwkOf   = testkit.JWK
	athOf   = testkit.Hash
	edKeyOf = testkit.EdKeyOf
)

func jktOf(public crypto.PublicKey) string { return testkit.Thumbprint(jwkOf(public)) }

// boundTo is the cnf of a token for a client's key.
func boundTo(key crypto.Signer) claims { return claims{"cnf": claims{"jkt": jktOf(key.Public())}} }

// proof is a DPoP proof to be made; changes override members, nil removes them.
type proof struct {
	key    crypto.Signer
	token  string
	header claims
	claims claims
}

func (p proof) String() string {
	return testkit.Proof{Key: p.key, Token: p.token, Header: p.header, Claims: p.claims}.String()
}

func changed(c, changes claims) claims { return c.With(changes) }

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
