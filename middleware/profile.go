package middleware

import (
	"errors"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

var (
	errTyp        = errors.New("typ is not that of an access token")
	errMarked     = errors.New("a claim marks the token as another kind than an access token")
	errNonceClaim = errors.New("nonce marks the token as an ID token, and no granted scope, token_use or typ says that it is an access token")
	errIDShape    = errors.New("aud holds a client id and no granted scope, token_use, typ or token_type says that this is an access token, so it may be an ID token")
	errPayload    = errors.New("token_use or typ among the claims names another kind than an access token")
)

// accessType judges the typ of the header, already in its one form, before any key is looked up.
func (p Profile) accessType(typ string) error {
	if typ == "at+jwt" || p == AnyAccessToken && (typ == "" || typ == "jwt") {
		return nil
	}
	return errTyp
}

// accessClaims judges whether the claims are those of an access token.
func (t *trust) accessClaims(typ string, c *claims.Reading) error {
	if typ == "at+jwt" {
		return nil // an issuer that follows RFC 9068 gives no other token this type
	}
	if c.At(claims.Marker).Kind() != 0 {
		return errMarked
	}
	if err := payloadKind(c); err != nil {
		return err
	}
	if claims.IsPresent(c.At(claims.Nonce)) && !t.outranksNonce(c) {
		return errNonceClaim
	}
	return nil
}

// outranksNonce looks for evidence against a nonce, which some servers copy into access tokens (OpenID Connect Core section 2
// defines it for ID tokens and forbids it nowhere else). Scopes alone are none where the token is addressed to its own client.
func (t *trust) outranksNonce(c *claims.Reading) bool {
	if saysAccess(c) {
		return true
	}
	client, _ := c.First(t.clientID).Text()
	var lists claims.Lists
	audience, err := lists.Audience(c.At(claims.Audience))
	return err == nil && (client == "" || !slices.Contains(audience, client)) && grantsBeyondIdentity(lists.Scopes(c.First(t.scopes)))
}

// payloadKind looks at the claims in which some servers name the kind: token_use (Cognito, Hydra) and typ (Keycloak).
func payloadKind(c *claims.Reading) error {
	if use := c.At(claims.TokenUse); use.Kind() != 0 && !oneOf(use, accessUses...) {
		return errPayload
	}
	if oneOf(c.At(claims.Type), "id", "id_token", "refresh", "refresh_token", "offline", "logout") {
		return errPayload
	}
	return nil
}

var (
	accessUses  = []string{"access", "access_token"}
	accessTypes = []string{"bearer", "dpop", "access", "access_token", "at+jwt"}

	// identityScopes are granted with ID tokens (OpenID Connect Core sections 5.4 and 11) and say nothing about an API.
	identityScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}
)

// saysAccess reports whether token_use or typ among the claims names an access token.
func saysAccess(c *claims.Reading) bool {
	return oneOf(c.At(claims.TokenUse), accessUses...) || oneOf(c.At(claims.Type), accessTypes...)
}

// grantsBeyondIdentity reports whether a scope is granted that no ID token stands for.
func grantsBeyondIdentity(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(identityScopes, scope) })
}

// idShape reports whether a token that names no audience of this API has the shape of an ID token: its aud holds its own client id, or
// one of AllowedClients (OpenID Connect Core section 2). Where an audience is demanded that shape is harmless, as long as no client
// id is among the audiences.
func (t *trust) idShape(token *Token) bool {
	if !t.noAudience && len(t.clients) == 0 {
		return false
	}
	return token.ClientID != "" && token.Audience.Has(token.ClientID) || token.Audience.HasAny(t.clients...)
}

func oneOf(v strictjson.Value, names ...string) bool {
	s, ok := v.Text()
	return ok && slices.Contains(names, strings.ToLower(s))
}

// required lists what RFC 9068 section 2.2 requires beyond what every token needs.
var required = []struct {
	name  string
	index claims.Index
}{
	{"sub", claims.Subject}, {"aud", claims.Audience}, {"iat", claims.IssuedAt}, {"jti", claims.TokenID},
}

// missing returns the name of a claim that the profile requires and the token lacks.
func (p Profile) missing(c *claims.Reading, clientID string) string {
	if p != RFC9068 {
		return ""
	}
	for _, r := range required {
		if c.At(r.index).Kind() == 0 {
			return r.name
		}
	}
	if clientID == "" {
		return "client_id"
	}
	return ""
}
