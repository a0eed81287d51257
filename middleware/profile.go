package middleware

import (
	"errors"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// markers are claims that only another kind of token carries. A token that does not say in its typ that it is an access
// token must have none of them.
var markers = []string{
	"nonce", "at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash", // ID token (OpenID Connect Core)
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
	errTyp     = errors.New("typ is not that of an access token")
	errMarked  = errors.New("a claim marks the token as another kind than an access token")
	errPayload = errors.New("token_use or typ among the claims names another kind than an access token")
)

// accessType judges the typ of the header, already in its one form, before any key is looked up.
func (p Profile) accessType(typ string) error {
	if typ == "at+jwt" || p == AnyAccessToken && (typ == "" || typ == "jwt") {
		return nil
	}
	return errTyp
}

// accessClaims judges whether the claims are those of an access token.
func (p Profile) accessClaims(typ string, c *claimSet) error {
	if typ == "at+jwt" {
		return nil // an issuer that follows RFC 9068 gives no other token this type
	}
	if c.values[markerClaim].Kind() != 0 {
		return errMarked
	}
	return payloadKind(c)
}

// payloadKind looks at the claims in which some servers name the kind: token_use (Cognito, Hydra) and typ (Keycloak).
func payloadKind(c *claimSet) error {
	if use := c.values[tokenUseClaim]; use.Kind() != 0 && !oneOf(use, "access", "access_token") {
		return errPayload
	}
	if oneOf(c.values[typClaim], "id", "id_token", "refresh", "refresh_token", "offline", "logout") {
		return errPayload
	}
	return nil
}

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
