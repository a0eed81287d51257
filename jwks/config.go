package jwks

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config says where one issuer's keys are. Exactly one of URL and Issuer is required.
//
// Both must be absolute https URLs without user information and fragment. http is accepted if the host is the machine itself:
// 127.0.0.0/8, ::1 or localhost, or one that DangerouslyAllowHTTP names.
type Config struct {
	_ [0]func()

	// URL is the address of the JWKS document. It may have a query, which is left out of errors and logs.
	URL string

	// Issuer is an issuer identifier, byte for byte as its metadata and tokens write it, without a query. The address
	// of the keys is then read from its metadata (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3).
	Issuer string

	// HTTPClient fetches (private CA, proxy, tracing). It is copied; redirects are refused and cookies dropped whatever it says. Nil: a
	// client of our own, which ignores proxies from the environment and demands TLS 1.2.
	//
	// After a failure, or while a fetch hangs, the next one uses connections of its own, from a clone of the Transport. That is not possible
	// with a RoundTripper that is not an *http.Transport: if it sends several requests over one connection (HTTP/2), it has to
	// notice by itself when that connection is dead.
	HTTPClient *http.Client

	// DangerouslyAllowHTTP names hosts that may be asked without TLS, as "keycloak:8080", each with its port and letter by letter, without
	// wildcards. Whoever is between such a host and this program can put keys of his own in place of the issuer's, and so make any token:
	// it is for networks of containers, and for meshes that bring a TLS of their own. Metadata that was fetched over https never leads
	// to one. [New] warns of a Cache that uses it. Nil: none.
	DangerouslyAllowHTTP []string

	// Refresh is the longest time between two fetches, and so how long a key that the issuer withdrew can live on.
	// A Cache-Control max-age can shorten it, but not below a minute or Cooldown, whichever is longer. Zero: 10 minutes, or
	// half of MaxStale if that is less.
	Refresh time.Duration

	// Cooldown is the time in which one extra fetch for unknown key ids becomes available again; three can be saved up.
	// Kids looked up in vain are remembered as long. Zero: 30 seconds.
	Cooldown time.Duration

	// MaxStale is how long keys stay good after the last successful fetch while the issuer cannot be reached. Zero: 24 hours,
	// or Refresh if that is more. Negative: for ever. Otherwise at least Refresh.
	MaxStale time.Duration

	// Logger is told of skipped keys, failures and recoveries, never of key material. Nil: slog.Default(), asked for at each line;
	// slog.New(slog.DiscardHandler) is silent.
	Logger *slog.Logger
}

const (
	defaultRefresh  = 10 * time.Minute
	defaultCooldown = 30 * time.Second
	defaultMaxStale = 24 * time.Hour
)

// complete returns cfg with every zero value filled in, or all its mistakes at once.
func (cfg Config) complete() (Config, error) {
	var errs []error
	switch {
	case cfg.URL == "" && cfg.Issuer == "":
		errs = append(errs, errors.New("jwks: Config names neither URL nor Issuer; set one of them"))
	case cfg.URL != "" && cfg.Issuer != "":
		errs = append(errs, errors.New("jwks: Config names both URL and Issuer; leave out Issuer if the address of the keys is known"))
	case cfg.URL != "":
		if _, err := cfg.checkURL(cfg.URL); err != nil {
			errs = append(errs, fmt.Errorf("jwks: Config.URL %q: %w", printable(cfg.URL), err))
		}
	default:
		if err := cfg.checkIssuer(cfg.Issuer); err != nil {
			errs = append(errs, fmt.Errorf("jwks: Config.Issuer %q: %w", printable(cfg.Issuer), err))
		}
	}

	for _, host := range cfg.DangerouslyAllowHTTP {
		if err := checkHost(host); err != nil {
			errs = append(errs, fmt.Errorf("jwks: Config.DangerouslyAllowHTTP %q: %w", host, err))
		}
	}
	for _, field := range []struct {
		name  string
		value time.Duration
	}{{"Refresh", cfg.Refresh}, {"Cooldown", cfg.Cooldown}, {"MaxStale", max(cfg.MaxStale, 0)}} {
		if field.value < 0 || field.value > 0 && field.value < time.Millisecond {
			errs = append(errs, fmt.Errorf("jwks: Config.%s is %v; use a positive time with its unit, as in 10*time.Minute", field.name, field.value))
		}
	}
	if cfg.MaxStale > 0 && cfg.Refresh > cfg.MaxStale {
		errs = append(
			errs,
			fmt.Errorf(
				"jwks: Config.MaxStale %v is shorter than Refresh %v, so keys would expire before they are fetched again; let it be at least Refresh",
				cfg.MaxStale, cfg.Refresh,
			),
		)
	}
	if len(errs) > 0 {
		return Config{}, errors.Join(errs...)
	}

	if cfg.MaxStale == 0 {
		cfg.MaxStale = max(defaultMaxStale, cfg.Refresh)
	}
	if cfg.Refresh == 0 {
		cfg.Refresh = defaultRefresh
		if cfg.MaxStale > 0 {
			cfg.Refresh = min(cfg.Refresh, cfg.MaxStale/2)
		}
	}
	if cfg.Cooldown == 0 {
		cfg.Cooldown = defaultCooldown
	}
	return cfg, nil
}

// logger is asked for at each line, as a program may set its default after it has made a Cache.
func (cfg *Config) logger() *slog.Logger {
	if cfg.Logger == nil {
		return slog.Default()
	}
	return cfg.Logger
}

// warn tells of what a complete Config loosens.
func (cfg *Config) warn() {
	if u, _ := url.Parse(cfg.URL + cfg.Issuer); u.Scheme == "http" && !loopback(u.Hostname()) {
		cfg.logger().Warn("jwks: DangerouslyAllowHTTP: keys are fetched without TLS, so whoever is on the way can replace them", "host", u.Host)
	}
}

// checkURL is the rule for everything that is fetched.
func (cfg *Config) checkURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it must begin with https://")
	case u.Hostname() == "":
		return nil, errors.New("it names no host")
	case u.User != nil:
		return nil, errors.New("it must not hold a user name or password; set HTTPClient to authenticate")
	case strings.Contains(text, "#"):
		return nil, errors.New("it must not have a fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()) && !cfg.allowsHTTP(u):
		return nil, errors.New("it must begin with https://; http is accepted for 127.0.0.1, [::1] and localhost, and for hosts that DangerouslyAllowHTTP names")
	}
	return u, nil
}

// checkIssuer adds the rule of RFC 8414 section 2: an issuer identifier has no query.
func (cfg *Config) checkIssuer(text string) error {
	if !strings.Contains(text, "://") {
		return errors.New("it must begin with https://; if it is a name and not an address, say where the keys are (URL, or JWKSURI or Keys of a Validator's Issuer)")
	}
	if _, err := cfg.checkURL(text); err != nil {
		return err
	}
	if strings.Contains(text, "?") {
		return errors.New("an issuer identifier must not have a query")
	}
	return nil
}

// allowsHTTP reports whether DangerouslyAllowHTTP names the host of u. Names of hosts are the same in any case (RFC 3986 section 3.2.2).
func (cfg *Config) allowsHTTP(u *url.URL) bool {
	host := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
	return slices.ContainsFunc(cfg.DangerouslyAllowHTTP, func(allowed string) bool { return lowerASCII(allowed) == lowerASCII(host) })
}

// checkHost accepts what can be the host of a URL, with a port.
func checkHost(text string) error {
	u, err := url.Parse("http://" + text)
	switch {
	case strings.Contains(text, "*"):
		return errors.New("there are no wildcards; name each host")
	case err != nil || u.Host != text || u.Hostname() == "":
		return errors.New(`it must be a host and a port, as "keycloak:8080"`)
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || u.Port()[0] == '0' {
		return errors.New(`it must name the port, as "keycloak:8080"; without one in the URL it is 80`)
	}
	return nil
}

// loopback does not resolve names: what a name resolves to is for others to decide. Names below localhost are not included.
func loopback(host string) bool {
	if lowerASCII(host) == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// printable is a URL for an error or a log without the parts that may hold a secret.
func printable(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(unreadable)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// lowerASCII leaves alone what is not ASCII. [strings.ToLower] and [strings.EqualFold] would let the Kelvin sign pass for a k, and the long
// s for an s.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
