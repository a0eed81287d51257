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
			key, err := jwks.ParseKey([]byte(row.jwk), row.algorithm)
			if err != nil {
				t.Fatal(err)
			}
			if got := key.Thumbprint(); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if key.Algorithm() != row.algorithm {
				t.Errorf("the algorithm is %q, want %q", key.Algorithm(), row.algorithm)
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

func TestParseKeyRefuses(t *testing.T) {
	const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	for name, row := range map[string]struct{ algorithm, jwk string }{
		"a private key":                {"EdDSA", `{` + ed + `,"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}`},
		"a secret":                     {"HS256", `{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`},
		"a public key for HMAC":        {"HS256", `{` + ed + `}`},
		"another type of key":          {"ES256", `{` + ed + `}`},
		"another algorithm in it":      {"EdDSA", `{` + ed + `,"alg":"Ed25519"}`},
		"an algorithm of encryption":   {"EdDSA", `{` + ed + `,"alg":"ECDH-ES"}`},
		"an algorithm that is unknown": {"none", `{` + ed + `}`},
		"no algorithm":                 {"", `{` + ed + `}`},
		"a key for encryption":         {"EdDSA", `{` + ed + `,"use":"enc"}`},
		"a key that may only sign":     {"EdDSA", `{` + ed + `,"key_ops":["sign"]}`},
		"a member twice":               {"EdDSA", `{` + ed + `,"x":"AAAA"}`},
		"text behind it":               {"EdDSA", `{` + ed + `}{}`},
		"a point of small order":       {"EdDSA", `{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`},
		"a point that is not on P-256": {"ES256", `{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"}`},
		"a list":                       {"EdDSA", `[]`},
		"nothing":                      {"EdDSA", ``},
	} {
		t.Run(name, func(t *testing.T) {
			if key, err := jwks.ParseKey([]byte(row.jwk), row.algorithm); err == nil || key != nil || !strings.HasPrefix(err.Error(), "jwks: ParseKey: ") {
				t.Errorf("got %v, %v", key, err)
			}
		})
	}
}
