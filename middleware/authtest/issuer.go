package authtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// TB is the part of [testing.TB] that is needed. It is stated here so that programs can use the package without
// linking package testing.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Issuer is an authorization server on a loopback address. It is made by NewIssuer or Start and is safe for concurrent
// use. Every Issuer has keys of its own: one never verifies the tokens of another.
//
// Mistakes of the caller (an algorithm that does not exist, a claim that is no JSON) end the test through TB.Fatalf; an
// Issuer made by Start panics instead.
type Issuer struct {
	_ [0]func() // not comparable

	tb     TB
	url    string
	client client // that the token and introspection endpoints know
	server *server
	keys   *keyring
	clock  atomic.Pointer[func() time.Time]

	offered offered

	mu       sync.Mutex // guards what follows
	ended    bool
	audience string
	opaque   map[string]Claims
	revoked  map[string]bool
	askers   []*introspection.Client // handed out by Config
	fault    Fault
	requests map[Endpoint]int

	statusLists map[string]*StatusList // by the last part of their address
}

const (
	clientID = "authtest-client"

	// firstAudience is the aud of tokens before Config has been told of any. The name can belong to nobody (RFC 6761).
	firstAudience = "https://api.example.test"

	// patience is longer than production has it: on a busy test machine even a healthy server can be slow.
	patience = 5 * time.Second
)

// NewIssuer starts an authorization server for a test. It ends with the test, through t.Cleanup.
func NewIssuer(t TB) *Issuer {
	t.Helper()
	i, err := start(t)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	t.Cleanup(i.end)
	return i
}

// Start starts an authorization server for a program, on a port of 127.0.0.1 that the system chooses: a server that gives
// tokens to whoever links it must not be reached from elsewhere. It ends when ctx does; a ctx that has ended is an
// error. An API in another process is configured with its URL; call Config with the API's audience all the same, for the aud of tokens.
func Start(ctx context.Context) (*Issuer, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("authtest: not started, the context has ended: %w", err)
	}
	i, err := start(program{})
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, i.end)
	return i, nil
}

func start(tb TB) (*Issuer, error) {
	keys, err := newKeyring()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("authtest: no loopback port to listen on: %w", err)
	}
	i := &Issuer{
		tb:       tb,
		url:      "http://" + listener.Addr().String(),
		client:   client{id: clientID, secret: rand.Text()},
		keys:     keys,
		audience: firstAudience,
		opaque:   make(map[string]Claims),
		revoked:  make(map[string]bool),
		requests: make(map[Endpoint]int),

		statusLists: make(map[string]*StatusList),
	}
	i.SetClock(nil)
	i.server = serve(listener, i.routes())
	return i, nil
}

// end closes what the Issuer has started and waits for it.
func (i *Issuer) end() {
	i.mu.Lock()
	askers := i.askers
	i.ended, i.askers = true, nil
	i.mu.Unlock()
	for _, asker := range askers {
		_ = asker.Close() // it always returns nil
	}
	i.server.close()
}

// URL returns the issuer identifier: the iss of its tokens, and the address to which the Endpoints are relative.
func (i *Issuer) URL() string { return i.url }

// Client returns the id and secret of the one client that the token and introspection endpoints know. The secret is
// random for every Issuer.
func (i *Issuer) Client() (id, secret string) { return i.client.id, i.client.secret }

// Config returns a configuration that trusts this issuer alone, for the API named audience: JWTs are verified with the
// published keys, opaque tokens are introspected, and the time is that of SetClock. It may be changed before it goes to
// [middleware.New].
//
// Answers of the introspection endpoint are not cached, so that Revoke is seen by the next request, and are waited for up
// to five seconds. The introspection client belongs to the Issuer, which closes it at its end; the Validator belongs to
// the caller. Its Logger is silent, as refusals are what tests provoke: set another one to read the reasons, or Logger to nil.
//
// From now on audience is also the aud of tokens that do not name one. A test with several audiences says aud itself.
func (i *Issuer) Config(audience string) middleware.Config {
	i.tb.Helper()
	asker, err := introspection.New(introspection.Config{
		URL:         i.url + string(EndpointIntrospection),
		Issuer:      i.url,
		ClientAuth:  introspection.SecretBasic(i.client.id, i.client.secret),
		Timeout:     patience,
		ActiveTTL:   -1,
		InactiveTTL: -1,
		Logger:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		i.tb.Fatalf("authtest: Config: %v", err)
		return middleware.Config{}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.audience = audience
	if i.ended {
		_ = asker.Close()
	} else {
		i.askers = append(i.askers, asker)
	}
	return middleware.Config{
		Issuers:   []middleware.Issuer{{URL: i.url, Introspector: asker}},
		Audiences: []string{audience},
		Clock:     i.now,
		Logger:    slog.New(slog.DiscardHandler),
	}
}

// SetClock sets the time at which tokens are minted and introspected, and against which Validators of Config judge,
// those that exist already included. now must be safe for concurrent use. Nil: time.Now, as at the start.
//
// Caches, back-off and timeouts run on the real clock all the same.
func (i *Issuer) SetClock(now func() time.Time) {
	if now == nil {
		now = time.Now
	}
	i.clock.Store(&now)
}

func (i *Issuer) now() time.Time { return (*i.clock.Load())() }

// program is the TB of an Issuer that no test made.
type program struct{}

func (program) Helper()                           {}
func (program) Cleanup(func())                    {}
func (program) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
