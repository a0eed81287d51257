package authtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestClientCredentialsGiveATokenThatIsAccepted(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, call := newAPI(t, issuer.Config(api))
	id, secret := issuer.Client()
	for name, form := range map[string]url.Values{
		"for the last audience of Config": {},
		"for a resource":                  {"resource": {api}},
		"for an audience":                 {"audience": {api}},
		"for several":                     {"resource": {"https://other.example.test"}, "audience": {api}},
	} {
		form.Set("grant_type", "client_credentials")
		form.Set("scope", "read write")
		for method, authenticate := range map[string]func(*http.Request){
			"client_secret_basic": func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) },
			"client_secret_post":  nil,
		} {
			if authenticate == nil {
				form.Set("client_id", id)
				form.Set("client_secret", secret)
			} else {
				form.Del("client_secret")
			}
			r := newPost(t, issuer.URL()+"/token", form)
			if authenticate != nil {
				authenticate(r)
			}
			a := send(t, r)
			var granted struct {
				AccessToken string `json:"access_token"`
				TokenType   string `json:"token_type"`
				ExpiresIn   int    `json:"expires_in"`
				Scope       string
			}
			a.decode(t, &granted)
			if a.StatusCode != http.StatusOK || granted.TokenType != "Bearer" || granted.ExpiresIn != 3600 ||
				granted.Scope != "read write" || a.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%s, %s: %d %s", name, method, a.StatusCode, a.body)
			}
			w := call(granted.AccessToken)
			if w.Code != http.StatusOK || w.Body.String() != id+" read write" {
				t.Errorf("%s, %s: the API answers %d %s", name, method, w.Code, w.Body)
			}
		}
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	id, secret := issuer.Client()
	grant := func(more url.Values) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for name, values := range more {
			form[name] = values
		}
		return form
	}
	for _, row := range []struct {
		name   string
		form   url.Values
		id     string // of HTTP Basic; empty: none
		secret string
		status int
		code   string
	}{
		{"no client", grant(nil), "", "", 401, "invalid_client"},
		{"a wrong secret", grant(nil), id, "guess", 401, "invalid_client"},
		{"an empty secret", grant(nil), id, "", 401, "invalid_client"},
		{"a wrong client", grant(nil), "other", secret, 401, "invalid_client"},
		{"a wrong secret in the form", grant(url.Values{"client_id": {id}, "client_secret": {"guess"}}), "", "", 401, "invalid_client"},
		{"two ways to authenticate", grant(url.Values{"client_id": {id}, "client_secret": {secret}}), id, secret, 400, "invalid_request"},
		{"no grant", url.Values{}, id, secret, 400, "invalid_request"},
		{"another grant", url.Values{"grant_type": {"password"}}, id, secret, 400, "unsupported_grant_type"},
		{"a parameter twice", url.Values{"grant_type": {"client_credentials", "password"}}, id, secret, 400, "invalid_request"},
		{"two spaces between scopes", grant(url.Values{"scope": {"read  write"}}), id, secret, 400, "invalid_scope"},
		{"a scope with a quote", grant(url.Values{"scope": {`read"`}}), id, secret, 400, "invalid_scope"},
		{"a resource that is no URI", grant(url.Values{"resource": {"orders"}}), id, secret, 400, "invalid_target"},
		{"a resource with a fragment", grant(url.Values{"resource": {api + "#here"}}), id, secret, 400, "invalid_target"},
		{"a form that is too large", grant(url.Values{"scope": {strings.Repeat("a", 1<<17)}}), id, secret, 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newPost(t, issuer.URL()+"/token", row.form)
			if row.id != "" {
				r.SetBasicAuth(row.id, row.secret)
			}
			a := send(t, r)
			var refusal struct{ Error string }
			a.decode(t, &refusal)
			if a.StatusCode != row.status || refusal.Error != row.code {
				t.Errorf("the answer is %d %s, want %d %s", a.StatusCode, a.body, row.status, row.code)
			}
			if challenged := a.Header.Get("WWW-Authenticate") != ""; challenged != (row.status == 401) {
				t.Errorf("WWW-Authenticate is %q", a.Header.Get("WWW-Authenticate"))
			}
		})
	}
	if a := get(t, issuer.URL()+"/token"); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET is answered with %d", a.StatusCode)
	}
}

func TestEveryIssuerHasItsOwnClientSecret(t *testing.T) {
	t.Parallel()
	_, one := authtest.NewIssuer(t).Client()
	_, other := authtest.NewIssuer(t).Client()
	if one == other || len(one) < 20 {
		t.Error("the secrets of two issuers are equal, or short")
	}
}
