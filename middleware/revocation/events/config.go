package events

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/tenant"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// Config describes one stream of one transmitter.
type Config struct {
	_ [0]func() // keyed literals only

	// Transmitter is the iss of the security event tokens, letter by letter: the issuer of the transmitter's configuration and of the stream
	// (SSF 1.0 sections 4.1.6 and 7.1). Required. It need not issue tokens.
	Transmitter string

	// Issuer is one of the Validator's whose tokens the events are about, by its URL or an alias; a tenant of a template is spelt out, unless
	// Entries says which tenant an event is about. Empty: Transmitter.
	Issuer string

	// Audiences are names of this receiver, one of which must be in aud. Required.
	Audiences []string

	// StreamID is the stream_id that the transmitter gave. Verify needs it, and events about other streams are refused. Empty: the transmitter
	// has one stream for this receiver, and Verify cannot be used. All processes have the same.
	StreamID string

	// Authorization are the values of the Authorization field of which each push must have one, whole, with the scheme ("Bearer …"), as
	// agreed on when the stream was made (authorization_header, SSF 1.0 section 6.1.1); several while it changes. Nil: none is
	// asked for, and the signature of each token has to do.
	Authorization []string

	// Keys verify the transmitter's signatures, and Algorithms are those that it may use. Nil Keys: those of the Validator's issuer
	// Transmitter if it has one, or else those that the transmitter's configuration leads to (jwks_uri). Nil Algorithms: all that the
	// Validator allows its issuer, or else all that are asymmetric.
	Keys       middleware.KeySource
	Algorithms []string

	// PollURL is where Poll asks for events: endpoint_url of the stream's delivery. Empty: events are pushed.
	PollURL string

	// VerificationURL is where Verify asks for a verification event. Empty: as the transmitter's configuration has it (verification_endpoint).
	VerificationURL string

	// AccessToken returns the token with which Poll and Verify authenticate to the transmitter, without a scheme; it is sent as Bearer. It
	// is called for each request. Nil: HTTPClient authenticates, or nobody does.
	AccessToken func(ctx context.Context) (string, error)

	// HTTPClient sends what Poll, Verify and Warm ask (private CA, client certificate, proxy). It is copied; redirects are refused and
	// cookies dropped whatever it says. A Timeout below a minute ends polls that wait, which are then made anew. Nil: a client of our own, which ignores proxies from the environment and demands TLS 1.2.
	HTTPClient *http.Client

	// DangerouslyAllowHTTP names hosts that may be asked without TLS, as "idp:8080", each with its port and without wildcards: whoever is
	// between such a host and this program reads the access token and keeps back events. Nil: this machine only.
	DangerouslyAllowHTTP []string

	// CriticalMembers are names of members of complex subjects that must not be left out of account (critical_subject_members), beside
	// those of the transmitter's configuration, which are known once Warm or Verify has read it. An event that ends access and names one
	// other than "user" and "session" is for Entries to judge, or else discarded (SSF 1.0 section 3.6).
	CriticalMembers []string

	// Interop holds the transmitter to the CAEP Interoperability Profile 1.0: RS256 alone, and one event in each token.
	Interop bool

	// Ends decides whether an event ends access. Nil: Event.EndsAccess.
	Ends func(e Event) bool

	// Entries says what an event ends. It is for subjects that tokens do not name, such as an email address, and is asked first about every
	// event that ends access. A dated entry without IssuedBefore gets the event's time. Without any entry the Receiver's own reading holds,
	// as the package comment tells. An error, or a panic, lets the transmitter send the event again; an entry that no List takes is counted
	// (Status.Invalid), logged at Error and left out, as it would be no better the next time. It has five seconds, and must be safe for
	// concurrent use. Nil: there is only the own reading.
	Entries func(ctx context.Context, e Event) ([]revocation.Entry, error)

	// Event is told of every event but those about the stream itself, whether or not it ended access, after what it ends has been entered:
	// for what is not a revocation, such as risk-level-change. It is called by one goroutine, once for each event while the token's jti is
	// remembered, and after the transmitter has got its answer: what waits is lost with the process. When 256 wait, further tokens are
	// sent back for later. Its context ends after 30 seconds. Nil: nobody is told.
	Event func(ctx context.Context, e Event)

	// VerifyWithin is how long Verify waits for the event that it has asked for. Zero: a minute.
	VerifyWithin time.Duration

	// Logger gets events that ended access (Info) and what is refused, discarded or about nobody (Warn), without naming subjects. Nil:
	// slog.Default(), asked for at each line.
	Logger *slog.Logger
}

// Format prints, for every verb, whose stream it is, and no secret.
func (cfg Config) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "events.Config(%q about %q, stream %q, %d values of Authorization)", cfg.Transmitter, cfg.Issuer, cfg.StreamID, len(cfg.Authorization))
}

var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}

// mistakes collects what is wrong with a Config.
type mistakes []error

func (m *mistakes) add(format string, args ...any) {
	*m = append(*m, fmt.Errorf("events: "+format, args...))
}

// New makes a Receiver, which enters into list what the events end. It does no I/O and starts nothing. The error joins every mistake in
// cfg.
func New(v *middleware.Validator, list *revocation.List, cfg Config) (*Receiver, error) {
	var wrong mistakes
	if list == nil {
		wrong.add("the List is nil: make one with revocation.New, and name it in Revocations of the Validator's Config")
	}
	if cfg.Issuer == "" {
		cfg.Issuer = cfg.Transmitter
	}
	cfg.check(v, &wrong)
	r := &Receiver{
		cfg:         cfg,
		transmitter: cfg.Transmitter,
		issuer:      cmp.Or(issued.NameOf(v, cfg.Issuer), cfg.Issuer),
		validator:   v,
		list:        list,
		client:      newClient(cfg.HTTPClient),
		seen:        newSeen(),
	}
	for _, value := range cfg.Authorization {
		r.authorization = append(r.authorization, sha256.Sum256([]byte(value)))
	}
	r.chooseKeys(&wrong)
	if len(wrong) == 0 {
		feed, err := list.FeedOfStream("events", cfg.Transmitter, cfg.StreamID)
		if err != nil {
			wrong.add("Transmitter and StreamID: %w", err)
		}
		r.feed = feed
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return r, nil
}

func (cfg *Config) check(v *middleware.Validator, wrong *mistakes) {
	if cfg.Transmitter == "" {
		wrong.add("Transmitter is empty: name the iss of the security event tokens, which is issuer in the transmitter's configuration")
	} else if keys, _ := v.KeySource(cfg.Transmitter); keys == nil && cfg.Keys == nil { // its configuration is asked for
		if err := cfg.checkURL(cfg.Transmitter); err != nil || strings.Contains(cfg.Transmitter, "?") {
			wrong.add("Transmitter is %q, which has neither Keys nor an issuer of the Validator, and no configuration to be found by: "+
				"it must begin with https:// and have no query", cfg.Transmitter)
		}
	}
	if keys, _ := v.KeySource(cfg.Issuer); keys == nil && !slices.ContainsFunc(
		v.Health(), func(h middleware.IssuerHealth) bool { return h.Issuer == cfg.Issuer },
	) {
		wrong.add("Issuer is %q, which is none of the Validator's: name the one whose tokens the events are about; empty is Transmitter", cfg.Issuer)
	}
	if strings.Contains(cfg.Issuer, tenant.Placeholder) && cfg.Entries == nil {
		wrong.add("Issuer is %q, and no token has such an iss, so that its events would end nothing: "+
			"make one Receiver for each tenant, with the tenant spelt out, or set Entries, which names the tenant's issuer in each entry", cfg.Issuer)
	}
	if len(cfg.Audiences) == 0 || slices.Contains(cfg.Audiences, "") {
		wrong.add("Audiences is %q: name what aud of the security event tokens says, which is aud in the stream's configuration", cfg.Audiences)
	}
	if slices.ContainsFunc(cfg.Authorization, func(value string) bool { return strings.TrimSpace(value) != value || !strings.Contains(value, " ") }) {
		wrong.add(`Authorization has a value without a scheme, or with spaces around it: give it whole, as "Bearer …"`)
	}
	for _, name := range cfg.Algorithms {
		if !slices.Contains(asymmetric, name) {
			wrong.add("Algorithms has %q: use %q", name, asymmetric)
		}
	}
	if cfg.Interop && len(cfg.Algorithms) > 0 && !slices.Equal(cfg.Algorithms, []string{"RS256"}) {
		wrong.add("Algorithms is %q, and the Interop profile allows RS256 alone: leave it out", cfg.Algorithms)
	}
	for name, text := range map[string]string{"PollURL": cfg.PollURL, "VerificationURL": cfg.VerificationURL} {
		if err := cfg.checkURL(text); text != "" && err != nil {
			wrong.add("%s: %w", name, err)
		}
	}
	if cfg.VerificationURL != "" && cfg.StreamID == "" {
		wrong.add("VerificationURL is set and StreamID is empty: a verification is asked for by the stream's id")
	}
	for _, host := range cfg.DangerouslyAllowHTTP {
		if !isHost(host) {
			wrong.add(`DangerouslyAllowHTTP has %q: name a host and its port, as "idp:8080"`, host)
		}
	}
	if cfg.VerifyWithin < 0 {
		wrong.add("VerifyWithin is %v: it must not be negative; zero is %v", cfg.VerifyWithin, verifyWithin)
	}
}

// chooseKeys also decides whether the keys are found by the transmitter's configuration.
func (r *Receiver) chooseKeys(wrong *mistakes) {
	allowed := asymmetric
	source := r.cfg.Keys
	if source == nil {
		if ofIssuer, algorithms := r.validator.KeySource(r.transmitter); ofIssuer != nil {
			source, allowed = ofIssuer, algorithms
		}
	}
	if source == nil {
		source, r.findsKeys = foundKeys{r}, true
	}
	wanted := r.cfg.Algorithms
	if r.cfg.Interop { // CAEP Interoperability Profile 1.0 section 2.6; keys have 2048 bits at least anyway
		wanted = []string{"RS256"}
	}
	if wanted != nil {
		allowed = slices.DeleteFunc(slices.Clone(allowed), func(name string) bool { return !slices.Contains(wanted, name) })
	}
	if len(allowed) == 0 {
		wrong.add("Algorithms, or Interop, leaves none of those that the Validator allows its issuer %q: allow %q there", r.transmitter, wanted)
	}
	r.keys = issued.Keys{Source: source, Algorithms: allowed, Issuer: r.transmitter}
}
