package jwks_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"github.com/cardea-auth/cardea/jwks"
)

// The JWKS document of an issuer: one Ed25519 key, that of RFC 8037 appendix A.2.
const published = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","use":"sig","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

// A key set that is fetched and kept fresh.
func ExampleNew() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, published) }))
	defer issuer.Close()

	keys, err := jwks.New(jwks.Config{
		URL:     issuer.URL, // or Issuer, to find it in the issuer's metadata
		Refresh: 5 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer keys.Close()

	for _, kid := range []string{"2026", "made up"} {
		found, err := keys.VerificationKeys(context.Background(), kid, "EdDSA")
		switch {
		case errors.Is(err, jwks.ErrKeyNotFound):
			fmt.Println(kid, "→ 401")
		case errors.Is(err, jwks.ErrUnavailable):
			fmt.Println(kid, "→ 503")
		default:
			fmt.Println(kid, "→", len(found), found[0].Algorithm())
		}
	}
	// Output:
	// 2026 → 1 EdDSA
	// made up → 401
}

// A key set that is shipped with the program.
func ExampleStatic() {
	keys, err := jwks.Static([]byte(published))
	if err != nil {
		log.Fatal(err)
	}
	found, err := keys.VerificationKeys(context.Background(), "2026", "EdDSA")
	fmt.Println(len(found), err)

	_, err = jwks.Static(
		[]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`),
	)
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// jwks: Static: the key set holds no usable key, 1 skipped (key 0: it has private members, so its owner must consider it stolen); pass the public keys of the issuer
}

// Secrets that rotate: tokens under the old one are good until it is taken out.
func ExampleHMAC() {
	fresh, old := sha256.Sum256([]byte("read it from a secret store")), sha256.Sum256([]byte("and this one too"))
	keys, err := jwks.HMAC("HS256", fresh[:], old[:])
	if err != nil {
		log.Fatal(err)
	}
	found, err := keys.VerificationKeys(context.Background(), "", "HS256")
	fmt.Println(len(found), err)

	_, err = jwks.HMAC("HS256", []byte("password"))
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// jwks: HMAC: secret 0: jwks: NewSecret: algorithm HS256: the secret has 8 bytes, use at least 32 random ones
}

// Keys from a keyfunc that the program has already.
func ExampleFromKeyfunc() {
	storage := jwkset.NewMemoryStorage()
	key, err := jwkset.NewJWKFromRawJSON([]byte(`{"kty":"OKP","crv":"Ed25519","kid":"2026","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`),
		jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if err := storage.KeyWrite(context.Background(), key); err != nil {
		log.Fatal(err)
	}
	existing, err := keyfunc.New(keyfunc.Options{Storage: storage})
	if err != nil {
		log.Fatal(err)
	}
	keys := jwks.FromKeyfunc(existing)
	found, err := keys.VerificationKeys(context.Background(), "2026", "EdDSA")
	fmt.Println(len(found), err)
	// Output: 1 <nil>
}
