package introspection_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
)

// question is what a real server saw.
type question struct {
	method, query, body string
	form                url.Values
	header              http.Header
}

// listen answers activeText and reports each question.
func listen(t *testing.T) (address string, asked <-chan question) {
	t.Helper()
	questions := make(chan question, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		questions <- question{r.Method, r.URL.RawQuery, string(body), form, r.Header}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, activeText)
	}))
	t.Cleanup(server.Close)
	return server.URL, questions
}

func TestClientAuthOnTheWire(t *testing.T) {
	const token = "a+b/c=~._-" // every special byte of a bearer token
	tests := []struct {
		name   string
		auth   introspection.ClientAuth
		header string // Authorization
		form   url.Values
	}{
		{"Basic credentials are form-encoded before base64", introspection.SecretBasic("a:b", "p%+ ü"),
			"Basic " + base64.StdEncoding.EncodeToString([]byte("a%3Ab:p%25%2B+%C3%BC")), nil},
		{"a secret in the body", introspection.SecretPost("a:b", "p%+&="), "", url.Values{"client_id": {"a:b"}, "client_secret": {"p%+&="}}},
		{"a bearer token", introspection.BearerToken(func(context.Context) (string, error) { return "own.token", nil }), "Bearer own.token", nil},
		{"nothing", introspection.NoClientAuth(), "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address, asked := listen(t)
			client := newClient(t, introspection.Config{URL: address + "/introspect?tenant=7", ClientAuth: test.auth}, nil)
			mustIntrospect(t, client, token)
			q := <-asked
			want := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
			for name, values := range test.form {
				want[name] = values
			}
			if q.method != http.MethodPost || q.query != "tenant=7" || q.form.Encode() != want.Encode() {
				t.Errorf("asked %s ?%s with %s, want %s", q.method, q.query, q.form.Encode(), want.Encode())
			}
			if got := q.header.Get("Authorization"); got != test.header {
				t.Errorf("Authorization %q, want %q", got, test.header)
			}
			if q.header.Get("Content-Type") != "application/x-www-form-urlencoded" || q.header.Get("Accept") != "application/json" {
				t.Errorf("header %v", q.header)
			}
		})
	}
}

func TestTLSClientAuthNamesTheClient(t *testing.T) {
	var form url.Values
	tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
		body, _ := r.GetBody()
		text, _ := io.ReadAll(body)
		form, _ = url.ParseQuery(string(text))
		return respond(200, activeText), nil
	}}
	client := newClient(t, introspection.Config{ClientAuth: introspection.TLSClientAuth("api")}, tr)
	mustIntrospect(t, client, "token")
	if form.Get("client_id") != "api" || form.Has("client_secret") {
		t.Errorf("form %v", form)
	}
}

func TestBearerTokenIsCheckedBeforeItIsSent(t *testing.T) {
	for name, token := range map[string]string{
		"an empty token":            "",
		"a header of its own":       "x\r\nX-Admin: 1",
		"a token with its own type": "Bearer x",
	} {
		t.Run(name, func(t *testing.T) {
			tr := &transport{serve: answers(activeText)}
			client := newClient(t, introspection.Config{
				ClientAuth: introspection.BearerToken(func(context.Context) (string, error) { return token, nil }),
			}, tr)
			response, err := client.Introspect(t.Context(), "token")
			mustBeUnavailable(t, response, err)
			if tr.count() != 0 || token != "" && strings.Contains(err.Error(), token) {
				t.Errorf("%d requests, error %q", tr.count(), err)
			}
		})
	}
}
