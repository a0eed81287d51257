package events_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

const (
	audience = "https://orders.example.com/events"
	caep     = "https://schemas.openid.net/secevent/caep/event-type/"
	risc     = "https://schemas.openid.net/secevent/risc/event-type/"
	ssf      = "https://schemas.openid.net/secevent/ssf/event-type/"
)

type claims = authtest.Claims

// fixture is a Receiver with all that belongs to it.
type fixture struct {
	*events.Receiver

	t      testing.TB
	issuer *authtest.Issuer
	auth   *middleware.Validator
	list   *revocation.List
	log    *buffer
}

// receiver makes a Receiver of an authtest.Issuer's events.
func receiver(t testing.TB, change ...func(f *fixture, cfg *events.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, issuer: authtest.NewIssuer(t), log: new(buffer)}
	list, err := revocation.New(revocation.Config{Logger: f.logger()})
	if err != nil {
		t.Fatal(err)
	}
	f.list = list
	given := f.issuer.Config(audience)
	given.Revocations = []middleware.Revocations{list}
	if f.auth, err = middleware.New(given); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.auth.Close() })
	cfg := events.Config{
		Transmitter: f.issuer.URL(),
		Audiences:   []string{audience},
		StreamID:    authtest.EventStream,
		PollURL:     f.issuer.URL() + string(authtest.EndpointPoll),
		Logger:      f.logger(),
	}
	for _, change := range change {
		change(f, &cfg)
	}
	if f.Receiver, err = events.New(f.auth, f.list, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func with(change func(cfg *events.Config)) func(*fixture, *events.Config) {
	return func(_ *fixture, cfg *events.Config) { change(cfg) }
}

func (f *fixture) logger() *slog.Logger { return slog.New(slog.NewTextHandler(f.log, nil)) }

// push posts a security event token to the receiver.
func (f *fixture) push(token string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(token))
	r.Header.Set("Content-Type", "application/secevent+jwt")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// takes pushes a token that must be taken.
func (f *fixture) takes(token string) {
	f.t.Helper()
	if w := f.push(token); w.Code != http.StatusAccepted {
		f.t.Fatalf("the token is answered with %d %s\n%s", w.Code, w.Body, f.log)
	}
}

// event is a token with one event.
func (f *fixture) event(subject claims, eventType string, payload claims) string {
	if payload == nil {
		payload = claims{}
	}
	return f.issuer.SecurityEvent(claims{"sub_id": subject, "events": claims{eventType: payload}})
}

// alice is the subject of tokens of the issuer.
func (f *fixture) alice() claims {
	return claims{"format": "iss_sub", "iss": f.issuer.URL(), "sub": "alice"}
}

// facts are those of a token of alice that was issued a minute ago.
func (f *fixture) facts() middleware.TokenFacts {
	return middleware.TokenFacts{
		Issuer: f.issuer.URL(), ID: "j1", SessionID: "s1", Subject: "alice", ClientID: "c1", IssuedAt: time.Now().Add(
			-time.Minute,
		), Expiry: time.Now().Add(time.Hour),
	}
}

// revokedBy is the kind by which a token of alice is revoked; empty: it is good.
func (f *fixture) revokedBy() string { return f.list.Judge(f.facts()).Kind }

// buffer is safe for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// eventually waits for what another goroutine does.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s did not happen", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// mustKeys are keys that nobody signs with.
func mustKeys(t testing.TB) middleware.KeySource {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwks.NewKey("none", "EdDSA", private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return jwks.NewSet(key)
}

var silent = slog.New(slog.DiscardHandler)
