package peer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

func start(t *testing.T, algorithm string) *issuer.Issuer {
	t.Helper()
	i, err := issuer.Start(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

func request(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, peer.Path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// status serves one request through the middleware of p.
func status(p *peer.Peer, token string) (code int, reached bool) {
	h := p.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached = true
		w.WriteHeader(http.StatusNoContent)
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(token))
	return w.Code, reached
}

func makers() []peer.Maker {
	return append(peer.Makers(),
		peer.Maker{Name: "Cardea, cold", New: peer.CardeaCold},
		peer.Maker{Name: peer.DigestKeptName, New: peer.DigestKept},
		peer.Maker{Name: peer.TokenKeptName, New: peer.TokenKept},
		peer.Maker{Name: peer.Documented, New: peer.GolangMap},
		peer.Maker{Name: "Cardea in frameworks", New: inFrameworks})
}

// inFrameworks is all frameworks in a row: what one refuses is refused.
func inFrameworks(ctx context.Context, i *issuer.Issuer) (*peer.Peer, error) {
	frameworks, stop, err := peer.Frameworks(ctx, i)
	if err != nil {
		return nil, err
	}
	return &peer.Peer{Close: stop, Handler: func(next http.Handler) http.Handler {
		for _, f := range frameworks {
			next = f.Guarded(next)
		}
		return next
	}}, nil
}

// All peers must make the same decisions, or the comparison would be of different work.
func TestEveryPeerMakesTheSameChecks(t *testing.T) {
	for _, algorithm := range issuer.Algorithms {
		i := start(t, algorithm)
		good := i.Token(1)
		refused := []struct{ attack, token string }{
			{"a forged signature", issuer.Forged(good)},
			{"an expired token is replayed", i.Token(2, issuer.Expired)},
			{"a token for another API", i.Token(3, issuer.ForAnotherAPI)},
			{"a token that names another issuer", i.Token(4, issuer.FromAnotherIssuer)},
			{"a token without the scope", i.Token(5, issuer.WithoutScope)},
			{"a claim is changed under the old signature", otherPayload(i.Token(6, issuer.WithoutScope), good)},
			{"garbage of the shape of a token", issuer.Garbage(good, 1)},
		}
		for _, m := range makers() {
			t.Run(algorithm+"/"+m.Name, func(t *testing.T) {
				p, err := m.New(t.Context(), i)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(p.Close)
				for range 2 { // the second time from a cache, where there is one
					if code, reached := status(p, good); code != http.StatusNoContent || !reached {
						t.Fatalf("the good token: status %d, handler reached: %v", code, reached)
					}
				}
				for _, tc := range refused {
					if code, reached := status(p, tc.token); code < 400 || code >= 500 || reached {
						t.Errorf("%s: status %d, handler reached: %v", tc.attack, code, reached)
					}
				}
				if p.Verify == nil {
					return
				}
				if _, err := p.Verify(request(good)); err != nil {
					t.Errorf("Verify refuses the good token: %v", err)
				}
				for _, tc := range refused {
					if _, err := p.Verify(request(tc.token)); err == nil {
						t.Errorf("Verify accepts %s", tc.attack)
					}
				}
			})
		}
	}
}

// otherPayload is the good token with the claims of another.
func otherPayload(other, good string) string {
	o, g := strings.Split(other, "."), strings.Split(good, ".")
	return g[0] + "." + o[1] + "." + g[2]
}

func TestAnUnknownKeyIsRefused(t *testing.T) {
	i := start(t, "ES256")
	for _, m := range makers() {
		t.Run(m.Name, func(t *testing.T) {
			p, err := m.New(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			if code, reached := status(p, issuer.UnderUnknownKey("ES256", i.Token(1), 1)); code < 400 || code >= 500 || reached {
				t.Errorf("a kid that nobody has: status %d, handler reached: %v", code, reached)
			}
		})
	}
}

func TestTheFloorVerifiesSignatures(t *testing.T) {
	for _, algorithm := range issuer.Algorithms {
		i := start(t, algorithm)
		check := peer.Crypto(i)
		for token, want := range map[string]bool{i.Token(1): true, issuer.Forged(i.Token(1)): false} {
			signingInput, signature, err := peer.Halves(algorithm, token)
			if err != nil {
				t.Fatal(err)
			}
			if got := check(signingInput, signature) == nil; got != want {
				t.Errorf("%s: signature good: %v, want %v", algorithm, got, want)
			}
		}
	}
}

func TestTheTokenIsTypical(t *testing.T) {
	i := start(t, "RS256")
	claims := jwt.MapClaims{}
	token := i.Token(1)
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	if n := len(token); n < 1300 || n > 1500 {
		t.Errorf("the RS256 token has %d bytes; the figures are about one of some 1400", n)
	}
}
