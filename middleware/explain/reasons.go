package explain

import (
	"slices"

	"github.com/cardea-auth/cardea/middleware"
)

// Why is what stands behind one Reason. Its texts hold nothing from a request.
type Why struct {
	Reason middleware.Reason
	Status int    // of the response, unless an ErrorHandler writes another
	Causes string // what usually leads there, the most frequent first
	Remedy string // what to change, and on which side
}

// Reasons lists every Reason in the order of the decision: the request, the token, its proof, what the route needs, and what kept Cardea
// from judging. The caller owns the slice.
func Reasons() []Why { return slices.Clone(reasons) }

// About is what stands behind reason. Ok is false for a Reason that package middleware does not know.
func About(reason middleware.Reason) (why Why, ok bool) {
	i := slices.IndexFunc(reasons, func(w Why) bool { return w.Reason == reason })
	if i < 0 {
		return Why{}, false
	}
	return reasons[i], true
}

var reasons = slices.Concat(ofTheRequest, ofTheToken, ofTheProof, ofTheRoute, notJudged)

var ofTheRequest = []Why{
	{middleware.ReasonNoToken, 401,
		"The client sent no token, or sent it where this API does not look: a cookie or a field that is no TokenSource, the query.",
		"Client: `Authorization: Bearer …`. API: `Config.TokenSources` for cookies and other fields. A proxy may remove Authorization."},
	{middleware.ReasonPreflight, 401,
		"The CORS middleware stands inside the Guard, so the browser's preflight, which carries no token, is judged.",
		"Put the CORS middleware outside the Guard."},
	{middleware.ReasonOtherScheme, 401,
		"`Basic`, `Token` or `JWT` before the token, or no scheme at all; a gateway writes credentials of its own into Authorization.",
		"Client: `Bearer`, a blank, the token. Behind such a gateway: the field it moves the token to as a TokenSource, and `Config.IgnoreAuthorization`."},
	{middleware.ReasonMalformedRequest, 400,
		"`Bearer` with nothing after it (a variable that is unset), `Bearer` twice, quotes or blanks in the token, a comma list.",
		"Client: send the token alone, as it was issued."},
	{middleware.ReasonSeveralTokens, 400,
		"Two Authorization fields, or one token in Authorization and another in a cookie, a field or a form.",
		"Send one. If a gateway owns Authorization: `Config.IgnoreAuthorization`."},
	{middleware.ReasonTokenTooLong, 400,
		"The token is longer than `Config.MaxTokenBytes` (16 KiB if zero): hundreds of groups or roles, usually.",
		"Authorization server: fewer claims (Entra: groups assigned to the application). Or a larger limit, in front of which net/http's own stands."},
	{middleware.ReasonCrossOrigin, 403,
		"A cookie came with a request that changes something, from a page of another origin.",
		"Pages of your own at another address: `Config.PublicURLs`. Behind a proxy: `Config.PublicURL`. Anything else is forgery."},
}

var ofTheToken = []Why{
	{middleware.ReasonMalformed, 401,
		"No JWT: cut off, padded, changed, not signed (`none`), with a claim that stands twice; or an opaque token that begins like one.",
		"Compare what the client sends with what the server issued."},
	{middleware.ReasonEncrypted, 401,
		"The token is a JWE. Auth0 encrypts if the API asks for it; NextAuth's session cookies are encrypted too.",
		"Authorization server: sign only. A session cookie of another framework is no access token."},
	{middleware.ReasonHeader, 401,
		"`crit`, `b64`, a `cty` of JWT (a token in a token), or a `kid` over 1 KiB.",
		"Authorization server: issue plain signed tokens."},
	{middleware.ReasonAlgorithm, 401,
		"The server signs with another algorithm than the issuer's Algorithms: HS256 where a public key is expected, ES256 only, `none`.",
		"`Issuer.Algorithms`. Shared secrets: `Keys: jwks.HMAC(…)`."},
	{middleware.ReasonTokenType, 401,
		"An ID token was sent in place of the access token; or a logout token, a refresh token, a DPoP proof.",
		"Client: send the access token. An API that wants ID tokens: `Profile: middleware.IDToken`. Profile RFC9068 wants `typ: at+jwt`."},
	{middleware.ReasonUnknownIssuer, 401,
		"`iss` differs from `Issuer.URL`: a slash at the end, http for https, another realm, tenant or region, a host name of the inside.",
		"Copy `iss` from the log line into `Issuer.URL`, or into `Issuer.Aliases` if the same server has several names."},
	{middleware.ReasonTenant, 401,
		"`Issuer.AllowTenant` said no, or `tid` names another tenant than `iss`.",
		"Let the tenant in, or tell its users that they are not."},
	{middleware.ReasonUnknownKey, 401,
		"The key with the token's `kid` is not published: keys of another environment, a token from before the last restart of the server.",
		"Compare `kid` with the key set at the issuer's jwks_uri. `jwks.Static` knows no new keys."},
	{middleware.ReasonSignature, 401,
		"The token was changed, or signed with another key or secret than the one that is published.",
		"HMAC: compare the secrets, byte for byte and decoded alike. Else: is the key set that of the server which signs?"},
	{middleware.ReasonMalformedClaim, 401,
		"A claim of the wrong type: `exp` as text, `sub` as a number, `aud` as an object, times in milliseconds.",
		"Authorization server: types as RFC 7519 has them. Numeric subjects: `Issuer.NumericSubjects`."},
	{middleware.ReasonMissingClaim, 401,
		"`exp` or `iss` is absent; for Profile RFC9068 also `sub`, `client_id`, `iat`, `jti`.",
		"Authorization server: write them. Without `iss`, from one issuer with keys of its own: `DangerouslyNoIssuer`."},
	{middleware.ReasonExpired, 401,
		"The client keeps a token too long; or the clocks differ, if fresh tokens are refused as well.",
		"Client: refresh before `exp`. Clocks: run NTP; `Issuer.Leeway` is for seconds."},
	{middleware.ReasonNotYetValid, 401,
		"`nbf` lies ahead: the server's clock is ahead of this one, or the token is for later.",
		"Run NTP on both; `Issuer.Leeway` is for seconds."},
	{middleware.ReasonIssuedInFuture, 401,
		"`iat` lies ahead: the server's clock is ahead of this one.",
		"Run NTP on both; `Issuer.Leeway` is for seconds."},
	{middleware.ReasonAudience, 401,
		"The token is for another API, or names none: Auth0, Keycloak and Entra write the API only if the client asks for it or a mapper is set.",
		"Client: ask for this API (`audience`, `resource`, a scope of it). Authorization server: an audience mapper. No audience at all: `AllowedClients`."},
	{middleware.ReasonClient, 401,
		"The client is not among `Issuer.AllowedClients`, or its claim is another than `Claims.ClientID`.",
		"Add the client, or map the claim that names it (`azp`, `client_id`, `cid`, `appid`)."},
	{middleware.ReasonConfirmation, 401,
		"The token is bound to a key or a certificate, and came as Bearer, without the certificate, or with another; or in a way unknown here.",
		"DPoP: set `PublicURL`, and let the client send proofs. mTLS: `MTLS`; behind a proxy the field that it passes the certificate in."},
	{middleware.ReasonNotAccepted, 401,
		"A ClaimRule does not hold, or `Issuer.Accept` said no.",
		"The rule is yours, or your preset's: its documentation says which tokens it keeps out."},
	{middleware.ReasonNotIntrospected, 401,
		"The token is opaque and no issuer introspects it, or its prefix is none of `OpaquePrefixes`.",
		"Set `Issuer.Introspector`. Auth0: ask with `audience`, or it issues opaque tokens that only it can read."},
	{middleware.ReasonInactive, 401,
		"The endpoint says that the token is not active: revoked, expired, logged out, or unknown there.",
		"Client: get a new one. If it is new: does the endpoint belong to the server that issued it, and may this client see it?"},
	{middleware.ReasonRevoked, 401,
		"Somebody took the token back: a logout, a change of the password, an administrator. `revoked_by` says by what: `token`, `session`, `subject`, `client`, `issuer` or `status_…`.",
		"Client: get a new one. If it was a mistake: `List.Lift`."},
}

var ofTheProof = []Why{
	{middleware.ReasonProof, 401,
		"The DPoP proof is for another URL or method than the API sees, for another token, older than `DPoP.MaxAge`, or missing.",
		"If all are refused: compare `PublicURL` with the address that clients call, prefix included."},
	{middleware.ReasonProofNonce, 401,
		"The proof has no nonce of ours, or one that is too old: ordinary at the first request.",
		"The client repeats with the nonce from `DPoP-Nonce`. Browsers see it only if CORS exposes it."},
	{middleware.ReasonProofReplay, 401,
		"The proof was used before: a client that repeats a request as it was, a proxy that retries, or a thief.",
		"Client: a new proof, with a `jti` of its own, for each request."},
}

var ofTheRoute = []Why{
	{middleware.ReasonScope, 403,
		"The scope was not granted, or stands in a claim that is not read; scopes between commas are one scope.",
		"Client: ask for it. Authorization server: grant it. Elsewhere than in `scope` or `scp`: `Claims.Scopes`."},
	{middleware.ReasonRole, 403,
		"No claim for roles is mapped (the default), the claim is nested, or the user has not the role.",
		"`Claims.Roles`; a nested claim as a JSON pointer: Keycloak's is `/realm_access/roles`."},
	{middleware.ReasonActor, 403,
		"The route is for users alone, or for services that act for them, and the token is of the other kind.",
		"`Guard.Delegated`, `Undelegated` and `ActingOnly` say what a route wants."},
	{middleware.ReasonRule, 403,
		"A Rule of the route, or `Details`, said no.",
		"The rule is yours; its error is in the log line."},
	{middleware.ReasonACR, 401,
		"The user logged in with less than the route needs (RFC 9470).",
		"Client: log in again with the `acr_values` of the challenge."},
	{middleware.ReasonAuthTime, 401,
		"The login is older than the route allows (RFC 9470).",
		"Client: log in again with the `max_age` of the challenge. The token needs `auth_time`."},
}

var notJudged = []Why{
	{middleware.ReasonKeysUnavailable, 503,
		"The issuer's metadata or keys are out of reach, refused by us (redirect, plain http, another issuer in it), or unusable.",
		"The log line has the cause. Readiness: `Validator.Health`. Private networks: `HTTPClient`; plain http: `DangerouslyAllowHTTP`."},
	{middleware.ReasonIntrospectionUnavailable, 503,
		"The endpoint is down, slow, or refuses our own credentials.",
		"The log line has the cause. 401 or 403 there: `ClientAuth`, or this client may not introspect. Slow: `introspection.Config.Timeout`."},
	{middleware.ReasonRevocationsStale, 503,
		"The revocation list has not been read yet, or has heard nothing for longer than `RevocationsWithin`.",
		"`Warm` the list before the first request. Is its store or feed out of reach? Its `Status` says since when."},
	{middleware.ReasonReplaysUnavailable, 503,
		"The store of DPoP proofs is out of reach or full.",
		"`DPoP.Replays` is the store. Without one this process remembers; a client that sends a thousand proofs a second needs a shared one."},
	{middleware.ReasonRuleUnavailable, 503,
		"A Rule gave an error that wraps ErrUnavailable.",
		"What the rule asks is out of reach; its error is in the log line."},
	{middleware.ReasonClosed, 503,
		"The Validator was closed.",
		"Close it after the server has shut down."},
	{middleware.ReasonInternal, 500,
		"A Guard without a Validator, or a function of yours that panicked or failed in an unknown way.",
		"The log line has the cause."},
}
