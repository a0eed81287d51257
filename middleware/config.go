package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Config describes what one resource server accepts. Issuers and Audiences are required; the zero value of every other
// field is the strict and usual choice. New compiles it, so later changes have no effect.
type Config struct {
	_ [0]func() // keyed literals only, so that fields can be added for ever

	// Issuers are the trusted authorization servers: at least one, with no iss value named twice.
	Issuers []Issuer

	// Audiences are the names of this API. One of them must be in a token's aud claim, byte for byte (RFC 9068
	// section 4). Required, unless every Issuer replaces them.
	Audiences []string

	// PublicURL is the address of this API as its clients see it: scheme and host, plus any path prefix that a proxy
	// strips. It is never taken from the Host field. FromCookie compares origins with it; zero: with the Host field of
	// the request, as net/http does.
	PublicURL string

	// Realm is the realm parameter of every challenge (RFC 9110 section 11.5); zero: "api".
	Realm string

	// ScopeImplies names, for a scope, those that it carries with it: {"admin": {"read", "write"}}. It is followed
	// through several steps. Token.Scopes stays as the token has it; only Guards take it into account.
	ScopeImplies map[string][]string

	// TokenSources are further places to look for a token, beside the Authorization field. A request that fills two
	// places is refused (400). Nil: the Authorization field only. The query is never read (RFC 9700 section 4.3.2).
	TokenSources []TokenSource

	// MaxTokenBytes is the length beyond which a token is refused undecoded (400); zero: 16 KiB.
	MaxTokenBytes int

	// TokenCache bounds the cache of verified JWTs.
	TokenCache TokenCache

	// HTTPClient fetches metadata and keys of issuers without Keys (private CA, proxy, tracing); nil: one of our own,
	// which takes no proxy from the environment. Redirects are refused either way.
	HTTPClient *http.Client

	// ErrorHandler renders refusals in the net/http family; nil: WriteError. It renders and can never overrule: the
	// protected handler does not run, and if it writes nothing, WriteError answers.
	ErrorHandler func(http.ResponseWriter, *http.Request, *Error)

	// Observe is called once per Guard and request, after the decision and before the handler runs, on the request's
	// goroutine: it should be quick. It must be safe for concurrent use. Nil: nobody looks.
	Observe func(context.Context, Decision)

	// Logger receives refusals (level Info), and what could not be judged (Warn, Error), without tokens. Nil: silent.
	Logger *slog.Logger

	// Clock is the time against which tokens are judged. It must be safe for concurrent use. Nil: time.Now.
	Clock func() time.Time
}

// TokenCache bounds the cache of verified JWTs, which spares a repeated token its signature check and nothing else:
// time, key set, tenant, Accept and the Guard's requirement are judged on every request. Tokens are kept as SHA-256
// digests with their decoded claims, roughly 1 to 2 KiB each.
type TokenCache struct {
	_ [0]func() // keyed literals only

	Entries int           // zero: 8192; negative: no cache
	MaxAge  time.Duration // after which a token is verified anew; zero: not before it expires
}

const (
	defaultMaxTokenBytes = 16 << 10
	defaultCacheEntries  = 8192
	defaultLeeway        = 30 * time.Second
	maxLeeway            = 5 * time.Minute
)
