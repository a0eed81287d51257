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
// # How long
//
// An entry ends when no token that it could hit can still live, and is then forgotten. A List holds so many entries at most and never
// forgets a live one: what does not fit is an error to whoever revokes.
package revocation
