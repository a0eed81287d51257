package introspection_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/introspection"
)

// A decoder that returns what it could read before an error would let one answer have many spellings. With ES384 the signature ends
// where a group of the encoding ends, so that all of it has been read by then.
func TestSignatureWithSomethingBehindIt(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := keySet(t, "k1", "ES384", key.Public())
	input := encode(`{"alg":"ES384","kid":"k1","typ":"token-introspection+jwt"}`) + "." +
		encode(`{"iss":"https://as.example","aud":"api","iat":946684800,"token_introspection":{"active":true}}`)
	sum := sha512.Sum384([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...)
	for _, tail := range []string{"", "!", "=", "A", "A=", "AA!", "\n", "%00"} {
		synctest.Test(t, func(t *testing.T) {
			r, err := askSigned(t, keys, signedType, input+"."+base64.RawURLEncoding.EncodeToString(signature)+tail)
			if r.Active() != (tail == "") || (err == nil) != (tail == "") {
				t.Errorf("%q behind the signature: active %t, error %v", tail, r.Active(), err)
			}
		})
	}
}

func TestSignedAnswersSayWhatTheyLack(t *testing.T) {
	key := newECKey(t)
	keys := keySet(t, "k1", "ES256", key.Public())
	const tail = `"token_introspection":{"active":true}}`
	for _, row := range []struct{ header, payload, says string }{
		{goodHeader, `{"aud":"api","iat":946684800,` + tail, "its iss is not"},
		{goodHeader, `{"iss":"https://as.example","iat":946684800,` + tail, "its aud does not"},
		{goodHeader, `{"iss":"https://as.example","aud":"api","iat":946684800}`, "no token_introspection"},
		{`{"alg":"ES256","kid":"k1"}`, `{}`, "its typ is not"},
		{`{"kid":"k1","typ":"token-introspection+jwt"}`, `{}`, "its alg is"},
	} {
		synctest.Test(t, func(t *testing.T) {
			response, err := askSigned(t, keys, signedType, signES256(t, key, row.header, row.payload))
			mustBeUnavailable(t, response, err)
			if !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s.%s: %v, want %q", row.header, row.payload, err, row.says)
			}
		})
	}
}

// These statuses complain of the request, of which a stranger chose the token: they must not count against the server.
func TestStatusesThatComplainOfTheToken(t *testing.T) {
	for _, code := range []int{400, 413, 414, 422, 431} {
		tr := &transport{serve: status(code, "")}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 6 {
			response, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
			mustBeUnavailable(t, response, err)
		}
		if client.Status().BreakerOpen || tr.count() != 6 {
			t.Errorf("status %d: %d requests, and the breaker is open: %t", code, tr.count(), client.Status().BreakerOpen)
		}
	}
}

func TestAssertionKeysOfAnotherKind(t *testing.T) {
	for _, row := range []struct{ algorithm, kind string }{{"ES256", "RS256"}, {"EdDSA", "RS256"}, {"RS256", "EdDSA"}, {"ES256", "EdDSA"}, {"EdDSA", "ES256"}} {
		_, err := introspection.New(introspection.Config{
			URL: "https://as.example/", Issuer: "https://as.example",
			ClientAuth: introspection.PrivateKeyJWT("api", "", row.algorithm, keyFor(t, row.kind)),
		})
		if err == nil || !strings.Contains(err.Error(), "does not sign with "+row.algorithm) {
			t.Errorf("a key of %s for %s: %v", row.kind, row.algorithm, err)
		}
	}
}

func TestSignersThatGiveNoSignature(t *testing.T) {
	const noSignature = "the signer gave no ASN.1 ECDSA signature"
	order, one := elliptic.P256().Params().N, big.NewInt(1)
	for name, row := range map[string]struct {
		sign func([]byte, crypto.SignerOpts) ([]byte, error)
		says string
	}{
		"an error":      {func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, errors.New("the HSM is away") }, "the HSM is away"},
		"no ASN.1":      {func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil }, noSignature},
		"R is zero":     {derSignature(new(big.Int), one), noSignature},
		"S is zero":     {derSignature(one, new(big.Int)), noSignature},
		"R is negative": {derSignature(big.NewInt(-1), one), noSignature},
		"S is negative": {derSignature(one, big.NewInt(-1)), noSignature},
		"R is too big":  {derSignature(order, one), noSignature},
		"S is too big":  {derSignature(one, order), noSignature},
		"something follows": {func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			der, err := derSignature(one, one)(digest, opts)
			return append(der, 0), err
		}, noSignature},
	} {
		client := newClient(t, introspection.Config{
			Issuer:     "https://as.example",
			ClientAuth: introspection.PrivateKeyJWT("api", "", "ES256", remote{Signer: keyFor(t, "ES256"), sign: row.sign}),
		}, &transport{serve: answers(activeText)})
		response, err := client.Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		if !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
	}
}
