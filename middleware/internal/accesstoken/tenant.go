package accesstoken

import "github.com/cardea-auth/cardea/middleware/internal/tenant"

// template is an iss value with one place for a tenant, and whose it is. No two templates fit one iss: New sees to it.
type template struct {
	tenant.Template

	issuer *Issuer
	exact  map[string]*Issuer // tables.byName: an iss that is named there fills no template, whoever asks
}

// match returns the tenant that fills the template to make iss.
func (t template) match(iss string) (name string, ok bool) {
	if t.exact[iss] != nil {
		return "", false
	}
	return t.FilledBy(iss)
}
