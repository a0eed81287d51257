package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/enum"
)

// Config describes what one resource server accepts. Issuers and Audiences are required; the zero value of every other
// field is the strict and usual choice. New compiles it, so later changes have no effect.
type Config struct {
	_ [0]func() // keyed literals only, so that fields can be added for ever

	// Every day.

	// Issuers are the trusted authorization servers: at least one, with no iss value named twice.
	Issuers []Issuer

	// Audiences are the names of this API. One of them must be in a token's aud claim, byte for byte (RFC 9068
	// section 4). Required, unless every Issuer replaces them.
	Audiences []string

	// PublicURL is the address of this API as its clients see it: scheme and host, plus any path prefix that a proxy
	// strips. It is never taken from the Host field. DPoP proofs are compared with it; zero: tokens bound to a DPoP key are
	// refused. FromCookie compares origins with it too, and with nothing else; zero: with the Host field of the request, as
	// net/http does. Plain http off loopback is taken, because some networks encrypt by themselves, and logged by New; FAPI2
	// refuses it.
	PublicURL string

	// Logger receives refusals (level Info), and what could not be judged (Warn, Error), without tokens: the first few of one reason,
	// issuer and route, then one in a while with the number of the others, the rest of which Close writes. And from New, once,
	// settings that are a risk (Warn), each with the remedy. Nil: slog.Default(), asked for at each line;
	// slog.New(slog.DiscardHandler) is silent.
	Logger *slog.Logger

	// Observe is called once per Guard and request, after the decision and before the handler runs, on the request's
	// goroutine: it should be quick. It must be safe for concurrent use. Nil: nobody looks.
	Observe func(context.Context, Decision)

	// What requests look like, and refusals.

	// TokenSources are further places to look for a token, beside the Authorization field. A request that fills two
	// places is refused (400), unless two of TokenSources hold the same token, as where a gateway sends a field and a cookie. Nil: the
	// Authorization field only. The query is never read (RFC 9700 section 4.3.2).
	TokenSources []TokenSource

	// IgnoreAuthorization leaves the Authorization field alone, so that tokens come from TokenSources only: for gateways that put a
	// credential of their own there, or leave the application's, and the token elsewhere (Cloudflare Access, Google IAP and API
	// gateways). Without it, a field of another scheme than Bearer and DPoP steps aside for a token in one of TokenSources, and a
	// Bearer in it beside one is refused (400). It needs TokenSources.
	IgnoreAuthorization bool

	// PublicURLs are further addresses of the same API, written like PublicURL, for one that has several names: proofs may name any
	// of them, and pages of each may send cookies. It needs PublicURL.
	PublicURLs []string

	// MaxTokenBytes is the length beyond which a token is refused undecoded (400); zero: 16 KiB.
	MaxTokenBytes int

	// ScopeImplies names, for a scope, those that it carries with it: {"admin": {"read", "write"}}. It is followed
	// through several steps. Token.Scopes stays as the token has it; only Guards take it into account.
	ScopeImplies map[string][]string

	// Realm is the realm parameter of every challenge (RFC 9110 section 11.5); zero: "api".
	Realm string

	// ErrorHandler renders refusals in the net/http family; nil: WriteError. It renders and can never overrule: the
	// protected handler does not run, and if it writes nothing, WriteError answers. It may add to the challenge, as resource_metadata (RFC 9728).
	ErrorHandler func(http.ResponseWriter, *http.Request, *Error)

	// Tokens that are bound to their sender, or taken back.

	// DPoP says how proofs of possession (RFC 9449) are judged. They need PublicURL; without it, tokens that are bound to a
	// DPoP key are refused. Zero: a bound token must be proven, an unbound one may come as Bearer.
	DPoP DPoP

	// MTLS says the same of tokens that are bound to a client certificate (RFC 8705). Zero: the certificate of the TLS layer.
	MTLS MTLS

	// FAPI2 demands what the FAPI 2.0 Security Profile demands of a resource server: tokens bound to their sender, by DPoP or
	// MTLS; PS256, ES256, EdDSA or Ed25519 only; typ at+jwt with all its claims; revocation is seen, so JWTs are introspected
	// as well, or there are Revocations with RevocationsWithin; tokens in the Authorization field only. New refuses what cannot satisfy it.
	FAPI2 bool

	// Revocations are asked about every verified token, on every request, whether it was taken back before its end (401). Nil: nobody
	// is asked. Until each of them knows something, nothing is judged (503).
	Revocations []Revocations

	// RevocationsWithin is how old the oldest of what Revocations know may be before a request is not judged (503). Zero: no limit, so
	// a list that has lost its feed goes on with what it knows. Guard.RevocationsWithin sets one for a route.
	RevocationsWithin time.Duration

	// The network and this process.

	// HTTPClient fetches metadata and keys of issuers without Keys (private CA, proxy, tracing); nil: one of our own,
	// which takes no proxy from the environment. Redirects are refused either way. It is one for all of them, so one that adds a
	// credential (Kubernetes) would show it to every issuer: give that Issuer Keys of its own, made by jwks.New. A fetch is shared by
	// all requests that wait for it and belongs to none, so where the client makes spans, each fetch begins a trace of its own.
	HTTPClient *http.Client

	// DangerouslyAllowHTTP names hosts that may be asked for metadata and keys without TLS, as "keycloak:8080", each with its port
	// and without wildcards: jwks.Config.DangerouslyAllowHTTP for every Issuer without Keys. Whoever is between such a host and
	// this API can make any token, so it is for networks of containers and meshes that bring a TLS of their own. Not with
	// FAPI2. Nil: this machine only.
	DangerouslyAllowHTTP []string

	// TokenCache bounds the cache of verified JWTs.
	TokenCache TokenCache

	// LogSubjects puts the subject and the id of a verified token, and the address of the client, into log lines. They are about persons.
	// Zero: they are in the Decision only.
	LogSubjects bool

	// Clock is the time against which tokens are judged. It must be safe for concurrent use. Nil: time.Now.
	Clock func() time.Time
}

// TokenCache bounds the cache of verified JWTs, which spares a repeated token its signature check and nothing else:
// time, key set, tenant, Accept and the Guard's requirement are judged on every request. What is kept of a token is its header,
// its claims, and of its signature a SHA-256 digest, so that nothing in memory can be used as a token; that is about 1.5 kB
// for a token of 1 kB, and 12 MB for 8192 of them. A second cache of the same limits holds what was made of introspection answers,
// for as long as the Introspector stands by them; of an opaque token it keeps a digest only. Where a cache is full, tokens that have
// not been used lately make room.
type TokenCache struct {
	_ [0]func() // keyed literals only

	// Entries is how many tokens each cache holds. Zero: 8192, or with Bytes as many as these hold; negative: there is no cache.
	Entries int

	// Bytes is how much memory the tokens of each cache may take: a limit beside Entries, for tokens of any size. Not counted is what
	// ClaimsFromContext keeps, and a List with a Store of a token that comes again (300 bytes). Zero: no limit; otherwise at least 64 KiB.
	Bytes int

	// MaxAge is the age after which a JWT is verified anew. Zero: not before it expires.
	MaxAge time.Duration
}

// DPoP says how proofs of possession are judged (RFC 9449).
type DPoP struct {
	_ [0]func() // keyed literals only

	// Required refuses tokens that are bound to no key, and the Bearer scheme with them.
	Required bool

	// MaxAge is how far the iat of a proof may lie from now, either way. Zero: 60 seconds. At most five minutes.
	MaxAge time.Duration

	// Replays remembers proofs. Nil: this process remembers its own, which lets a proof pass once at each replica. A proof is
	// spent once in each store: two Validators with one store, the Guard of one inside the Guard of the other, refuse
	// every proof, and New of one cannot see the other. The store of this process holds 131 072 proofs of one subject or client
	// at a time: one that sends more than some 1000 a second is not judged (503).
	Replays ReplayStore

	// NonceSecrets put nonces in force: a proof must contain one that was made with one of these secrets, so it cannot be
	// made in advance (RFC 9449 section 9). Newest first while they rotate; each at least 32 random bytes. Replicas that
	// share the secrets accept each other's nonces. New logs a secret of equal bytes, which only tests have a use for. Nil: no
	// nonces.
	NonceSecrets [][]byte `json:"-"`

	// NonceMaxAge is how long a nonce is good; the next one is handed out at half of it. Zero: 5 minutes.
	NonceMaxAge time.Duration
}

// Format prints, for every verb, the settings without the secrets, of which it tells the number.
func (d DPoP) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "middleware.DPoP(required %t, proofs of %v, own store %t, %d nonce secrets of %v)",
		d.Required, d.MaxAge, d.Replays == nil, len(d.NonceSecrets), d.NonceMaxAge)
}

// ReplayStore remembers DPoP proofs until they expire. Add puts key in and reports whether it was not there yet, as one
// atomic step; an error is 503. It must be safe for concurrent use. A store that several processes share makes a proof
// good once among all of them; keys are digests of fixed length and hold nothing of the proof.
type ReplayStore interface {
	Add(ctx context.Context, key string, until time.Time) (fresh bool, err error)
}

// MTLS says where client certificates come from and whether tokens must be bound to one (RFC 8705 section 3). A token
// that is bound is always judged by it. Whether the certificate is valid is for the TLS layer to judge, which may accept any
// (RFC 8705 section 2.2): what counts here is that it is the one that the token names.
type MTLS struct {
	_ [0]func() // keyed literals only

	// Required refuses tokens that are bound to no certificate.
	Required bool

	// Header is the field in which a proxy that terminates TLS passes the certificate on, such as "Client-Cert". It is
	// believed from TrustedProxies only, and the proxy must remove what clients send in it. With it, certificates of the TLS
	// layer are the proxy's own and do not count. Zero: the TLS layer.
	Header string

	// Encoding is how Header is written; zero: ClientCertField. The field is read in this one way, and what is written in another is
	// refused.
	Encoding CertificateEncoding

	// Element says which element of a ForwardedClientCert is the caller's, counted from the end, where the proxy writes that is
	// nearest: 1 is its own, 2 that of the proxy before it (Istio: of the gateway, where sidecars append). What stands in front of
	// that element is ignored, as it may be the client's. Whoever reaches the nearest proxy past the others can write all elements
	// but the last, so let nobody. Zero: the field has one element, and several are refused.
	Element int

	// TrustedProxies are the addresses from which Header is believed. Required with Header. IPv4 networks are written as IPv4.
	// The peer is http.Request.RemoteAddr (Credentials.RemoteAddr): no middleware in front may replace it by what a header field
	// says, which is the client's word. New cannot see such a middleware; it refuses networks that hold more than
	// anybody's own (IPv4 prefixes under 8 bits, public IPv6 under 16).
	TrustedProxies []netip.Prefix
}

// CertificateEncoding is a way to write a certificate into a header field. Its text form is the name of the constant.
type CertificateEncoding int

// The encodings that proxies use. Name the one of your proxy: none is guessed. Of a chain the first certificate is the client's own
// (RFC 8446 section 4.4.2), so a proxy that appends to what clients send must not be trusted.
const (
	// ClientCertField is the Client-Cert field of RFC 9440: base64 of the DER between colons.
	ClientCertField CertificateEncoding = iota
	// ForwardedClientCert is X-Forwarded-Client-Cert, with its Cert or Hash: Envoy (forward_client_cert_details: SANITIZE_SET) and
	// Istio. See MTLS.Element where several proxies write it.
	ForwardedClientCert
	// EscapedPEM is PEM, percent-encoded: nginx ($ssl_client_escaped_cert), AWS load balancers (X-Amzn-Mtls-Clientcert-Leaf, and
	// X-Amzn-Mtls-Clientcert, which holds the chain). Of a chain the first certificate counts.
	EscapedPEM
	// Base64DER is base64 of the DER, between colons or not, percent-encoded or not, the first of a list with commas: Traefik
	// (passTLSClientCert, pem: true: X-Forwarded-Tls-Client-Cert), HAProxy (%[ssl_c_der,base64]), Caddy
	// ({http.request.tls.client.certificate_der_base64}), Azure App Service (X-ARR-ClientCert).
	Base64DER
	// HexThumbprint is no certificate but its SHA-256 in 64 hexadecimal digits: Cloudflare (Cf-Client-Cert-Sha256), HAProxy
	// (%[ssl_c_der,sha2(256),hex]), Caddy ({http.request.tls.client.fingerprint}). It can be compared with the x5t#S256 that a token is
	// bound to, which is all that is done with it. A SHA-1 (nginx $ssl_client_fingerprint) is refused.
	HexThumbprint
)

var certificateEncodings = []string{"ClientCertField", "ForwardedClientCert", "EscapedPEM", "Base64DER", "HexThumbprint"}

// String is the name of the constant.
func (e CertificateEncoding) String() string { return enum.String(certificateEncodings, e) }

// MarshalText is String. An encoding without a name is an error.
func (e CertificateEncoding) MarshalText() ([]byte, error) {
	return enum.Marshal(certificateEncodings, e)
}

// UnmarshalText reads the name of the constant, byte for byte.
func (e *CertificateEncoding) UnmarshalText(text []byte) error {
	return enum.Unmarshal(certificateEncodings, e, text)
}

const (
	defaultMaxTokenBytes = 16 << 10
	defaultCacheEntries  = 8192
	defaultLeeway        = 30 * time.Second
	maxLeeway            = 5 * time.Minute
)
