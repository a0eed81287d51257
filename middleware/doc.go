// Package middleware protects a Go API with OAuth 2.0 access tokens: it decides whether the bearer token of a request is
// good, for this API and this route, and puts the verified token into the request's context.
//
//	auth, err := middleware.New(middleware.Config{
//		Issuers:   []middleware.Issuer{{URL: "https://login.example.com"}},
//		Audiences: []string{"https://api.example.com"},
//	})
//	…
//	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))
//
// JWTs are verified here, against the issuer's cached keys (package jwks). Opaque tokens are introspected (RFC 7662,
// package introspection) when the Issuer has an Introspector. Behind a Guard, a handler asks the context:
//
//	token, _ := middleware.TokenFromContext(r.Context())                    // token.Subject, token.Scopes.Has("orders:write")
//	claims, err := middleware.ClaimsFromContext[OrderClaims](r.Context())   // any struct with json tags
//
// # The shapes
//
// A [Config] is compiled once by [New] into an immutable [Validator]. Its methods Require and Optional make a [Guard], the
// requirement of one route, which further methods narrow. A Guard decides ([Guard.Check], [Guard.Authorize]) and wraps
// ([Guard.Handler]); packages echoauth and ginauth wrap it for Echo and Gin. New does no I/O: keys are fetched when the
// first token needs them, or by [Validator.Warm].
//
// # What a refusal looks like
//
// Three failures never become one another. The caller's fault is 400, 401 or 403 with a WWW-Authenticate challenge
// (RFC 6750). What could not be judged, because keys or introspection are out of reach, is 503 with Retry-After: a client
// must not throw a good token away for it. Our own fault is 500. Clients read fixed texts; which check refused is
// for Config.Observe and Config.Logger, as a [Reason].
//
// # Tokens bound to their sender
//
// A bearer token works for whoever holds it. A token with a confirmation (cnf) works only for the client that got it, and
// Cardea judges the proof on every request: a DPoP proof (RFC 9449), once Config.PublicURL says how clients call this
// API, or a client certificate (RFC 8705), from the TLS layer or from a trusted proxy. A bound token never passes as a bearer
// token, and a confirmation that is not understood refuses it. [Guard.Bound], [DPoP] and [MTLS] demand bound tokens;
// Config.FAPI2 demands all of the FAPI 2.0 Security Profile.
//
// # Mistakes that people make around it
//
//   - A handler MUST be wrapped to be protected. There is no list of paths to skip and no middleware that verifies without
//     enforcing; leave public routes unwrapped.
//   - CORS middleware MUST go outside the Guard. A preflight carries no token, so a Guard refuses it, and a browser then
//     never sends the request. Refusals need CORS headers as well, or the browser hides them.
//   - Audiences MUST be the name that the authorization server writes into aud, byte for byte. A slash at the end, or
//     the API's address in place of its registered name, is the commonest cause of 401.
//   - ID tokens are for the client that asked for them and SHOULD NOT be sent to an API; they are refused.
//   - The pages of a browser see the nonce of a DPoP refusal only if the CORS middleware exposes DPoP-Nonce.
//   - Streams outlive the check at their start: use [ContextWithExpiry], which ends when the token expires or Config.Revocations learn
//     that it was revoked, and [Guard.Recheck] to see what an introspection endpoint says meanwhile. A Check inside the handler takes
//     over the verdict of the Guard outside and sees nothing new.
//   - A JWT is good until it expires. Where it has to end sooner use Config.Revocations (package revocation), opaque tokens,
//     VerifyAndIntrospectJWTs, or short lifetimes.
//   - Successful answers are the application's to mark as private (RFC 9111 section 3.5): a shared cache must not store
//     them.
//
// # Where things are
//
// This package is the face: what users write, and the one decision, in authorize.go, which asks the rooms below internal in order. Each
// room knows one specification. Package credential finds the token of a request (RFC 6750); accesstoken judges it, by way of
// signature, which finds the key, and claims; clientcert (RFC 8705) and dpop (RFC 9449), with targeturi, judge who may use it; challenge
// writes what a refused client is told; record keeps what a decision was made of. Keys and introspection are packages of their own,
// jwks and introspection, and so is authtest, an authorization server for tests.
//
// # Names
//
// The package's name is also that of chi's and Echo's middleware packages. Next to them import it under another:
//
//	import cardea "github.com/cardea-auth/cardea/middleware"
package middleware
