package accesstoken

import (
	"cmp"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/exactjson"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
	"github.com/cardea-auth/cardea/middleware/internal/signature"
)

// Facts are what a token says, each in its type.
type Facts struct {
	Issuer, Subject, ClientID, ID, ACR, SessionID string

	Audience, Scopes, Roles, AMR []string

	IssuedAt, NotBefore, Expiry, AuthTime time.Time

	Opaque bool // the facts are those of an introspection answer, and not of a JWT that was verified here
}

// Verified is what is known of a token once it has been proven good. It is shared by requests, and immutable but for Decoded and Revocable.
// There may be a million of them, so it holds the claims once, and what few tokens have apart.
type Verified struct {
	shards.Entry

	idLike bool // a replacement of the audience let a token in that has the shape of an ID token
	access bool // it, or the answer about it, says that it is an access token, if only by the scopes that it grants
	typed  bool // it, or the answer about it, names its kind
	learnt bool // Key.Header was new with it

	Facts  Facts  // requests get copies
	Claims string // the text of all claims: the payload of a JWT that was verified here, or the answer
	Issuer *Issuer
	Key    signature.Ref // that verified the JWT; zero for a token that was not verified here

	rest *rest // nil: nothing of it

	Decoded exactjson.Memo // of Claims

	Revocable atomic.Pointer[Revocable] // nil: the token was never found to be good

	storedAfter time.Duration // the cache was made; zero if that has no limit of age
}

// Revocable is what is kept of a token because it may be revoked.
type Revocable struct {
	GoodAt atomic.Uint64 // what was known of revocations when the token was last found to be none of them; 0: never
	Judges atomic.Value  // what judges this token, of a type of the package that asks; empty: nothing was made for it
}

// Is reports whether v is the verdict on this token.
func (v *Verified) Is(token Presented, key Key) bool {
	return (v.byWhole() || v.signs(token.signed)) && key == v.KeyOf(token)
}

// KeyOf is what remembers the token without holding it, where it was judged as v was: by its parts, or as a whole.
func (v *Verified) KeyOf(token Presented) Key {
	if v.byWhole() {
		return token.WholeKey()
	}
	return token.key
}

// byWhole reports whether v is about an opaque token, of which any part may be the secret.
func (v *Verified) byWhole() bool { return v.answer() != nil && v.rest.signed == "" }

// signs reports whether this is what was signed: signed is Presented.signed. Claims have one spelling in base64url.
func (v *Verified) signs(signed string) bool {
	if v.answer() != nil {
		return v.rest.signed == signed
	}
	header, payload, _ := strings.Cut(signed, ".")
	return v.Key.Header != nil && header == v.Key.Header.Segment && compact.Spells(payload, v.Claims)
}

// size is about how many bytes a cache holds on to with v. A header that others have as well counts where it was new.
func (v *Verified) size() int {
	const (
		own   = int(unsafe.Sizeof(Verified{}))
		index = 48 // in the tables of the cache
	)
	facts := &v.Facts
	size := index + own + len(v.Claims) + claims.Held(v.Claims, facts.Audience, facts.Scopes, facts.Roles, facts.AMR) +
		claims.Apart(v.Claims, facts.Issuer, facts.Subject, facts.ClientID, facts.ID, facts.ACR, facts.SessionID)
	if v.rest != nil {
		size += v.rest.size(v.Claims, facts.Opaque)
	}
	if v.learnt {
		size += v.Key.Header.Size()
	}
	return size + size/16 // the allocator rounds up
}

// BindKey ties the key of an accepted token to its algorithm, where neither the configuration nor the key says which one it is for.
// The error says that it serves another already.
func (v *Verified) BindKey() error {
	if !v.Issuer.BindKeys {
		return nil
	}
	return v.Key.Key.Bind() // of a nil Key nothing
}

// RevocableAs is the name under which entries of revocation lists know the token's issuer.
func (v *Verified) RevocableAs() string { return v.Issuer.revocableAs(v.Facts.Issuer, v.tenant()) }

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
	if c.Read(v.Claims, v.Issuer.read) != nil {
		return ""
	}
	for i, path := range paths {
		if claims.IsPresent(c.Follow(path)) {
			return entries[i]
		}
	}
	return ""
}
