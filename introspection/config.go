package introspection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/introspection/internal/shared"
	"github.com/cardea-auth/cardea/jwks"
)

const (
	defaultTimeout     = 2 * time.Second
	defaultMaxInFlight = 64
	defaultActiveTTL   = 10 * time.Second
	defaultInactiveTTL = 5 * time.Second
	defaultEntries     = 8192
	maxTTL             = 12 * time.Hour

	defaultSharedTimeout = 50 * time.Millisecond
)

// Config describes one introspection endpoint and how this resource server asks it. URL and ClientAuth, or Ask, are required.
// New reads it once; changing it afterwards has no effect.
type Config struct {
	_ [0]func()

	// URL is the introspection endpoint (RFC 7662 section 2), https, with plain http for loopback hosts only (127.0.0.0/8, ::1
	// and localhost) and for those of DangerouslyAllowHTTP. It may have a query, but neither user information nor a fragment.
	URL string

	// Issuer is the authorization server's issuer identifier, byte for byte. It is the audience of PrivateKeyJWT
	// assertions and the iss that signed answers must carry, and required for these two. Otherwise it may be empty.
	Issuer string

	// ClientAuth is how this resource server authenticates itself. The zero value is refused, because an endpoint that
	// answers strangers is an oracle for stolen tokens (RFC 7662 section 4); NoClientAuth says so on purpose.
	ClientAuth ClientAuth

	// SignedBy, when set, demands signed answers (RFC 9701) under one of these keys and refuses plain JSON.
	// It needs Issuer and a ClientAuth that names a client id. The caller closes it. Nil: plain JSON over TLS.
	SignedBy KeySource

	// DangerouslyAllowHTTP names hosts that URL and Issuer may name with plain http, each as host:port, exactly, without
	// wildcards: "keycloak:8080", "[fd00::7]:80". The client secret and every token travel in clear: whoever sees or changes
	// the traffic has the tokens, and decides which are active. It is for networks that bring their own encryption (a service
	// mesh, a VPN) and for containers on one machine. New logs a warning if it is used. Nil: none.
	DangerouslyAllowHTTP []string

	// HTTPClient carries the requests: a private CA, a proxy, a client certificate, tracing. It is copied; redirects are
	// refused and cookies dropped either way. Nil: a client of our own, which takes no proxy from the environment.
	HTTPClient *http.Client

	// Ask asks an endpoint that is no introspection endpoint by RFC 7662 (tokeninfo, debug_token) about one token, and takes the
	// place of URL and ClientAuth: it has its own URL and its own way to authenticate. It returns the claims of an active token
	// as one JSON object with the names and types of RFC 7662, so a date that the server gives as text has to become a number;
	// the member active may be missing. If the server says that the token is not active, it returns an error that wraps
	// ErrInactive. Any other error leaves the token unjudged (ErrUnavailable). It is also called with random tokens that nobody
	// has, to find out whether the server is there: ErrInactive says that it is, another error that it is not.
	//
	// client sends nothing without TLS but to loopback hosts and those of DangerouslyAllowHTTP, follows no redirects, keeps no
	// cookies and cuts bodies at 64 KiB; it carries HTTPClient's transport. ctx ends with Timeout. Ask is called from many
	// goroutines. A token is visible ASCII without comma, quote and backslash, so it must be escaped for a URL or a form: a client may
	// choose & and #. Its errors should not quote the token; those that do are not shown. URL may be set for the log. Nil: RFC 7662.
	Ask func(ctx context.Context, client *http.Client, token string) (claims []byte, err error)

	// Timeout is how long one call of Introspect waits at most, queueing included, and how long one request to the
	// server may take. A server that hashes the client secret at each call is slow, and slower for several calls at once
	// (django-oauth-toolkit: 0.6 s each): prefer BearerToken there, or raise this. Zero: 2 s.
	Timeout time.Duration

	// MaxInFlight is how many requests run at once; further ones queue. A token over which the server hangs holds a place
	// for all of Timeout, so whoever knows such tokens can hold them all: Timeout and this decide how many that takes. Zero: 64.
	MaxInFlight int

	// ActiveTTL is how long an active answer is reused, counted from the moment the server was asked, and never past the
	// answer's exp. A revoked token is accepted that long. Zero: 10 s; negative: every call asks; over 12 hours: refused by
	// New. Whoever has a reason for more brings an Introspector of its own, which remembers what it is told.
	ActiveTTL time.Duration

	// InactiveTTL is the same for inactive answers. Zero: 5 s; negative: every call asks; over 12 hours: refused by New.
	InactiveTTL time.Duration

	// Entries is how many active answers are kept, and how many inactive ones in a segment of their own, so that a flood
	// of bad tokens evicts no good one. An active answer takes at most 64 KiB, an inactive one some 200 bytes. Zero: 8192.
	Entries int

	// Shared lets instances share answers, so that the server is asked about a token once for all of them: see SharedCache. Instances
	// share what was sealed with one of SharedSecrets for the same URL, Issuer, method and id of ClientAuth, and kind of answer (SignedBy,
	// Ask). With Ask it needs URL, which tells one function from another. Active answers alone are shared, and none is used for
	// longer than ActiveTTL since the server was asked. Nil: nothing is shared.
	Shared SharedCache

	// SharedSecrets seal what is shared, so that whoever reads or writes the cache learns nothing and makes no token good. Each is at least
	// 32 random bytes, and the same for every instance of this API; another API has others. Newest first while they rotate: the first
	// seals, all open, and each further one costs one more read of a token that the cache does not hold. Required by Shared.
	SharedSecrets [][]byte `json:"-"`

	// SharedTimeout is how long the cache may take for one token, within Timeout; then the server is asked. Zero: 50 ms, or half of
	// Timeout where that is less.
	SharedTimeout time.Duration

	// Logger hears of what only the operator can mend, at most one line a minute about each of these: a refusal of our own
	// credentials, a server that stops answering, panics in code that the caller brought, a shared cache that fails, and one
	// that others write to. Nil:
	// slog.Default(), asked for at each line; slog.New(slog.DiscardHandler) is silent.
	Logger *slog.Logger
}

// KeySource finds the keys that may have signed an answer. An empty list says that the key is unknown; whatever the
// error, the answer is not used. It is called from many goroutines. Satisfied by *jwks.Cache and *jwks.Set.
type KeySource interface {
	VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error)
}

// settings is a Config with every zero replaced and every mistake excluded.
type settings struct {
	Config
	activeTTL, inactiveTTL time.Duration // zero: no cache
	sharedTimeout          time.Duration
	plain                  plainHosts
}

func (cfg Config) compile() (settings, error) {
	var mistakes []error
	report := func(err error) {
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("introspection: %w", err))
		}
	}
	allowed := newPlainHosts(cfg.DangerouslyAllowHTTP, report)
	if cfg.Ask == nil || cfg.URL != "" {
		report(allowed.checkURL("Config.URL", cfg.URL, true))
	}
	if cfg.Issuer != "" {
		report(allowed.checkURL("Config.Issuer", cfg.Issuer, false))
	}
	for _, problem := range cfg.ClientAuth.problems {
		if problem != nil {
			report(fmt.Errorf("Config.ClientAuth: %w", problem))
		}
	}
	report(cfg.checkAsk())
	report(cfg.checkClientAuth())
	report(cfg.checkSigned())
	cfg.checkShared(report)
	report(notNegative("Config.Timeout", cfg.Timeout))
	report(notNegative("Config.MaxInFlight", cfg.MaxInFlight))
	report(notNegative("Config.Entries", cfg.Entries))
	report(notTooLong("Config.ActiveTTL", cfg.ActiveTTL))
	report(notTooLong("Config.InactiveTTL", cfg.InactiveTTL))
	if len(mistakes) > 0 {
		return settings{}, errors.Join(mistakes...)
	}

	cfg.Timeout = orDefault(cfg.Timeout, defaultTimeout)
	cfg.MaxInFlight = orDefault(cfg.MaxInFlight, defaultMaxInFlight)
	cfg.Entries = orDefault(cfg.Entries, defaultEntries)
	return settings{
		Config:        cfg,
		plain:         allowed,
		activeTTL:     max(0, orDefault(cfg.ActiveTTL, defaultActiveTTL)),
		inactiveTTL:   max(0, orDefault(cfg.InactiveTTL, defaultInactiveTTL)),
		sharedTimeout: orDefault(cfg.SharedTimeout, min(defaultSharedTimeout, cfg.Timeout/2)),
	}, nil
}

func (cfg Config) checkAsk() error {
	switch {
	case cfg.Ask == nil:
		return nil
	case cfg.ClientAuth.apply != nil:
		return errors.New("Config.ClientAuth is set beside Ask, which would not use it: leave it out, and authenticate in Ask")
	case cfg.SignedBy != nil:
		return errors.New("Config.SignedBy is set beside Ask, whose answers are not signed as RFC 9701 has it: leave it out, or verify them in Ask")
	}
	return nil
}

func (cfg Config) checkClientAuth() error {
	auth := cfg.ClientAuth
	switch {
	case cfg.Ask != nil:
		return nil
	case auth.apply == nil && len(auth.problems) == 0:
		return errors.New("Config.ClientAuth is required: take SecretBasic, PrivateKeyJWT or another constructor; NoClientAuth for an endpoint that asks for none")
	case auth.method == methodTLS && !presentsCertificate(cfg.HTTPClient):
		return errors.New("Config.HTTPClient has no client certificate, which TLSClientAuth needs: set one with a Transport whose TLSClientConfig holds it")
	case auth.method == methodTLS && isPlain(cfg.URL):
		return errors.New("Config.ClientAuth is TLSClientAuth, which presents a certificate, and Config.URL is http, where none is asked for: use https")
	case auth.method == methodPrivateKeyJWT && cfg.Issuer == "":
		return errors.New("Config.Issuer is required by PrivateKeyJWT, as the audience of its assertions: set the authorization server's issuer identifier")
	}
	return nil
}

// presentsCertificate tells what can be told: a transport of another make, or with a dialer of its own, is believed.
func presentsCertificate(client *http.Client) bool {
	if client == nil || client.Transport == nil {
		return false
	}
	transport, ok := client.Transport.(*http.Transport)
	if !ok || transport.DialTLSContext != nil {
		return true
	}
	tls := transport.TLSClientConfig
	return tls != nil && (len(tls.Certificates) > 0 || tls.GetClientCertificate != nil)
}

func (cfg Config) checkSigned() error {
	switch {
	case cfg.SignedBy == nil || cfg.Ask != nil:
		return nil
	case cfg.Issuer == "":
		return errors.New("Config.Issuer is required by SignedBy, as the iss of signed answers: set the authorization server's issuer identifier")
	case cfg.ClientAuth.apply != nil && cfg.ClientAuth.id == "":
		return fmt.Errorf(
			"Config.SignedBy needs a client id, as the aud of signed answers (RFC 9701 section 5), and %s has none: take a ClientAuth with an id",
			cfg.ClientAuth.method,
		)
	}
	return nil
}

func (cfg Config) checkShared(report func(error)) {
	if cfg.Shared == nil {
		if len(cfg.SharedSecrets) > 0 {
			report(errors.New("Config.SharedSecrets is set, but Shared is nil, so nothing is shared: set both or neither"))
		}
		if cfg.SharedTimeout != 0 {
			report(fmt.Errorf("Config.SharedTimeout is %v, but Shared is nil, so nothing is shared: leave it out", cfg.SharedTimeout))
		}
		return
	}
	if len(cfg.SharedSecrets) == 0 {
		report(errors.New("Config.SharedSecrets is empty, and Shared cannot do without: whoever writes to the cache could make tokens good." +
			" Give every instance the same 32 random bytes or more"))
	}
	for i, secret := range cfg.SharedSecrets {
		report(checkSharedSecret(cfg.SharedSecrets, i, secret))
	}
	if cfg.ActiveTTL < 0 {
		report(fmt.Errorf("Config.Shared is set, and ActiveTTL is negative (%v), so no answer may be used twice: leave out Shared, or set another ActiveTTL",
			cfg.ActiveTTL))
	}
	if cfg.Ask != nil && cfg.URL == "" {
		report(errors.New("Config.URL is required by Shared beside Ask: it tells what one function was told from what another was told"))
	}
	report(notNegative("Config.SharedTimeout", cfg.SharedTimeout))
	if all := orDefault(cfg.Timeout, defaultTimeout); all > 0 && cfg.SharedTimeout >= all {
		report(fmt.Errorf("Config.SharedTimeout is %v, which leaves the server no time within Timeout (%v): set less", cfg.SharedTimeout, all))
	}
}

func checkSharedSecret(all [][]byte, i int, secret []byte) error {
	switch {
	case len(secret) < shared.MinSecret:
		return fmt.Errorf("Config.SharedSecrets[%d] has %d bytes: use at least %d random ones", i, len(secret), shared.MinSecret)
	case bytes.Count(secret, secret[:1]) == len(secret):
		return fmt.Errorf("Config.SharedSecrets[%d] is one byte %d times: use random ones", i, len(secret))
	case slices.ContainsFunc(all[:i], func(other []byte) bool { return bytes.Equal(other, secret) }):
		return fmt.Errorf("Config.SharedSecrets[%d] is there twice: leave one out", i)
	}
	return nil
}

// Format prints, for every verb, the settings that are no secrets, and of the shared secrets the number.
func (cfg Config) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "introspection.Config(%q, issuer %q, %v, timeout %v, active for %v, inactive for %v, shared %t with %d secrets)",
		shown(cfg.URL), cfg.Issuer, cfg.ClientAuth, cfg.Timeout, cfg.ActiveTTL, cfg.InactiveTTL, cfg.Shared != nil, len(cfg.SharedSecrets))
}

func notTooLong(field string, ttl time.Duration) error {
	if ttl > maxTTL {
		return fmt.Errorf("%s is %v, so long that nobody would see a revocation: use at most %v", field, ttl, maxTTL)
	}
	return nil
}

func notNegative[T int | time.Duration](field string, value T) error {
	if value < 0 {
		return fmt.Errorf("%s is negative (%v): set a positive value, or zero for the default", field, value)
	}
	return nil
}

func orDefault[T int | time.Duration](value, fallback T) T {
	if value == 0 {
		return fallback
	}
	return value
}
