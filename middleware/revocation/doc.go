// Package revocation takes tokens back before their end. A [List] knows what was revoked and is asked about every verified token, cached
// or not, without leaving the process:
//
//	list, err := revocation.New(revocation.Config{})
//	auth, err := middleware.New(middleware.Config{…, Revocations: []middleware.Revocations{list}})
//	…
//	mux.Handle("POST /logout", auth.Require().Handler(list.RevokeOwn()))
//	err = list.Revoke(ctx, revocation.BySubject(token, time.Time{})) // all tokens of this user until now
//
// # What an entry hits
//
// An entry names an issuer, a kind and, but for a whole issuer, a value. A token is hit if it has that value: a token without jti is hit
// by no entry about a token, one without sid by none about a session, one without sub by none about a subject. Entries of the kinds
// Subject, Client and Issuer have an "issued before" as well: they hit tokens whose iat is before it or in the same second, and every
// token without iat. All names of an issuer (Aliases) are one issuer, called by its URL; with a template each tenant is one, called by
// URL with {tenantid} filled. [middleware.Token.Facts] says how a token is called, and the functions ByToken, BySession, BySubject and ByClient use that.
//
// # One process or many
//
// A List without a [Store] is of one process. With one, every instance follows the Store and holds everything in memory, so that a request
// still asks nobody:
//
//	list, err := revocation.New(revocation.Config{Store: store, Secrets: [][]byte{secret}})
//	err = auth.Warm(ctx) // waits for the first full read, before which every request is 503
//
// Revoke returns nil once the entry is shared. [ErrNotShared] says that it holds here and is offered to the Store until that takes it.
// An instance that hears nothing of the Store goes on with what it knows, which Status.Lag tells the age of; Config.RevocationsWithin of
// package middleware limits that age, for requests (503) and for streams, which end with middleware.ErrUnavailable.
//
// The Store is not trusted: it holds keyed digests with a tag. Whoever reads it learns of nobody, whoever writes to it revokes nobody and lifts
// nothing. An entry that cannot be read, because it is of a newer version, of a secret that this instance was not given, or damaged, might
// revoke a token: AsOf stands still from then on, until a full read, tried twice a minute, finds none. Whoever can delete from the Store can
// hide an entry from instances that start later; those that have it keep it, and put their own into the Store again.
//
// # How long
//
// An entry ends when no token that it could hit can still live, and is then forgotten. A List holds so many entries at most and never
// forgets a live one: what does not fit is an error to whoever revokes.
//
// # What it costs
//
// While nothing is revoked, a token that comes again costs a comparison of two numbers. With each entry that comes, every token is judged anew
// when it next comes; of its names only those are looked up that may have had an entry since. Nothing of that allocates. BenchmarkRepeatedToken
// measures it with the whole decision about a cached token, which without Revocations took 1.1 µs: with a quiet list of 100 000 entries it takes
// the same (0.97 to 1.04 times). While another process revokes 10 000 a second it takes 1.3 to 1.6 times that on two processors, of which 1.1 to 1.2
// is what receiving them costs whatever runs beside it: some 2.5 to 3.5 µs of another thread for each. A million entries take 84 bytes each, with a
// Store and without (BenchmarkMemory).
package revocation
