// Package oauth asks authorization servers for tokens, as a client would.
package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// Client is registered at a server. Its secret goes into an Authorization field (RFC 6749 section 2.3.1), or into the form.
type Client struct {
	ID, Secret string
	InForm     bool
}

// Tokens is an answer of the token endpoint (RFC 6749 section 5.1).
type Tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	ID        string `json:"id_token"`
	TokenType string `json:"token_type"`
}

// HTTP is what all requests go through. It follows no redirects.
var HTTP = &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Ask posts a form to a token endpoint. proof is a DPoP proof; empty: none.
func Ask(ctx context.Context, endpoint string, c Client, proof string, form url.Values) (Tokens, error) {
	var tokens Tokens
	header := http.Header{}
	if proof != "" {
		header.Set("DPoP", proof)
	}
	body, err := Post(ctx, endpoint, c, header, form)
	if err != nil {
		return tokens, err
	}
	if err := json.Unmarshal(body, &tokens); err != nil {
		return tokens, fmt.Errorf("%s: %w", endpoint, err)
	}
	if tokens.Access == "" {
		return tokens, fmt.Errorf("%s: no access token came", endpoint)
	}
	return tokens, nil
}

// Prover makes DPoP proofs.
type Prover interface {
	ProofWithNonce(method, url, nonce string) string
}

// AskBound is Ask for a token that is bound to a key, at a server that may want a nonce of its own in the proof.
func AskBound(ctx context.Context, endpoint string, c Client, prover Prover, form url.Values) (Tokens, error) {
	tokens, err := Ask(ctx, endpoint, c, prover.ProofWithNonce("POST", endpoint, ""), form)
	var refused *Refused
	if errors.As(err, &refused) && refused.Nonce != "" {
		return Ask(ctx, endpoint, c, prover.ProofWithNonce("POST", endpoint, refused.Nonce), form)
	}
	return tokens, err
}

// Refused is an answer with another status than was wanted.
type Refused struct {
	Text  string
	Nonce string // of a server that wants it in a DPoP proof
}

func (r *Refused) Error() string { return r.Text }

// Post posts a form as a client, and returns the body of an answer that is 200.
func Post(ctx context.Context, endpoint string, c Client, header http.Header, form url.Values) ([]byte, error) {
	if c.InForm {
		form.Set("client_id", c.ID)
		form.Set("client_secret", c.Secret)
	}
	request, err := http.NewRequestWithContext(ctx, "POST", endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !c.InForm && c.ID != "" {
		request.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	}
	return Do(request, http.StatusOK)
}

// Do sends a request and returns the body of the answer, which must have that status.
func Do(request *http.Request, status int) ([]byte, error) {
	response, err := HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != status {
		return nil, &Refused{
			Text:  fmt.Sprintf("%s %s: status %d, not %d: %.300s", request.Method, request.URL, response.StatusCode, status, body),
			Nonce: response.Header.Get("DPoP-Nonce"),
		}
	}
	return body, nil
}

// LogIn goes through the authorization code flow (RFC 6749 section 4.1) as a browser does, at a server that logs the user in and
// agrees without a form. An empty nonce sends none.
func LogIn(ctx context.Context, authorize, token string, c Client, redirect string, parameters url.Values) (Tokens, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return Tokens{}, err
	}
	browser := &http.Client{Timeout: time.Minute, Jar: jar, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(next.URL.String(), redirect) {
			return http.ErrUseLastResponse // here the app takes over
		}
		return nil
	}}
	query := url.Values{"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {redirect}}
	for name, values := range parameters {
		query[name] = values
	}
	request, err := http.NewRequestWithContext(ctx, "GET", authorize+"?"+query.Encode(), nil)
	if err != nil {
		return Tokens{}, err
	}
	response, err := browser.Do(request)
	if err != nil {
		return Tokens{}, err
	}
	defer response.Body.Close()
	landing, err := response.Location()
	if err != nil {
		body, _ := io.ReadAll(response.Body)
		return Tokens{}, fmt.Errorf("the login at %s ended with status %d: %.300s", authorize, response.StatusCode, body)
	}
	code := landing.Query().Get("code")
	if code == "" {
		return Tokens{}, errors.New("the login ended without a code: " + landing.RawQuery)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}}
	if resource, ok := parameters["resource"]; ok {
		form["resource"] = resource
	}
	return Ask(ctx, token, c, "", form)
}
