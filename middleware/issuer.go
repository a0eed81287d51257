package middleware

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/enum"
)

// Issuer is one trusted authorization server and everything that is special about it. URL is required, and one way to
// an audience: Audiences here or in the Config, or an explicit replacement.
type Issuer struct {
	_ [0]func() // keyed literals only

	// Every day: the server, the name of this API, where scopes and roles are, and who judges.

	// URL is the exact iss value of the server's tokens, byte for byte (RFC 7519 section 4.1.1). The server's metadata
	// is found from it (OpenID Connect Discovery, RFC 8414), unless JWKSURI, Keys or JWTs makes that needless.
	//
	// What is fetched is https. Plain http is accepted for loopback hosts (127.0.0.0/8, ::1, localhost), because development and
	// proxies on the same machine need it: whoever can listen there answers for the issuer, so no such URL belongs
	// into a configuration of a machine that others share.
	//
	// One "{tenantid}" in it stands for the tenant, on a server with many. It needs AllowTenant. Where JWKSURI or Keys is one key set for
	// all tenants, the claim tid must name the tenant too. With {tenantid} in JWKSURI, or with neither, each tenant has keys of its own,
	// which are fetched when the first token names it (see JWKSURI); then tid may be absent. No iss value may fit two such URLs. One that
	// another Issuer names exactly is that Issuer's alone: its keys, rules and Introspector are then the only ones that count for it.
	URL string

	// Audiences replaces Config.Audiences for tokens of this issuer: one of these names must be in aud, byte for byte.
	Audiences []string

	// Claims says where scopes, roles and client id live; zero: the registered names.
	Claims ClaimMapping

	// JWTs says who judges JWTs of this issuer; zero: they are verified here.
	JWTs JWTMode

	// Introspector answers about opaque tokens (and about JWTs, if JWTs says so); nil: opaque tokens of this issuer are
	// refused. The caller owns and closes it.
	Introspector Introspector

	// Where a server differs.

	// Aliases are further exact iss values that the same server mints.
	Aliases []string

	// AllowTenant judges the tid claim that fills the template of URL, before any key is looked up, on every request.
	// Required with a template, refused without. It must be safe for concurrent use.
	AllowTenant func(ctx context.Context, tenant string) bool

	// AllowedClients takes the place of an audience, for servers whose access tokens name none (Cognito, Clerk): the
	// token's client id must be one of these. Not together with Audiences.
	//
	// An ID token of such a client may differ from an access token in nothing but its aud, which is the client's id. So a token
	// whose aud holds its own client id, or one of these, is refused unless its typ is at+jwt, it grants a scope beyond openid,
	// profile, email, address, phone and offline_access, its claims say access (token_use, typ), or the introspection
	// answer about it has a token_type. Any other aud is not looked at.
	AllowedClients []string

	// JWKSURI is the address of the key set; zero: it is found in the server's metadata.
	//
	// It may hold the {tenantid} of URL, and without JWKSURI the metadata of each tenant is asked, which must name the filled URL as its
	// issuer. Where something is fetched, {tenantid} is a whole segment of the path, or the first labels of the host before a fixed
	// domain. Every alias then names a tenant too. AllowTenant comes before any fetch; what is kept is bounded as [jwks.Tenants] says.
	JWKSURI string

	// Keys finds the verification keys in the place of fetching; nil: keys are fetched and cached by the Validator.
	// The caller owns and closes it. Whoever signs for one of two Issuers that share a source, or a JWKSURI, can sign for the
	// other, so New logs that; iss values of one server belong into Aliases.
	Keys KeySource

	// Algorithms lists the accepted signature algorithms by their exact names (RFC 7518, RFC 9864). Nil: RS256 to
	// RS512, PS256 to PS512, ES256 to ES512, EdDSA and Ed25519; or, with a [*jwks.Set] of secrets and of nothing else as Keys, those of
	// the secrets. Otherwise HS256 to HS512 are accepted only by name, with Keys, and beside no other family.
	//
	// One key serves one algorithm (RFC 8725bis section 3.1). With nil, an RSA key whose JWK names none keeps to that of the first
	// token that is accepted; a good token under another is then not judged (503) and logged at Error. Name the algorithm of
	// the access tokens where the server signs other things with the same key, or lets clients choose.
	Algorithms []string

	// Profile says how a JWT shows that it is an access token; zero: AnyAccessToken.
	Profile Profile

	// ClaimRules must all hold of the claims of a token or answer (reason not_accepted). They are judged once per token. Nil: none.
	ClaimRules []ClaimRule

	// Accept judges a verified token of this issuer last, on every request, for what only this issuer needs (token_use,
	// hd …). An error refuses the token (401, invalid_token). It must be safe for concurrent use. Nil: no such check.
	Accept func(*Token) error

	// Leeway is the clock skew allowed for exp, nbf and iat. Zero: 30 seconds; negative: none; over five minutes: refused
	// by New (RFC 9068 section 4: "no more than a few minutes").
	Leeway time.Duration

	// NumericSubjects takes a sub that is a whole number up to 2^53 in its one spelling, and makes it Token.Subject as it is written.
	// RFC 7519 section 4.1.2 wants a string, and so does the zero value.
	NumericSubjects bool

	// OpaquePrefixes route opaque tokens to this issuer when several introspect: the longest prefix that fits wins. An
	// opaque token is never shown to more than one server. Nil: this issuer is the only one that introspects.
	OpaquePrefixes []string

	// OpaqueCharacters lets opaque tokens of this issuer hold any visible ASCII but comma, quote and backslash, as RFC 6749 section A.12
	// has it and servers such as Login with Amazon (Atza|…) and Laravel Sanctum (12|…) write them. RFC 6750 section 2.1 allows
	// fewer characters, and so does the zero value: other tokens are 400, and nobody is asked. It needs an Introspector, which sends
	// the token as a parameter and must encode it as [introspection.Client] does. A token is taken as it is written, so one that
	// was percent-encoded for a cookie stays so. JWTs have their own alphabet, and what could be a JWT in disguise stays 400.
	OpaqueCharacters bool

	// What loosens.

	// DangerouslyNoAudience takes the place of an audience: any token of this issuer passes. Only for servers whose key
	// set serves this API alone (WorkOS sessions); elsewhere, a token made for another API would be accepted. A token with
	// the shape of an ID token is refused as with AllowedClients, if it says which client it is for; Profile RFC9068 or
	// Accept keeps the others out.
	DangerouslyNoAudience bool

	// DangerouslyNoIssuer takes tokens without iss, which RFC 7519 section 4.1.1 allows, as this issuer's: for in-house tokens and
	// servers such as Laravel Passport. It must be the only Issuer and have Keys, so that nobody else's key vouches for them. An
	// iss that is present must still be URL or one of Aliases. Not with RFC9068.
	DangerouslyNoIssuer bool

	// DangerouslyUntypedAnswers takes introspection answers without token_type where AllowedClients or DangerouslyNoAudience stands
	// in for an audience: for servers that never write it (django-oauth-toolkit, fosite, zitadel). Such a server may call a refresh
	// token active too, and nothing tells its answer apart; OpaquePrefixes can.
	DangerouslyUntypedAnswers bool

	// For constructors.

	// Err is what is wrong with how this Issuer was made: constructors such as those of package issuers set it, and New refuses it with
	// the name of the preset and looks at nothing else here. Nil: nothing.
	Err error
}

// JWTMode says who judges an issuer's JWTs. Its text form is the name of the constant.
type JWTMode int

// The ways to judge a JWT.
const (
	// VerifyJWTs verifies with the issuer's keys.
	VerifyJWTs JWTMode = iota
	// VerifyAndIntrospectJWTs verifies, then asks the server as well, so that revocation is seen; the claims of the
	// answer are the token's. Of what it leaves out, the JWT says who and which session and token it is about, when it was
	// issued and ends, who acts and what it is bound to.
	VerifyAndIntrospectJWTs
	// IntrospectJWTs only asks the server: no metadata, no keys.
	IntrospectJWTs
)

var jwtModes = []string{"VerifyJWTs", "VerifyAndIntrospectJWTs", "IntrospectJWTs"}

// String is the name of the constant.
func (m JWTMode) String() string { return enum.String(jwtModes, m) }

// MarshalText is String. A mode without a name is an error.
func (m JWTMode) MarshalText() ([]byte, error) { return enum.Marshal(jwtModes, m) }

// UnmarshalText reads the name of the constant, byte for byte.
func (m *JWTMode) UnmarshalText(text []byte) error { return enum.Unmarshal(jwtModes, m, text) }

// Profile says how a JWT shows that it is an access token, and not an ID token or any other signed statement of the
// same issuer (RFC 8725 section 3.12). Its text form is the name of the constant.
type Profile int

// The profiles.
const (
	// AnyAccessToken takes typ at+jwt at its word. JWT, or no typ, is accepted unless a claim marks the token as another
	// kind; every other typ is refused. Of these marks nonce is outranked by a token_use or typ claim that says access, by a ClaimRule
	// with OutranksNonce, and, where the token names its client and aud does not hold that, by a granted scope beyond openid, profile,
	// email, address, phone and offline_access. An ID token may carry no mark: its aud, the id of a client, is then all that tells it from an access
	// token, so no client id should be among the Audiences. RFC9068 has no such weakness.
	AnyAccessToken Profile = iota
	// RFC9068 accepts typ at+jwt only, with every claim that section 2.2 of the RFC requires.
	RFC9068
	// IDToken accepts ID tokens (OpenID Connect Core section 2) as the credential, for servers that give an API nothing else, and
	// nothing beside them. Audiences are then client ids: one must be in aud, several aud need an azp, and azp, if present, is
	// one of Audiences. Refused are a typ other than JWT, any token_use but id, any payload typ but ID, granted scopes and
	// the marks of other kinds. It wants VerifyJWTs and no Introspector. That nonce is the one which was asked for is the
	// client's to check: an API has not asked for it.
	IDToken
)

var profiles = []string{"AnyAccessToken", "RFC9068", "IDToken"}

// String is the name of the constant.
func (p Profile) String() string { return enum.String(profiles, p) }

// MarshalText is String. A profile without a name is an error.
func (p Profile) MarshalText() ([]byte, error) { return enum.Marshal(profiles, p) }

// UnmarshalText reads the name of the constant, byte for byte.
func (p *Profile) UnmarshalText(text []byte) error { return enum.Unmarshal(profiles, p, text) }

// ClaimRule demands something of the claims of a token, or of an introspection answer, without code: token_use must be access, hd one of
// these domains. Where JWTs says that a JWT is introspected as well, the claims of the answer count.
type ClaimRule struct {
	_ [0]func() // keyed literals only

	// Claims are top-level names or JSON pointers, as in ClaimMapping. At least one of them must be present, neither null nor empty,
	// and meet the rest. Required.
	Claims []string

	// OneOf are the values that meet the rule: a string byte for byte, a boolean or number in its JSON spelling, one element of an
	// array. Nil: presence is enough.
	OneOf []string

	// NoneOf are values that do not, even as one element of an array. What cannot be compared, an object or an array inside an array,
	// does not meet the rule either: it may hold one of them. Nil: none.
	NoneOf []string

	// Optional lets a token pass that has none of the claims.
	Optional bool

	// OutranksNonce says that only access tokens of this issuer meet the rule, and no ID token: one that does may hold a nonce, for servers
	// that copy it into access tokens made for their own client (authentik). All other marks of another kind still refuse, and a token
	// that does not meet the rule is refused by it. Not with Optional or NoneOf. Zero: a nonce is outranked as AnyAccessToken says.
	OutranksNonce bool
}

// ClaimMapping names claims: each entry is a top-level name or, beginning with a slash, a JSON pointer (RFC 6901,
// "/realm_access/roles"). The first entry that is present wins, even if it is empty or of no use; claims are never
// merged.
//
// Scopes are read from a string, split at single spaces, or from an array of strings, which are not split. Roles are
// read from an array of strings (or of objects with a value member, as SCIM has them), from one string, or from an
// object whose member names are the roles. Anything else grants nothing.
type ClaimMapping struct {
	_ [0]func() // keyed literals only

	Scopes   []string // zero: scope, scp
	Roles    []string // zero: none
	ClientID []string // zero: client_id, azp, cid

	// ScopesFunc and RolesFunc compute from the claims what no path can say, such as permissions in a bit mask, or the roles in the tenant
	// that another claim names. Each takes the place of its list, and New refuses both together. They are called once per token
	// or introspection answer, after all else in it has been found good, and never before its signature has. Each gets a copy of the
	// Token, whose Claims decodes the claims and whose other fields hold what is known without it: Scopes is what scope or scp
	// grants, and for RolesFunc what ScopesFunc has said. They must be pure, do no I/O and be safe for concurrent use. An error
	// refuses the token (401, malformed_claim); one that wraps ErrUnavailable leaves it unjudged (503). Empty elements are dropped.
	// Computed scopes are no evidence that a token is an access token: scope and scp are. Nil: the lists.
	ScopesFunc func(*Token) ([]string, error)
	RolesFunc  func(*Token) ([]string, error)
}

// KeySource finds the keys that may have signed a token. kid is empty for a token that names none; alg is one of
// Issuer.Algorithms. It must be safe for concurrent use.
//
// It is asked on every request, also for a token that was verified before, which passes only while its key is among the
// answer: a known kid must cost no I/O. An error that wraps [jwks.ErrKeyNotFound], or an empty answer, refuses the token
// (401); any other error is 503. [*jwks.Cache], [*jwks.Set], [*jwks.Tenants] and [*jwks.KeyfuncSource] are KeySources.
//
// It may have methods beside it, which New looks for. VerificationKeysFor(ctx, iss, kid, alg), as [jwks.Tenants.VerificationKeysFor], is
// called in its place and told the token's iss (URL, for a token without); where the issuer has many tenants, their tokens need no
// tid then. Algorithms() []string is what its keys can verify, as [jwks.Set.Algorithms], empty if that is not known yet: New
// refuses a source of which no key fits Issuer.Algorithms. Reconsider, as [jwks.Cache.Reconsider], is called for a token that would be accepted
// if a key verified it, and none does; if it returns keys, VerificationKeys is asked again. Beside VerificationKeysFor that is
// ReconsiderFor, as [jwks.Tenants.ReconsiderFor].
type KeySource interface {
	VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error)
}

// Introspector answers about one token; every error is 503. It must be safe for concurrent use and must not keep the
// token. A [*introspection.Client] caches its answers, and is not asked while the one about a token is fresh there. Any other
// Introspector, also one around a Client, is asked on every request; it makes its answers with [introspection.ParseResponse]
// and may return the same one again, which saves judging it anew.
//
// It may have a method Probe(ctx context.Context) error, which finds out whether it can answer now, as the Client has: Warm calls it, and
// Health tells what came of it.
type Introspector interface {
	Introspect(ctx context.Context, token string) (*introspection.Response, error)
}
