package jwks_test

import (
	"context"
	"errors"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"github.com/cardea-auth/cardea/jwks"
)

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
