package input

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Token is what was found on standard input.
type Token struct {
	Text  string   // never to be shown
	Notes []string // what was taken off it, which may be what a client sends by mistake
}

// Find takes a token out of what was pasted: alone, with its scheme or its field, between quotes, broken into lines, or in the response of
// a token endpoint. Its errors never quote it.
func Find(pasted string) (Token, error) {
	var t Token
	text := strings.TrimSpace(strings.TrimPrefix(pasted, "\ufeff"))
	if text == "" {
		return t, errNothing
	}
	if strings.HasPrefix(text, "{") {
		return t.fromResponse(text)
	}
	for range 3 { // "Authorization: Bearer 'x'", in whatever order
		text = t.unwrap(text)
	}
	text, err := t.join(text)
	switch {
	case err != nil:
		return Token{}, err
	case text == "":
		return Token{}, errors.New("there is a scheme or quotes on standard input and no token: is a variable unset?")
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return Token{}, fmt.Errorf("byte %d of standard input is one that no token has (RFC 6750 section 2.1): is it a file, or another encoding?", i+1)
		}
	}
	t.Text = text
	return t, nil
}

// fromResponse reads RFC 6749 section 5.1.
func (t *Token) fromResponse(text string) (Token, error) {
	var response struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
	}
	switch err := json.Unmarshal([]byte(text), &response); {
	case err != nil:
		return Token{}, errors.New("standard input begins with { and is no JSON: pipe in the token alone")
	case response.AccessToken == "" && response.IDToken != "":
		return Token{}, errors.New("the JSON on standard input holds an id_token and no access_token: an API is called with an access token")
	case response.AccessToken == "":
		return Token{}, errors.New("the JSON on standard input has no access_token: pipe in the token alone")
	}
	found, err := Find(response.AccessToken)
	if err != nil {
		return Token{}, err
	}
	found.note("the access_token was taken out of the JSON")
	return found, nil
}

func (t *Token) note(text string) {
	for _, known := range t.Notes {
		if known == text {
			return
		}
	}
	t.Notes = append(t.Notes, text)
}

// unwrap takes one layer off.
func (t *Token) unwrap(text string) string {
	if len(text) >= 2 && strings.ContainsRune("\"'`", rune(text[0])) && text[len(text)-1] == text[0] {
		t.note("quotes were taken off: a client must not send them")
		return strings.TrimSpace(text[1 : len(text)-1])
	}
	if rest, ok := cutFold(text, "authorization:"); ok {
		t.note("the field's name was taken off")
		return rest
	}
	for _, scheme := range []string{"bearer", "dpop"} {
		if rest, ok := cutFold(text, scheme+" "); ok {
			t.note("the scheme was taken off")
			return rest
		}
		if strings.EqualFold(text, scheme) {
			return ""
		}
	}
	return text
}

func cutFold(text, prefix string) (rest string, found bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return strings.TrimSpace(text[len(prefix):]), true
}

// join puts a JWT together that a terminal or a mail has broken into lines.
func (t *Token) join(text string) (string, error) {
	parts := strings.Fields(text)
	if len(parts) < 2 {
		return text, nil
	}
	complete := 0
	for _, part := range parts {
		if IsJOSE(part) && strings.Count(part, ".") >= 2 {
			complete++
		}
	}
	joined := strings.Join(parts, "")
	lines := strings.Count(strings.ReplaceAll(text, "\r", "\n"), "\n")
	if complete == 0 && lines > 0 && IsJOSE(joined) && strings.Count(joined, ".") >= 2 {
		t.note("line breaks were taken out: a client must not send them")
		return joined, nil
	}
	if complete > 1 {
		return "", fmt.Errorf("there are %d tokens on standard input: give one", complete)
	}
	return "", errors.New("there are several words on standard input: give one token, and nothing else")
}

// IsJOSE reports whether a token's first segment decodes to text that begins with {, which makes it a JWS or JWE and no opaque token.
func IsJOSE(token string) bool {
	first, _, _ := strings.Cut(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(first)
	return err == nil && len(header) > 0 && header[0] == '{'
}
