package jwks_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
)

// The examples of RFC 7638 section 3.1 and RFC 8037 appendix A.3, and the key of RFC 9449 (sections 4.1 and 6.1).
func TestThumbprint(t *testing.T) {
	for _, row := range []struct{ name, algorithm, jwk, want string }{
		{"RFC 7638", "RS256", `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`,
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"RFC 8037", "EdDSA", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"RFC 9449", "ES256", `{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`,
			"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
	} {
		t.Run(row.name, func(t *testing.T) {
			set, err := jwks.Static([]byte(`{"keys":[` + row.jwk + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			keys, err := set.VerificationKeys(t.Context(), "", row.algorithm)
			if err != nil || len(keys) != 1 {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			if got := keys[0].Thumbprint(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestThumbprintOfWhatHasNone(t *testing.T) {
	secret, err := jwks.NewSecret("s", "HS256", []byte(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*jwks.Key{"a secret": secret, "a zero Key": {}, "a nil Key": nil} {
		if got := key.Thumbprint(); got != "" {
			t.Errorf("%s has the thumbprint %q", name, got)
		}
	}
}
