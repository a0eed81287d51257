package unverified

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

// leeway is that of middleware.Issuer.
const leeway = 30 * time.Second

// judgeHeader looks for what a Guard refuses whatever its configuration.
func (r *Reading) judgeHeader() {
	for _, name := range r.header.twice {
		r.hint("The header's member %s stands twice, so it is refused (RFC 7515 section 4).", plain.Quote(name))
	}
	switch alg := r.header.text("alg"); {
	case alg == "":
		r.hint("The header names no algorithm.")
	case strings.EqualFold(alg, "none"):
		r.hint("alg is none: it is not signed, so everybody can write it. No API may take it.")
	case strings.HasPrefix(alg, "HS"):
		r.hint("alg is %s, a shared secret: the Issuer needs Keys: jwks.HMAC(…), and this command cannot judge it without that secret.", plain.Line(alg))
	}
	if r.header.has("crit") || r.header.has("b64") {
		r.hint("The header has crit or b64: extensions that must be understood are not, so it is refused.")
	}
	if !r.header.has("kid") {
		r.hint("The header names no key (kid): every key of the algorithm is tried, eight at most.")
	}
}

// judgeKind says what marks the token as something else than an access token.
func (r *Reading) judgeKind() {
	typ := strings.TrimPrefix(strings.ToLower(r.header.text("typ")), "application/")
	switch typ {
	case "at+jwt":
		return
	case "", "jwt":
	case "dpop+jwt":
		r.hint("typ is dpop+jwt: it is a DPoP proof, which belongs into the field DPoP, not an access token.")
	case "logout+jwt":
		r.hint("typ is logout+jwt: it is a logout token, not an access token.")
	default:
		r.hint("typ is %s, which no access token has: at+jwt, JWT or none is expected.", plain.Quote(r.header.text("typ")))
	}
	for _, mark := range []string{"at_hash", "c_hash", "events", "htm", "htu", "token_introspection", "status_list"} {
		if r.claims.has(mark) {
			r.hint("The claim %s marks it as another kind than an access token (at_hash and c_hash: an ID token).", mark)
		}
	}
	if r.claims.has("nonce") {
		r.hint("The claim nonce marks it as an ID token, unless it grants scopes of an API. Did the client send the id_token in place of the access_token?")
	}
	for _, name := range []string{"token_use", "typ"} {
		switch use := r.claims.text(name); strings.ToLower(use) {
		case "id", "refresh", "offline", "logout":
			r.hint("The claim %s says %s: it is not an access token.", name, plain.Quote(use))
		}
	}
}

func (r *Reading) judgeClaims() {
	for _, name := range r.claims.twice {
		r.hint("The claim %s stands twice, so it is refused (RFC 7519 section 4).", plain.Quote(name))
	}
	if iss := r.claims.text("iss"); iss == "" {
		r.hint("There is no issuer (iss): it is refused unless its only Issuer says DangerouslyNoIssuer.")
	} else if iss != strings.TrimSpace(iss) {
		r.hint("The issuer has blanks around it: Issuer.URL is compared byte for byte.")
	}
	switch audiences := r.claims.texts("aud"); {
	case len(audiences) == 0:
		r.hint("There is no audience (aud): ask the server to name your API there, or use Issuer.AllowedClients.")
	case slices.Contains(audiences, r.client()):
		r.hint("The audience is the client itself, as in an ID token. Should the client have asked for an audience or resource?")
	}
	switch {
	case r.claims.has("cnf") && strings.Contains(string(r.claims.find("cnf")), `"jkt"`):
		r.hint("It is bound to a DPoP key (cnf.jkt): each request needs a proof, which this command does not have.")
	case r.claims.has("cnf"):
		r.hint("It is bound (cnf): each request has to prove possession, by a client certificate usually, which this command does not have.")
	}
	if claims := r.found("scope", "scp", "permissions", "scopes"); len(claims) == 0 {
		r.hint("No claim of scopes was found (scope, scp).")
	} else if claims[0] != "scope" && claims[0] != "scp" {
		r.hint("Scopes seem to be in %s: Issuer.Claims.Scopes has to name it, %q.", claims[0], claims[0])
	}
	r.findRoles()
}

// client is the id of the client that got the token, by the usual claims.
func (r *Reading) client() string {
	for _, name := range []string{"client_id", "azp", "cid"} {
		if id := r.claims.text(name); id != "" {
			return id
		}
	}
	return ""
}

// found are the names of claims that are there and hold something.
func (r *Reading) found(names ...string) (found []string) {
	for _, name := range names {
		if value := string(r.claims.find(name)); value != "" && value != `""` && value != "null" && value != "[]" {
			found = append(found, name)
		}
	}
	return found
}

// findRoles names the claims that roles may be read from, as pointers for Issuer.Claims.Roles. Nothing is read by default.
func (r *Reading) findRoles() {
	places := r.found("roles", "groups", "cognito:groups")
	var realm struct {
		Roles json.RawMessage `json:"roles"`
	}
	if json.Unmarshal(r.claims.find("realm_access"), &realm) == nil && realm.Roles != nil {
		places = append(places, "/realm_access/roles")
	}
	for _, m := range r.claims.members {
		if strings.Contains(m.Name, "://") && strings.HasSuffix(m.Name, "/roles") {
			places = append(places, m.Name)
		}
	}
	if len(places) > 0 {
		r.hint("Roles seem to be in %s: a Guard sees them only if Issuer.Claims.Roles names the claim.", plain.List(places))
	}
}

// judgeTime compares with the clock of this machine.
func (r *Reading) judgeTime(now time.Time) {
	exp, ok := r.claims.number("exp")
	switch at := time.Unix(int64(exp), 0); {
	case !ok:
		r.hint("There is no expiry (exp), or none that can be read: it is refused.")
	case at.Add(leeway).Before(now):
		r.hint("It has expired, %s by the clock of this machine.", distance(at, now))
	}
	for _, name := range []string{"nbf", "iat"} {
		if seconds, ok := r.claims.number(name); ok {
			if at := time.Unix(int64(seconds), 0); at.After(now.Add(leeway)) {
				r.hint("%s lies ahead, %s: compare the clocks.", name, distance(at, now))
			}
		}
	}
}
