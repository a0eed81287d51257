package statuslist

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// Config describes Lists. The zero Config is for issuers that publish lists beside their keys, and sign them with these.
type Config struct {
	_ [0]func() // keyed literals only

	// Issuers says what is special about the lists of some issuers. The lists of all others come from the origin of their URL and are
	// signed with their own keys. Nil: nothing is special.
	Issuers []Issuer

	// MaxBytes bounds a list once it is inflated; zero: 1 MiB, which is 8 388 608 tokens of one bit, or 1 048 576 of eight. A larger one is
	// not read, so its tokens are not judged. What is sent may be twice as long and 64 KiB, which base64 takes at most.
	MaxBytes int

	// MaxLists bounds how many lists are known at once; zero: 256. A list that was not used for longest makes room for another one. If all
	// are in use, tokens of a further list are not judged (503). All of them take MaxLists times MaxBytes at most.
	MaxLists int

	// MinTTL and MaxTTL are the limits within which a list's own ttl and exp are believed, in the place of which they are taken if these lie
	// beyond. Zero: 15 seconds and 24 hours. A list is fetched again after eight to nine tenths of its ttl, so of MinTTL at the earliest.
	// MaxTTL is also how long a list is current that has only an exp, if that lies beyond. One that has neither is current for five minutes.
	MinTTL, MaxTTL time.Duration

	// StaleFor is for how long a list is used after its ttl, or MaxTTL, while it cannot be fetched again. Zero: not at all, so the requests
	// of its tokens are not judged (503). Tokens that were revoked in the meantime are accepted for so long. Its exp ends a list all the
	// same, as its issuer has said that nobody may rely on it any longer.
	StaleFor time.Duration

	// HTTPClient fetches (private CA, proxy, tracing). It is copied; redirects are limited and cookies dropped whatever it says. Nil: a client
	// of our own, which ignores proxies from the environment and demands TLS 1.2.
	HTTPClient *http.Client

	// Clock says what time it is when iat, nbf and exp of a list are judged. It must be safe for concurrent use. Nil: time.Now. Intervals run on
	// the real clock all the same.
	Clock func() time.Time

	// Logger is told of lists that cannot be had and of recoveries (Warn, Info), and of addresses that are not asked (Error). Nil:
	// slog.Default(), asked for at each line.
	Logger *slog.Logger
}

// Issuer is what is special about the status lists of one issuer.
type Issuer struct {
	_ [0]func() // keyed literals only

	// URL is that of the issuer, as Issuer.URL of the Validator has it, or one of its Aliases, which stands for the same; {tenantid} in it
	// stands for any tenant, and then an alias will not do. Required.
	URL string

	// Origins is where its lists come from, each as scheme, host and port, "https://status.example.com": the uri of a status claim begins with
	// one of them, letter by letter, and a slash. https, or http for 127.0.0.0/8, ::1 and localhost. Nil: the origin of the issuer's own URL.
	Origins []string

	// SignedBy is the iss of another issuer that signs the lists, which must be one of the Validator given to New. Empty: the issuer itself.
	SignedBy string

	// Accept names statuses that are as good as valid, of those that are left to applications: 3 and 12 to 15. Nil: none.
	Accept []int

	// Required refuses tokens of this issuer that have no status claim. False: they are good, as far as status lists can tell.
	Required bool
}

const (
	defaultMaxBytes = 1 << 20
	defaultMaxLists = 256
	defaultMinTTL   = 15 * time.Second
	defaultMaxTTL   = 24 * time.Hour

	largestMaxBytes = 1 << 28
	largestMaxLists = 1 << 16
)

// complete returns cfg with every zero value filled in, and every mistake in it.
func (cfg Config) complete() (Config, error) {
	var mistakes []error
	wrong := func(format string, args ...any) {
		mistakes = append(mistakes, fmt.Errorf("statuslist: "+format, args...))
	}
	if cfg.MaxBytes < 0 || cfg.MaxBytes > largestMaxBytes {
		wrong("MaxBytes is %d: it must lie between 0, which is %d, and %d", cfg.MaxBytes, defaultMaxBytes, largestMaxBytes)
	}
	if cfg.MaxLists < 0 || cfg.MaxLists > largestMaxLists {
		wrong("MaxLists is %d: it must lie between 0, which is %d, and %d", cfg.MaxLists, defaultMaxLists, largestMaxLists)
	}
	for _, field := range []struct {
		name  string
		value time.Duration
	}{{"MinTTL", cfg.MinTTL}, {"MaxTTL", cfg.MaxTTL}, {"StaleFor", cfg.StaleFor}} {
		if field.value < 0 || field.value > 0 && field.value < time.Millisecond {
			wrong("%s is %v; use a positive time with its unit, as in 10*time.Second", field.name, field.value)
		}
	}
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, defaultMaxBytes)
	cfg.MaxLists = cmp.Or(cfg.MaxLists, defaultMaxLists)
	cfg.MinTTL = cmp.Or(cfg.MinTTL, defaultMinTTL)
	cfg.MaxTTL = cmp.Or(cfg.MaxTTL, defaultMaxTTL)
	if cfg.MinTTL > cfg.MaxTTL {
		wrong("MinTTL %v is longer than MaxTTL %v: let it be at most as long", cfg.MinTTL, cfg.MaxTTL)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return cfg, errors.Join(mistakes...)
}

// log is asked for at each line, as a program may set its default after it has made Lists.
func (cfg *Config) log() *slog.Logger {
	if cfg.Logger == nil {
		return slog.Default()
	}
	return cfg.Logger
}

var errNoValidator = errors.New("statuslist: New needs a Validator that middleware.New has made, for the keys of its issuers; " +
	"it is another one than that whose Config.Revocations names the Lists")

// usable reports whether v was made by middleware.New, which no method of it says.
func usable(v *middleware.Validator) bool { return len(v.Health()) > 0 }
