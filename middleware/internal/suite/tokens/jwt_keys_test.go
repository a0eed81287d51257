package tokens_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
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
	return testkit.Must(jwks.NewKey(kid, "EdDSA", key.Public()))
}

func newEd() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return testkit.Must(key, err)
}

// The token is good throughout; what the source says decides, also about a token that is in the cache.
func TestWhatAKeySourceMaySay(t *testing.T) {
	right, wrong := edPublic("ed", testkit.EdKey()), edPublic("ed", testkit.StrangeKey())
	rsaPublic, ecPublic := testkit.Must(jwks.NewKey("ed", "RS256", &testkit.RSAKey().PublicKey)), testkit.Must(
		jwks.NewKey("ed", "ES256", &testkit.P256Key().PublicKey),
	)
	synonym := testkit.Must(jwks.NewKey("ed", "Ed25519", testkit.EdKey().Public()))
	secret := testkit.Must(jwks.NewSecret("ed", "HS256", []byte(strings.Repeat("s", 32))))
	down := errors.New("connection refused")
	for name, row := range map[string]struct {
		keys    []*jwks.Key
		err     error
		outcome string
		reason  middleware.Reason // for a new token
	}{
		"the right key":                           {keys: []*jwks.Key{right}, outcome: "200"},
		"an equal key":                            {keys: []*jwks.Key{edPublic("ed", testkit.EdKey())}, outcome: "200"},
		"the right key behind another":            {keys: []*jwks.Key{wrong, right}, outcome: "200"},
		"the right key as the fourth":             {keys: []*jwks.Key{wrong, edPublic("", newEd()), edPublic("x", newEd()), right}, outcome: "200"},
		"the right key behind five of other kind": {keys: []*jwks.Key{rsaPublic, ecPublic, synonym, secret, rsaPublic, right}, outcome: "200"},
		"the right key behind nil and zero":       {keys: []*jwks.Key{nil, {}, nil, {}, nil, right}, outcome: "200"},
		"nothing":                                 {outcome: kit.BadToken, reason: unknownKey},
		"an empty list":                           {keys: []*jwks.Key{}, outcome: kit.BadToken, reason: unknownKey},
		"not found":                               {err: jwks.ErrKeyNotFound, outcome: kit.BadToken, reason: unknownKey},
		"not found, wrapped":                      {err: fmt.Errorf("own: %w", jwks.ErrKeyNotFound), outcome: kit.BadToken, reason: unknownKey},
		"not found, beside the right key":         {keys: []*jwks.Key{right}, err: jwks.ErrKeyNotFound, outcome: kit.BadToken, reason: unknownKey},
		"another key of the same kid":             {keys: []*jwks.Key{wrong}, outcome: kit.BadToken, reason: middleware.ReasonSignature},
		"the same key under another algorithm":    {keys: []*jwks.Key{synonym}, outcome: kit.BadToken, reason: middleware.ReasonSignature},
		"keys of other kinds":                     {keys: []*jwks.Key{rsaPublic, ecPublic, secret}, outcome: kit.BadToken, reason: middleware.ReasonSignature},
		"nil keys":                                {keys: []*jwks.Key{nil, nil}, outcome: kit.BadToken, reason: middleware.ReasonSignature},
		"a zero key":                              {keys: []*jwks.Key{{}}, outcome: kit.BadToken, reason: middleware.ReasonSignature},
		"an outage":                               {err: down, outcome: "503", reason: middleware.ReasonKeysUnavailable},
		"an outage, beside the right key":         {keys: []*jwks.Key{right}, err: down, outcome: "503", reason: middleware.ReasonKeysUnavailable},
		"unavailable":                             {err: jwks.ErrUnavailable, outcome: "503", reason: middleware.ReasonKeysUnavailable},
		"a timeout":                               {err: context.DeadlineExceeded, outcome: "503", reason: middleware.ReasonKeysUnavailable},
		"the caller's leave":                      {err: context.Canceled, outcome: "503", reason: middleware.ReasonKeysUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			keys := &mutableKeys{}
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys }, func(t *testing.T, v *middleware.Validator) {
				keys.says(row.err, row.keys...)
				for round := range 2 { // first as a new token, then as one that has been admitted before
					got := kit.Serve(v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
					if got.String() != row.outcome {
						t.Errorf("outcome is %q, want %q", got, row.outcome)
					}
					if retry := got.Header.Get("Retry-After"); (retry != "") != (row.outcome == "503") {
						t.Errorf("Retry-After is %q", retry)
					}
					if reason := kit.ReasonOf(t, v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); round == 0 && reason != row.reason {
						t.Errorf("reason is %q, want %q", reason, row.reason)
					}
					keys.says(nil, right)
					kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil)))
					keys.says(row.err, row.keys...)
				}
			})
		})
	}
}

// A key that is withdrawn ends the tokens that it has signed, also those in the cache; and it may come back.
func TestWithdrawnKey(t *testing.T) {
	keys := &mutableKeys{}
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys }, func(t *testing.T, v *middleware.Validator) {
		token := kit.Mint(kit.GoodClaims(nil))
		for range 2 {
			keys.says(nil, edPublic("ed", testkit.EdKey()))
			kit.WantAdmitted(t, v, token)
			keys.says(nil)
			kit.WantRefused(t, v, token, kit.BadToken, unknownKey)
			keys.says(nil, edPublic("ed", testkit.StrangeKey())) // the kid is used again
			if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != kit.BadToken {
				t.Errorf("under another key of the same kid: %q", got)
			}
			keys.says(errors.New("down"))
			kit.WantRefused(t, v, token, "503", middleware.ReasonKeysUnavailable)
		}
	})
}

func TestRetryAfterOfAKeySource(t *testing.T) {
	keys := &mutableKeys{}
	keys.says(fmt.Errorf("wrapped: %w", kit.RetryLaterError{}))
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
	if got := kit.Serve(v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))).Header.Get("Retry-After"); got != "8" { // whole seconds, upwards
		t.Errorf("Retry-After is %q, want 8", got)
	}
}

// At most four keys are tried, so that a set of thousands is no amplifier. That none of them verifies the token is then no fault of it.
func TestSignatureChecksAreBounded(t *testing.T) {
	keys := &mutableKeys{}
	var many []*jwks.Key
	for range 1000 {
		many = append(many, edPublic("ed", testkit.StrangeKey()))
	}
	keys.says(nil, append(many, edPublic("ed", testkit.EdKey()))...)
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
	kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(nil)), "503", middleware.ReasonKeysUnavailable)
}

// A kid is a name and nothing else. It reaches the source as it is, and no network.
func TestHostileKids(t *testing.T) {
	var attacks []hostile
	for _, kid := range []string{
		"ED", "Ed", "ed ", " ed", "ed\x00", "ed\n", "\u212aed", "ｅd", "../../etc/passwd", "..\\..\\windows", "/dev/null", "|sleep 9", "$(id)", "`id`", "' OR 1=1--", "x' UNION SELECT 'k'--", "*)(uid=*", "%00", "%s%n",
		"http://169.254.169.254/", "file:///etc/passwd", "{{7*7}}", "ed,rsa", "*", strings.Repeat("k", 1024), "rsa", "p256", "[\"ed\"]", "null", "0",
	} {
		attacks = append(
			attacks,
			hostile{
				"kid " + kid[:min(len(kid), 40)],
				testkit.Sign(string(testkit.JSON(kit.Claims{"alg": "EdDSA", "kid": kid, "typ": "at+jwt"})), string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
				unknownKey,
			},
		)
	}
	for _, value := range []string{"null", "0", "true", `["ed"]`, `{"ed":1}`, "1e400"} {
		attacks = append(
			attacks,
			hostile{
				"kid is " + value,
				testkit.Sign(`{"alg":"EdDSA","typ":"at+jwt","kid":`+value+`}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
				malformed,
			},
		)
	}
	attacks = append(
		attacks,
		hostile{
			"a kid of 1025 bytes",
			testkit.Sign(string(testkit.JSON(kit.Claims{"alg": "EdDSA", "kid": strings.Repeat("k", 1025)})), string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
			middleware.ReasonHeader,
		},
	)
	wantAllRefused(t, nil, attacks)
}

func TestKeySourceThatPanicsPoisonsNothing(t *testing.T) {
	keys := &mutableKeys{}
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys }, func(t *testing.T, v *middleware.Validator) {
		token := kit.Mint(kit.GoodClaims(nil))
		keys.answer = func(string, string) ([]*jwks.Key, error) { panic("source") }
		for range 3 {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic is hidden")
					}
				}()
				kit.Serve(v.Require(), kit.Bearer(token))
			}()
		}
		keys.says(nil, edPublic("ed", testkit.EdKey()))
		kit.WantAdmitted(t, v, token)
	})
}

// Nothing is believed during an outage, and unknown kids cause few fetches.
func TestFetchedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &kit.PublishedKeys{}
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].Keys, cfg.Issuers[0].JWKSURI = nil, "https://login.example.com/jwks"
			cfg.HTTPClient = &http.Client{Transport: server}
		})
		token := kit.Mint(kit.GoodClaims(nil))
		for range 100 {
			if got := kit.Serve(
				v.Require(), kit.Bearer(token),
			); got.String() != "503" || got.Header.Get("Retry-After") == "" || got.Header.Get("WWW-Authenticate") != "" {
				t.Fatalf("before the first load: %q, %v", got, got.Header)
			}
		}
		if n := server.Count(); n > 2 {
			t.Errorf("%d fetches during the outage", n)
		}
		server.Publish(fmt.Sprintf(kit.Ed25519JWKS, testkit.B64(testkit.EdKey().Public().(ed25519.PublicKey))))
		time.Sleep(3 * time.Second) // in the bubble
		kit.WantAdmitted(t, v, token)

		server.Count()
		for i := range 200 {
			header := fmt.Sprintf(`{"alg":"EdDSA","kid":"random-%d","typ":"at+jwt"}`, i)
			if got := kit.Serve(
				v.Require(), kit.Bearer(testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey())),
			).String(); got != kit.BadToken {
				t.Fatalf("an unknown kid gives %q", got)
			}
		}
		if n := server.Count(); n > 3 {
			t.Errorf("%d fetches for unknown kids, want at most the 3 of the bucket", n)
		}
		kit.WantAdmitted(t, v, token)

		for range 100 { // a server may publish a new key under the old name, so forged tokens cause a few fetches
			kit.WantRefused(
				t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()), kit.BadToken,
				middleware.ReasonSignature,
			)
		}
		if n := server.Count(); n > 3 {
			t.Errorf("%d fetches for bad signatures, want at most the 3 of their bucket", n)
		}

		server.Publish(fmt.Sprintf(kit.Ed25519JWKS, testkit.B64(testkit.StrangeKey().Public().(ed25519.PublicKey)))) // rotated
		time.Sleep(20 * time.Minute)
		if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != kit.BadToken {
			t.Errorf("a cached token of a withdrawn key gives %q", got)
		}
		server.Publish("")
		time.Sleep(time.Hour)
		if got := kit.Serve(
			v.Require(),
			kit.Bearer(testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"jti": "2"}))), testkit.StrangeKey())),
		).String(); got != "200" {
			t.Errorf("during an outage the last good keys give %q", got)
		}
	})
}

func TestClosedValidatorJudgesNothing(t *testing.T) {
	v := kit.NewValidator(t, nil)
	kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil)))
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(nil)), "503", middleware.ReasonClosed)
}
