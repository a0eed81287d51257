package middleware

import (
	"errors"
	"net/http"
)

// Reason names the check that refused a request. The set is closed and holds nothing from the request, so a Reason is
// safe as a metric label. It goes to Config.Observe and the log, never to the client.
type Reason string

// No credentials (401 without an error code), or the request is malformed (400).
const (
	ReasonNoToken          Reason = "no_token"          // no credentials were sent
	ReasonPreflight        Reason = "preflight"         // a CORS preflight reached the Guard: put the CORS middleware outside
	ReasonOtherScheme      Reason = "other_scheme"      // the Authorization field uses a scheme that is not accepted
	ReasonMalformedRequest Reason = "malformed_request" // the Authorization field, or another token source, breaks its syntax
	ReasonSeveralTokens    Reason = "several_tokens"    // more than one token, or more than one Authorization field
	ReasonTokenTooLong     Reason = "token_too_long"    // longer than Config.MaxTokenBytes
	ReasonCrossOrigin      Reason = "cross_origin"      // 403: a cookie on an unsafe request from another origin
)

// The token is no good (401, invalid_token).
const (
	ReasonMalformed       Reason = "malformed"        // not a compact JWS with a strict JSON header and payload
	ReasonEncrypted       Reason = "encrypted"        // a JWE: encrypted tokens are not accepted
	ReasonHeader          Reason = "header"           // crit, b64, a cty of JWT, or an oversized kid
	ReasonAlgorithm       Reason = "algorithm"        // not among the issuer's algorithms
	ReasonTokenType       Reason = "token_type"       // not an access token: an ID token, a logout token, a DPoP proof …
	ReasonUnknownIssuer   Reason = "unknown_issuer"   // iss is not a configured issuer
	ReasonTenant          Reason = "tenant"           // AllowTenant said no, or tid does not fill the template
	ReasonUnknownKey      Reason = "unknown_key"      // the issuer has no key of this kid and algorithm
	ReasonSignature       Reason = "signature"        // no candidate key verifies the signature
	ReasonMalformedClaim  Reason = "malformed_claim"  // a claim has the wrong type or an impossible value
	ReasonMissingClaim    Reason = "missing_claim"    // a required claim is absent
	ReasonExpired         Reason = "expired"          // exp has passed
	ReasonNotYetValid     Reason = "not_yet_valid"    // nbf lies ahead
	ReasonIssuedInFuture  Reason = "issued_in_future" // iat lies ahead
	ReasonAudience        Reason = "audience"         // aud does not name this API
	ReasonClient          Reason = "client"           // the client is not among AllowedClients
	ReasonConfirmation    Reason = "confirmation"     // what the token is bound to (cnf) was not proven, or cannot be verified here
	ReasonNotAccepted     Reason = "not_accepted"     // Issuer.Accept said no
	ReasonNotIntrospected Reason = "not_introspected" // an opaque token, and no issuer introspects it
	ReasonInactive        Reason = "inactive"         // the introspection endpoint says that the token is not active
	ReasonRevoked         Reason = "revoked"          // one of Config.Revocations knows that the token was taken back
)

// The DPoP proof is no good (401, invalid_dpop_proof or use_dpop_nonce).
const (
	ReasonProof       Reason = "proof"        // missing, malformed, or made for another request, token or time
	ReasonProofNonce  Reason = "proof_nonce"  // without a nonce of ours that is still good
	ReasonProofReplay Reason = "proof_replay" // used before
)

// The token is good and does not suffice.
const (
	ReasonScope    Reason = "scope"     // 403: a scope is missing
	ReasonRole     Reason = "role"      // 403: a role is missing
	ReasonActor    Reason = "actor"     // 403: delegated, or not delegated, or to another actor than the route allows
	ReasonRule     Reason = "rule"      // 403: a Rule said no
	ReasonACR      Reason = "acr"       // 401: RFC 9470, another authentication context is needed
	ReasonAuthTime Reason = "auth_time" // 401: RFC 9470, a more recent authentication is needed
)

// The token was not judged.
const (
	ReasonKeysUnavailable          Reason = "keys_unavailable"          // 503: the issuer's keys are out of reach
	ReasonIntrospectionUnavailable Reason = "introspection_unavailable" // 503: the introspection endpoint is out of reach
	ReasonRevocationsStale         Reason = "revocations_stale"         // 503: too little, or nothing, is known of revocations
	ReasonReplaysUnavailable       Reason = "replays_unavailable"       // 503: the store of DPoP proofs is out of reach or full
	ReasonRuleUnavailable          Reason = "rule_unavailable"          // 503: a Rule could not tell
	ReasonClosed                   Reason = "closed"                    // 503: the Validator was closed
	ReasonInternal                 Reason = "internal"                  // 500: a Guard without a Validator, or an unknown error
)

// isAboutToken reports whether a refusal is about what a token says.
func (r Reason) isAboutToken() bool {
	switch r {
	case ReasonNoToken, ReasonPreflight, ReasonOtherScheme, ReasonMalformedRequest, ReasonSeveralTokens, ReasonTokenTooLong, ReasonCrossOrigin,
		ReasonClosed, ReasonInternal:
		return false
	default:
		return true
	}
}

// status is the HTTP status of a refusal without an error code.
func (r Reason) status(cause error) int {
	switch r {
	case ReasonNoToken, ReasonPreflight, ReasonOtherScheme:
		return http.StatusUnauthorized
	case ReasonCrossOrigin:
		return http.StatusForbidden
	case ReasonKeysUnavailable, ReasonIntrospectionUnavailable, ReasonReplaysUnavailable, ReasonRuleUnavailable,
		ReasonRevocationsStale, ReasonClosed:
		return http.StatusServiceUnavailable
	}
	if errors.Is(cause, ErrUnavailable) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
