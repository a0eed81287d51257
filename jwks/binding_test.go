package jwks_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

func TestKeyWithoutAlgIsBoundToTheFirst(t *testing.T) {
	t.Parallel()
	set := must(jwks.Static(document(publicJWK("k", "", rsaA()))))
	pick := func(alg string) *jwks.Key { return must(set.VerificationKeys(t.Context(), "k", alg))[0] }
	if err := pick("RS256").Bind(); err != nil {
		t.Fatalf("the first algorithm: %v", err)
	}
	if err := pick("RS256").Bind(); err != nil {
		t.Errorf("the first algorithm again: %v", err)
	}
	for _, alg := range []string{"RS384", "RS512", "PS256", "PS384", "PS512"} {
		err := pick(alg).Bind()
		if !errors.Is(err, jwks.ErrAlgorithmConflict) || !strings.Contains(
			err.Error(), "has been used with RS256, so it is not good for "+alg+"; set the issuer's Algorithms",
		) {
			t.Errorf("one key with two algorithms, RS256 and %s: %v", alg, err)
		}
	}
}

// Not parallel, as allocations of other tests would be counted. A write would cost one, and a cache line that every request shares.
func TestBindWritesOnce(t *testing.T) {
	set := must(jwks.Static(document(publicJWK("k", "", rsaA()))))
	key := must(set.VerificationKeys(t.Context(), "k", "RS256"))[0]
	if n := testing.AllocsPerRun(100, func() { _ = key.Bind() }); n != 0 {
		t.Errorf("%v allocations to bind a key that is bound, want none", n)
	}
}

func TestKeyIsBoundToTheIssuerThatItsJWKNames(t *testing.T) {
	t.Parallel()
	jwk := publicJWK("k", "RS256", rsaA())
	for _, row := range []struct {
		what   string
		member any
		want   string
	}{
		{"a literal", "https://login.example/9188040d/v2.0", "https://login.example/9188040d/v2.0"},
		{"a placeholder, which is not for this package to fill", "https://login.example/{tenantid}/v2.0", "https://login.example/{tenantid}/v2.0"},
		{"another spelling is another issuer", "https://LOGIN.example/ ", "https://LOGIN.example/ "},
		{"an empty one is none", "", ""},
		{"null is none", nil, ""},
	} {
		key := must(must(jwks.Static(document(jwk.with("issuer", row.member)))).VerificationKeys(t.Context(), "k", "RS256"))[0]
		if key.Issuer() != row.want {
			t.Errorf("%s: %q, want %q", row.what, key.Issuer(), row.want)
		}
		if again := must(jwks.NewSet(key).VerificationKeys(t.Context(), "k", "RS256"))[0]; again.Issuer() != row.want {
			t.Errorf("%s: in a set of our own making it is %q", row.what, again.Issuer())
		}
		if made := keyFor(t, "RS256", rsaA()); made.Issuer() != "" || key.Equal(made) != (row.want == "") {
			t.Errorf("%s: equal to a key that names no issuer: %v", row.what, key.Equal(made))
		}
	}
}

// One key, published for two issuers, is two entries: neither may hide the other, and both verify one algorithm.
func TestOneKeyForTwoIssuers(t *testing.T) {
	t.Parallel()
	a, b := publicJWK("k", "", rsaA()).with("issuer", "https://a"), publicJWK("k", "", rsaA()).with("issuer", "https://b")
	pick := func(set *jwks.Set, alg string) (keys []*jwks.Key, issuers []string) {
		keys = must(set.VerificationKeys(t.Context(), "k", alg))
		for _, k := range keys {
			issuers = append(issuers, k.Issuer())
		}
		return keys, issuers
	}
	set := must(jwks.Static(document(a, b, a)))
	rs, issuers := pick(set, "RS256")
	if !slices.Equal(issuers, []string{"https://a", "https://b"}) {
		t.Fatalf("keys for %v", issuers)
	}
	if _, issuers := pick(jwks.NewSet(rs...), "RS256"); !slices.Equal(issuers, []string{"https://a", "https://b"}) {
		t.Errorf("in a set of our own making: keys for %v", issuers)
	}
	if err := rs[0].Bind(); err != nil {
		t.Fatal(err)
	}
	if ps, _ := pick(set, "PS256"); !errors.Is(ps[1].Bind(), jwks.ErrAlgorithmConflict) {
		t.Error("for the second issuer the same key serves a second algorithm")
	}
	named := must(jwks.Static(document(a.with("alg", "PS256"), b)))
	if _, issuers := pick(named, "PS256"); !slices.Equal(issuers, []string{"https://a", "https://b"}) {
		t.Errorf("an alg that one listing names: keys for %v", issuers)
	}
}

func TestAnAlgNamedOnceHoldsWhereverTheKeyIsListed(t *testing.T) {
	t.Parallel()
	named, unnamed := publicJWK("named", "PS256", rsaA()), publicJWK("unnamed", "", rsaA())
	for _, doc := range [][]byte{document(named, unnamed), document(unnamed, named)} {
		set := must(jwks.Static(doc))
		if got := names(must(set.VerificationKeys(t.Context(), "unnamed", "PS256"))); len(got) != 1 {
			t.Errorf("the algorithm that is named: %v", got)
		}
		if _, err := set.VerificationKeys(t.Context(), "unnamed", "RS256"); err == nil {
			t.Error("one key, two algorithms, by way of a second listing without alg")
		}
	}
	twice := must(jwks.Static(document(named, publicJWK("named", "", rsaA()))))
	if got := must(twice.VerificationKeys(t.Context(), "named", "PS256")); len(got) != 1 {
		t.Errorf("the same key is tried %d times", len(got))
	}
}

func TestKeysThatNeedNoBinding(t *testing.T) {
	t.Parallel()
	for what, set := range map[string]*jwks.Set{
		"the JWK names its alg":             must(jwks.Static(document(publicJWK("k", "RS256", rsaA()), publicJWK("k", "PS256", rsaA())))),
		"one algorithm under two names":     must(jwks.Static(document(publicJWK("k", "", ed())))),
		"the curve leaves but one":          must(jwks.Static(document(publicJWK("k", "", p256A())))),
		"whoever calls NewKey has named it": jwks.NewSet(keyFor(t, "RS256", rsaA()), keyFor(t, "PS256", rsaA())),
	} {
		bound := 0
		for alg := range signers() {
			keys, _ := set.VerificationKeys(t.Context(), "k", alg)
			for _, k := range keys {
				bound++
				if err := k.Bind(); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
		if bound == 0 {
			t.Errorf("%s: no key found", what)
		}
	}
}

func TestBindLetsOneAlgorithmWinWhoeverIsFirst(t *testing.T) {
	t.Parallel()
	set := must(jwks.Static(document(publicJWK("k", "", rsaA()))))
	var wg sync.WaitGroup
	won := make(chan string, 64)
	for i := range 64 {
		k := must(set.VerificationKeys(t.Context(), "k", []string{"RS256", "PS256"}[i%2]))[0]
		wg.Go(func() {
			if k.Bind() == nil {
				won <- k.Algorithm()
			}
		})
	}
	wg.Wait()
	close(won)
	first := <-won
	for alg := range won {
		if alg != first {
			t.Fatalf("one key was bound to %s and to %s", first, alg)
		}
	}
}

// One key listed under one kid for two algorithms, as some servers do, is good for both: the issuer has said so.
func TestOneKeyForTwoAlgorithms(t *testing.T) {
	set := must(jwks.Static(document(publicJWK("a", "RS256", rsaA()), publicJWK("a", "PS256", rsaA()))))
	for _, alg := range []string{"RS256", "PS256"} {
		keys, err := set.VerificationKeys(t.Context(), "a", alg)
		if err != nil || !slices.Equal(names(keys), []string{"a/" + alg}) {
			t.Errorf("for %s there is %v, error %v", alg, names(keys), err)
		}
	}
}

// What one key is bound to says nothing about another.
func TestTwoKeysAreBoundApart(t *testing.T) {
	set := must(jwks.Static(document(publicJWK("a", "", rsaA()), publicJWK("b", "", rsaB()))))
	for kid, alg := range map[string]string{"a": "RS256", "b": "PS256"} {
		if err := must(set.VerificationKeys(t.Context(), kid, alg))[0].Bind(); err != nil {
			t.Errorf("key %s cannot be bound to %s: %v", kid, alg, err)
		}
	}
	if must(set.VerificationKeys(t.Context(), "a", "PS256"))[0].Bind() == nil {
		t.Error("key a is bound to two algorithms")
	}
}

// An issuer that stops naming the algorithm of a key must not thereby make it good for six at once.
func TestKeyThatLosesItsAlgorithm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &issuer{answer: serving(publicJWK("a", "RS256", rsaA()))}
		cache := newCache(t, server)
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		server.set(serving(publicJWK("a", "", rsaA())))
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		bound := 0
		for _, alg := range []string{"PS256", "RS256", "RS512"} {
			if keys := must(cache.VerificationKeys(t.Context(), "a", alg)); keys[0].Bind() == nil {
				bound++
			}
		}
		if bound != 1 {
			t.Errorf("the key is bound to %d algorithms, want one", bound)
		}
	})
}

func TestABoundKeyStaysBoundThroughRefreshAndOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(publicJWK("k", "", rsaA()))}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.MaxStale = time.Hour })
		pick := func(kid, alg string) *jwks.Key { return must(c.VerificationKeys(t.Context(), kid, alg))[0] }
		if err := pick("k", "RS256").Bind(); err != nil {
			t.Fatal(err)
		}
		i.set(serving(first(), publicJWK("again", "", rsaA()), publicJWK("k", "", rsaA())))
		time.Sleep(10 * time.Minute)
		for _, kid := range []string{"k", "again"} {
			if pick(kid, "PS256").Bind() == nil || pick(kid, "RS256").Bind() != nil {
				t.Errorf("kid %q: after a refresh the key serves a second algorithm", kid)
			}
		}
		i.set(failing)
		time.Sleep(2 * time.Hour)
		i.set(serving(publicJWK("k", "", rsaA())))
		time.Sleep(2 * time.Minute)
		if pick("k", "PS256").Bind() == nil {
			t.Error("after an outage the key serves a second algorithm")
		}
	})
}

func TestMetadataThatLeavesOneAlgorithmDecides(t *testing.T) {
	t.Parallel()
	const name, place = "https://h", "https://h/.well-known/openid-configuration"
	both := []string{"RS256", "PS256"}
	for _, row := range []struct {
		what string
		says members
		good []string // the algorithms, of RS256 and PS256, that a key without alg can still be bound to as the first
	}{
		{"nothing", members{}, both},
		{"one algorithm", members{"id_token_signing_alg_values_supported": []string{"RS256"}}, []string{"RS256"}},
		{
			"of those listed only one is for RSA",
			members{"id_token_signing_alg_values_supported": []string{"none", "ES256", "PS256", "HS256", "RS1"}}, []string{"PS256"},
		},
		{"only for userinfo", members{"userinfo_signing_alg_values_supported": []string{"RS256"}}, []string{"RS256"}},
		{"only for authorization responses", members{"authorization_signing_alg_values_supported": []string{"RS256"}}, []string{"RS256"}},
		{"only for introspection", members{"introspection_signing_alg_values_supported": []string{"RS256"}}, []string{"RS256"}},
		{"only for access tokens", members{"access_token_signing_alg_values_supported": []string{"RS256"}}, []string{"RS256"}},
		{
			"the same twice",
			members{"id_token_signing_alg_values_supported": []string{"RS256"}, "userinfo_signing_alg_values_supported": []string{"RS256", "RS256"}},
			[]string{"RS256"},
		},
		{
			"another one elsewhere",
			members{"id_token_signing_alg_values_supported": []string{"RS256"}, "access_token_signing_alg_values_supported": []string{"PS256"}},
			both,
		},
		{"none for RSA", members{"id_token_signing_alg_values_supported": []string{"ES256"}}, both},
		{"what clients sign with does not count", members{"request_object_signing_alg_values_supported": []string{"RS256"}}, both},
		{"text instead of a list", members{"id_token_signing_alg_values_supported": "RS256"}, []string{"RS256"}},
		{"null, a boolean, an object and a number", members{
			"id_token_signing_alg_values_supported": nil, "userinfo_signing_alg_values_supported": true,
			"authorization_signing_alg_values_supported": members{}, "introspection_signing_alg_values_supported": 7,
		}, both},
		{"text among what is no text", members{"id_token_signing_alg_values_supported": []any{nil, 7, "RS256", []string{"PS256"}}}, []string{"RS256"}},
	} {
		for _, alg := range both {
			synctest.Test(t, func(t *testing.T) {
				about := string(must(json.Marshal(row.says.with("issuer", name).with("jwks_uri", keysURL))))
				s := newSite(place, about, keysURL, string(document(publicJWK("k", "", rsaA()), first(), publicJWK("ec", "", p256B()))))
				c := newDiscovering(t, &issuer{answer: s.answer}, name)
				key := must(c.VerificationKeys(t.Context(), "k", alg))[0]
				err := key.Bind()
				if (err == nil) != slices.Contains(row.good, alg) {
					t.Errorf("%s: the key for %s: %v", row.what, alg, err)
				}
				if err != nil && (!errors.Is(err, jwks.ErrAlgorithmConflict) || !strings.Contains(
					err.Error(), "metadata says that it signs with "+row.good[0]+", so it is not good for "+alg,
				)) {
					t.Errorf("%s: %v", row.what, err)
				}
			})
		}
	}
}

// What metadata has decided stays, and what a token has decided first stays too; what nobody has decided is decided whenever
// metadata says so, even if the set has not changed.
func TestMetadataThatIsReadAgainLoosensNothing(t *testing.T) {
	t.Parallel()
	const name, place = "https://h", "https://h/.well-known/openid-configuration"
	saying := func(algs ...string) string {
		return string(must(json.Marshal(members{"issuer": name, "jwks_uri": keysURL, "id_token_signing_alg_values_supported": algs})))
	}
	for _, row := range []struct {
		what          string
		before, later string
		used          string // bound by a token in between
		good          string
	}{
		{"it names more", saying("RS256"), saying("RS256", "PS256"), "", "RS256"},
		{"it names another", saying("RS256"), saying("PS256"), "", "RS256"},
		{"it names none", saying("RS256"), saying(), "", "RS256"},
		{"it decides later", saying("RS256", "PS256"), saying("PS256"), "", "PS256"},
		{"it decides too late", saying("RS256", "PS256"), saying("PS256"), "RS256", "RS256"},
	} {
		for _, alg := range []string{"RS256", "PS256"} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(place, row.before, keysURL, string(document(publicJWK("k", "", rsaA()))))
				i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
					if len(r.Header["If-None-Match"]) > 0 {
						return respond(304, ""), nil
					}
					answer, err := s.answer(r)
					answer.Header.Set("ETag", `"v1"`)
					return answer, err
				}}
				c := newDiscovering(t, i, name)
				pick := func(alg string) *jwks.Key { return must(c.VerificationKeys(t.Context(), "k", alg))[0] }
				kept := pick(alg)
				if row.used != "" && pick(row.used).Bind() != nil {
					t.Fatalf("%s: the first algorithm is refused", row.what)
				}
				s.pages.Store(place, row.later)
				time.Sleep(25 * time.Hour)
				if pick(alg) != kept {
					t.Errorf("%s: the key is another one", row.what)
				}
				if err := pick(alg).Bind(); (err == nil) != (alg == row.good) {
					t.Errorf("%s: the key for %s: %v", row.what, alg, err)
				}
			})
		}
	}
}
