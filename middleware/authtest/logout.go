package authtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// logoutType and logoutEvent are what makes a JWT a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).
const (
	logoutType  = "logout+jwt"
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
)

// LogoutToken returns a logout token (OpenID Connect Back-Channel Logout 1.0) of this issuer. Its defaults are iss, sub ("alice"), aud (the id of
// Client), iat (now), exp (two minutes later), a jti of its own and the event; Claims{"sid": …} names a session, Claims{"sub": nil} no user.
// A receiver that is to take it has that client among its ClientIDs. It judges by the real time, so SetClock makes tokens that it refuses.
func (i *Issuer) LogoutToken(c Claims) string {
	i.tb.Helper()
	token, err := i.logoutToken(nil, c)
	if err != nil {
		i.tb.Fatalf("%v", err)
	}
	return token
}

func (i *Issuer) logoutToken(h Header, c Claims) (string, error) {
	payload, err := i.logoutPayload(c)
	if err != nil {
		return "", err
	}
	return i.sign(merge(Header{"typ": logoutType}, h), payload)
}

func (i *Issuer) logoutPayload(c Claims) (string, error) {
	now := i.now()
	text, err := json.Marshal(merge(newClaims(i.url, i.client.id, now), Claims{
		"client_id": nil, "exp": now.Add(2 * time.Minute), "events": Claims{logoutEvent: Claims{}},
	}, c))
	if err != nil {
		return "", fmt.Errorf("authtest: the claims cannot be written as JSON: %w", err)
	}
	return string(text), nil
}

// SendLogout posts a logout token to an address, as an authorization server does, and returns the status of the answer: 200 where it was taken. The
// error says that there was no answer.
func (i *Issuer) SendLogout(ctx context.Context, to, token string) (status int, _ error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		return 0, fmt.Errorf("authtest: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("authtest: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	return resp.StatusCode, nil
}

// BrokenLogoutTokens is to logout tokens what Broken is to tokens: none of them may log anybody out, each is broken in one way, and a receiver for
// the client of Client answers 400 to all of them.
func (i *Issuer) BrokenLogoutTokens() iter.Seq2[string, string] {
	i.tb.Helper()
	return func(yield func(name, token string) bool) {
		for _, row := range logoutGallery {
			token, err := row.make(i)
			if err != nil {
				i.tb.Fatalf("authtest: BrokenLogoutTokens, %s: %v", row.name, err)
				return
			}
			if !yield(row.name, token) {
				return
			}
		}
	}
}

// logoutGallery is in the order in which a logout token is judged: form, header, issuer, claims, signature.
var logoutGallery = []exhibit{
	{"no token", text("logout")},
	{"two segments", logoutEdited(func(h, p, _ string) string { return join(h, p) })},
	{"a critical extension (crit)", logoutHeader(Header{"crit": []string{"urn:example:must"}, "urn:example:must": true})},
	{"an access token", logoutHeader(Header{"typ": "at+jwt"})},
	{"a security event", logoutHeader(Header{"typ": "secevent+jwt"})},
	{"a payload that is no JSON", func(i *Issuer) (string, error) { return i.sign(Header{"typ": logoutType}, "sub=alice") }},
	{"a claim twice", func(i *Issuer) (string, error) {
		payload, err := i.logoutPayload(nil)
		if err != nil {
			return "", err
		}
		return i.sign(Header{"typ": logoutType}, `{"sub":"bob",`+payload[1:])
	}},
	{"a claim in two spellings", logoutClaims(Claims{"SUB": "bob"})},

	{"no issuer", logoutClaims(Claims{"iss": nil})},
	{"another issuer", logoutClaims(Claims{"iss": "https://evil.example.test"})},
	{"alg none", logoutHeader(Header{"alg": "none", "kid": "none"})},
	{"no audience", logoutClaims(Claims{"aud": nil})},
	{"another client", logoutClaims(Claims{"aud": "somebody-else"})},
	{"an ID token", logoutClaims(Claims{"nonce": "n-0S6_WzA2Mj"})},
	{"no events", logoutClaims(Claims{"events": nil})},
	{"another event", logoutClaims(Claims{"events": Claims{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": Claims{}}})},
	{"an event that is no object", logoutClaims(Claims{"events": Claims{logoutEvent: true}})},
	{"no time", logoutClaims(Claims{"iat": nil})},
	{"no expiry", logoutClaims(Claims{"exp": nil})},
	{"expired", logoutDates(map[string]time.Duration{"iat": -5 * time.Hour, "exp": -4 * time.Hour})},
	{"issued days ago", logoutDates(map[string]time.Duration{"iat": -48 * time.Hour})},
	{"issued in the future", logoutDates(map[string]time.Duration{"iat": time.Hour, "exp": 2 * time.Hour})},
	{"no jti", logoutClaims(Claims{"jti": nil})},
	{"neither a user nor a session", logoutClaims(Claims{"sub": nil})},
	{"a session that is no text", logoutClaims(Claims{"sid": 1})},

	{"an unknown kid", logoutHeader(Header{"kid": "nobody"})},
	{"an altered signature", logoutEdited(func(h, p, s string) string { return join(h, p, altered(s)) })},
	{"somebody else's key", logoutForeign},
	{"claims changed after signing", func(i *Issuer) (string, error) {
		one, err := i.logoutToken(nil, nil)
		if err != nil {
			return "", err
		}
		two, err := i.logoutToken(nil, Claims{"sub": "bob"})
		if err != nil {
			return "", err
		}
		s, other := strings.Split(one, "."), strings.Split(two, ".")
		return join(s[0], other[1], s[2]), nil
	}},
}

func logoutHeader(h Header) maker {
	return func(i *Issuer) (string, error) { return i.logoutToken(h, nil) }
}

func logoutClaims(c Claims) maker {
	return func(i *Issuer) (string, error) { return i.logoutToken(nil, c) }
}

func logoutDates(offsets map[string]time.Duration) maker {
	return func(i *Issuer) (string, error) {
		c := make(Claims)
		for name, offset := range offsets {
			c[name] = i.now().Add(offset)
		}
		return i.logoutToken(nil, c)
	}
}

func logoutEdited(edit func(header, payload, signature string) string) maker {
	return func(i *Issuer) (string, error) {
		token, err := i.logoutToken(nil, nil)
		if err != nil {
			return "", err
		}
		s := strings.Split(token, ".")
		return edit(s[0], s[1], s[2]), nil
	}
}

// logoutForeign signs with a key that the issuer never had, under the kid of one of its own.
func logoutForeign(i *Issuer) (string, error) {
	p, err := i.parts()
	if err != nil {
		return "", err
	}
	payload, err := i.logoutPayload(nil)
	if err != nil {
		return "", err
	}
	var stranger signingKey
	if err := stranger.make(p.key.algorithm); err != nil {
		return "", err
	}
	return assemble(merge(p.header, Header{"typ": logoutType}), payload, stranger.sign)
}
