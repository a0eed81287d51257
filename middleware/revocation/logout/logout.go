package logout

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/tally"
	"github.com/cardea-auth/cardea/middleware/internal/tenant"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// Config describes a Receiver.
type Config struct {
	_ [0]func() // keyed literals only

	// ClientIDs are the clients whose logout tokens are taken: one of them must be in aud. They are those whose access tokens the API gets.
	// Required.
	ClientIDs []string

	// Issuers are those whose logout tokens are taken, by any of their names; a tenant of a template is spelt out. Empty: all issuers of the
	// Validator whose JWTs it verifies. Each ends nothing but tokens of its own.
	Issuers []string

	// WholeSubject ends, with the session that a logout token names, all tokens of its user that were issued until then, where it names
	// the user as well. It is for servers whose access tokens carry no sid, and logs the user out everywhere.
	WholeSubject bool

	// Leeway is the clock skew allowed for iat and exp. Zero: 30 seconds; negative: none; over five minutes: refused.
	Leeway time.Duration

	// MaxAge is how old a logout token may be by its iat, whatever its exp says. Zero: ten minutes; over a day: refused.
	MaxAge time.Duration

	// DangerouslyNoExpiry takes logout tokens without exp as well, for servers that were made after a draft; then MaxAge alone says how long
	// one can be used. An exp that is there counts all the same.
	DangerouslyNoExpiry bool

	// Logger gets a line for each logout (Info), and the first few of each kind of refusal (Warn) and failure (Error), without the values of
	// claims other than iss and aud. Nil: slog.Default(), asked for at each line.
	Logger *slog.Logger
}

const (
	defaultLeeway, maxLeeway = 30 * time.Second, 5 * time.Minute
	defaultMaxAge, maxMaxAge = 10 * time.Minute, 24 * time.Hour
)

// Receiver is an http.Handler that takes logout tokens. It is safe for concurrent use.
type Receiver struct {
	validator *middleware.Validator
	list      *revocation.List
	cfg       Config
	issuers   []string // as entries name them; nil: all
	seen      memory

	refused, repeated atomic.Uint64
	tally             tally.Tally

	mu    sync.Mutex
	feeds map[string]*revocation.Feed // by issuer
}

// New makes a Receiver, which verifies logout tokens as v verifies the JWTs of their issuers and enters logouts into list. It starts nothing, and
// closes neither. The error joins every mistake.
func New(v *middleware.Validator, list *revocation.List, cfg Config) (*Receiver, error) {
	r := &Receiver{validator: v, list: list, cfg: cfg, feeds: make(map[string]*revocation.Feed)}
	mistakes := r.cfg.complete()
	if list == nil {
		mistakes = append(mistakes, errNoList)
	}
	known := r.known()
	if len(known) == 0 {
		mistakes = append(mistakes, errNoIssuer)
	}
	for i, iss := range cfg.Issuers {
		name := issued.NameOf(v, iss)
		if name == "" {
			mistakes = append(mistakes, fmt.Errorf("logout: Issuers[%d] is %q, but the Validator verifies no JWTs of that issuer: name one of %q", i, iss, known))
		}
		r.issuers = append(r.issuers, name)
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	if r.issuers != nil {
		known = r.issuers
	}
	for _, name := range known {
		if strings.Contains(name, tenant.Placeholder) {
			continue // its tenants become known by their logouts
		}
		if _, err := r.feed(name); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return r, nil
}

var (
	errNoList   = errors.New("logout: the List is nil: logouts must be entered into the one that Config.Revocations of the Validator holds")
	errNoIssuer = errors.New("logout: the Validator verifies no issuer's JWTs, so no logout token either: make it with middleware.New, for an issuer with keys")
)

// complete fills in what is zero, and says what is wrong.
func (c *Config) complete() (mistakes []error) {
	if len(c.ClientIDs) == 0 {
		mistakes = append(mistakes, errors.New("logout: ClientIDs is empty: name the clients whose access tokens the API gets"))
	}
	if i := slices.Index(c.ClientIDs, ""); i >= 0 {
		mistakes = append(mistakes, fmt.Errorf("logout: ClientIDs[%d] is empty: name a client whose access tokens the API gets, or leave it out where others are named", i))
	}
	switch {
	case c.Leeway == 0:
		c.Leeway = defaultLeeway
	case c.Leeway < 0:
		c.Leeway = 0
	case c.Leeway > maxLeeway:
		mistakes = append(mistakes, fmt.Errorf("logout: Leeway is %v: at most %v; zero is %v", c.Leeway, maxLeeway, defaultLeeway))
	}
	switch {
	case c.MaxAge == 0:
		c.MaxAge = defaultMaxAge
	case c.MaxAge < 0 || c.MaxAge > maxMaxAge:
		mistakes = append(mistakes, fmt.Errorf("logout: MaxAge is %v: it must be positive, and %v at most; zero is %v", c.MaxAge, maxMaxAge, defaultMaxAge))
	}
	c.ClientIDs = slices.Clone(c.ClientIDs)
	return mistakes
}

// known are the issuers whose JWTs the Validator verifies, as configured.
func (r *Receiver) known() (names []string) {
	for _, health := range r.validator.Health() {
		if strings.Contains(health.Issuer, tenant.Placeholder) || issued.NameOf(r.validator, health.Issuer) != "" {
			names = append(names, health.Issuer)
		}
	}
	return names
}

// takes reports whether logout tokens of the issuer are taken.
func (r *Receiver) takes(issuer string) bool {
	return r.issuers == nil || slices.Contains(r.issuers, issuer)
}

// feed is that of an issuer, which is made if there is none yet: only an issuer that is proven may come here, or anybody could make feeds.
func (r *Receiver) feed(issuer string) (*revocation.Feed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.feeds[issuer]; f != nil {
		return f, nil
	}
	f, err := r.list.Feed("logout", issuer)
	if err != nil {
		return nil, err
	}
	r.feeds[issuer] = f
	return f, nil
}

// knownFeed is feed for an issuer that is not proven; nil: there is none yet.
func (r *Receiver) knownFeed(issuer string) *revocation.Feed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.feeds[issuer]
}

// Status says how a Receiver is.
type Status struct {
	_ [0]func() // keyed literals only

	// Feeds has one of each issuer, by name; of the tenants of a template, those that logged anybody out. What they refused includes what
	// others sent in the issuer's name.
	Feeds []revocation.FeedStatus

	Refused  uint64 // calls, of any issuer and of none
	Repeated uint64 // logout tokens that had been taken before
}

// Status says how the Receiver is. It does no I/O.
func (r *Receiver) Status() Status {
	s := Status{Refused: r.refused.Load(), Repeated: r.repeated.Load()}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, issuer := range slices.Sorted(maps.Keys(r.feeds)) {
		s.Feeds = append(s.Feeds, r.feeds[issuer].Status())
	}
	return s
}

func (r *Receiver) log() *slog.Logger {
	if r.cfg.Logger == nil {
		return slog.Default()
	}
	return r.cfg.Logger
}
