package faults_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// worthless are documents that hold no key to verify with.
func worthless(a *authority) map[string][]byte {
	good := string(keySetOf(a.key()))
	secret := map[string]any{"kty": "oct", "alg": "HS256", "use": "sig", "kid": "shared", "k": base64url([]byte(strings.Repeat("k", 32)))}
	private := newSigningKey("leaked").jwk()
	private["d"] = base64url(make([]byte, 32))
	return map[string][]byte{
		"nothing":                          {},
		"a zero byte":                      {0},
		"garbage":                          []byte("\xff\xfe\x00garbage\x1b"),
		"a page":                           []byte("<!DOCTYPE html><title>Maintenance</title>"),
		"half a set":                       []byte(good[:len(good)/2]),
		"all but the last byte":            []byte(good[:len(good)-1]),
		"a set and a byte":                 []byte(good + "x"),
		"two sets":                         []byte(good + good),
		"no keys":                          []byte(`{"keys":[]}`),
		"keys twice":                       []byte(`{"keys":[],` + good[1:]),
		"keys is null":                     []byte(`{"keys":null}`),
		"keys is an object":                []byte(`{"keys":{}}`),
		"keys is a text":                   []byte(`{"keys":"none"}`),
		"keys of nulls":                    []byte(`{"keys":[null,null]}`),
		"an array":                         []byte(good[len(`{"keys":`) : len(good)-1]),
		"null":                             []byte(`null`),
		"an error document":                []byte(`{"error":"server_error"}`),
		"invalid UTF-8 in a name":          []byte("{\"\xff\":1," + good[1:]),
		"a shared secret":                  toJSON(map[string]any{"keys": []any{secret}}),
		"a private key":                    toJSON(map[string]any{"keys": []any{private}}),
		"a key for encryption":             toJSON(map[string]any{"keys": []any{changed(newSigningKey("e").jwk(), "use", "enc")}}),
		"nested too deeply":                []byte(strings.Repeat(`{"keys":[`, 50_000)),
		"nested too deeply inside a key":   []byte(`{"keys":[{"kty":"OKP","x5c":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}]}`),
		"a hundred thousand empty keys":    []byte(`{"keys":[` + strings.Repeat("{},", 99_999) + `{}]}`),
		"a hundred and one keys":           keySetOf(manyKeys(101)...),
		"ten thousand names":               []byte(`{` + manyNames(10_000) + `}`),
		"a number as long as the document": []byte(`{"n":` + strings.Repeat("9", 100_000) + `,` + good[1:len(good)-1] + `,}`),
	}
}

func changed(jwk map[string]any, name string, value any) map[string]any {
	jwk[name] = value
	return jwk
}

// manyKeys costs one key, as all but the id is the same; so they count as many.
func manyKeys(n int) []signingKey {
	key := newSigningKey("")
	keys := make([]signingKey, n)
	for i := range keys {
		keys[i] = signingKey{fmt.Sprint("key-", i), key.private}
	}
	return keys
}

func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(`"member-%06d":1`, i)
	}
	return strings.Join(names, ",")
}

func TestAnswerWithoutAUsableKeyLeavesTheOldKeysInPlace(t *testing.T) {
	model := newAuthority("login.example.com")
	for name, document := range worthless(model) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority(model.host)
				a.publish(model.key())
				s := newService(t, trusting(a))
				warm(t, s.validator)
				tr := a.usual(1)
				tr.bad = append(tr.bad, sharedSecretToken(a))
				time.Sleep(time.Minute)

				a.fail(always(200, document, "Content-Type", "application/json"))
				began := time.Now()
				if err := s.validator.Warm(t.Context()); err == nil {
					t.Error("the document is taken for a key set")
				}
				s.steady(40*time.Second, tr)
				if c := s.take(); c.unavailable > 0 || c.waited > 0 || c.refused == 0 {
					t.Errorf("%+v; want nobody refused", c)
				}
				tries := a.fetched(began)
				if n := len(tries); n != 6 {
					t.Errorf("%d tries, want those at 0, 1, 3, 7, 15 and 31 seconds", n)
				}
				for n := range min(6, len(tries)) - 1 {
					pause := time.Second << n
					if gap := tries[n+1].began.Sub(tries[n].ended); gap > pause || gap < pause*9/10 {
						t.Errorf("pause %d: %v, want %v or up to a tenth less", n, gap, pause)
					}
				}
				if h := s.health(); h.Keys.LastError == nil || h.Keys.Keys != 1 || !h.Ready {
					t.Errorf("health %+v; want one key, and the failure told", h)
				}
				if h := s.health(); h.Keys.Failures != uint64(len(tries)) {
					t.Errorf("%d failures are counted, want one for each of %d tries", h.Keys.Failures, len(tries))
				}

				a.fail(nil)
				time.Sleep(time.Minute)
				if h := s.health(); h.Keys.LastError != nil || h.Keys.Keys != 1 || h.Keys.Failures != 6 {
					t.Errorf("a minute after the fault: %+v", h)
				}
				s.steady(time.Minute, tr)
				s.wantServed("after the fault")
			})
		})
	}
}

// sharedSecretToken is signed with the secret that a broken server publishes.
func sharedSecretToken(a *authority) string {
	input := base64url(toJSON(map[string]any{"typ": "at+jwt", "alg": "HS256", "kid": "shared"})) + "." + base64url(toJSON(a.claims(nil)))
	mac := hmac.New(sha256.New, []byte(strings.Repeat("k", 32)))
	mac.Write([]byte(input))
	return input + "." + base64url(mac.Sum(nil))
}

// A worthless document of up to a megabyte cannot be made so that it costs a multiple of what its bytes do.
func TestWorthlessDocumentIsCheapToRefuse(t *testing.T) {
	a := newAuthority("login.example.com")
	for name, document := range worthless(a) {
		s := newService(t, trusting(a))
		warm(t, s.validator)
		a.fail(always(200, document))
		spent := allocated(func() { _ = s.validator.Warm(t.Context()) })
		a.fail(nil)
		if most := uint64(32 << 20); spent > most {
			t.Errorf("%s: %d bytes allocated for %d, want at most %d", name, spent, len(document), most)
		}
		if h := s.health(); h.Keys.LastError == nil || h.Keys.Keys != 1 {
			t.Errorf("%s: %+v; want the document refused and the old key kept", name, h)
		}
		_ = s.validator.Close()
	}
}

// allocated returns the bytes that f allocates, garbage included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBadKeysSpoilNoOther(t *testing.T) {
	a := newAuthority("login.example.com")
	good := a.key()
	x := func() string { return newSigningKey("").jwk()["x"].(string) }
	bad := []any{
		nil, 7, "key", []any{}, map[string]any{},
		map[string]any{
			"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "off the curve", "x": base64url([]byte(strings.Repeat("\x01", 32))),
			"y": base64url([]byte(strings.Repeat("\x02", 32))),
		},
		map[string]any{"kty": "RSA", "alg": "RS256", "kid": "too short", "n": base64url([]byte(strings.Repeat("\xff", 64))), "e": "AQAB"},
		map[string]any{"kty": "RSA", "alg": "RS256", "kid": "too long", "n": base64url([]byte(strings.Repeat("\xff", 4096))), "e": "AQAB"},
		map[string]any{"kty": "RSA", "alg": "RS256", "kid": "exponent one", "n": base64url([]byte(strings.Repeat("\xff", 256))), "e": "AQ"},
		map[string]any{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "small order", "x": base64url(make([]byte, 32))},
		map[string]any{"kty": "OKP", "crv": "Ed448", "kid": "not supported", "x": x()},
		map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "kid": "not yet supported", "pub": x()},
		map[string]any{"kty": "oct", "alg": "HS256", "kid": "shared", "k": base64url([]byte(strings.Repeat("k", 32)))},
		changed(newSigningKey("private").jwk(), "d", x()),
		changed(newSigningKey("for encryption").jwk(), "use", "enc"),
		changed(newSigningKey("for signing only").jwk(), "key_ops", []string{"sign"}),
		changed(newSigningKey("of another type").jwk(), "alg", "RS256"),
	}
	list := []any{ // what cannot be read of these counts as absent, and they are used
		changed(newSigningKey("x").jwk(), "kid", 7),
		changed(newSigningKey("broken certificate").jwk(), "x5c", []string{"AAAA"}),
	}
	used := len(list) + 1
	for i, key := range bad { // the good one in the middle
		if list = append(list, key); i == len(bad)/2 {
			list = append(list, good.jwk())
		}
	}
	synctest.Test(t, func(t *testing.T) {
		a.fail(nil)
		s := newService(t, fetchedEach(t, trusting(a), a, time.Minute))
		a.fail(always(200, toJSON(map[string]any{"keys": list})))
		tr := a.usual(10)
		tr.bad = append(tr.bad, sharedSecretToken(a))
		s.steady(5*time.Minute, tr)
		s.wantServed("a good key among bad ones")
		if k := s.health().Keys; k.Keys != used || k.Skipped != len(bad) || k.LastError != nil {
			t.Errorf("%d keys, %d skipped, error %v; want %d and %d", k.Keys, k.Skipped, k.LastError, used, len(bad))
		}
	})
}

// Two keys under one kid, as servers publish them that number their keys from one: both are tried.
func TestTwoKeysUnderOneKid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		one, two, stranger := newSigningKey("1"), newSigningKey("1"), newSigningKey("1")
		a.publish(one, two)
		s := newService(t, trusting(a))
		for range 10 {
			s.good(a.token(one))
			s.good(a.token(two))
			s.forged(a.token(stranger))
			time.Sleep(time.Second)
		}
		// The third key may have been published by now, so forged tokens may cause three fetches (DESIGN 3.5).
		if c, n := s.take(), len(a.fetched(time.Time{})); c.accepted != 20 || c.refused != 10 || n > 1+3 {
			t.Errorf("%+v with %d fetches; want 20 accepted and 10 refused with one, and three for the forged", c, n)
		}
	})
}

// A hundred keys are read, the last of them too; a set with one more is refused whole, see above.
func TestHundredKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		keys := make([]signingKey, 100)
		for i := range keys {
			keys[i] = newSigningKey(fmt.Sprint(i))
		}
		a.publish(keys...)
		s := newService(t, trusting(a))
		for _, key := range keys {
			s.good(a.token(key))
		}
		if c := s.take(); c.accepted != 100 || s.health().Keys.Keys != 100 {
			t.Errorf("%+v, %d keys; want 100", c, s.health().Keys.Keys)
		}
	})
}

// Metadata that is of no use is a failure of the fetch like any other: before the first load it is 503, and never "bad token".
func TestUnusableMetadata(t *testing.T) {
	a := newAuthority("login.example.com")
	for name, metadata := range map[string]map[string]any{
		"of another issuer":         {"issuer": "https://other.example.com", "jwks_uri": a.url + "/keys"},
		"a slash more":              {"issuer": a.url + "/", "jwks_uri": a.url + "/keys"},
		"without issuer":            {"jwks_uri": a.url + "/keys"},
		"without jwks_uri":          {"issuer": a.url},
		"keys over plain http":      {"issuer": a.url, "jwks_uri": "http://login.example.com/keys"},
		"keys in a file":            {"issuer": a.url, "jwks_uri": "file:///etc/keys"},
		"keys on this very machine": {"issuer": a.url, "jwks_uri": "http://127.0.0.1/keys"},
		"nothing":                   nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority("login.example.com")
				document, _ := json.Marshal(metadata)
				a.fail(always(200, document))
				cfg := trusting(a)
				s := newService(t, cfg)
				tr := a.usual(5)
				s.steady(time.Minute, tr)
				if c := s.take(); c.accepted > 0 || c.unavailable == 0 {
					t.Errorf("%+v; want good tokens unavailable", c)
				}
				if n, strayed := len(a.fetched(time.Time{})), cfg.HTTPClient.Transport.(*network).strayed; n > 0 || len(strayed) > 0 {
					t.Errorf("%d fetches of the keys, and %q; want none", n, strayed)
				}
				wantBackWithin(t, s, a, tr.good[0], 2*time.Second)
			})
		})
	}
}
