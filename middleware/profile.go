package middleware

import (
	"errors"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// markers are claims that only another kind of token carries. A token that does not say in its typ that it is an access
// token must have none of them, and nonce beside them only with evidence that it is one.
var markers = []string{
	"at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash", // ID token (OpenID Connect Core)
	"events", "toe", // security event and logout token (RFC 8417)
	"htm", "htu", "ath", // DPoP proof (RFC 9449)
	"token_introspection",    // introspection answer (RFC 9701)
	"status_list",            // token status list
	"req_wl", "rctx", "tctx", // transaction token
	"response_type", "code_challenge", // request object (RFC 9101)
	"vct", "_sd", "_sd_alg", "sd_hash", // SD-JWT credential and key binding
	"logout_token", "software_statement",
}

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
func (t *trust) accessClaims(typ string, c *claimSet) error {
	if typ == "at+jwt" {
		return nil // an issuer that follows RFC 9068 gives no other token this type
	}
	if c.values[markerClaim].Kind() != 0 {
		return errMarked
	}
	if err := payloadKind(c); err != nil {
		return err
	}
	if isPresent(c.values[nonceClaim]) && !t.outranksNonce(c) {
		return errNonceClaim
	}
	return nil
}

// outranksNonce looks for evidence against a nonce, which some servers copy into access tokens (OpenID Connect Core section 2
// defines it for ID tokens and forbids it nowhere else). Scopes alone are none where the token is addressed to its own client.
func (t *trust) outranksNonce(c *claimSet) bool {
	if saysAccess(c) {
		return true
	}
	client, _ := c.first(t.clientID).Text()
	var lists texts
	audience, ok := lists.audience(c.values[audClaim])
	return ok && (client == "" || !audience.Has(client)) && grantsBeyondIdentity(lists.scopes(c.first(t.scopes)))
}

// payloadKind looks at the claims in which some servers name the kind: token_use (Cognito, Hydra) and typ (Keycloak).
func payloadKind(c *claimSet) error {
	if use := c.values[tokenUseClaim]; use.Kind() != 0 && !oneOf(use, accessUses...) {
		return errPayload
	}
	if oneOf(c.values[typClaim], "id", "id_token", "refresh", "refresh_token", "offline", "logout") {
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
func saysAccess(c *claimSet) bool {
	return oneOf(c.values[tokenUseClaim], accessUses...) || oneOf(c.values[typClaim], accessTypes...)
}

// grantsBeyondIdentity reports whether a scope is granted that no ID token stands for.
func grantsBeyondIdentity(scopes Set) bool {
	for scope := range scopes.All() {
		if !slices.Contains(identityScopes, scope) {
			return true
		}
	}
	return false
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

func isPresent(v strictjson.Value) bool { return v.Kind() != 0 && v.Kind() != strictjson.Null }

func oneOf(v strictjson.Value, names ...string) bool {
	s, ok := v.Text()
	return ok && slices.Contains(names, strings.ToLower(s))
}

// required lists what RFC 9068 section 2.2 requires beyond what every token needs.
var required = []struct {
	name  string
	place int
}{
	{"sub", subClaim}, {"aud", audClaim}, {"iat", iatClaim}, {"jti", jtiClaim},
}

// missing returns the name of a claim that the profile requires and the token lacks.
func (p Profile) missing(c *claimSet, clientID string) string {
	if p != RFC9068 {
		return ""
	}
	for _, r := range required {
		if c.values[r.place].Kind() == 0 {
			return r.name
		}
	}
	if clientID == "" {
		return "client_id"
	}
	return ""
}
