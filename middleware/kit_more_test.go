package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// badToken is the outcome that RFC 6750 section 3.1 wants for every token that is no good.
const badToken = "401 invalid_token"

// offline fails the test when anything is sent: no token may cause a request.
type offline struct{ t testing.TB }

func (o offline) RoundTrip(r *http.Request) (*http.Response, error) {
	o.t.Errorf("a token caused a request to %s", r.URL)
	return nil, errors.New("there is no network in this test")
}

// eachWay runs test with the cache of verified tokens and without it, and never with a network.
func eachWay(t *testing.T, change func(*middleware.Config), test func(t *testing.T, v *middleware.Validator)) {
	t.Helper()
	for _, way := range []struct {
		name    string
		entries int
	}{{"with the cache", 0}, {"without a cache", -1}} {
		t.Run(way.name, func(t *testing.T) {
			test(t, validator(t, func(cfg *middleware.Config) {
				cfg.HTTPClient = &http.Client{Transport: offline{t}}
				if change != nil {
					change(cfg)
				}
				cfg.TokenCache.Entries = way.entries
			}))
		})
	}
}

// wantRefused sends the token twice, because the second time must not be kinder, and asks for the reason.
func wantRefused(t testing.TB, v *middleware.Validator, token, outcome string, reason middleware.Reason) {
	t.Helper()
	guard := v.Require()
	for range 2 {
		if got := serve(guard, bearer(token)).String(); got != outcome {
			t.Errorf("outcome is %q, want %q", got, outcome)
		}
	}
	if got := reasonOf(t, guard, bearer(token)); got != reason {
		t.Errorf("reason is %q, want %q", got, reason)
	}
}

// wantAdmitted sends the token twice, the second time past the cache if there is one.
func wantAdmitted(t testing.TB, v *middleware.Validator, token string) *middleware.Token {
	t.Helper()
	guard := v.Require()
	var admitted *middleware.Token
	for range 2 {
		got := serve(guard, bearer(token))
		if got.String() != "200" || got.token == nil {
			t.Fatalf("outcome is %q (%s), want 200 and a token", got, reasonOf(t, guard, bearer(token)))
		}
		admitted = got.token
	}
	return admitted
}

// wantOutcome is wantRefused, or wantAdmitted for the empty reason.
func wantOutcome(t testing.TB, v *middleware.Validator, token string, reason middleware.Reason) {
	t.Helper()
	if reason == "" {
		wantAdmitted(t, v, token)
		return
	}
	wantRefused(t, v, token, badToken, reason)
}

// hostile is a row of a table of attacks.
type hostile struct {
	name   string // the attack
	token  string
	reason middleware.Reason
}

// wantAllRefused runs such a table each way: 401, invalid_token and the reason of the row.
func wantAllRefused(t *testing.T, change func(*middleware.Config), attacks []hostile) {
	t.Helper()
	eachWay(t, change, func(t *testing.T, v *middleware.Validator) {
		wantAdmitted(t, v, mint(good(nil))) // or the table would prove nothing
		for _, attack := range attacks {
			t.Run(attack.name, func(t *testing.T) {
				wantRefused(t, v, attack.token, badToken, attack.reason)
			})
		}
	})
}

// trap is the address of a server that nobody may visit.
func trap(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a token caused a request to %s", r.URL)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// mintAs signs with the test issuer's Ed25519 key under a typ; empty: none.
func mintAs(typ string, c claims) string {
	header := claims{"alg": "EdDSA", "kid": "ed"}
	if typ != "" {
		header["typ"] = typ
	}
	return sign(string(toJSON(header)), string(toJSON(c)), edKey())
}

// mintText signs claims that are written as text, for values that no encoder would write.
func mintText(payload string) string { return sign(edHeader, payload, edKey()) }

// keySourceFunc is a middleware.KeySource.
type keySourceFunc func(ctx context.Context, kid, alg string) ([]*jwks.Key, error)

func (f keySourceFunc) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	return f(ctx, kid, alg)
}

// countedKeys counts the questions that reach the test issuer's keys.
type countedKeys struct {
	*jwks.Set

	asked atomic.Int64
}

func (c *countedKeys) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	c.asked.Add(1)
	return c.Set.VerificationKeys(ctx, kid, alg)
}

// introspector answers every token with the same Response, and counts.
type introspector struct {
	response *introspection.Response
	err      error
	asked    atomic.Int64
	last     atomic.Value // the token
}

func (i *introspector) Introspect(_ context.Context, token string) (*introspection.Response, error) {
	i.asked.Add(1)
	i.last.Store(token)
	return i.response, i.err
}

// answering is an introspector with this answer.
func answering(answer claims) *introspector {
	return &introspector{response: must(introspection.ParseResponse(toJSON(answer)))}
}

// active is an answer that every default Validator accepts; changes override, nil removes.
func active(changes claims) claims {
	c := good(claims{"active": true, "token_type": "Bearer"})
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

// patientError knows when to come again.
type patientError struct{}

func (patientError) Error() string             { return "down" }
func (patientError) RetryAfter() time.Duration { return 7*time.Second + 1 }

// observeInto is a Config.Observe that keeps the latest decision, for tests of one goroutine.
func observeInto(d *middleware.Decision) func(context.Context, middleware.Decision) {
	return func(_ context.Context, latest middleware.Decision) { *d = latest }
}

// introspectorByToken answers with the token as its subject.
type introspectorByToken struct{}

func (introspectorByToken) Introspect(_ context.Context, token string) (*introspection.Response, error) {
	return introspection.ParseResponse(toJSON(active(claims{"sub": token})))
}
