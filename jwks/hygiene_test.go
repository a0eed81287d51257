package jwks_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"github.com/cardea-auth/cardea/jwks"
)

// A shared secret is in no printed value: neither as text, nor in hex, nor as the numbers that fmt prints of bytes.
func TestSharedSecretsDoNotPrint(t *testing.T) {
	const secret = "canary-hmac-secret-6f1d9b3e7a5c2084"
	key := must(jwks.NewSecret("s", "HS256", []byte(secret)))
	set := must(jwks.HMAC("HS256", []byte(secret)))
	storage := jwkset.NewMemoryStorage()
	jwk := must(jwkset.NewJWKFromKey([]byte(secret), jwkset.JWKOptions{Marshal: jwkset.JWKMarshalOptions{Private: true}, Metadata: jwkset.JWKMetadataOptions{KID: "s", ALG: jwkset.AlgHS256}}))
	if err := storage.KeyWrite(t.Context(), jwk); err != nil {
		t.Fatal(err)
	}
	source := jwks.FromKeyfunc(must(keyfunc.New(keyfunc.Options{Storage: storage})))
	_, asked := source.VerificationKeys(t.Context(), "s", "RS256")
	_, short := jwks.NewSecret("s", "HS512", []byte(secret))
	_, published := jwks.Static([]byte(`{"keys":[{"kty":"oct","kid":"s","k":"` + b64([]byte(secret)) + `"}]}`))
	held := must(set.VerificationKeys(t.Context(), "", "HS256"))
	inside := struct {
		keys *jwks.Set // whose methods fmt may not call
		key  *jwks.Key
		set  jwks.Set
	}{set, key, *set}
	for name, value := range map[string]any{
		"a Key": key, "a Key by value": *key, "a Set": set, "a Set by value": *set, "a list of Keys": held, "values inside": inside, "a KeyfuncSource": source,
		"the error of a source": asked, "the error of a secret that is too short": short, "the error of a secret in a document": published,
	} {
		var b bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&b, verb+"\n", value)
		}
		if text, err := json.Marshal(value); err == nil {
			b.Write(text)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("printed", "value", value)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("printed", "value", value)
		numbers := strings.Trim(fmt.Sprint([]byte(secret[:8])), "[]")
		for _, form := range []string{secret[:16], secret[16:32], hex.EncodeToString([]byte(secret[:16])), strings.ToUpper(hex.EncodeToString([]byte(secret[:16]))), b64([]byte(secret[:15])), numbers} {
			if strings.Contains(b.String(), form) {
				t.Errorf("%s shows %q: %s", name, form, &b)
			}
		}
	}
}
