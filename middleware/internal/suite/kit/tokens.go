package kit

import (
	"encoding/base64"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Ed25519Header is the header of the tokens that Mint makes.
const Ed25519Header = `{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`

// Mint signs claims with the test issuer's Ed25519 key.
func Mint(c Claims) string {
	return testkit.Sign(Ed25519Header, string(testkit.JSON(c)), testkit.EdKey())
}

// OpaqueToken looks like no JWT.
const OpaqueToken = "mF_9.B5f-4.1JqM"

// TenantsURL is an issuer of many tenants; TenantIssuer is one of them.
const TenantsURL = "https://login.example.com/{tenantid}/v2.0"

// TenantIssuer is the iss of a tenant.
func TenantIssuer(tenant string) string { return strings.Replace(TenantsURL, "{tenantid}", tenant, 1) }

// TenantToken is a good token of a tenant.
func TenantToken(tenant string) string {
	return Mint(GoodClaims(Claims{"iss": TenantIssuer(tenant), "tid": tenant}))
}

// DecodedPart decodes as much as is base64url.
func DecodedPart(segment string) []byte {
	text, _ := base64.RawURLEncoding.DecodeString(segment)
	return text
}

// MintTyped signs with the test issuer's Ed25519 key under a typ; empty: none.
func MintTyped(typ string, c Claims) string {
	header := Claims{"alg": "EdDSA", "kid": "ed"}
	if typ != "" {
		header["typ"] = typ
	}
	return testkit.Sign(string(testkit.JSON(header)), string(testkit.JSON(c)), testkit.EdKey())
}

// MintText signs claims that are written as text, for values that no encoder would write.
func MintText(payload string) string { return testkit.Sign(Ed25519Header, payload, testkit.EdKey()) }
