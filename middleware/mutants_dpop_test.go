package middleware_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

// RFC 3986 section 6.2.2.2: an escape of an unreserved character is that character, and no other escape is.
func TestEscapesOfEveryCharacter(t *testing.T) {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	for c := byte('!'); c < 0x7f; c++ {
		if strings.IndexByte("%?#", c) >= 0 {
			continue // these end the path, or begin an escape
		}
		want := "401 invalid_dpop_proof"
		if strings.IndexByte(unreserved, c) >= 0 {
			want = "200"
		}
		for _, form := range []string{"%%%02x", "%%%02X"} {
			escaped := fmt.Sprintf(form, c)
			if got := comparesTo(t, "https://api.ex", "/a"+string(c), "https://api.ex/a"+escaped); got != want {
				t.Errorf("%q against %s gives %q, want %q", c, escaped, got, want)
			}
			if got := comparesTo(t, "https://api.ex", "/a"+escaped, "https://api.ex/a"+escaped); got != "200" {
				t.Errorf("%s against itself gives %q", escaped, got)
			}
		}
	}
}

// What is no escape has no one form, so it compares to nothing, not even to itself.
func TestEscapesThatAreNone(t *testing.T) {
	for _, c := range "/:@G`gz-" {
		for _, escape := range []string{"%" + string(c) + "0", "%4" + string(c)} {
			for name, pair := range map[string][2]string{
				"in both":   {"/a" + escape, "https://api.ex/v1/a" + escape},
				"of target": {"/a" + escape, "https://api.ex/v1"}, // the prefix that a path without form would leave
				"of htu":    {"/a", "https://api.ex/v1/a" + escape},
			} {
				if got := comparesTo(t, "https://api.ex/v1", pair[0], pair[1]); got != badProof {
					t.Errorf("%s %s gives %q, want %q", escape, name, got, badProof)
				}
			}
		}
	}
}

func TestAddressesThatOnlyLookAlike(t *testing.T) {
	for _, row := range []struct{ name, base, target, htu, want string }{
		{"a dot segment removes nothing", "https://api.ex", "/a/b", "https://api.ex/a/./b", "200"},
		{"a dot segment at the end", "https://api.ex", "/a/", "https://api.ex/a/.", "200"},
		{"port 443 of http", "http://localhost", "/a", "http://localhost:443/a", badProof},
		{"another port of http", "http://localhost", "/a", "http://localhost:8080/a", badProof},
		{"port 80 of https", "https://api.ex", "/a", "https://api.ex:80/a", badProof},
		{"a space, which no URI has", "https://api.ex", "/a b", "https://api.ex/a b", badProof},
		{"a line break", "https://api.ex", "/a\nb", "https://api.ex/a\nb", badProof},
		{"a fragment in the place of a path", "https://api.ex", "#a", "https://api.ex/", badProof},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := comparesTo(t, row.base, row.target, row.htu); got != row.want {
				t.Errorf("outcome is %q, want %q", got, row.want)
			}
		})
	}
}

// A confirmation that is not understood is a condition that would go unchecked, wherever it stands.
func TestConfirmationsBesideAGoodOne(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	thumbprint := jktOf(edKey().Public())
	last := thumbprint[:42] + string(alphabet[strings.IndexByte(alphabet, thumbprint[42])|1])
	if _, err := base64.RawURLEncoding.Strict().DecodeString(last); err == nil {
		t.Fatal("the last character has no bits that mean nothing")
	}
	for name, cnf := range map[string]string{
		"an unknown method before it":                `{"kid":"` + thumbprint + `","jkt":"` + thumbprint + `"}`,
		"an unknown method behind it":                `{"jkt":"` + thumbprint + `","kid":"` + thumbprint + `"}`,
		"a certificate that is no thumbprint before": `{"x5t#S256":"x","jkt":"` + thumbprint + `"}`,
		"a certificate that is null before":          `{"x5t#S256":null,"jkt":"` + thumbprint + `"}`,
		"another spelling of the same bytes":         `{"jkt":"` + last + `"}`,
		"a character of another alphabet":            `{"jkt":"` + thumbprint[:20] + "+" + thumbprint[21:] + `"}`,
		"a line break in the place of a character":   `{"jkt":"` + thumbprint[:20] + `\n` + thumbprint[21:] + `"}`,
		"a NUL in the place of a character":          `{"jkt":"` + thumbprint[:20] + `\u0000` + thumbprint[21:] + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			token := mintText(withText(good(nil), "cnf", cnf))
			wantServed(t, withDPoP(t, nil).Require(), dpopRequest(token, proof{key: edKey(), token: token}.String()), badToken, middleware.ReasonConfirmation)
		})
	}
}
