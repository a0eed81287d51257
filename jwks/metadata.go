package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	metadataLifetime = 24 * time.Hour

	openIDConfiguration = "/.well-known/openid-configuration"
	oauthServer         = "/.well-known/oauth-authorization-server"
)

// location is where the keys are, and what a conditional request for them needs.
type location struct {
	metadata // its address is empty: not known yet
	found    time.Time
	suspect  bool // the last fetch from there failed

	validated  string // the address that validators belong to
	validators http.Header
}

// metadata is what an issuer's metadata says about its keys.
type metadata struct {
	address string
	signs   []string // the algorithms that it says it signs with; keys that name none are tied by it
}

// locate returns the configured address, or the one that the issuer's metadata gives. Metadata is asked for again after a day,
// or when the keys were not to be had where it said. If it is not to be had itself, the address known so far serves on.
func (c *Cache) locate(ctx context.Context, f *fetch) (string, error) {
	if c.cfg.URL != "" {
		return c.cfg.URL, nil
	}
	known := f.where.address
	if known == "" {
		return c.discover(ctx, f)
	}
	if !f.where.suspect && time.Since(f.where.found) < metadataLifetime {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout/2) // the rest is for the keys
	defer cancel()
	found, err := c.discover(ctx, f)
	if err != nil {
		c.cfg.logger().Warn("jwks: the metadata could not be fetched, its last jwks_uri is used on", "source", c.source(), "error", err)
		return known, nil
	}
	if origin(found) != origin(known) {
		c.cfg.logger().Warn("jwks: the issuer's jwks_uri has moved to another origin", "source", c.source(), "from", printable(known), "to", printable(found))
	}
	return found, nil
}

func (c *Cache) discover(ctx context.Context, f *fetch) (string, error) {
	found, err := f.asker().discover(ctx, &c.cfg)
	if err == nil {
		f.where.metadata, f.where.found = found, time.Now()
	}
	return found.address, err
}

// metadataURLs lists where an issuer may publish its metadata: appended (OpenID Connect Discovery 1.0 section 4.1), then
// inserted between host and path, under RFC 8414's name (section 3.1) and OpenID's (section 5).
func metadataURLs(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil
	}
	host := u.Scheme + "://" + u.Host
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	urls := []string{host + path + openIDConfiguration, host + oauthServer + path}
	if path != "" { // without one, appended and inserted are the same
		urls = append(urls, host+openIDConfiguration+path)
	}
	return urls
}

// discover finds the address of the issuer's keys. Only an answer that is no metadata of this issuer leads on to the next
// address; a server that is down or busy is not asked three times.
func (a asker) discover(ctx context.Context, cfg *Config) (metadata, error) {
	var errs []error
	absent := true
	for _, address := range metadataURLs(cfg.Issuer) {
		r, err := a.get(ctx, address, nil)
		if err != nil {
			var status *statusError
			if !errors.As(err, &status) || status.busy() {
				return metadata{}, err
			}
			errs, absent = append(errs, err), absent && status.absent()
			continue
		}
		absent = false
		found, err := parseMetadata(r, cfg)
		if err == nil {
			return found, nil
		}
		errs = append(errs, refused(address, err))
	}
	err := fmt.Errorf("no metadata of the issuer was found: %w", errors.Join(errs...))
	if absent {
		err = absentError{err}
	}
	return metadata{}, err
}

// parseMetadata reads what concerns the keys, once the document has shown that it is this issuer's. The comparison is by bytes: RFC 8414
// sections 3.3 and 4 demand it, and want nothing of another issuer's document to be used.
func parseMetadata(r *response, cfg *Config) (metadata, error) {
	members, err := parseDocument(r.body)
	if err != nil {
		return metadata{}, fmt.Errorf("the metadata is refused: %w", err)
	}
	switch issuer := members.text("issuer"); issuer {
	case cfg.Issuer:
	case "":
		return metadata{}, errors.New("the metadata is refused: it names no issuer, which must be the configured one, byte for byte")
	default:
		return metadata{}, fmt.Errorf("the metadata is refused: its issuer is not the configured one, byte for byte; a slash at the end counts: "+
			"it says %+q and %+q is configured", issuer[:min(len(issuer), 128)], cfg.Issuer)
	}
	address := members.text("jwks_uri")
	if address == "" {
		return metadata{}, keylessError{errors.New("the metadata is refused: it has no jwks_uri; set URL if the issuer publishes its keys elsewhere")}
	}
	if err := cfg.checkKeyURL(address); err != nil {
		return metadata{}, fmt.Errorf("the metadata is refused: jwks_uri %s: %w", printable(address), err)
	}
	found := metadata{address: address}
	for _, name := range signingMembers {
		found.signs = append(found.signs, members.words(name)...)
	}
	return found, nil
}

// signingMembers name what the issuer itself signs with (OpenID Connect Discovery 1.0 section 3, JARM section 4, RFC 9701 section 7;
// the last one is not registered). That an algorithm is not listed for access tokens means little, so all count together.
var signingMembers = []string{
	"id_token_signing_alg_values_supported",
	"userinfo_signing_alg_values_supported",
	"authorization_signing_alg_values_supported",
	"introspection_signing_alg_values_supported",
	"access_token_signing_alg_values_supported",
}

// checkKeyURL accepts http only from an issuer that was itself asked without TLS: what came over https must not lead to less. And the
// metadata of another machine has no business with ours.
func (cfg *Config) checkKeyURL(address string) error {
	own, err := url.Parse(cfg.Issuer)
	if u, failed := url.Parse(address); failed == nil && u.Scheme == "http" {
		switch {
		case err != nil || own.Scheme != "http":
			return errors.New("it must begin with https://, as the metadata was fetched over https")
		case loopback(u.Hostname()) && !loopback(own.Hostname()):
			return errors.New("it must begin with https://, as the issuer is another machine")
		}
	}
	_, err = cfg.checkURL(address)
	return err
}

// origin is what a change of jwks_uri is judged by.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}
