package middleware_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

const unknownKey = middleware.ReasonUnknownKey

// mutableKeys answers whatever the test says at the moment.
type mutableKeys struct {
	answer func(kid, alg string) ([]*jwks.Key, error)
	asked  atomic.Int64
}

func (m *mutableKeys) VerificationKeys(_ context.Context, kid, alg string) ([]*jwks.Key, error) {
	m.asked.Add(1)
	return m.answer(kid, alg)
}

func (m *mutableKeys) says(err error, keys ...*jwks.Key) {
	m.answer = func(string, string) ([]*jwks.Key, error) { return keys, err }
}

func edPublic(kid string, key ed25519.PrivateKey) *jwks.Key {
	return must(jwks.NewKey(kid, "EdDSA", key.Public()))
}

func newEd() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

// The token is good throughout; what the source says decides, also about a token that is in the cache.
func TestWhatAKeySourceMaySay(t *testing.T) {
	right, wrong := edPublic("ed", edKey()), edPublic("ed", strangeKey())
	rsaPublic, ecPublic := must(jwks.NewKey("ed", "RS256", &rsaKey().PublicKey)), must(jwks.NewKey("ed", "ES256", &p256Key().PublicKey))
	synonym := must(jwks.NewKey("ed", "Ed25519", edKey().Public()))
	secret := must(jwks.NewSecret("ed", "HS256", []byte(strings.Repeat("s", 32))))
	down := errors.New("connection refused")
	for name, row := range map[string]struct {
		keys    []*jwks.Key
		err     error
		outcome string
		reason  middleware.Reason // for a new token
	}{
		"the right key":                           {keys: []*jwks.Key{right}, outcome: "200"},
		"an equal key":                            {keys: []*jwks.Key{edPublic("ed", edKey())}, outcome: "200"},
		"the right key behind another":            {keys: []*jwks.Key{wrong, right}, outcome: "200"},
		"the right key as the fourth":             {keys: []*jwks.Key{wrong, edPublic("", newEd()), edPublic("x", newEd()), right}, outcome: "200"},
		"the right key behind five of other kind": {keys: []*jwks.Key{rsaPublic, ecPublic, synonym, secret, rsaPublic, right}, outcome: "200"},
		"the right key behind nil and zero":       {keys: []*jwks.Key{nil, {}, nil, {}, nil, right}, outcome: "200"},
		"nothing":                                 {outcome: badToken, reason: unknownKey},
		"an empty list":                           {keys: []*jwks.Key{}, outcome: badToken, reason: unknownKey},
		"not found":                               {err: jwks.ErrKeyNotFound, outcome: badToken, reason: unknownKey},
		"not found, wrapped":                      {err: fmt.Errorf("own: %w", jwks.ErrKeyNotFound), outcome: badToken, reason: unknownKey},
		"not found, beside the right key":         {keys: []*jwks.Key{right}, err: jwks.ErrKeyNotFound, outcome: badToken, reason: unknownKey},
		"another key of the same kid":             {keys: []*jwks.Key{wrong}, outcome: badToken, reason: middleware.ReasonSignature},
		"the same key under another algorithm":    {keys: []*jwks.Key{synonym}, outcome: badToken, reason: middleware.ReasonSignature},
		"keys of other kinds":                     {keys: []*jwks.Key{rsaPublic, ecPublic, secret}, outcome: badToken, reason: middleware.ReasonSignature},
		"nil keys":                                {keys: []*jwks.Key{nil, nil}, outcome: badToken, reason: middleware.ReasonSignature},
		"a zero key":                              {keys: []*jwks.Key{{}}, outcome: badToken, reason: middleware.ReasonSignature},
		"an outage":                               {err: down, outcome: "503", reason: middleware.ReasonKeysUnavailable},
		"an outage, beside the right key":         {keys: []*jwks.Key{right}, err: down, outcome: "503", reason: middleware.ReasonKeysUnavailable},
		"unavailable":                             {err: jwks.ErrUnavailable, outcome: "503", reason: middleware.ReasonKeysUnavailable},
		"a timeout":                               {err: context.DeadlineExceeded, outcome: "503", reason: middleware.ReasonKeysUnavailable},
		"the caller's leave":                      {err: context.Canceled, outcome: "503", reason: middleware.ReasonKeysUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			keys := &mutableKeys{}
			eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys }, func(t *testing.T, v *middleware.Validator) {
				keys.says(row.err, row.keys...)
				for round := range 2 { // first as a new token, then as one that has been admitted before
					got := serve(v.Require(), bearer(mint(good(nil))))
					if got.String() != row.outcome {
						t.Errorf("outcome is %q, want %q", got, row.outcome)
					}
					if retry := got.Header.Get("Retry-After"); (retry != "") != (row.outcome == "503") {
						t.Errorf("Retry-After is %q", retry)
					}
					if reason := reasonOf(t, v.Require(), bearer(mint(good(nil)))); round == 0 && reason != row.reason {
						t.Errorf("reason is %q, want %q", reason, row.reason)
					}
					keys.says(nil, right)
					wantAdmitted(t, v, mint(good(nil)))
					keys.says(row.err, row.keys...)
				}
			})
		})
	}
}

// A key that is withdrawn ends the tokens that it has signed, also those in the cache; and it may come back.
func TestWithdrawnKey(t *testing.T) {
	keys := &mutableKeys{}
	eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys }, func(t *testing.T, v *middleware.Validator) {
		token := mint(good(nil))
		for range 2 {
			keys.says(nil, edPublic("ed", edKey()))
			wantAdmitted(t, v, token)
			keys.says(nil)
			wantRefused(t, v, token, badToken, unknownKey)
			keys.says(nil, edPublic("ed", strangeKey())) // the kid is used again
			if got := serve(v.Require(), bearer(token)).String(); got != badToken {
				t.Errorf("under another key of the same kid: %q", got)
			}
			keys.says(errors.New("down"))
			wantRefused(t, v, token, "503", middleware.ReasonKeysUnavailable)
		}
	})
}

func TestRetryAfterOfAKeySource(t *testing.T) {
	keys := &mutableKeys{}
	keys.says(fmt.Errorf("wrapped: %w", patientError{}))
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
	if got := serve(v.Require(), bearer(mint(good(nil)))).Header.Get("Retry-After"); got != "8" { // whole seconds, upwards
		t.Errorf("Retry-After is %q, want 8", got)
	}
}

// At most four keys are tried, so that a set of thousands is no amplifier. That none of them verifies the token is then no fault of it.
func TestSignatureChecksAreBounded(t *testing.T) {
	keys := &mutableKeys{}
	var many []*jwks.Key
	for range 1000 {
		many = append(many, edPublic("ed", strangeKey()))
	}
	keys.says(nil, append(many, edPublic("ed", edKey()))...)
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
	wantRefused(t, v, mint(good(nil)), "503", middleware.ReasonKeysUnavailable)
}

// A kid is a name and nothing else. It reaches the source as it is, and no network.
func TestHostileKids(t *testing.T) {
	var attacks []hostile
	for _, kid := range []string{
		"ED", "Ed", "ed ", " ed", "ed\x00", "ed\n", "\u212aed", "ｅd", "../../etc/passwd", "..\\..\\windows", "/dev/null", "|sleep 9", "$(id)", "`id`", "' OR 1=1--", "x' UNION SELECT 'k'--", "*)(uid=*", "%00", "%s%n",
		"http://169.254.169.254/", "file:///etc/passwd", "{{7*7}}", "ed,rsa", "*", strings.Repeat("k", 1024), "rsa", "p256", "[\"ed\"]", "null", "0",
	} {
		attacks = append(attacks, hostile{"kid " + kid[:min(len(kid), 40)], sign(string(toJSON(claims{"alg": "EdDSA", "kid": kid, "typ": "at+jwt"})), string(toJSON(good(nil))), edKey()), unknownKey})
	}
	for _, value := range []string{"null", "0", "true", `["ed"]`, `{"ed":1}`, "1e400"} {
		attacks = append(attacks, hostile{"kid is " + value, sign(`{"alg":"EdDSA","typ":"at+jwt","kid":`+value+`}`, string(toJSON(good(nil))), edKey()), malformed})
	}
	attacks = append(attacks, hostile{"a kid of 1025 bytes", sign(string(toJSON(claims{"alg": "EdDSA", "kid": strings.Repeat("k", 1025)})), string(toJSON(good(nil))), edKey()), middleware.ReasonHeader})
	wantAllRefused(t, nil, attacks)
}

func TestKeySourceThatPanicsPoisonsNothing(t *testing.T) {
	keys := &mutableKeys{}
	eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys }, func(t *testing.T, v *middleware.Validator) {
		token := mint(good(nil))
		keys.answer = func(string, string) ([]*jwks.Key, error) { panic("source") }
		for range 3 {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic is hidden")
					}
				}()
				serve(v.Require(), bearer(token))
			}()
		}
		keys.says(nil, edPublic("ed", edKey()))
		wantAdmitted(t, v, token)
	})
}

// published is a transport that serves a key set, or fails.
type published struct {
	mu       sync.Mutex
	document string // empty: an outage
	fetches  int    // since it was last asked for
}

func (p *published) publish(document string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.document = document
}

func (p *published) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.fetches
	p.fetches = 0
	return n
}

func (p *published) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetches++
	if p.document == "" {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(p.document)), Request: r}, nil
}

const edJWK = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","alg":"EdDSA","x":%q}]}`

// Nothing is believed during an outage, and unknown kids cause few fetches.
func TestFetchedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &published{}
		v := validator(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].Keys, cfg.Issuers[0].JWKSURI = nil, "https://login.example.com/jwks"
			cfg.HTTPClient = &http.Client{Transport: server}
		})
		token := mint(good(nil))
		for range 100 {
			if got := serve(v.Require(), bearer(token)); got.String() != "503" || got.Header.Get("Retry-After") == "" || got.Header.Get("WWW-Authenticate") != "" {
				t.Fatalf("before the first load: %q, %v", got, got.Header)
			}
		}
		if n := server.count(); n > 2 {
			t.Errorf("%d fetches during the outage", n)
		}
		server.publish(fmt.Sprintf(edJWK, b64(edKey().Public().(ed25519.PublicKey))))
		time.Sleep(3 * time.Second) // in the bubble
		wantAdmitted(t, v, token)

		server.count()
		for i := range 2000 {
			header := fmt.Sprintf(`{"alg":"EdDSA","kid":"random-%d","typ":"at+jwt"}`, i)
			if got := serve(v.Require(), bearer(sign(header, string(toJSON(good(nil))), strangeKey()))).String(); got != badToken {
				t.Fatalf("an unknown kid gives %q", got)
			}
		}
		if n := server.count(); n > 3 {
			t.Errorf("%d fetches for unknown kids, want at most the 3 of the bucket", n)
		}
		wantAdmitted(t, v, token)

		for range 100 { // a bad signature under a known kid never fetches
			wantRefused(t, v, sign(edHeader, string(toJSON(good(nil))), strangeKey()), badToken, middleware.ReasonSignature)
		}
		if n := server.count(); n != 0 {
			t.Errorf("%d fetches for bad signatures", n)
		}

		server.publish(fmt.Sprintf(edJWK, b64(strangeKey().Public().(ed25519.PublicKey)))) // rotated
		time.Sleep(20 * time.Minute)
		if got := serve(v.Require(), bearer(token)).String(); got != badToken {
			t.Errorf("a cached token of a withdrawn key gives %q", got)
		}
		server.publish("")
		time.Sleep(time.Hour)
		if got := serve(v.Require(), bearer(sign(edHeader, string(toJSON(good(claims{"jti": "2"}))), strangeKey()))).String(); got != "200" {
			t.Errorf("during an outage the last good keys give %q", got)
		}
	})
}

func TestClosedValidatorJudgesNothing(t *testing.T) {
	v := validator(t, nil)
	wantAdmitted(t, v, mint(good(nil)))
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, v, mint(good(nil)), "503", middleware.ReasonClosed)
}
