package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

const (
	metadataFresh = time.Hour        // then it is read again when it is needed next
	metadataAgain = 10 * time.Second // after a failure
)

// configuration is what a transmitter says of itself (SSF 1.0 section 7.1), as far as it is needed.
type configuration struct {
	jwksURI         string
	verificationURL string
	critical        []string

	keys *jwks.Cache // of jwksURI; nil: nobody needs it
}

// metadata holds the configuration of the transmitter.
type metadata struct {
	mu      sync.Mutex
	reading chan struct{}  // closed when the reading that runs ends; nil: none does
	cancel  func()         // that reading
	current *configuration // nil: nothing was read
	read    time.Time      // when current was
	tried   time.Time
	failed  error // of the last attempt
	closed  bool
}

func (m *metadata) known() *configuration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// usable is what is known if it need not be read now, or cannot be again so soon. The caller holds mu.
func (m *metadata) usable(now time.Time) (_ *configuration, ok bool, _ error) {
	switch {
	case m.closed:
		return nil, true, errClosed
	case now.Sub(m.read) < metadataFresh:
		return m.current, true, nil
	case now.Sub(m.tried) < metadataAgain:
		return m.stale()
	}
	return nil, false, nil
}

// stale is what was read before: a transmitter that does not answer for a while has not changed its mind. The caller holds mu.
func (m *metadata) stale() (*configuration, bool, error) {
	if m.current != nil {
		return m.current, true, nil
	}
	return nil, true, m.failed
}

// load has the configuration read if it is not known, or was read long ago: once for all who want it, whoever of them gives up meanwhile.
func (m *metadata) load(ctx context.Context, r *Receiver) (*configuration, error) {
	m.mu.Lock()
	c, ok, err := m.usable(time.Now())
	if !ok && m.reading == nil {
		m.reading = make(chan struct{})
		reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
		m.cancel = cancel
		go m.readNow(reading, r)
	}
	reading := m.reading
	m.mu.Unlock()
	if ok {
		return c, err
	}
	select {
	case <-reading:
	case <-ctx.Done():
		return nil, fmt.Errorf("events: the transmitter's configuration is being read: %w", ctx.Err())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c, _, err = m.stale()
	return c, err
}

func (m *metadata) readNow(ctx context.Context, r *Receiver) {
	var found *configuration
	err := r.guarded(ctx, func() (err error) { found, err = r.readConfiguration(ctx); return err })
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tried = time.Now()
	if err == nil {
		err = m.put(found, r)
	}
	m.failed = err
	m.cancel()
	close(m.reading)
	m.reading = nil
}

// put makes found the current configuration. Keys are kept while their address stays the same.
func (m *metadata) put(found *configuration, r *Receiver) error {
	switch {
	case m.closed:
		return errClosed
	case !r.findsKeys:
	case m.current != nil && m.current.jwksURI == found.jwksURI:
		found.keys = m.current.keys
	default:
		keys, err := jwks.New(jwks.Config{
			URL:                  found.jwksURI,
			HTTPClient:           r.cfg.HTTPClient,
			DangerouslyAllowHTTP: r.cfg.DangerouslyAllowHTTP,
			Logger:               r.cfg.Logger,
		})
		if err != nil {
			return fmt.Errorf("events: jwks_uri of the transmitter's configuration: %w", err)
		}
		if m.current != nil {
			_ = m.current.keys.Close() // its error is about keys that nobody needs any more
		}
		found.keys = keys
	}
	m.current, m.read = found, m.tried
	return nil
}

func (m *metadata) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.reading != nil {
		m.cancel()
	}
	if m.current == nil || m.current.keys == nil {
		return nil
	}
	return m.current.keys.Close()
}

// Warm reads the transmitter's configuration (SSF 1.0 section 7.2) and, where the Receiver finds its own keys, those: what Verify and
// the first event would otherwise do, and what tells which members of subjects are critical. A transmitter without a configuration needs
// no Warm.
func (r *Receiver) Warm(ctx context.Context) error {
	c, err := r.metadata.load(ctx, r)
	if err != nil || c.keys == nil {
		return err
	}
	return c.keys.Refresh(ctx)
}

// readConfiguration fetches the configuration and aborts unless it is the transmitter's own (SSF 1.0 section 7.2.4).
func (r *Receiver) readConfiguration(ctx context.Context) (*configuration, error) {
	if err := r.cfg.checkURL(r.transmitter); err != nil {
		return nil, fmt.Errorf("events: Transmitter has no configuration that could be read: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, wellKnown(r.transmitter), nil)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	got, err := r.send(request)
	if err != nil {
		return nil, err
	}
	if err := got.refused(http.StatusOK); err != nil {
		return nil, err
	}
	members, err := got.object()
	if err != nil {
		return nil, err
	}
	var issuer string
	var c configuration
	for name, into := range map[string]any{
		"issuer": &issuer, "jwks_uri": &c.jwksURI, "verification_endpoint": &c.verificationURL, "critical_subject_members": &c.critical,
	} {
		if text, there := members[name]; there && json.Unmarshal(text, into) != nil {
			return nil, fmt.Errorf("events: %s in the transmitter's configuration cannot be read", name)
		}
	}
	if issuer != r.transmitter {
		return nil, fmt.Errorf("events: the configuration is that of issuer %s and not of %q, so nothing in it counts", cause.Text(issuer), r.transmitter)
	}
	for name, address := range map[string]string{"jwks_uri": c.jwksURI, "verification_endpoint": c.verificationURL} {
		if err := r.checkLink(address); address != "" && err != nil {
			return nil, fmt.Errorf("events: %s in the transmitter's configuration: %w", name, err)
		}
	}
	if c.jwksURI == "" && r.findsKeys {
		return nil, errors.New("events: the transmitter's configuration names no keys (jwks_uri): set Keys")
	}
	return &c, nil
}

// checkLink lets nothing that was fetched with TLS lead to where there is none.
func (r *Receiver) checkLink(address string) error {
	if strings.HasPrefix(r.transmitter, "https:") && !strings.HasPrefix(address, "https:") {
		return errors.New("it must begin with https://, as the transmitter does")
	}
	return r.cfg.checkURL(address)
}

// foundKeys are those that the transmitter's configuration leads to, which is read when a token is good but for its signature.
type foundKeys struct{ receiver *Receiver }

func (f foundKeys) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	c, err := f.receiver.metadata.load(ctx, f.receiver)
	if err != nil {
		return nil, err
	}
	return c.keys.VerificationKeys(ctx, kid, alg)
}

// Reconsider looks for a new key under the name of an old one.
func (f foundKeys) Reconsider(ctx context.Context, kid, alg string, tried []*jwks.Key) ([]*jwks.Key, error) {
	c, err := f.receiver.metadata.load(ctx, f.receiver)
	if err != nil {
		return nil, err
	}
	return c.keys.Reconsider(ctx, kid, alg, tried)
}

// wellKnown is where the configuration of an issuer is: between its host and its path, which loses the slash at its end.
func wellKnown(issuer string) string {
	u, _ := url.Parse(issuer) // it has been checked
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	return u.Scheme + "://" + u.Host + "/.well-known/ssf-configuration" + path
}

// isCritical reports whether events must not be used without understanding this member of their subject. While the configuration is not
// known, only Config counts: an event is then taken too widely, and so ends more than it should, and never less.
func (r *Receiver) isCritical(member string) bool {
	if slices.Contains(r.cfg.CriticalMembers, member) {
		return true
	}
	c := r.metadata.known()
	return c != nil && slices.Contains(c.critical, member)
}
