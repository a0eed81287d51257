package jwks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"github.com/cardea-auth/cardea/jwks"
)

// store makes a storage of JWKs as jwkset reads them, private members included.
func store(t *testing.T, keys ...members) jwkset.Storage {
	t.Helper()
	s := jwkset.NewMemoryStorage()
	for _, m := range keys {
		k, err := jwkset.NewJWKFromRawJSON(must(json.Marshal(m)), jwkset.JWKMarshalOptions{Private: true}, jwkset.JWKValidateOptions{SkipAll: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.KeyWrite(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func from(t *testing.T, s jwkset.Storage) *jwks.KeyfuncSource {
	t.Helper()
	k, err := keyfunc.New(keyfunc.Options{Ctx: t.Context(), Storage: s})
	if err != nil {
		t.Fatal(err)
	}
	return jwks.FromKeyfunc(k)
}

func TestKeyfuncSourceAppliesOurRules(t *testing.T) {
	t.Parallel()
	private := must(jwkset.NewJWKFromKey(rsaB(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "private"}}))
	storage := store(t,
		publicJWK("rs", "RS256", rsaA()),
		publicJWK("any", "", rsaB()),
		publicJWK("enc", "RS256", rsaA()).with("use", "enc"),
		publicJWK("ops", "RS256", rsaA()).with("key_ops", []string{"encrypt"}),
		publicJWK("oaep", "RSA-OAEP", rsaA()),
		members{"kty": "oct", "kid": "oct", "alg": "HS256", "k": b64(secret)},
		publicJWK("curve", "ES384", p256A()),
		publicJWK("twin", "ES256", p256A()), publicJWK("twin", "ES256", p256B()),
		publicJWK("", "ES512", p521()),
	)
	if err := storage.KeyWrite(t.Context(), private); err != nil {
		t.Fatal(err)
	}
	s := from(t, storage)
	for _, row := range []struct {
		what, kid, alg string
		want           []string
	}{
		{"a key as it should be", "rs", "RS256", []string{"rs/RS256"}},
		{"another algorithm than the JWK names", "rs", "PS256", nil},
		{"a key without alg", "any", "PS256", []string{"any/PS256"}},
		{"an encryption key", "enc", "RS256", nil},
		{"a key whose operations lack verify", "ops", "RS256", nil},
		{"an encryption algorithm", "oaep", "RS256", nil},
		{"a symmetric key", "oct", "HS256", nil},
		{"a private key", "private", "RS256", nil},
		{"a curve that does not fit its alg", "curve", "ES384", nil},
		{"two keys under one kid", "twin", "ES256", []string{"twin/ES256", "twin/ES256"}},
		{"an unknown kid may belong to a key without", "x", "ES512", []string{"/ES512"}},
		{"an unknown kid", "x", "RS256", nil},
		{"no kid: only what fits by alg and use", "", "RS256", []string{"rs/RS256", "any/RS256"}},
		{"no kid and a symmetric algorithm", "", "HS256", nil},
		{"no algorithm", "rs", "none", nil},
	} {
		keys, err := s.VerificationKeys(t.Context(), row.kid, row.alg)
		want := "not found"
		if row.want != nil {
			want = "found"
		}
		if got := verdict(keys, err); got != want || !slices.Equal(names(keys), append([]string{}, row.want...)) {
			t.Errorf("%s: %s %v, %v; want %v", row.what, got, names(keys), err, row.want)
		}
	}
}

func TestKeyfuncSourceFollowsItsStorage(t *testing.T) {
	t.Parallel()
	storage := store(t, first())
	s := from(t, storage)
	kept := must(s.VerificationKeys(t.Context(), "first", "ES256"))[0]
	if again := must(s.VerificationKeys(t.Context(), "first", "ES256"))[0]; again != kept {
		t.Error("an unchanged storage gives another key")
	}
	_ = storage.KeyWrite(t.Context(), must(jwkset.NewJWKFromKey(p256B().Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "second"}})))
	if got := must(s.VerificationKeys(t.Context(), "second", "ES256")); len(got) != 1 {
		t.Error("a key that was added is not there")
	}
	if again := must(s.VerificationKeys(t.Context(), "first", "ES256"))[0]; again != kept {
		t.Error("a key that stayed is another one")
	}
	_, _ = storage.KeyDelete(t.Context(), "first")
	if got := verdict(s.VerificationKeys(t.Context(), "first", "ES256")); got != "not found" {
		t.Errorf("a key that was deleted: %s", got)
	}
	rename := func(kid string) {
		_ = storage.KeyReplaceAll(t.Context(), must(store(t, second().with("kid", kid)).KeyReadAll(t.Context())))
	}
	rename("second")
	if got := verdict(s.VerificationKeys(t.Context(), "second", "ES256")); got != "found" {
		t.Errorf("the key that is left: %s", got)
	}
	rename("renamed")
	if got := verdict(s.VerificationKeys(t.Context(), "second", "ES256")); got != "not found" {
		t.Errorf("a key that was renamed: %s", got)
	}
	_, _ = storage.KeyDelete(t.Context(), "renamed")
	if got := verdict(s.VerificationKeys(t.Context(), "second", "ES256")); got != "unavailable" {
		t.Errorf("an emptied storage judges tokens: %s", got)
	}
}

func TestKeyfuncSourceKeepsBindings(t *testing.T) {
	t.Parallel()
	storage := store(t, publicJWK("k", "", rsaA()))
	s := from(t, storage)
	pick := func(alg string) *jwks.Key { return must(s.VerificationKeys(t.Context(), "k", alg))[0] }
	if err := pick("RS256").Bind(); err != nil {
		t.Fatal(err)
	}
	_ = storage.KeyReplaceAll(t.Context(), must(store(t, publicJWK("k", "", rsaA()), second()).KeyReadAll(t.Context())))
	if pick("RS256").Bind() != nil || pick("PS256").Bind() == nil {
		t.Error("after a change the key serves a second algorithm")
	}
}

// remote stands for a storage that fetches: a read of one kid can bring it in, or fail.
type remote struct {
	jwkset.Storage
	read func(ctx context.Context, kid string) (jwkset.JWK, error)
	all  error
}

func (r remote) KeyRead(ctx context.Context, kid string) (jwkset.JWK, error) { return r.read(ctx, kid) }

func (r remote) KeyReadAll(ctx context.Context) ([]jwkset.JWK, error) {
	if r.all != nil {
		return nil, r.all
	}
	return r.Storage.KeyReadAll(ctx)
}

func TestKeyfuncSourceAsksForUnknownKids(t *testing.T) {
	t.Parallel()
	type mark struct{}
	ctx := context.WithValue(t.Context(), mark{}, true)
	key := must(store(t, second()).KeyRead(ctx, "second"))
	fetched := func(listed bool) remote {
		r := remote{Storage: store(t, first())}
		r.read = func(ctx context.Context, kid string) (jwkset.JWK, error) {
			if ctx.Value(mark{}) == nil || kid != "second" {
				return jwkset.JWK{}, jwkset.ErrKeyNotFound
			}
			if listed {
				_ = r.Storage.KeyWrite(ctx, key)
			}
			return key, nil
		}
		return r
	}
	failing := func(err error) remote {
		return remote{Storage: store(t, first()), read: func(context.Context, string) (jwkset.JWK, error) { return jwkset.JWK{}, err }}
	}
	limiter := fmt.Errorf("failed to find JWT key with ID %q: rate: Wait(n=1) would exceed context deadline", "CANARY")
	for _, row := range []struct {
		what    string
		storage remote
		want    string
	}{
		{"the storage fetches and lists it", fetched(true), "found"},
		{"the storage fetches and does not list it", fetched(false), "found"},
		{"there is none", failing(fmt.Errorf("%w: CANARY", jwkset.ErrKeyNotFound)), "not found"},
		{"the limiter has no fetch left", failing(limiter), "unavailable"},
		{"the list cannot be read", remote{Storage: store(t), all: errors.New("CANARY")}, "unavailable"},
	} {
		keys, err := from(t, row.storage).VerificationKeys(ctx, "second", "ES256")
		if got := verdict(keys, err); got != row.want {
			t.Errorf("%s: %s, %v; want %s", row.what, got, err, row.want)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: the error quotes the token: %v", row.what, err)
		}
	}
	if _, err := from(t, failing(limiter)).VerificationKeys(ctx, "second", "ES256"); !errors.Is(err, limiter) {
		t.Errorf("the cause is not wrapped: %v", err)
	}
	if got := verdict(from(t, failing(limiter)).VerificationKeys(ctx, "first", "RS256")); got != "not found" {
		t.Errorf("a known kid with another algorithm asks the storage: %s", got)
	}
}

func TestKeyfuncSourceOfNothing(t *testing.T) {
	t.Parallel()
	for what, s := range map[string]*jwks.KeyfuncSource{"no keyfunc": jwks.FromKeyfunc(nil), "zero": {}, "an empty storage": from(t, store(t))} {
		if got := verdict(s.VerificationKeys(t.Context(), "k", "RS256")); got != "unavailable" {
			t.Errorf("%s: %s, want unavailable", what, got)
		}
	}
}

// A key that changes under the same kid must not live on from the table made of the old one.
func TestKeyfuncSourceNoticesEveryChangeOfAKey(t *testing.T) {
	t.Parallel()
	before := publicJWK("k", "RS256", rsaA())
	for what, after := range map[string]members{
		"another key":        publicJWK("k", "RS256", rsaB()),
		"another algorithm":  before.with("alg", "PS256"),
		"now for encryption": before.with("use", "enc"),
		"no longer verifies": before.with("key_ops", []string{"encrypt"}),
	} {
		storage := store(t, before)
		s := from(t, storage)
		old := must(s.VerificationKeys(t.Context(), "k", "RS256"))[0]
		if err := storage.KeyReplaceAll(t.Context(), must(store(t, after).KeyReadAll(t.Context()))); err != nil {
			t.Fatal(err)
		}
		keys, err := s.VerificationKeys(t.Context(), "k", "RS256")
		if len(keys) > 0 && keys[0].Equal(old) {
			t.Errorf("%s: the old key still verifies", what)
		}
		if got := verdict(keys, err); what == "another key" && got != "found" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

func TestKeyfuncSourceTakesKeysThatSayTheyVerify(t *testing.T) {
	t.Parallel()
	s := from(t, store(t,
		publicJWK("use", "RS256", rsaA()).with("use", "sig"),
		publicJWK("ops", "RS256", rsaB()).with("key_ops", []string{"sign", "verify"}),
	))
	for _, kid := range []string{"use", "ops"} {
		if got := verdict(s.VerificationKeys(t.Context(), kid, "RS256")); got != "found" {
			t.Errorf("the key whose %s names signatures: %s", kid, got)
		}
	}
}

// A storage that fetches is asked for a kid that it could bring in, and for nothing else: anyone can send such tokens.
func TestKeyfuncSourceDoesNotAskInVain(t *testing.T) {
	t.Parallel()
	storage := remote{Storage: store(t, first())}
	storage.read = func(context.Context, string) (jwkset.JWK, error) {
		t.Error("the storage was asked")
		return jwkset.JWK{}, jwkset.ErrKeyNotFound
	}
	s := from(t, storage)
	for what, q := range map[string][2]string{
		"a symmetric algorithm": {"x", "HS256"}, "no algorithm": {"x", "none"}, "no kid, and no key that fits": {"", "RS256"},
	} {
		if got := verdict(s.VerificationKeys(t.Context(), q[0], q[1])); got != "not found" {
			t.Errorf("%s: %s, want not found", what, got)
		}
	}
}

type anyKeyfunc = keyfunc.Keyfunc

// storeless is a keyfunc of somebody's own that has no storage.
type storeless struct{ anyKeyfunc }

func (storeless) Storage() jwkset.Storage { return nil }

func TestKeyfuncSourceOfAKeyfuncWithoutStorage(t *testing.T) {
	t.Parallel()
	if got := verdict(jwks.FromKeyfunc(storeless{}).VerificationKeys(t.Context(), "k", "RS256")); got != "unavailable" {
		t.Errorf("no storage: %s, want unavailable", got)
	}
}

// ailing fails from the second reading of its list on.
type ailing struct {
	remote
	readings *int
}

func (a ailing) KeyReadAll(ctx context.Context) ([]jwkset.JWK, error) {
	if *a.readings++; *a.readings > 1 {
		return nil, errors.New("gone")
	}
	return a.remote.KeyReadAll(ctx)
}

func TestKeyfuncSourceWhoseStorageFailsWhileItIsAsked(t *testing.T) {
	t.Parallel()
	storage := ailing{remote{Storage: store(t, first())}, new(int)}
	storage.read = func(context.Context, string) (jwkset.JWK, error) { return jwkset.JWK{}, jwkset.ErrKeyNotFound }
	if got := verdict(from(t, storage).VerificationKeys(t.Context(), "x", "ES256")); got != "unavailable" {
		t.Errorf("the list cannot be read again: %s, want unavailable", got)
	}
}

func BenchmarkKeyfuncSource(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n, " keys"), func(b *testing.B) {
			storage := jwkset.NewMemoryStorage()
			var kid string
			for i := range n {
				kid = fmt.Sprint("key-", i)
				k := must(jwkset.NewJWKFromKey(p256A().Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}}))
				_ = storage.KeyWrite(b.Context(), k)
			}
			s := jwks.FromKeyfunc(must(keyfunc.New(keyfunc.Options{Storage: storage})))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.VerificationKeys(b.Context(), kid, "ES256")
			}
		})
	}
}
