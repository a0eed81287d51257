package middleware_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// The examples have an authorization server without a network: its keys, and its tokens.

// serverKeys are the keys that https://login.example.com publishes.
func serverKeys() middleware.KeySource { return keySet() }

// newAuth is a Validator for https://api.example.com.
func newAuth() *middleware.Validator {
	return must(middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Keys: serverKeys()}},
		Audiences: []string{"https://api.example.com"},
	}))
}

// tokenFor makes an access token of https://login.example.com for https://api.example.com.
func tokenFor(user, scope string, more ...any) string {
	c := good(claims{"sub": user, "scope": scope, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	for i := 0; i < len(more); i += 2 {
		c[more[i].(string)] = more[i+1]
	}
	return mint(c)
}

// call sends a request with a bearer token, if it is not empty, and prints the answer: the body of a success, the status
// and the challenge of a refusal.
func call(h http.Handler, method, target, token string) {
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	send(h, method, target, header)
}

func send(h http.Handler, method, target string, header http.Header) {
	r := request(method, header)
	r.URL.Path, r.RequestURI = target, target
	w := newRecorder()
	h.ServeHTTP(w, r)
	fmt.Print(method, " ", target, ": ", w.Code)
	switch challenge := w.Header().Get("WWW-Authenticate"); {
	case challenge != "":
		fmt.Print(" ", challenge)
	case w.Code == http.StatusOK && w.Body.Len() > 0:
		fmt.Print(" ", w.Body)
	}
	fmt.Println()
}
