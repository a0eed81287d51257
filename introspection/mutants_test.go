package introspection_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
)

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

func TestTextThatReadersReadDifferently(t *testing.T) {
	for _, row := range []struct {
		name, text string
		ok         bool
	}{
		{"active twice, with an array before", `{"x":[],"active":true,"active":false}`, false},
		{"active twice, with an object before", `{"x":{},"active":true,"active":false}`, false},
		{"many arrays beside each other, which is no depth", `{"active":true,"x":[` + strings.Repeat("[],", 100) + `[]]}`, true},
		{"half a pair right behind another escape", `{"active":true,"sub":"\n\ud800"}`, false},
		{"half a pair behind an escaped backslash", `{"active":true,"sub":"\\\ud800"}`, false},
		{"an escaped backslash and letters that look like half a pair", `{"active":true,"sub":"\\ud800"}`, true},
		{"a line break and digits that look like half a pair", `{"active":true,"sub":"\nd800"}`, true},
		{"two low halves", `{"active":true,"sub":"\udc00\udc00"}`, false},
		{"two high halves", `{"active":true,"sub":"\ud800\ud800"}`, false},
		{"a high half and a character beyond the low ones", `{"active":true,"sub":"\ud800\ue000"}`, false},
		{"a high half and letters that look like a low one", `{"active":true,"sub":"\ud800xudc00"}`, false},
		{"a high half and a line break before such digits", `{"active":true,"sub":"\ud800\ndc00"}`, false},
		{"a pair", `{"active":true,"sub":"\ud83d\ude00"}`, true},
		{"escapes below and above the halves", `{"active":true,"sub":"\u0061\ud7ff\ue000\uffff"}`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := introspection.ParseResponse([]byte(row.text))
			if row.ok != (err == nil) || r.Active() != row.ok {
				t.Errorf("%s: active %t, error %v", row.text, r.Active(), err)
			}
			if err != nil && !errors.Is(err, introspection.ErrUnavailable) {
				t.Errorf("error %v is not ErrUnavailable", err)
			}
		})
	}
}

func TestSignedAnswersThatLackOrCarryAMember(t *testing.T) {
	key := newECKey(t)
	keys := keySet(t, "k1", "ES256", key.Public())
	const (
		tail = `"token_introspection":{"active":true,"sub":"alice"}}`
		good = `{"iss":"https://as.example","aud":"api","iat":946684800,` + tail
	)
	head := func(members string) string { return `{"alg":"ES256","kid":"k1"` + members + `}` }
	plus := func(members string) string {
		return strings.Replace(good, `"token_introspection"`, members+`,"token_introspection"`, 1)
	}
	for _, row := range []struct {
		name, header, payload string
		ok                    bool
	}{
		{"exp ahead", goodHeader, plus(`"exp":946684801`), true},
		{"exp now", goodHeader, plus(`"exp":946684800`), false},
		{"exp as text", goodHeader, plus(`"exp":"946684801"`), false},
		{"nbf past", goodHeader, plus(`"nbf":946684799`), true},
		{"nbf ahead by more than a minute", goodHeader, plus(`"nbf":946684861`), false},
		{"nbf as text, which says nothing", goodHeader, plus(`"nbf":"946684799"`), false},
		{"no typ", head(``), good, false},
		{"no issuer: anybody's answer", goodHeader, `{"aud":"api","iat":946684800,` + tail, false},
		{"no audience: an answer to another client", goodHeader, `{"iss":"https://as.example","iat":946684800,` + tail, false},
		{"no iat: an old answer served again", goodHeader, `{"iss":"https://as.example","aud":"api",` + tail, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, err := askSigned(t, keys, signedType, signES256(t, key, row.header, row.payload))
				if row.ok != (err == nil) || r.Active() != row.ok {
					t.Errorf("active %t, error %v", r.Active(), err)
				}
				if err != nil && !errors.Is(err, introspection.ErrUnavailable) {
					t.Errorf("error %v is not ErrUnavailable", err)
				}
			})
		})
	}
}

// A shared secret proves nothing to third parties, so HS256 is refused even where the key source has such a key.
func TestSignedAnswerUnderASharedSecret(t *testing.T) {
	secret := []byte(strings.Repeat("sh", 16))
	keys, err := jwks.HMAC("HS256", secret)
	if err != nil {
		t.Fatal(err)
	}
	input := encode(`{"alg":"HS256","typ":"token-introspection+jwt"}`) + "." + encode(`{"iss":"https://as.example","aud":"api","iat":946684800,"token_introspection":{"active":true}}`)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	synctest.Test(t, func(t *testing.T) {
		if r, err := askSigned(t, keys, signedType, input+"."+encode(string(mac.Sum(nil)))); err == nil || r.Active() {
			t.Errorf("active %t, error %v", r.Active(), err)
		}
	})
}

type brokenKeys struct{ err error }

func (b brokenKeys) VerificationKeys(context.Context, string, string) ([]*jwks.Key, error) {
	return nil, b.err
}

// The operator must be able to tell "no key" from "a forged answer".
func TestKeysOfSignedAnswersOutOfReach(t *testing.T) {
	cause := errors.New("the network is down")
	synctest.Test(t, func(t *testing.T) {
		_, err := askSigned(t, brokenKeys{cause}, signedType, signES256(t, newECKey(t), goodHeader, `{}`))
		if !errors.Is(err, cause) || !errors.Is(err, introspection.ErrUnavailable) {
			t.Errorf("error %v hides its cause", err)
		}
	})
}
