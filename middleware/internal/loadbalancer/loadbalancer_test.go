package loadbalancer_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/loadbalancer"
)

func TestUnpadTakesOneSpelling(t *testing.T) {
	for token, want := range map[string]string{
		"YQ==.YWI=.YWJj":      "YQ.YWI.YWJj",
		"YWJj.YWJj.YWJj":      "YWJj.YWJj.YWJj",
		"YQ.YWI=.YWJj":        "", // one padding is missing
		"YQ=.YWI=.YWJj":       "",
		"YQ===.YWI=.YWJj":     "",
		"YQ==.YWI=.YWJj====":  "",
		"YQ==.YWI=.YWJj==":    "",
		"Y===.YWI=.YWJj":      "",
		"Y=Q=.YWI=.YWJj":      "",
		"=YQ=.YWI=.YWJj":      "",
		"YQ==.YWI=":           "",
		"YQ==.YWI=.YWJj.YQ==": "",
		"====.YWI=.YWJj":      "",
		"":                    "",
	} {
		got, ok := loadbalancer.Unpad(token)
		if got != want || ok != (want != "") {
			t.Errorf("%s gives %q, %t; want %q", token, got, ok, want)
		}
	}
}

func TestSignedWantsATrustedSigner(t *testing.T) {
	keys := &loadbalancer.Keys{Signers: []string{"arn:one", "arn:two"}}
	raw, padded := base64.RawURLEncoding, base64.URLEncoding
	for header, trusted := range map[string]bool{
		`{"signer":"arn:one"}`: true, `{"signer":"arn:two","kid":"k"}`: true,
		`{"signer":"arn:three"}`: false, `{"signer":["arn:one"]}`: false, `{"Signer":"arn:one"}`: false, `{}`: false, `{"signer":null}`: false, `{"signer":""}`: false,
		`x`: false, `{"signer":"arn:on"}`: false, `{"signer":"arn:one "}`: false,
	} {
		for _, payload := range []string{"a", "ab", "abc"} {
			input, err := keys.Signed(raw.EncodeToString([]byte(header)) + "." + raw.EncodeToString([]byte(payload)))
			if (err == nil) != trusted {
				t.Errorf("%s: %v", header, err)
			}
			if want := padded.EncodeToString([]byte(header)) + "." + padded.EncodeToString([]byte(payload)); trusted && input != want {
				t.Errorf("%s: the signing input is %s, want %s", header, input, want)
			}
		}
	}
	if _, err := keys.Signed("e30=.e30"); err == nil {
		t.Error("padding is taken for base64url")
	}
}

func FuzzUnpad(f *testing.F) {
	for _, seed := range []string{"YQ==.YWI=.YWJj", "YWJj.YWJj.YWJj", "YQ=.=.====", "..", "YQ==.YWI=.YWJj.YQ=="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, ok := loadbalancer.Unpad(token)
		if !ok {
			return
		}
		var again []string // padded anew it is the same text, so no two tokens become one
		for segment := range strings.SplitSeq(got, ".") {
			again = append(again, segment+strings.Repeat("=", (4-len(segment)%4)%4))
		}
		if strings.Join(again, ".") != token {
			t.Fatalf("%q and its one spelling %q differ", token, again)
		}
	})
}
