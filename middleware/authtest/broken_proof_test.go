package authtest_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

// proofFlaws are the broken proofs, and what the cause of their refusal must speak of: were another check to refuse one, a
// second thing would be wrong with it, and it would prove nothing about the first.
var proofFlaws = map[string]string{
	"nothing in the field":                            "compact JWS",
	"no proof at all":                                 "compact JWS",
	"two segments":                                    "compact JWS",
	"four segments":                                   "compact JWS",
	"two proofs in a list":                            "compact JWS",
	"a JWS in the JSON serialization":                 "compact JWS",
	"padding after the signature":                     "signature",
	"no signature":                                    "compact JWS",
	"an altered signature":                            "signature",
	"longer than any proof":                           "length",
	"no typ":                                          "typ",
	"typ JWT":                                         "typ",
	"typ at+jwt":                                      "typ",
	"a typ that is no text":                           "typ",
	"an access token in the place of the proof":       "typ",
	"no alg":                                          "unfit for its alg",
	"alg none":                                        "unfit for its alg",
	"an alg that does not fit the key":                "unfit for its alg",
	"HS256 with the jwk for its secret":               "unfit for its alg",
	"HS256 with a symmetric jwk":                      "symmetric",
	"a critical extension (crit)":                     "compact JWS",
	"an unencoded payload (b64)":                      "compact JWS",
	"typ twice":                                       "strict JSON",
	"no jwk":                                          "jwk is missing",
	"a kid in the place of the jwk":                   "jwk is missing",
	"a jwk that is no object":                         "jwk is missing",
	"a jwk with its private half (d)":                 "private",
	"a jwk for encryption":                            "jwk",
	"another key, whose owner has stolen the token":   "another key",
	"the right jwk over the signature of another key": "signature",
	"claims changed after signing":                    "signature",
	"no jti":                                          "claims",
	"an empty jti":                                    "claims",
	"a jti that is no text":                           "claims",
	"a jti that is longer than any store would like":  "claims",
	"no htm":                                  "claims",
	"another method":                          "htm",
	"the method in lower case":                "htm",
	"no htu":                                  "claims",
	"an htu that is only a path":              "htu",
	"another host":                            "htu",
	"the host behind user information":        "htu",
	"the host with a dot at its end":          "htu",
	"another path":                            "htu",
	"an escaped slash at the end of the path": "htu",
	"another scheme":                          "htu",
	"no iat":                                  "claims",
	"an iat that is text":                     "claims",
	"an iat beyond all time":                  "claims",
	"made ten minutes ago":                    "iat",
	"made for ten minutes from now":           "iat",
	"no ath":                                  "claims",
	"made for another token":                  "ath",
	"an ath with padding":                     "ath",
	"a claim twice":                           "strict JSON",
	"a payload that is no JSON":               "strict JSON",
}

func TestBrokenProofsAreRefusedByTheCheckTheyAreMadeFor(t *testing.T) {
	t.Parallel()
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	factors, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	issuer := authtest.NewIssuer(t)
	cfg := issuer.Config(api)
	cfg.DPoP.MaxAge = 5 * time.Minute // the longest there is
	call := newBoundAPI(t, cfg)
	for kind, key := range map[string]crypto.Signer{"ES256": newClientKey(t), "Ed25519": edwards, "PS256": factors} {
		token := issuer.Token(boundTo(key))
		seen := make(map[string]bool)
		for name, proof := range issuer.BrokenProofs(key, token, http.MethodGet, api+"/orders?page=2") {
			seen[name] = true
			w, d := call(http.MethodGet, token, proof)
			if about := proofFlaws[name]; w.Code != http.StatusUnauthorized || about == "" || !strings.Contains(fmt.Sprint(errors.Unwrap(d.Err)), about) {
				t.Errorf("%s, %s: status %d, want 401 for its %s: %v", kind, name, w.Code, about, errors.Unwrap(d.Err))
			}
		}
		for name := range proofFlaws {
			if !seen[name] {
				t.Errorf("%s, %s: there is no such proof", kind, name)
			}
		}
		if w, d := call(http.MethodGet, token, issuer.Proof(key, token, http.MethodGet, api+"/orders")); w.Code != http.StatusOK {
			t.Errorf("%s, a good proof: status %d: %v", kind, w.Code, d.Err)
		}
	}
}

func TestBrokenProofsMayBeLeftEarly(t *testing.T) {
	t.Parallel()
	for name := range authtest.NewIssuer(t).BrokenProofs(newClientKey(t), "token", http.MethodGet, api) {
		if name != "nothing in the field" {
			t.Fatalf("it went on to %s", name)
		}
		break
	}
}
