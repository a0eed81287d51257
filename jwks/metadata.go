package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/download"
	"github.com/cardea-auth/cardea/jwks/internal/keydoc"
)

const metadataLifetime = 24 * time.Hour

// location is where the keys are, and what a conditional request for them needs.
type location struct {
	keydoc.Metadata // its KeysURL is empty: not known yet
	found           time.Time
	suspect         bool // the last fetch from there failed

	validated  string // the address that validators belong to
	validators http.Header
}

// locate returns the configured address, or the one that the issuer's metadata gives. Metadata is asked for again after a day,
// or when the keys were not to be had where it said. If it is not to be had itself, the address known so far serves on.
func (c *Cache) locate(ctx context.Context, f *fetch) (string, error) {
	if c.cfg.URL != "" {
		return c.cfg.URL, nil
	}
	known := f.where.KeysURL
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
	found, err := f.discover(ctx, &c.cfg)
	if err == nil {
		f.where.Metadata, f.where.found = found, time.Now()
	}
	return found.KeysURL, err
}

// discover finds the address of the issuer's keys. Only an answer that is no metadata of this issuer leads on to the next
// address; a server that is down or busy is not asked three times.
func (f *fetch) discover(ctx context.Context, cfg *Config) (keydoc.Metadata, error) {
	var errs []error
	absent := true
	for _, address := range keydoc.MetadataURLs(cfg.Issuer) {
		r, err := f.get(ctx, address, nil)
		if err != nil {
			var status *download.StatusError
			if !errors.As(err, &status) || status.Busy() {
				return keydoc.Metadata{}, err
			}
			errs, absent = append(errs, err), absent && status.Missing()
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
	return keydoc.Metadata{}, err
}

// parseMetadata reads what concerns the keys, if the issuer may send us where it says.
func parseMetadata(r *download.Response, cfg *Config) (keydoc.Metadata, error) {
	found, err := keydoc.ReadMetadata(r.Body, cfg.Issuer)
	if err != nil {
		refusal := fmt.Errorf("the metadata is refused: %w", err)
		if errors.Is(err, keydoc.ErrNoKeysURL) {
			return keydoc.Metadata{}, keylessError{refusal}
		}
		return keydoc.Metadata{}, refusal
	}
	if err := cfg.checkKeyURL(found.KeysURL); err != nil {
		return keydoc.Metadata{}, fmt.Errorf("the metadata is refused: jwks_uri %s: %w", printable(found.KeysURL), err)
	}
	return found, nil
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
