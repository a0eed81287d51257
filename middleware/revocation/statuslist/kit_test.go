package statuslist_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

const audience = "https://orders.example.com"

var silent = slog.New(slog.DiscardHandler)

// api is a resource server whose Revocations are Lists, and the authorization server whose tokens it takes.
type api struct {
	issuer *authtest.Issuer
	lists  *statuslist.Lists
	guard  *middleware.Guard
	last   middleware.Decision
}

func newAPI(t *testing.T, change func(*api, *statuslist.Config)) *api {
	t.Helper()
	a := &api{issuer: authtest.NewIssuer(t)}
	var cfg statuslist.Config
	if change != nil {
		change(a, &cfg)
	}
	a.lists = newLists(t, newValidator(t, a.issuer.Config(audience)), cfg)
	config := a.issuer.Config(audience)
	config.Revocations = []middleware.Revocations{a.lists}
	config.Observe = func(_ context.Context, d middleware.Decision) { a.last = d }
	a.guard = newValidator(t, config).Require()
	return a
}

func newValidator(t testing.TB, cfg middleware.Config) *middleware.Validator {
	t.Helper()
	v, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func newLists(t testing.TB, v *middleware.Validator, cfg statuslist.Config) *statuslist.Lists {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = silent
	}
	lists, err := statuslist.New(v, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lists.Close() })
	return lists
}

// ask is what becomes of a request with a token: the status code, and the reason.
func (a *api) ask(token string) string {
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	_, err := a.guard.Check(r)
	var refused *middleware.Error
	if !errors.As(err, &refused) {
		return "200"
	}
	return fmt.Sprint(refused.Status(), " ", refused.Reason)
}

func (a *api) fetches() int { return a.issuer.Requests(authtest.EndpointStatusLists) }

// What follows has no network, so that time can be that of a bubble.

const listURI = testkit.Issuer + "/lists/1"

// status is a server of status lists, in the place of a Transport.
type server struct {
	mu       sync.Mutex
	requests []*http.Request
	answer   func(r *http.Request) (*http.Response, error)
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	answer := s.answer
	s.mu.Unlock()
	return answer(r)
}

func (s *server) set(answer func(r *http.Request) (*http.Response, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// answers with a list of one-bit statuses for whatever address is asked.
func (s *server) serves(claims testkit.Claims, revoked ...int) {
	s.set(func(r *http.Request) (*http.Response, error) {
		return answer(signed(r.URL.String(), claims, revoked...)), nil
	})
}

func (s *server) fails() {
	s.set(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
}

func answer(text string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/statuslist+jwt"}},
		Body: io.NopCloser(strings.NewReader(text)),
	}
}

// signed is a Status List Token of 64 one-bit statuses, which testkit.Issuer has signed now.
func signed(uri string, claims testkit.Claims, revoked ...int) string {
	packed := make([]byte, 8)
	for _, index := range revoked {
		packed[index/8] |= 1 << (index % 8)
	}
	all := testkit.Claims{"sub": uri, "iat": time.Now().Unix(), "status_list": testkit.Claims{"bits": 1, "lst": testkit.B64(zipped(packed))}}.With(claims)
	return testkit.Sign(`{"typ":"statuslist+jwt","alg":"EdDSA","kid":"ed"}`, string(testkit.JSON(all)), testkit.EdKey())
}

// keys is a Validator that has the keys of testkit.Issuer, and of a status issuer.
func keys(t testing.TB) *middleware.Validator {
	return newValidator(t, middleware.Config{
		Issuers: []middleware.Issuer{
			{URL: testkit.Issuer, Keys: testkit.KeySet()},
			{URL: "https://status.example", Keys: testkit.OneKey("status", testkit.StrangeKey())},
			{URL: "https://many.example/{tenantid}", Keys: testkit.KeySet(), AllowTenant: anyTenant},
		},
		Audiences: []string{audience}, Logger: silent,
	})
}

func facts(index int) middleware.TokenFacts {
	return middleware.TokenFacts{Issuer: testkit.Issuer, StatusURI: listURI, StatusIndex: index}
}

// judged is what the core makes of Judge and Load: the kind, "good", or "unknown" for 503.
func judged(t testing.TB, lists *statuslist.Lists, f middleware.TokenFacts) string {
	t.Helper()
	verdict := lists.Judge(f)
	if verdict.Kind == "" && verdict.AsOf.IsZero() {
		if err := lists.Load(t.Context(), f); err != nil {
			return "unknown"
		}
		verdict = lists.Judge(f)
	}
	switch {
	case verdict.Kind != "":
		return verdict.Kind
	case verdict.AsOf.IsZero():
		return "unknown"
	default:
		return "good"
	}
}

func anyTenant(context.Context, string) bool { return true }
