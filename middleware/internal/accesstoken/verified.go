package accesstoken

import (
	"cmp"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/exactjson"
	"github.com/cardea-auth/cardea/middleware/internal/signature"
)

// Facts are what a token says, each in its type.
type Facts struct {
	Issuer, Subject, ClientID, ID, ACR string

	Audience, Scopes, Roles, AMR []string

	IssuedAt, NotBefore, Expiry, AuthTime time.Time

	SessionID string
	Status    claims.StatusRef

	Actor  claims.Actor
	Opaque bool // the facts are those of an introspection answer, and not of a JWT that was verified here
}

// Verified is what is known of a token once it has been proven good. It is shared by requests, and immutable but for Decoded, usedIn and UnrevokedAt.
type Verified struct {
	Facts  Facts           // requests get copies
	Claims claims.Document // of Facts
	Issuer *Issuer
	Bound  claims.Confirmation // what the caller must prove possession of
	Key    signature.Ref       // that verified the JWT; zero for a token that was not verified here

	tenant string // what fills the issuer's template; empty without one
	signed string // Presented.signed of a JWT; empty for an opaque token

	answer *introspection.Response // that the rest was taken from; nil: from a JWT that was verified here

	idLike bool // a replacement of the audience let a token in that has the shape of an ID token
	access bool // it, or the answer about it, says that it is an access token, if only by the scopes that it grants
	typed  bool // it, or the answer about it, names its kind

	Decoded exactjson.Memo // of Claims.Text

	UnrevokedAt atomic.Uint64 // what was known of revocations when the token was last found to be none of them; 0: never asked

	usedIn   atomic.Int64 // the second of the last use, while it is in a Cache
	storedAt time.Time    // in the Cache; zero if that has no limit of age

	elems [ordinaryElems]string // of the lists of Facts; last, so that what every request reads lies together
}

// ordinaryElems are audiences, scopes, roles and methods of an ordinary token together; they fill up the 1024 bytes of a Verified.
const ordinaryElems = 25

// Is reports whether v is the verdict on this token.
func (v *Verified) Is(token Presented, key Key) bool {
	return (v.signed == "" || v.signed == token.signed) && key == v.KeyOf(token)
}

// KeyOf is what remembers the token without holding it, where it was judged as v was: by its parts, or as a whole.
func (v *Verified) KeyOf(token Presented) Key {
	if v.signed == "" {
		return token.WholeKey()
	}
	return token.key
}

// BindKey ties the key of an accepted token to its algorithm, where neither the configuration nor the key says which one it is for.
// The error says that it serves another already.
func (v *Verified) BindKey() error {
	if !v.Issuer.BindKeys || v.Key.Key == nil {
		return nil
	}
	return v.Key.Key.Bind()
}

// RevocableAs is the name under which entries of revocation lists know the token's issuer.
func (v *Verified) RevocableAs() string { return v.Issuer.revocableAs(v.Facts.Issuer, v.tenant) }

// revocableAs is that name for an iss: all names of an issuer are one. Each tenant of a template is an issuer of its own, with as many
// names as there are templates, of which the first counts. Only tokens with another of these names cost an allocation.
func (i *Issuer) revocableAs(iss, tenant string) string {
	if tenant == "" {
		return cmp.Or(i.URL, iss)
	}
	first := i.templates[0]
	if name, ok := first.FilledBy(iss); ok && name == tenant {
		return iss
	}
	return first.With(tenant)
}

// ScopesFrom and RolesFrom return the claim, as it is mapped, that the list was read from; empty: none was there. They read the claims
// again, for the few who ask.
func (v *Verified) ScopesFrom() string { return v.present(v.Issuer.scopes, v.Issuer.Scopes) }

// RolesFrom is ScopesFrom for roles.
func (v *Verified) RolesFrom() string { return v.present(v.Issuer.roles, v.Issuer.Roles) }

func (v *Verified) present(paths []claims.Path, entries []string) string {
	var c claims.Reading
	if c.Read(v.Claims.Text, v.Issuer.read) != nil {
		return ""
	}
	for i, path := range paths {
		if claims.IsPresent(c.Follow(path)) {
			return entries[i]
		}
	}
	return ""
}
