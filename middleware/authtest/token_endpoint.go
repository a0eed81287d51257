package authtest

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
)

// client is a registered client.
type client struct{ id, secret string }

// authenticated reports whether the request is the client's, by client_secret_basic or client_secret_post (RFC 6749
// section 2.3.1), and answers it if not.
func (c client) authenticated(w http.ResponseWriter, r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if basic {
		id, secret = formDecoded(id), formDecoded(secret)
	}
	posted := r.PostForm.Has("client_secret")
	switch {
	case basic && posted:
		writeError(w, http.StatusBadRequest, "invalid_request", "the client authenticates in two ways")
		return false
	case posted:
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if c.is(id, secret) {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="authtest"`)
	writeError(w, http.StatusUnauthorized, "invalid_client", "the client is not known, or its secret is wrong")
	return false
}

func (c client) is(id, secret string) bool {
	return id == c.id && subtle.ConstantTimeCompare([]byte(secret), []byte(c.secret)) == 1
}

// formDecoded undoes the encoding that RFC 6749 section 2.3.1 wants inside HTTP Basic; text that is not encoded stays.
func formDecoded(text string) string {
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}

// serveToken is the token endpoint: client_credentials (RFC 6749 section 4.4) with scope, and with the API named by
// resource (RFC 8707) or by audience, as many servers have it.
func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	if !i.client.authenticated(w, r) {
		return
	}
	form := r.PostForm
	if name := repeated(form, "grant_type", "scope", "client_id", "client_secret"); name != "" {
		writeError(w, http.StatusBadRequest, "invalid_request", name+" is given more than once")
		return
	}
	switch grant := form.Get("grant_type"); {
	case grant == "":
		writeError(w, http.StatusBadRequest, "invalid_request", "grant_type is missing")
		return
	case grant != "client_credentials":
		writeError(w, http.StatusBadRequest, "unsupported_grant_type", "use client_credentials")
		return
	case !isScope(form.Get("scope")):
		writeError(w, http.StatusBadRequest, "invalid_scope", "scope breaks RFC 6749 section 3.3")
		return
	}
	audience := append(form["resource"], form["audience"]...)
	for _, resource := range form["resource"] {
		if u, err := url.Parse(resource); err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			writeError(w, http.StatusBadRequest, "invalid_target", "resource must be an absolute URI without a fragment (RFC 8707)")
			return
		}
	}
	i.grant(w, form.Get("scope"), audience)
}

// grant answers with a token of the client's own: its sub is the client (RFC 9068 section 2.2).
func (i *Issuer) grant(w http.ResponseWriter, scope string, audience []string) {
	claims := Claims{"sub": i.client.id}
	answer := map[string]any{"token_type": "Bearer", "expires_in": int(lifetime.Seconds())}
	if scope != "" {
		claims["scope"], answer["scope"] = scope, scope
	}
	switch len(audience) {
	case 0:
	case 1:
		claims["aud"] = audience[0]
	default:
		claims["aud"] = audience
	}
	token, err := i.mint(nil, claims)
	if err != nil {
		writeError(w, http.StatusInternalServerError, "server_error", "no token could be minted")
		return
	}
	answer["access_token"] = token
	writeJSON(w, http.StatusOK, answer)
}

// repeated returns the first of names that the form holds more than once (RFC 6749 section 3.2).
func repeated(form url.Values, names ...string) string {
	for _, name := range names {
		if len(form[name]) > 1 {
			return name
		}
	}
	return ""
}

// isScope accepts scope-tokens between single spaces (RFC 6749 section 3.3), and no scope at all.
func isScope(scope string) bool {
	if scope == "" {
		return true
	}
	for token := range strings.SplitSeq(scope, " ") {
		bad := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
		if token == "" || strings.ContainsFunc(token, bad) {
			return false
		}
	}
	return true
}

// writeError answers as RFC 6749 section 5.2 says.
func writeError(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}
