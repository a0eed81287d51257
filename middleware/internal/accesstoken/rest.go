package accesstoken

import (
	"unsafe"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
)

// rest is what few tokens have, apart from the Verified of all.
type rest struct {
	tenant  string // what fills the issuer's template; empty without one
	bound   claims.Confirmation
	actor   claims.Actor
	status  claims.StatusRef
	details claims.Details

	answer *introspection.Response // that the claims were taken from; nil: from a JWT that was verified here
	signed string                  // Presented.signed of a JWT that the answer is about; empty for an opaque token
}

// size is Verified.size of it. The answer holds its text as well; of a JWT that was verified too, all claims stay for the few that it completes.
func (r *rest) size(text string, opaque bool) int {
	size := int(unsafe.Sizeof(rest{})) + len(r.signed) + claims.Apart(text, r.tenant, r.actor.Issuer, r.actor.Subject, r.actor.ClientID, r.status.URI)
	if r.answer == nil {
		return size
	}
	if !opaque {
		size += len(r.signed)
	}
	return size + int(unsafe.Sizeof(introspection.Response{})) + len(text)
}

// withRest is v.rest, and from now on there is one.
func (v *Verified) withRest() *rest {
	if v.rest == nil {
		v.rest = new(rest)
	}
	return v.rest
}

var nothing rest // never written

func (v *Verified) orNothing() *rest {
	if v.rest == nil {
		return &nothing
	}
	return v.rest
}

// Bound is what the caller must prove possession of.
func (v *Verified) Bound() claims.Confirmation { return v.orNothing().bound }

// Actor is the outermost of those who act for the subject; zero: nobody does.
func (v *Verified) Actor() claims.Actor { return v.orNothing().actor }

// Status says where the status of the token stands; zero: it has none.
func (v *Verified) Status() claims.StatusRef { return v.orNothing().status }

// Details are the authorization_details.
func (v *Verified) Details() claims.Details { return v.orNothing().details }

func (v *Verified) tenant() string { return v.orNothing().tenant }

func (v *Verified) setTenant(tenant string) {
	if tenant != "" {
		v.withRest().tenant = tenant
	}
}

func (v *Verified) answer() *introspection.Response { return v.orNothing().answer }
