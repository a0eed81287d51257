package issuers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// endpoint is a vendor's endpoint: it answers by a parameter of the query, and notes what it was asked about.
type endpoint struct {
	t       *testing.T
	address string // without its query
	by      string
	answers map[string]string // a body, behind the status if that is not 200
	fail    error
	asked   []string
}

func (e *endpoint) client() *http.Client { return &http.Client{Transport: e} }

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	address, _, _ := strings.Cut(r.URL.String(), "?")
	if address != e.address || r.Method != http.MethodGet {
		e.t.Errorf("%s %s is asked, want %s", r.Method, address, e.address)
	}
	token := r.URL.Query().Get(e.by)
	e.asked = append(e.asked, token)
	if e.fail != nil {
		return nil, e.fail
	}
	body, known := e.answers[token]
	if !known {
		body = e.answers[""]
	}
	status := http.StatusOK
	if code, rest, found := strings.Cut(body, " "); found && len(code) == 3 {
		if _, err := fmt.Sscan(code, &status); err != nil {
			e.t.Error(err)
		}
		body = rest
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

const (
	ours   = "web.apps.googleusercontent.com"
	theirs = "evil.apps.googleusercontent.com"
)

// soon is in the future of both clocks: that of the tests, and the real one by which answers are kept.
var soon = fmt.Sprint(testkit.Now.Add(time.Hour).Unix())

func TestGoogleAccessTokens(t *testing.T) {
	info := func(changes claims) string {
		return string(testkit.JSON(claims{
			"azp": ours, "aud": ours, "sub": "110169484474386276334", "scope": "openid https://www.googleapis.com/auth/drive", "exp": soon, "expires_in": "3599",
			"email": "alice@example.com", "email_verified": "true", "access_type": "online",
		}.With(changes)))
	}
	google := &endpoint{t: t, address: "https://oauth2.googleapis.com/tokeninfo", by: "access_token", answers: map[string]string{
		"ya29.good":           info(nil),
		"ya29.foreign":        info(claims{"aud": theirs, "azp": theirs}),
		"ya29.foreign-for-us": info(claims{"aud": theirs, "azp": ours}),
		"ya29.nameless":       info(claims{"sub": nil, "email": nil, "email_verified": nil}),
		"ya29.number":         info(claims{"exp": testkit.Now.Add(time.Hour).Unix(), "email_verified": true}),
		"ya29.expired":        info(claims{"exp": "1"}),
		"ya29.timeless":       info(claims{"exp": "never"}),
		"ya29.without-aud":    info(claims{"aud": nil}),
		"ya29.server-error":   "500 {}",
		"ya29.not-json":       "<html>ya29.not-json</html>",
		"":                    `400 {"error":"invalid_token","error_description":"Invalid Value"}`,
	}}
	var log bytes.Buffer
	r, err := issuers.GoogleAccessTokens(issuers.GoogleAccessTokensConfig{
		ClientIDs: []string{ours}, HTTPClient: google.client(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r)
	guard := sheet{issuer: r.Issuer}.guard(t)
	idToken := signed(header{"alg": "RS256", "kid": "rsa"}, claims{"iss": "https://accounts.google.com", "aud": ours, "sub": "1", "exp": testkit.Now.Unix() + 60})
	for token, want := range map[string]middleware.Reason{
		"ya29.good": "", "ya29.nameless": "", "ya29.number": "",
		"ya29.foreign": middleware.ReasonInactive, "ya29.foreign-for-us": middleware.ReasonInactive, "ya29.without-aud": middleware.ReasonInactive,
		"ya29.unknown": middleware.ReasonInactive, idToken: middleware.ReasonInactive, "ya29.expired": middleware.ReasonExpired,
		"ya29.timeless": middleware.ReasonIntrospectionUnavailable, "ya29.server-error": middleware.ReasonIntrospectionUnavailable,
		"ya29.not-json": middleware.ReasonIntrospectionUnavailable,
	} {
		tok, err := call(guard, "Authorization", "Bearer "+token)
		if reasonOf(err) != want {
			t.Errorf("%s: reason is %q, want %q (%s)", token, reasonOf(err), want, explained(err))
		}
		if token == "ya29.good" && (tok == nil || tok.Subject == "" || tok.ClientID != ours || !tok.Scopes.Has("https://www.googleapis.com/auth/drive")) {
			t.Errorf("the good token is %v", tok)
		}
		if err != nil && strings.Contains(explained(err), "ya29") {
			t.Errorf("the error shows the token: %s", explained(err))
		}
	}
	for _, asked := range google.asked {
		if asked == idToken {
			t.Error("an ID token was sent to the endpoint")
		}
	}
	if strings.Contains(log.String(), "ya29") {
		t.Errorf("the log shows a token:\n%s", &log)
	}
	for want, cfg := range map[string]issuers.GoogleAccessTokensConfig{"ClientIDs is empty": {}, "ClientIDs has an empty": {ClientIDs: []string{""}}} {
		if _, err := issuers.GoogleAccessTokens(cfg); err == nil || !strings.Contains(err.Error(), "issuers.GoogleAccessTokens: "+want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestFacebookAccessTokens(t *testing.T) {
	debug := func(changes claims) string {
		data := claims{
			"app_id": "123", "type": "USER", "application": "Shop", "is_valid": true, "user_id": "10222", "scopes": []string{"email", "public_profile"},
			"expires_at": testkit.Now.Add(time.Hour).Unix(), "data_access_expires_at": testkit.Now.Add(90 * 24 * time.Hour).Unix(), "issued_at": testkit.Now.Unix(),
		}
		return string(testkit.JSON(claims{"data": data.With(changes)}))
	}
	facebook := &endpoint{t: t, address: "https://graph.facebook.com/debug_token", by: "input_token", answers: map[string]string{
		"EAAgood":        debug(nil),
		"EAAforeign":     debug(claims{"app_id": "666"}),
		"EAApage":        debug(claims{"type": "PAGE"}),
		"EAAapp":         debug(claims{"type": "APP", "user_id": nil}),
		"EAAinvalid":     debug(claims{"is_valid": false}),
		"EAAunsaid":      debug(claims{"is_valid": nil}),
		"EAAforever":     debug(claims{"expires_at": 0, "data_access_expires_at": 0}),
		"EAAlong":        debug(claims{"expires_at": 0}),
		"EAAdata":        debug(claims{"data_access_expires_at": testkit.Now.Add(-time.Hour).Unix()}),
		"EAAexpired":     debug(claims{"expires_at": testkit.Now.Add(-time.Hour).Unix()}),
		"EAAour-mistake": `400 {"error":{"message":"Invalid application secret","code":190}}`,
		"":               `{"data":{"error":{"code":190,"message":"Invalid OAuth access token."},"is_valid":false,"scopes":[]}}`,
	}}
	const hush = "s3cr3t-of-the-app"
	var log bytes.Buffer
	cfg := issuers.FacebookAccessTokensConfig{
		AppID: "123", AppSecret: hush, HTTPClient: facebook.client(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}
	r, err := issuers.FacebookAccessTokens(cfg)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r)
	guard := sheet{issuer: r.Issuer}.guard(t)
	check := func(token string, want middleware.Reason) {
		t.Helper()
		_, err := call(guard, "Authorization", "Bearer "+token)
		if reasonOf(err) != want {
			t.Errorf("%s: reason is %q, want %q (%s)", token, reasonOf(err), want, explained(err))
		}
		if text := explained(err); strings.Contains(text, "EAA") || strings.Contains(text, hush) || strings.Contains(text, url.QueryEscape("123|")) {
			t.Errorf("the error shows a token or the secret: %s", text)
		}
	}
	idToken := signed(header{"alg": "RS256", "kid": "rsa"}, claims{"iss": "https://www.facebook.com", "aud": "123", "sub": "1", "exp": testkit.Now.Unix() + 60})
	for token, want := range map[string]middleware.Reason{
		"EAAgood": "", "EAAlong": "",
		"EAAforeign": middleware.ReasonInactive, "EAApage": middleware.ReasonInactive, "EAAapp": middleware.ReasonInactive,
		"EAAinvalid": middleware.ReasonInactive, "EAAforever": middleware.ReasonInactive, "EAAunknown": middleware.ReasonInactive, idToken: middleware.ReasonInactive,
		"EAAexpired": middleware.ReasonExpired, "EAAdata": middleware.ReasonExpired,
		"EAAunsaid": middleware.ReasonIntrospectionUnavailable, "EAAour-mistake": middleware.ReasonIntrospectionUnavailable,
	} {
		check(token, want)
	}
	facebook.fail = &url.Error{Op: "Get", URL: "https://graph.facebook.com/?access_token=" + hush, Err: errors.New("connection refused")}
	check("EAAanother", middleware.ReasonIntrospectionUnavailable)

	text, err := json.Marshal(struct{ C any }{cfg.AppID})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, &cfg), string(text), fmt.Sprintf("%+v", r)} {
		if strings.Contains(printed, hush) || strings.Contains(printed, "EAA") {
			t.Errorf("this shows a token or the secret: %s", printed)
		}
	}
	for want, cfg := range map[string]issuers.FacebookAccessTokensConfig{
		"AppID has an empty": {AppSecret: hush}, "it must be a number": {AppID: "shop", AppSecret: hush}, "AppSecret is empty": {AppID: "1"},
	} {
		if _, err := issuers.FacebookAccessTokens(cfg); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), hush) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestOktaOrg(t *testing.T) {
	r, err := issuers.OktaOrg("example.okta.com", "api", "secret", "web")
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r)
	if r.Issuer.Introspector == nil || r.Issuer.JWTs != middleware.IntrospectJWTs || r.Issuer.URL != "https://example.okta.com" {
		t.Errorf("the issuer is %+v", r.Issuer)
	}
	issuer := r.Issuer
	issuer.Introspector = answers{
		"good": {
			"token_type": "Bearer", "client_id": "web", "aud": "https://example.okta.com", "iss": "https://example.okta.com", "sub": "alice",
			"scope": "openid",
		},
		"foreign": {"token_type": "Bearer", "client_id": "evil", "aud": "https://example.okta.com", "sub": "alice"},
		"refresh": {"client_id": "web", "sub": "alice", "scope": "offline_access"},
		"id":      {"client_id": "web", "aud": "web", "sub": "alice"},
		"custom":  {"token_type": "Bearer", "client_id": "web", "iss": "https://example.okta.com/oauth2/default"},
	}
	introspected(t, issuer, map[string]middleware.Reason{
		"good": "", "foreign": middleware.ReasonClient, "refresh": middleware.ReasonTokenType, "id": middleware.ReasonTokenType, "revoked": middleware.ReasonInactive,
		"custom": middleware.ReasonUnknownIssuer,
	})
	for want, args := range map[string][]string{
		"secret is empty": {"api", "", "web"}, "begins or ends with white space": {"api", "hush\n", "web"},
		"id has an empty": {"", "s", "web"}, "clients is empty": {"api", "s"},
	} {
		r, err := issuers.OktaOrg("example.okta.com", args[0], args[1], args[2:]...)
		if r != nil || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
