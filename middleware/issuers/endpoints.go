package issuers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// GoogleAccessTokensConfig says whose access tokens of Google are let in. ClientIDs is required.
type GoogleAccessTokensConfig struct {
	_ [0]func() // keyed literals only

	// ClientIDs are your OAuth client ids. A token that another application got from the same user names another.
	ClientIDs []string

	// HTTPClient carries the requests; nil: a client of our own.
	HTTPClient *http.Client

	// Logger is told of what only the operator can mend; nil: as in introspection.Config.
	Logger *slog.Logger
}

// GoogleAccessTokens is Google's access tokens (ya29.…), which are opaque: tokeninfo is asked about each. It is no introspection by RFC 7662. Its iss is
// that of [Google], so both need two Validators.
//
// It relies on aud, which must be one of ClientIDs (most users of tokeninfo forget that, and then the token of any application passes), and
// on exp. Scopes are Google's ("https://www.googleapis.com/auth/…"); sub is there if openid was among them. Refused are tokens of other
// applications and all JWTs, ID tokens among them, about which Google is not asked.
//
// The token is in the address of the request, which is never logged here; a proxy of yours on the way may log it. Not known for certain: how often
// tokeninfo may be asked. Google documents it for debugging; its answers are kept for ten seconds, as those of every Introspector.
func GoogleAccessTokens(cfg GoogleAccessTokensConfig) (*Running, error) {
	a := argumentsOf("GoogleAccessTokens")
	a.list("ClientIDs", cfg.ClientIDs, "your OAuth client ids")
	clients := slices.Clone(cfg.ClientIDs)
	return a.introspecting(middleware.Issuer{
		URL:       "https://accounts.google.com",
		Aliases:   []string{"accounts.google.com"},
		Audiences: clients,
		JWTs:      middleware.IntrospectJWTs,
		Claims:    middleware.ClaimMapping{Scopes: []string{"scope"}, ClientID: []string{"azp"}},
	}, introspection.Config{
		HTTPClient: cfg.HTTPClient,
		Logger:     cfg.Logger,
		Ask: func(ctx context.Context, client *http.Client, token string) ([]byte, error) {
			return askGoogle(ctx, client, clients, token)
		},
	})
}

func askGoogle(ctx context.Context, client *http.Client, clients []string, token string) ([]byte, error) {
	if isJWT(token) {
		return nil, introspection.ErrInactive
	}
	var answer struct {
		Audience      string          `json:"aud"`
		Party         string          `json:"azp"`
		Subject       string          `json:"sub"`
		Scope         string          `json:"scope"`
		Expiry        json.RawMessage `json:"exp"` // text
		Email         string          `json:"email"`
		EmailVerified json.RawMessage `json:"email_verified"` // text
	}
	status, err := ask(ctx, client, "https://oauth2.googleapis.com/tokeninfo?"+url.Values{"access_token": {token}}.Encode(), &answer)
	switch {
	case status == http.StatusBadRequest: // invalid_token, whatever is wrong with it
		return nil, introspection.ErrInactive
	case err != nil:
		return nil, err
	case !slices.Contains(clients, answer.Audience):
		return nil, fmt.Errorf("%w for this API: it was made for another application", introspection.ErrInactive)
	}
	expiry, err := strconv.ParseInt(unquoted(answer.Expiry), 10, 64)
	if err != nil {
		return nil, errors.New("tokeninfo: exp is no number")
	}
	claims := map[string]any{"aud": answer.Audience, "exp": expiry, "scope": answer.Scope, "token_type": "Bearer"}
	for name, value := range map[string]string{"azp": answer.Party, "sub": answer.Subject, "email": answer.Email} {
		if value != "" {
			claims[name] = value
		}
	}
	if answer.EmailVerified != nil {
		claims["email_verified"] = unquoted(answer.EmailVerified) == "true"
	}
	return json.Marshal(claims)
}

// unquoted is a number or a boolean that may have been written as text.
func unquoted(value json.RawMessage) string { return strings.Trim(string(value), `"`) }

// FacebookAccessTokensConfig says whose access tokens of Facebook are let in. AppID and AppSecret are required.
type FacebookAccessTokensConfig struct {
	_ [0]func() // keyed literals only

	AppID     string
	AppSecret string `json:"-"` // it goes to Facebook alone, and into no log and no error

	// HTTPClient carries the requests; nil: a client of our own.
	HTTPClient *http.Client

	// Logger is told of what only the operator can mend; nil: as in introspection.Config.
	Logger *slog.Logger
}

// Format prints the id of the app for every verb.
func (c FacebookAccessTokensConfig) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "issuers.FacebookAccessTokensConfig(app %s)", c.AppID)
}

// FacebookAccessTokens is the access tokens of Facebook Login, which are opaque: debug_token is asked about each.
//
// It relies on is_valid, app_id, type (USER) and the dates: the earlier of expires_at and data_access_expires_at counts. Refused are tokens of other apps,
// app and page tokens, tokens for which neither date is set, and all JWTs, about which Facebook is not asked.
//
// Token and app secret are in the address of the request, which is never logged here; a proxy of yours on the way may log it.
func FacebookAccessTokens(cfg FacebookAccessTokensConfig) (*Running, error) {
	a := argumentsOf("FacebookAccessTokens")
	a.list("AppID", []string{cfg.AppID}, "the id of your app")
	a.numbers("AppID", []string{cfg.AppID})
	a.secret("AppSecret", cfg.AppSecret)
	return a.introspecting(middleware.Issuer{
		URL:       "https://www.facebook.com",
		Audiences: []string{cfg.AppID},
		JWTs:      middleware.IntrospectJWTs,
		Claims:    middleware.ClaimMapping{Scopes: []string{"scope"}},
	}, introspection.Config{
		HTTPClient: cfg.HTTPClient,
		Logger:     cfg.Logger,
		Ask: func(ctx context.Context, client *http.Client, token string) ([]byte, error) {
			return askFacebook(ctx, client, cfg.AppID, cfg.AppSecret, token)
		},
	})
}

func askFacebook(ctx context.Context, client *http.Client, app, secret, token string) ([]byte, error) {
	if isJWT(token) {
		return nil, introspection.ErrInactive
	}
	var answer struct {
		Data struct {
			App         string   `json:"app_id"`
			Type        string   `json:"type"`
			Valid       *bool    `json:"is_valid"`
			User        string   `json:"user_id"`
			Scopes      []string `json:"scopes"`
			Issued      int64    `json:"issued_at"`
			Expires     int64    `json:"expires_at"`
			DataExpires int64    `json:"data_access_expires_at"`
		} `json:"data"`
	}
	query := url.Values{"input_token": {token}, "access_token": {app + "|" + secret}}
	_, err := ask(ctx, client, "https://graph.facebook.com/debug_token?"+query.Encode(), &answer)
	data := &answer.Data
	expiry := data.Expires
	if data.DataExpires > 0 && (expiry == 0 || data.DataExpires < expiry) {
		expiry = data.DataExpires
	}
	switch {
	case err != nil:
		return nil, err
	case data.Valid == nil:
		return nil, errors.New("debug_token: is_valid is missing")
	case !*data.Valid:
		return nil, introspection.ErrInactive
	case data.App != app, data.Type != "USER", data.User == "":
		return nil, fmt.Errorf("%w for this API: it is not of a user of this app", introspection.ErrInactive)
	case expiry <= 0:
		return nil, fmt.Errorf("%w for this API: it does not expire", introspection.ErrInactive)
	}
	claims := map[string]any{
		"aud": data.App, "sub": data.User, "exp": expiry, "scope": strings.Join(data.Scopes, " "), "token_type": "Bearer",
	}
	if data.Issued > 0 {
		claims["iat"] = data.Issued
	}
	return json.Marshal(claims)
}

// isJWT reports whether a token begins like one, so that none is sent where opaque tokens are judged.
func isJWT(token string) bool {
	return strings.HasPrefix(token, "ey") && strings.Count(token, ".") >= 2
}

const maxAnswerBytes = 64 << 10

// ask gets a JSON object. Its errors do not hold the address, in which there are a token and a secret.
func ask(ctx context.Context, client *http.Client, address string, answer any) (status int, _ error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, errors.New("the address of the endpoint cannot be read")
	}
	resp, err := client.Do(r)
	if err != nil {
		var hiding *url.Error
		if errors.As(err, &hiding) {
			err = hiding.Err
		}
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, fmt.Errorf("the endpoint answered %d", resp.StatusCode)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return resp.StatusCode, errors.New("the endpoint's answer cannot be read") // the cause may quote it
	}
	return resp.StatusCode, nil
}
