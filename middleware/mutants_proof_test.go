package middleware_test

import (
	"fmt"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// A coordinate that lends an octet to the other makes the same point, and a second spelling of the key.
func TestCoordinatesThatBorrowFromEachOther(t *testing.T) {
	key := p256Key()
	token := mint(good(boundTo(key)))
	point := must(key.PublicKey.Bytes())[1:]
	g := withDPoP(t, nil).Require()
	for _, half := range []int{0, 31, 32, 33, 64} {
		jwk := claims{"kty": "EC", "crv": "P-256", "x": b64(point[:half]), "y": b64(point[half:])}
		want := "401 invalid_dpop_proof"
		if half == 32 {
			want = "200"
		}
		if got := outcomeOf(g, dpopRequest(token, proof{key: key, token: token, header: claims{"jwk": jwk}}.String())); got != want {
			t.Errorf("%d octets of x: %s, want %s", half, got, want)
		}
	}
}

// Whatever comes behind it, a member of the wrong type spoils the proof.
func TestNonceOfTheWrongTypeInFrontOfTheRest(t *testing.T) {
	key := edKey()
	token := mint(good(boundTo(key)))
	header := string(toJSON(claims{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwkOf(key.Public())}))
	g := withDPoP(t, nil).Require()
	for i, nonce := range []string{`"n"`, `5`, `null`, `["n"]`} {
		payload := fmt.Sprintf(`{"nonce":%s,"jti":"first-%d","htm":"GET","htu":%q,"iat":%d,"ath":%q}`, nonce, i, audience+"/orders", now.Unix(), athOf(token))
		want := "401 invalid_dpop_proof"
		if i == 0 {
			want = "200"
		}
		if got := outcomeOf(g, dpopRequest(token, sign(header, payload, key))); got != want {
			t.Errorf("nonce %s: %s, want %s", nonce, got, want)
		}
	}
}

// Names are looked up by their bytes, of which the empty one has none.
func TestClaimWithoutAName(t *testing.T) {
	eachWay(t, nil, func(t *testing.T, v *middleware.Validator) {
		wantAdmitted(t, v, mintText(withText(good(nil), "", `"anything"`)))
	})
}

// RFC 7515 section 4.1.11: what a header declares critical, or says of its payload, is understood or the proof refused.
func TestProofHeadersThatChangeWhatWasSigned(t *testing.T) {
	key := edKey()
	token := mint(good(boundTo(key)))
	g := withDPoP(t, nil).Require()
	for name, value := range map[string]any{"crit": []string{"exp"}, "b64": true, "zip": "DEF", "cty": "JWT"} {
		if got := outcomeOf(g, dpopRequest(token, proof{key: key, token: token, header: claims{name: value}}.String())); got != "401 invalid_dpop_proof" {
			t.Errorf("a proof with %s: %s", name, got)
		}
	}
}
