package tokens_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const fetchedFrom = "https://login.example.com/jwks"

// documentOf is a key set of one key.
func documentOf(public crypto.PublicKey, change kit.Claims) string {
	return string(testkit.JSON(kit.Claims{"keys": []kit.Claims{testkit.JWK(public).With(change)}}))
}

func edDocument(key ed25519.PrivateKey) string {
	return documentOf(key.Public(), kit.Claims{"kid": "ed", "alg": "EdDSA"})
}

// fetching is a Validator that fetches what server publishes. It judges by the clock of the tests.
func fetching(t *testing.T, server *kit.PublishedKeys, change func(*middleware.Config)) *middleware.Validator {
	t.Helper()
	return kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys, cfg.Issuers[0].JWKSURI = nil, fetchedFrom
		cfg.HTTPClient = &http.Client{Transport: server}
		if change != nil {
			change(cfg)
		}
	})
}

func signedBy(key any, header string, change kit.Claims) string {
	return testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(change))), key)
}

// numbered are tokens that differ.
func numbered(n int) kit.Claims { return kit.Claims{"jti": fmt.Sprint("token-", n)} }

// A server that restarts with a key of its own making publishes it under the name of the old one. Its tokens are good.
func TestANewKeyUnderAnOldNameIsFetched(t *testing.T) {
	rsaKey := testkit.RSAKey()
	strange, ours := testkit.StrangeKey(), testkit.EdKey()
	const noKid = `{"alg":"EdDSA","typ":"at+jwt"}`
	for name, row := range map[string]struct {
		before string
		old    any // the key of before
		header string
		after  string
		now    string // the header of the new tokens
		claims kit.Claims
		change func(*middleware.Config)
	}{
		"the same kid": {before: edDocument(strange), old: strange, header: kit.Ed25519Header, after: edDocument(ours), now: kit.Ed25519Header},
		"a token for several APIs": {
			before: edDocument(strange), old: strange, header: kit.Ed25519Header, after: edDocument(ours), now: kit.Ed25519Header,
			claims: kit.Claims{"aud": []string{testkit.Audience, "https://other.example.com"}},
		},
		"a token that names no API, where it need not": {
			before: edDocument(strange), old: strange, header: kit.Ed25519Header, after: edDocument(ours), now: kit.Ed25519Header,
			claims: kit.Claims{"aud": nil}, change: func(cfg *middleware.Config) {
				cfg.Audiences, cfg.Issuers[0].Audiences, cfg.Issuers[0].DangerouslyNoAudience = nil, nil, true
			},
		},
		"a token without kid": {before: edDocument(strange), old: strange, header: noKid, after: edDocument(ours), now: noKid},
		"keys without kid": {
			before: documentOf(strange.Public(), nil), old: strange, header: kit.Ed25519Header, after: documentOf(ours.Public(), nil), now: kit.Ed25519Header,
		},
		"the same kid for another algorithm": {
			before: documentOf(rsaKey.Public().(*rsa.PublicKey), kit.Claims{"kid": "ed"}), old: rsaKey, header: `{"alg":"RS256","typ":"at+jwt","kid":"ed"}`,
			after: edDocument(ours), now: kit.Ed25519Header,
		},
		"the same kid, first for another issuer": {
			before: documentOf(strange.Public(), kit.Claims{"kid": "ed", "issuer": "https://other.example.com"}), after: edDocument(ours),
			now: kit.Ed25519Header,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &kit.PublishedKeys{}
				server.Publish(row.before)
				v := fetching(t, server, row.change)
				if row.old != nil {
					kit.WantAdmitted(t, v, signedBy(row.old, row.header, nil))
				} else if err := v.Warm(t.Context()); err != nil {
					t.Fatal(err)
				}
				server.Count()
				server.Publish(row.after)
				var crowd sync.WaitGroup
				for n := range 50 {
					crowd.Go(func() {
						change := numbered(n)
						maps.Copy(change, row.claims)
						if got := kit.Serve(v.Require(), kit.Bearer(signedBy(ours, row.now, change))).String(); got != "200" {
							t.Errorf("a token of the new key: %s", got)
						}
					})
				}
				crowd.Wait()
				if n := server.Count(); n != 1 {
					t.Errorf("%d fetches, want one for all", n)
				}
				if row.old != nil {
					kit.WantOutcome(t, v, signedBy(row.old, row.header, numbered(1)), reasonOfOld(row.header))
					kit.WantOutcome(t, v, signedBy(row.old, row.header, nil), reasonOfOld(row.header)) // one that was accepted before
				}
			})
		})
	}
}

func reasonOfOld(header string) middleware.Reason {
	if header == kit.Ed25519Header || header == `{"alg":"EdDSA","typ":"at+jwt"}` {
		return middleware.ReasonSignature
	}
	return middleware.ReasonUnknownKey
}

// While nobody can tell whether the server has a new key under the old name, a token that no key verifies is not judged, if it is good in
// all else. Whatever is bad by itself is refused at once, and causes no fetch.
func TestForgedTokensDuringAnOutageOfTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &kit.PublishedKeys{}
		server.Publish(edDocument(testkit.EdKey()))
		v := fetching(t, server, nil)
		good := kit.Mint(kit.GoodClaims(nil))
		kit.WantAdmitted(t, v, good)
		server.Publish("")
		server.Count()
		past := testkit.Now.Add(-time.Hour).Unix()
		for name, token := range map[string]string{
			"expired":                signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"exp": past}),
			"no exp":                 signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"exp": nil}),
			"exp is a string":        signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"exp": "2100-01-01"}),
			"not yet valid":          signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"nbf": testkit.Now.Add(time.Hour).Unix()}),
			"issued ahead":           signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"iat": testkit.Now.Add(time.Hour).Unix()}),
			"for another API":        signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"aud": "https://other.example.com"}),
			"for nobody":             signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"aud": nil}),
			"aud holds a number":     signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"aud": []any{testkit.Audience, 1}}),
			"aud is an object":       signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"aud": kit.Claims{testkit.Audience: 1}}),
			"a logout token":         signedBy(testkit.StrangeKey(), `{"alg":"EdDSA","kid":"ed","typ":"logout+jwt"}`, nil),
			"an ID token":            signedBy(testkit.StrangeKey(), `{"alg":"EdDSA","kid":"ed"}`, kit.Claims{"at_hash": "x"}),
			"an unlisted issuer":     signedBy(testkit.StrangeKey(), kit.Ed25519Header, kit.Claims{"iss": "https://evil.example"}),
			"no published algorithm": signedBy(testkit.EdKey(), `{"alg":"HS256","kid":"ed","typ":"at+jwt"}`, nil),
		} {
			if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != kit.BadToken {
				t.Errorf("%s: %s", name, got)
			}
		}
		if n := server.Count(); n != 0 {
			t.Errorf("%d fetches for tokens that no key could help", n)
		}
		for n := range 100 {
			got := kit.Serve(v.Require(), kit.Bearer(signedBy(testkit.StrangeKey(), kit.Ed25519Header, numbered(n))))
			if got.String() != "503" || got.Header.Get("Retry-After") == "" || got.Header.Get("WWW-Authenticate") != "" {
				t.Fatalf("forged: %s, %v", got, got.Header)
			}
		}
		if n := server.Count(); n > 3 {
			t.Errorf("%d fetches, want at most three", n)
		}
		kit.WantAdmitted(t, v, good)

		server.Publish(edDocument(testkit.StrangeKey())) // so they were good, and the one before is withdrawn
		time.Sleep(time.Minute)
		kit.WantAdmitted(t, v, signedBy(testkit.StrangeKey(), kit.Ed25519Header, nil))
		kit.WantRefused(t, v, good, kit.BadToken, middleware.ReasonSignature)
		server.Publish("")
		time.Sleep(2 * time.Minute)
		kit.WantRefused(t, v, good, "503", middleware.ReasonKeysUnavailable) // it may have come back
	})
}

// A flood of forged tokens is told 401 as long as the server answers, so that it cannot trip the health checks of its victim.
func TestAFloodOfForgedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &kit.PublishedKeys{}
		server.Publish(edDocument(testkit.EdKey()))
		v := fetching(t, server, nil)
		good := kit.Mint(kit.GoodClaims(nil))
		kit.WantAdmitted(t, v, good)
		server.Count()
		one := signedBy(testkit.StrangeKey(), kit.Ed25519Header, nil)
		var crowd sync.WaitGroup
		for range 200 {
			crowd.Go(func() { kit.WantRefused(t, v, one, kit.BadToken, middleware.ReasonSignature) })
		}
		crowd.Wait()
		if n := server.Count(); n > 3 {
			t.Errorf("%d fetches for one forged token, sent 200 times at once", n)
		}
		for n := range 400 {
			kit.WantRefused(t, v, signedBy(testkit.StrangeKey(), kit.Ed25519Header, numbered(n)), kit.BadToken, middleware.ReasonSignature)
			time.Sleep(250 * time.Millisecond)
		}
		if n := server.Count(); n > 3+4 {
			t.Errorf("%d fetches in 100 s, want three and one more each half minute", n)
		}
		kit.WantAdmitted(t, v, good)

		// A rotation beside the flood is seen, later than else.
		server.Publish(edDocument(testkit.StrangeKey()))
		time.Sleep(30 * time.Second)
		kit.WantAdmitted(t, v, signedBy(testkit.StrangeKey(), kit.Ed25519Header, nil))
	})
}

// aroundACache leaves out a key that the application does not trust any more. It has the other methods of the Cache.
type aroundACache struct {
	*jwks.Cache
	leftOut *jwks.Key
}

func (a aroundACache) VerificationKeys(ctx context.Context, kid, alg string) (kept []*jwks.Key, _ error) {
	keys, err := a.Cache.VerificationKeys(ctx, kid, alg)
	for _, key := range keys {
		if !key.Equal(a.leftOut) {
			kept = append(kept, key)
		}
	}
	return kept, err
}

// What an application leaves out of a set must not come in through the search for other keys.
func TestAKeyThatASourceLeavesOutStaysOut(t *testing.T) {
	two := kit.Claims{"keys": []kit.Claims{
		testkit.JWK(testkit.EdKey().Public()).With(kit.Claims{"kid": "ed", "alg": "EdDSA"}),
		testkit.JWK(testkit.StrangeKey().Public()).With(kit.Claims{"kid": "ed", "alg": "EdDSA"}),
	}}
	for name, document := range map[string]string{"beside another": string(testkit.JSON(two)), "alone": edDocument(testkit.StrangeKey())} {
		server := &kit.PublishedKeys{}
		server.Publish(document)
		cache := testkit.Must(jwks.New(jwks.Config{URL: fetchedFrom, HTTPClient: &http.Client{Transport: server}}))
		source := aroundACache{cache, testkit.Must(jwks.NewKey("ed", "EdDSA", testkit.StrangeKey().Public()))}
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = source }, func(t *testing.T, v *middleware.Validator) {
			for n := range 10 {
				if got := kit.Serve(v.Require(), kit.Bearer(signedBy(testkit.StrangeKey(), kit.Ed25519Header, numbered(n)))).String(); got != kit.BadToken {
					t.Fatalf("%s: a token of the key that was left out: %s", name, got)
				}
			}
		})
		_ = cache.Close()
	}
}

// A set that is fixed, or a source of the application's own, is asked and nothing else.
func TestFixedSetsAreNotAskedAgain(t *testing.T) {
	keys := &kit.CountedKeys{Set: testkit.KeySet()}
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
	for n := range 10 {
		if got := kit.Serve(v.Require(), kit.Bearer(signedBy(testkit.StrangeKey(), kit.Ed25519Header, numbered(n)))).String(); got != kit.BadToken {
			t.Errorf("forged: %s", got)
		}
	}
	if n := keys.Asked.Load(); n != 10 {
		t.Errorf("asked %d times for 10 tokens", n)
	}
}

// An admission that is judged anew follows the keys as well: what cannot be told is no refusal.
func TestRecheckAfterAKeyWasReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &kit.PublishedKeys{}
		server.Publish(edDocument(testkit.EdKey()))
		guard := fetching(t, server, nil).Require()
		request := kit.Bearer(kit.Mint(kit.GoodClaims(nil)))
		ctx, err := guard.Check(request)
		if err != nil {
			t.Fatal(err)
		}
		recheck := func(want middleware.Reason) {
			t.Helper()
			if _, err := guard.Recheck(request.WithContext(ctx)); kit.ReasonIn(err) != want {
				t.Errorf("rechecked: %q, want %q", kit.ReasonIn(err), want)
			}
			if _, err := guard.Check(request.WithContext(ctx)); err != nil {
				t.Errorf("nested: %v", err)
			}
		}
		recheck("")
		server.Publish(edDocument(testkit.StrangeKey()))
		time.Sleep(20 * time.Minute)
		recheck(middleware.ReasonSignature)
		server.Publish("")
		time.Sleep(20 * time.Minute)
		recheck(middleware.ReasonKeysUnavailable)
		server.Publish(edDocument(testkit.EdKey()))
		time.Sleep(20 * time.Minute)
		recheck("")
	})
}
