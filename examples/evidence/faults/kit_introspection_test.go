package faults_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

const (
	oracleURL = "https://oracle.example.com"
	stockAPI  = "https://stock.example.com"
)

// oracle is an authorization server without a network. Opaque tokens tell the truth about themselves: one that begins
// with "good." is active until it is revoked, and its subject is the token itself; all others are inactive. It counts what it is
// asked, and what of its answers is read.
type oracle struct {
	key ed25519.PrivateKey

	mu      sync.Mutex
	fault   func(r *http.Request, token string) (*http.Response, error) // nil: none
	claims  map[string]any                                              // of every active token, beside the usual ones
	revoked map[string]bool
	calls   int            // of the introspection endpoint
	running int            // of those
	peak    int            // of running
	asked   map[string]int // calls by token, if not nil

	read atomic.Int64 // bytes of bodies
}

func newOracle() *oracle {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return &oracle{key: key, revoked: make(map[string]bool)}
}

func (o *oracle) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.URL.Path == "/jwks" {
		return jsonAnswer(fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":%q}]}`, base64url(o.key.Public().(ed25519.PublicKey)))), nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	token := form.Get("token")
	fault := o.arrive(token)
	defer o.leave()
	if fault == nil {
		return o.answer(token), nil
	}
	response, err := fault(r, token)
	if response != nil {
		response.Body = &countedBody{response.Body, &o.read}
	}
	return response, err
}

func (o *oracle) arrive(token string) (fault func(*http.Request, string) (*http.Response, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	o.running++
	o.peak = max(o.peak, o.running)
	if o.asked != nil {
		o.asked[token]++
	}
	return o.fault
}

func (o *oracle) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running--
}

// answer is what a server without a fault says.
func (o *oracle) answer(token string) *http.Response {
	o.mu.Lock()
	revoked, extra := o.revoked[token], o.claims
	o.mu.Unlock()
	if revoked || !strings.HasPrefix(token, "good.") {
		return jsonAnswer(`{"active":false}`)
	}
	claims := map[string]any{"active": true, "iss": oracleURL, "aud": stockAPI, "sub": token, "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, extra)
	return jsonAnswer(string(toJSON(claims)))
}

// fail lets calls from now on fail; nil ends it.
func (o *oracle) fail(fault func(r *http.Request, token string) (*http.Response, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fault = fault
}

func (o *oracle) revoke(token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.revoked[token] = true
}

func (o *oracle) counts() (calls, peak int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls, o.peak
}

// jwt mints an access token of the oracle.
func (o *oracle) jwt(changes map[string]any) string {
	claims := map[string]any{
		"iss": oracleURL, "aud": stockAPI, "sub": "jwt", "client_id": "client", "iat": time.Now().Unix(),
		"exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changes)
	input := base64url([]byte(`{"alg":"EdDSA","typ":"at+jwt","kid":"one"}`)) + "." + base64url(toJSON(claims))
	return input + "." + base64url(ed25519.Sign(o.key, []byte(input)))
}

func jsonAnswer(text string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text))}
}

func statusAnswer(status int) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}
}

// pause spends time as a network would, and ends with the request.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// delayed is an answer after d, unless the request is given up before.
func delayed(r *http.Request, d time.Duration, answer *http.Response) (*http.Response, error) {
	if err := pause(r.Context(), d); err != nil {
		return nil, err
	}
	return answer, nil
}

type countedBody struct {
	io.ReadCloser

	read *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	return n, err
}

// stockService is an API whose Validator believes one oracle. Its handler answers with the subject of the token.
type stockService struct {
	validator *middleware.Validator
	asker     *introspection.Client
	handler   http.Handler
}

// newStock closes the service at the end of the test, in a bubble before its end, so that a bubble also proves that no
// goroutine is left.
func newStock(t testing.TB, o *oracle, ask introspection.Config, change func(*middleware.Config)) *stockService {
	t.Helper()
	ask.URL = oracleURL + "/introspect"
	ask.ClientAuth = introspection.SecretBasic("stock", "secret")
	ask.HTTPClient = &http.Client{Transport: o}
	asker, err := introspection.New(ask)
	if err != nil {
		t.Fatal(err)
	}
	cfg := middleware.Config{
		Issuers:    []middleware.Issuer{{URL: oracleURL, JWKSURI: oracleURL + "/jwks", Introspector: asker}},
		Audiences:  []string{stockAPI},
		HTTPClient: &http.Client{Transport: o},
	}
	if change != nil {
		change(&cfg)
	}
	validator, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = validator.Close(), asker.Close() })
	return &stockService{validator, asker, validator.Require().HandlerFunc(tellSubject)}
}

func tellSubject(w http.ResponseWriter, r *http.Request) {
	if token, ok := middleware.TokenFromContext(r.Context()); ok {
		_, _ = io.WriteString(w, token.Subject)
	}
}

// ask sends one request with token through the Guard.
func (s *stockService) ask(ctx context.Context, token string) (status int, subject string) {
	return serve(s.handler, requestWith(ctx, token))
}

// heard is what a client sees of an answer, without the cost of a recorder. The body of a refusal is dropped.
type heard struct {
	header  http.Header
	status  int
	subject string
}

// reasonField is where an ErrorHandler may tell the test why a request was refused.
const reasonField = "Refusal-Reason"

func serve(h http.Handler, r *http.Request) (status int, subject string) {
	w := heard{header: make(http.Header, 4)}
	h.ServeHTTP(&w, r)
	if w.status != http.StatusOK {
		return w.status, w.header.Get(reasonField)
	}
	return w.status, w.subject
}

func (w *heard) Header() http.Header { return w.header }

func (w *heard) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *heard) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusOK {
		w.subject += string(p)
	}
	return len(p), nil
}

// verdicts compares answers with the truth about tokens, which is known when they are sent.
type verdicts struct {
	accepted, refused, unjudged atomic.Int64
	wrongAccepts, wrongRefusals atomic.Int64
	strange                     atomic.Int64
	mu                          sync.Mutex
	firstWrong                  string
}

// note takes the answer to one token whose subject, if it is good, is known; "" for a bad one.
func (v *verdicts) note(good string, status int, subject string) {
	switch {
	case status == http.StatusOK && (good == "" || subject != good):
		v.wrong(&v.wrongAccepts, "%q for the token of %q", subject, good)
	case status == http.StatusOK:
		v.accepted.Add(1)
	case status == http.StatusUnauthorized && good != "":
		v.wrong(&v.wrongRefusals, "the token of %q was refused: %s", good, subject)
	case status == http.StatusUnauthorized:
		v.refused.Add(1)
	case status == http.StatusServiceUnavailable:
		v.unjudged.Add(1)
	default:
		v.wrong(&v.strange, "status %d for the token of %q: %s", status, good, subject)
	}
}

func (v *verdicts) wrong(counter *atomic.Int64, format string, args ...any) {
	counter.Add(1)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.firstWrong == "" {
		v.firstWrong = fmt.Sprintf(format, args...)
	}
}

// mustBeRight fails the test over any answer that should not have been given.
func (v *verdicts) mustBeRight(t testing.TB) {
	t.Helper()
	if a, r, s := v.wrongAccepts.Load(), v.wrongRefusals.Load(), v.strange.Load(); a+r+s != 0 {
		t.Errorf("%d wrong accepts, %d wrong refusals, %d strange answers; the first: %s", a, r, s, v.firstWrong)
	}
}

// mustCount fails the test unless so many requests were accepted, refused and left unjudged, and no answer was wrong.
func (v *verdicts) mustCount(t testing.TB, accepted, refused, unjudged int) {
	t.Helper()
	v.mustBeRight(t)
	if a, r, u := v.accepted.Load(), v.refused.Load(), v.unjudged.Load(); a != int64(accepted) || r != int64(refused) || u != int64(unjudged) {
		t.Errorf("%d accepted, %d refused, %d unjudged; want %d, %d, %d", a, r, u, accepted, refused, unjudged)
	}
}

// backTo waits for goroutines that are ending, and fails the test if more than before are left.
func backTo(t testing.TB, before int) {
	t.Helper()
	for range 5000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}

// heap is what the collector cannot free.
func heap() int64 {
	runtime.GC()
	runtime.GC() // the first only empties sync.Pools into their victims
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// reasonOf is why a request was refused; "" if it was not.
func reasonOf(err error) middleware.Reason {
	var refusal *middleware.Error
	if !errors.As(err, &refusal) {
		return ""
	}
	return refusal.Reason
}
