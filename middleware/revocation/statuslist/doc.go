// Package statuslist takes tokens back that their issuer has marked in a Token Status List (draft-ietf-oauth-status-list). A token says in its
// claim status where its status stands: the address of a list, and a place in it. [Lists] fetches such a list when a token first names it,
// keeps it fresh while tokens use it, and judges every later token of it in memory:
//
//	keys, err := middleware.New(middleware.Config{Issuers: issuers, Audiences: audiences})
//	lists, err := statuslist.New(keys, statuslist.Config{})
//	auth, err := middleware.New(middleware.Config{Issuers: issuers, Audiences: audiences, Revocations: []middleware.Revocations{lists}})
//
// The first Validator only holds the keys that lists are verified by; the second one judges requests and asks lists. They are two because
// each would have to exist before the other, and because who signs lists need not be trusted with tokens.
//
// # What is refused
//
// Status 0 is valid. Every other refuses the token with 401 and the reason revoked: 1 is invalid, 2 is suspended, and others have no meaning
// unless [Issuer.Accept] names them. So does a place that the list does not have, a status claim that leads to no list, and a list
// at an address from which the issuer's lists do not come. [middleware.Decision.RevokedBy] tells them apart by the names below.
//
// # What is not judged
//
// While a list cannot be had, or is not what it should be, its tokens are neither good nor bad: 503. A list is current as long as
// its ttl and exp say, within limits; [Config.StaleFor] may use it for longer. Verdict.AsOf, which [middleware.Config.RevocationsWithin] limits,
// is when its issuer has made it (iat), and not when it was fetched: a copy that was kept on the way is no fresh knowledge. So a limit
// that is shorter than the time between two lists leaves their tokens unjudged for a part of it.
//
// # What is fetched
//
// Only what a token names that is good in all else, over https (http for loopback hosts), from the origin of its issuer's URL or those of
// [Issuer.Origins]. Redirects are followed within these, three at most. A server that fails is left alone for a second, then for two, up
// to a minute; in the meantime requests are answered at once. HTTP cache headers change nothing (section 8.2): the ttl and exp of a list outrank them.
// Lists in CWT format are not read.
package statuslist
