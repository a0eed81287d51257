package adaptertest

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
	cookie   = "session"
)

var now = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

// api is a protected API together with the issuer of its tokens.
type api struct {
	*middleware.Validator

	private ed25519.PrivateKey
	keys    *countedKeys

	mu   sync.Mutex
	seen []middleware.Decision
}

// newAPI makes an API that takes tokens from every place there is. There is no token cache, so each judgement of a
// token asks for its key.
func newAPI(errorHandler errorHandler) *api {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	key, err := jwks.NewKey("k1", "EdDSA", public)
	if err != nil {
		panic(err)
	}
	a := &api{private: private, keys: &countedKeys{set: jwks.NewSet(key)}}
	a.Validator, err = middleware.New(middleware.Config{
		Issuers:      []middleware.Issuer{{URL: issuer, Keys: a.keys}},
		Audiences:    []string{audience},
		TokenSources: []middleware.TokenSource{middleware.FromCookie(cookie), middleware.FromForm()},
		TokenCache:   middleware.TokenCache{Entries: -1},
		ErrorHandler: errorHandler,
		Observe:      a.observe,
		Logger:       slog.New(slog.DiscardHandler),
		Clock:        func() time.Time { return now },
	})
	if err != nil {
		panic(err)
	}
	return a
}

func (a *api) observe(_ context.Context, d middleware.Decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, d)
}

// decisions returns one line for each decision so far, such as "allowed" or "forbidden, nested".
func (a *api) decisions() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	lines := make([]string, 0, len(a.seen))
	for _, d := range a.seen {
		line := string(d.Outcome)
		if d.Nested {
			line += ", nested"
		}
		if d.Rechecked {
			line += ", rechecked"
		}
		lines = append(lines, line)
	}
	return lines
}

// token mints an access token of subject (RFC 9068) that is good for another hour and carries the given scopes.
func (a *api) token(subject, scope string) string {
	return mint(a.private, subject, scope, now.Add(time.Hour))
}

func (a *api) expiredToken() string {
	return mint(a.private, "alice", "read", now.Add(-time.Hour))
}

// forgedToken is good in every respect but its signature, which is of another key.
func (a *api) forgedToken() string {
	other := slices.Clone(a.private.Seed())
	other[0] ^= 1
	return mint(ed25519.NewKeyFromSeed(other), "alice", "read", now.Add(time.Hour))
}

func mint(key ed25519.PrivateKey, subject, scope string, expiry time.Time) string {
	signed := segment(map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}) + "." +
		segment(map[string]any{
			"iss": issuer, "aud": audience, "sub": subject, "client_id": "shop", "scope": scope,
			"iat": expiry.Add(-2 * time.Hour).Unix(), "exp": expiry.Unix(), "team": "blue",
		})
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(signed)))
}

func segment(members map[string]any) string {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// countedKeys counts how often a token was judged.
type countedKeys struct {
	set   *jwks.Set
	calls atomic.Int64
	down  atomic.Bool
	gone  atomic.Bool // withdrawn by the issuer
}

func (k *countedKeys) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	k.calls.Add(1)
	if k.down.Load() {
		return nil, jwks.ErrUnavailable
	}
	if k.gone.Load() {
		return nil, jwks.ErrKeyNotFound
	}
	return k.set.VerificationKeys(ctx, kid, alg)
}
