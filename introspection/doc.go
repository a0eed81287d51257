// Package introspection asks an authorization server about opaque tokens (RFC 7662) and remembers its answers for a
// short time.
//
//	client, err := introspection.New(introspection.Config{
//		URL:        "https://login.example.com/introspect",
//		ClientAuth: introspection.SecretBasic("orders-api", os.Getenv("INTROSPECTION_SECRET")),
//	})
//
// A Client is an Introspector of package middleware, which judges what it says: time, issuer, audience, binding and
// scope. By itself, Active alone does not mean that a token is good for this API.
//
// # What is asked
//
// One POST per token, whoever and however many wait for the answer. It belongs to no caller: one who gives up takes
// nothing from the others, and the answer is kept for the next. At most Config.MaxInFlight requests run at once, further
// ones queue, and no call waits longer than Config.Timeout. Redirects are refused, cookies dropped, answers cut at
// 64 KiB. A request that dies on a reused connection is repeated once.
//
// # What is believed
//
// Status 200 with one JSON object that every decoder reads alike, in which active is a boolean (see ParseResponse), whatever
// media type it names. With Config.SignedBy, only signed answers (RFC 9701) are: for us, from Config.Issuer, less than a minute old.
//
// # What is remembered
//
// Active answers for Config.ActiveTTL and never past their exp, inactive ones for Config.InactiveTTL in a place of their
// own. Ages count from the question. ActiveTTL is how long a revoked token is still accepted: where that matters more
// than load, make it negative, and every call is answered by a question that was asked after it. Tokens are remembered
// as keyed hashes only, and nothing else about a request is. Whoever keeps an answer can ask whether it still stands (Client.Fresh).
//
// With Config.Shared, instances share active answers through a cache such as Redis, sealed so that it need not be trusted: see SharedCache.
//
// # What unavailable means
//
// Every failure wraps ErrUnavailable: no answer, a refusal of our own credentials, an answer that cannot be trusted, no
// capacity. The token was not judged, and its bearer should hear 503 and not 401, or clients throw good tokens away.
// After five failures in a row the server is asked once a second only, until it answers; cached answers are still given.
// The fifth is over a random token of our own, which the Client asks about when four others have failed: what odd tokens
// provoke (a firewall's 403, a crash, a hang) shuts out nobody else. The server finds such a token inactive.
//
// Some servers answer 400 for a token that they do not know or that has expired (RFC 7662 section 2.2 wants active false), or for
// every JWT. That is no verdict, so the bearer hears 503, keeps the token and never fetches a new one. Where the server means "not
// active" by it, say so in Config.Ask; where it does not introspect JWTs, verify them instead.
//
// # Mistakes to avoid
//
//   - NoClientAuth against an endpoint that strangers can reach: it tells thieves which tokens work.
//   - One client id for several APIs: servers may answer each of them differently (RFC 7662 section 2.2).
//   - A BearerToken function that fetches a token each time: it runs within Config.Timeout, before each request.
//   - A readiness check that fails while the breaker is open: without traffic nothing asks, and it stays open. Client.Probe asks.
package introspection
