package input_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/input"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

var jwt = encode(`{"alg":"ES256"}`) + "." + encode(`{"sub":"alice","iss":"https://login.example.com"}`) + "." + strings.Repeat("c2ln", 20)

func TestATokenIsFoundInWhatPeoplePaste(t *testing.T) {
	for name, test := range map[string]struct {
		pasted, want string
		notes        int
	}{
		"alone":                           {jwt, jwt, 0},
		"with a line end":                 {jwt + "\n", jwt, 0},
		"with the line end of Windows":    {jwt + "\r\n", jwt, 0},
		"behind a byte order mark":        {"\ufeff" + jwt, jwt, 0},
		"with its scheme":                 {"Bearer " + jwt, jwt, 1},
		"with its scheme in lower case":   {"bearer   " + jwt, jwt, 1},
		"with the other scheme":           {"DPoP " + jwt, jwt, 1},
		"with its field":                  {"Authorization: Bearer " + jwt, jwt, 2},
		"with its field in lower case":    {"authorization:bearer " + jwt, jwt, 2},
		"between quotes":                  {`"` + jwt + `"`, jwt, 1},
		"between single quotes":           {"'" + jwt + "'", jwt, 1},
		"quoted behind its scheme":        {`Bearer "` + jwt + `"`, jwt, 2},
		"its field between quotes":        {`'Authorization: Bearer ` + jwt + `'`, jwt, 3},
		"broken into lines":               {jwt[:40] + "\n" + jwt[40:80] + "\r\n   " + jwt[80:], jwt, 1},
		"the response of an endpoint":     {`{"token_type":"Bearer","access_token":"` + jwt + `"}`, jwt, 1},
		"an opaque token":                 {"2YotnFZFEjr1zCsicMWpAA", "2YotnFZFEjr1zCsicMWpAA", 0},
		"a token that begins with bearer": {"bearerXYZ", "bearerXYZ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := input.Find(test.pasted)
			if err != nil || token.Text != test.want || len(token.Notes) != test.notes {
				t.Errorf("got %q with %q, %v", token.Text, token.Notes, err)
			}
		})
	}
}

func TestWhatIsNoTokenIsRefusedWithoutQuotingIt(t *testing.T) {
	for name, test := range map[string]struct{ pasted, want string }{
		"nothing":                       {"", "no token on standard input"},
		"blanks":                        {" \t\r\n", "no token on standard input"},
		"a scheme alone":                {"Bearer", "is a variable unset?"},
		"a scheme and a blank":          {"Bearer ", "is a variable unset?"},
		"empty quotes":                  {`""`, "is a variable unset?"},
		"a field alone":                 {"Authorization: Bearer ", "is a variable unset?"},
		"two tokens":                    {jwt + "\n" + jwt, "there are 2 tokens"},
		"several words":                 {"c2VjcmV0 c2VjcmV0", "several words"},
		"an opaque token in two lines":  {"c2VjcmV0\nc2VjcmV0", "several words"},
		"a JWT in two words":            {jwt[:40] + " " + jwt[40:], "several words"},
		"zero bytes":                    {"c2VjcmV0\x00c2VjcmV0", "byte 9"},
		"another encoding":              {"c2VjcmV0\xff\xfe", "byte 9"},
		"a letter of another script":    {"с2VjcmV0", "byte 1"},
		"broken JSON":                   {`{"access_token":"c2VjcmV0"`, "no JSON"},
		"JSON without a token":          {`{"token":"c2VjcmV0"}`, "no access_token"},
		"JSON with an ID token alone":   {`{"id_token":"c2VjcmV0"}`, "called with an access token"},
		"JSON with an odd token":        {`{"access_token":"c2VjcmV0 c2VjcmV0"}`, "several words"},
		"JSON with a response in it":    {`{"access_token":"{\"access_token\":\"c2VjcmV0\\u0000\"}"}`, "byte 9"},
		"a number for a token":          {`{"access_token":5}`, "no JSON"},
		"a header and a body, as curl":  {"HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"c2VjcmV0\"}", "several words"},
		"a token with its name in JSON": {`"access_token": "c2VjcmV0"`, "several words"},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := input.Find(test.pasted)
			if err == nil || !strings.Contains(err.Error(), test.want) || token.Text != "" {
				t.Fatalf("got %v and %q", err, token.Text)
			}
			if strings.Contains(err.Error(), "c2VjcmV0") {
				t.Error("the error quotes the input:", err)
			}
		})
	}
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		jwt, "Bearer " + jwt, `{"access_token":"x"}`, "'\"`'", strings.Repeat("{", 100), "a\nb",
		"Authorization:Authorization:Bearer Bearer",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pasted string) {
		token, err := input.Find(pasted)
		if (err == nil) == (token.Text == "") {
			t.Fatalf("%q with %v", token.Text, err)
		}
		for i := range len(token.Text) {
			if token.Text[i] <= ' ' || token.Text[i] >= 0x7f {
				t.Fatalf("byte %#x in a token", token.Text[i])
			}
		}
		for word := range strings.FieldsSeq(pasted) {
			if shown := fmt.Sprint(err, token.Notes); len(word) > 40 && strings.Contains(shown, word) {
				t.Fatalf("%q quotes its input", shown)
			}
		}
	})
}
