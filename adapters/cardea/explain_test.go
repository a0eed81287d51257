package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

// fed is what the command does with these arguments and this on standard input.
func fed(t *testing.T, in string, args ...string) (status int, out, err string) {
	t.Helper()
	r, w, pipeErr := os.Pipe()
	if pipeErr != nil {
		t.Fatal(pipeErr)
	}
	go func() { _, _ = w.WriteString(in); _ = w.Close() }()
	defer func() { _ = r.Close() }()
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), append([]string{"cardea", "explain"}, args...), stdio{in: r, out: &stdout, err: &stderr})
	return status, stdout.String(), stderr.String()
}

// odd are inputs that people and scripts send, good ones among them, each around a token of its own.
func odd(t *testing.T, yield func(name, in string)) {
	issuer := authtest.NewIssuer(t)
	wrap := map[string]func(string) string{
		"alone":            func(s string) string { return s },
		"with line ends":   func(s string) string { return "\r\n" + s + "\r\n\n" },
		"with its scheme":  func(s string) string { return "Bearer " + s },
		"with its field":   func(s string) string { return "authorization: BEARER " + s },
		"quoted":           func(s string) string { return `"` + s + `"` },
		"quoted badly":     func(s string) string { return `"` + s },
		"between slashes":  func(s string) string { return `\"` + s + `\"` },
		"twice":            func(s string) string { return s + "\n" + s },
		"in JSON":          func(s string) string { return `{"access_token":"` + s + `","token_type":"Bearer"}` },
		"in other JSON":    func(s string) string { return `{"token":"` + s + `"}` },
		"in broken JSON":   func(s string) string { return `{"access_token":"` + s },
		"in curl":          func(s string) string { return `curl -H "Authorization: Bearer ` + s + `" https://api.example.com` },
		"broken in lines":  func(s string) string { return s[:len(s)/2] + "\n" + s[len(s)/2:] },
		"with a zero byte": func(s string) string { return s + "\x00" },
		"in UTF-16":        func(s string) string { return "\xff\xfe" + strings.Join(strings.Split(s, ""), "\x00") },
		"cut off":          func(s string) string { return s[:len(s)-len(s)/4] },
		"with a comma":     func(s string) string { return s + "," },
		"with padding":     func(s string) string { return s + "==" },
		"percent-encoded":  func(s string) string { return s + "%0A" },
		"very often":       func(s string) string { return strings.Repeat(s, 200) },
	}
	tokens := map[string]string{
		"a good JWT":      issuer.Token(authtest.Claims{"scope": "read"}),
		"an opaque token": issuer.OpaqueToken(nil) + rand.Text(),
		"random bytes":    base64.RawURLEncoding.EncodeToString([]byte(rand.Text() + rand.Text())),
	}
	for name, token := range issuer.Broken() {
		if len(token) > 40 && len(token) < 8000 {
			tokens[name] = token
		}
	}
	for kind, token := range tokens {
		for name, f := range wrap {
			yield(kind+", "+name, f(token))
		}
	}
	for _, in := range []string{
		"", " ", "\n\n", "Bearer", "Bearer \n", `""`, "{}", "[]", "null", "\x00", "\xff\xfe", strings.Repeat("\x00", 1<<16), "..", "a..b",
		"....", "eyJ", "{", `{"access_token":""}`,
	} {
		yield(fmt.Sprintf("%.20q", in), in)
	}
	binary := make([]byte, 1<<16)
	_, _ = rand.Read(binary)
	yield("binary", string(binary))
	yield("huge", strings.Repeat("c2VjcmV0", 1<<18))
}

// pieces are parts of an input that are long enough to be of use to somebody who finds them in a log.
func pieces(in string) (parts []string) {
	for _, word := range strings.FieldsFunc(in, func(r rune) bool {
		return !strings.ContainsRune("-_~+/=", r) && (r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a')
	}) {
		for ; len(word) >= 24; word = word[24:] {
			parts = append(parts, word[:24])
		}
	}
	return parts
}

func TestHundredsOfOddInputsNeverShowTheToken(t *testing.T) {
	inputs := 0
	odd(t, func(name, in string) {
		inputs++
		for _, args := range [][]string{nil, {"-json"}} {
			status, out, err := fed(t, in, args...)
			if status != exitGood && status != exitBad && status != exitUsage || status == exitUsage && (out != "" || err == "") {
				t.Errorf("%s: status %d, out %q, err %q", name, status, out, err)
			}
			if status != exitUsage && args != nil && !json.Valid([]byte(out)) {
				t.Errorf("%s: no JSON: %s", name, out)
			}
			for _, part := range pieces(in) {
				if strings.Contains(out+err, part) {
					t.Fatalf("%s shows %q:\n%s%s", name, part, out, err)
				}
			}
			if strings.ContainsAny(out+err, "\x1b\x00\r") {
				t.Errorf("%s: a control character in the output", name)
			}
		}
	})
	if inputs < 500 {
		t.Errorf("%d inputs", inputs)
	}
}

func TestExplainWithoutFlagsReads(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	status, out, err := fed(t, "Bearer "+issuer.Token(authtest.Claims{"scope": "read"})+"\n")
	if status != exitGood || err != "" || !strings.Contains(out, "Nothing of it is verified") || !strings.Contains(out, "cardea explain -issuer "+issuer.URL()) {
		t.Errorf("status %d, out %s, err %q", status, out, err)
	}
	if n := issuer.Requests(authtest.EndpointMetadata) + issuer.Requests(authtest.EndpointJWKS); n != 0 {
		t.Errorf("%d requests to the server", n)
	}
	if status, _, err := fed(
		t, "", "eyJhbGciOiJub25lIn0.c2VjcmV0.c2VjcmV0",
	); status != exitUsage || strings.Contains(err, "c2VjcmV0") || !strings.Contains(err, "standard input") {
		t.Errorf("a token as an argument: status %d, err %q", status, err)
	}
}
