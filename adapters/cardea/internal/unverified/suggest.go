package unverified

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// preset knows the tokens of a provider by their iss, and what package issuers wants to know of them.
type preset struct {
	name string
	iss  *regexp.Regexp
	// params are the parameters with what the iss says of them ($1, $2); what is upper case is for the reader to fill in.
	params []string
	// except leaves a token to another preset of the same iss.
	except func(r *Reading) bool
}

func idToken(r *Reading) bool { return r.claims.text("token_use") == "id" }

// presets are in the order in which they are tried. Names and parameters are those of package issuers.
var presets = []preset{
	{name: "auth0", iss: iss(`https://([a-z0-9-]+(?:\.[a-z]{2})?\.auth0\.com)/`), params: []string{"domain=$1"}},
	{name: "okta", iss: iss(`https://([a-z0-9.-]+\.okta(?:preview|-emea)?\.com)/oauth2/([A-Za-z0-9]+)`), params: []string{"domain=$1", "server=$2"}},
	{name: "entra", iss: iss(`https://login\.microsoftonline\.com/([0-9a-f-]{36})/v2\.0`), params: []string{"tenants=$1", "api=API"}},
	{name: "entra", iss: iss(`https://sts\.windows\.net/([0-9a-f-]{36})/`), params: []string{"tenants=$1", "v1=true", "api=API"}},
	{
		name: "cognito", iss: iss(`https://cognito-idp\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([A-Za-z0-9_-]+)`),
		params: []string{"region=$1", "user_pool=$2", "clients=CLIENT"}, except: idToken,
	},
	{
		name: "cognito-id-tokens", iss: iss(`https://cognito-idp\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([A-Za-z0-9_-]+)`),
		params: []string{"region=$1", "user_pool=$2", "clients=CLIENT"},
	},
	{name: "google-users", iss: iss(`(?:https://)?accounts\.google\.com`), params: []string{"client_ids=CLIENT"}},
	{name: "google-iap", iss: iss(`https://cloud\.google\.com/iap`), params: []string{"audiences=AUDIENCE"}},
	{name: "firebase", iss: iss(`https://securetoken\.google\.com/([a-z0-9-]+)`), params: []string{"project=$1"}},
	{name: "cloudflare-access", iss: iss(`https://([a-z0-9-]+)\.cloudflareaccess\.com`), params: []string{"team=$1", "tags=TAG"}},
	{name: "apple", iss: iss(`https://appleid\.apple\.com`), params: []string{"client_ids=CLIENT"}},
	{name: "facebook-limited-login", iss: iss(`https://(?:www|limited)\.facebook\.com`), params: []string{"app_ids=APP"}},
	{name: "workos", iss: iss(`https://api\.workos\.com/user_management/(client_[A-Za-z0-9]+)`), params: []string{"client_id=$1"}},
	{name: "authkit", iss: iss(`https://([a-z0-9-]+\.authkit\.app)`), params: []string{"domain=$1"}},
	{name: "descope", iss: iss(`https://api\.descope\.com/(?:v1/apps/)?(P[A-Za-z0-9]+)`), params: []string{"project=$1"}},
	{name: "clerk", iss: iss(`https://([a-z0-9-]+\.clerk\.accounts\.dev|clerk\.[a-z0-9.-]+)`), params: []string{"domain=$1", "origins=ORIGIN"}},
	{name: "supabase", iss: iss(`https://([a-z]{20})\.supabase\.co/auth/v1`), params: []string{"ref=$1"}},
	{name: "stytch", iss: iss(`stytch\.com/(project-(?:live|test)-[A-Za-z0-9-]+)`), params: []string{"project=$1"}},
	{name: "github-actions", iss: iss(`https://token\.actions\.githubusercontent\.com`), params: []string{"audience=AUDIENCE", "repository_ids=ID"}},
	{name: "gitlab-ci", iss: iss(`https://(gitlab\.com)`), params: []string{"host=$1", "audience=AUDIENCE", "project_ids=ID"}},
	{name: "kubernetes", iss: iss(`(https://kubernetes\.default\.svc(?:\.cluster\.local)?)`), params: []string{"issuer=$1", "audiences=AUDIENCE"}},
	{name: "zitadel", iss: iss(`https://([a-z0-9-]+\.(?:[a-z0-9]+\.)?zitadel\.cloud)`), params: []string{"domain=$1", "project_id=PROJECT"}},
	{name: "keycloak", iss: iss(`(https?://[A-Za-z0-9.:-]+(?:/[A-Za-z0-9._-]+)*)/realms/([A-Za-z0-9._-]+)`), params: []string{"base=$1", "realm=$2"}},
}

func iss(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }

// apiName stands in a suggested command for what only the reader knows. The token's own aud would always fit, and hide the commonest mistake.
const apiName = "NAME_OF_YOUR_API"

// suggest says which command would judge the token. iss comes from the token, so whoever wrote that decides whom the command would ask:
// the reader has to know the name.
func (r *Reading) suggest() {
	switch r.Kind {
	case Malformed, Encrypted:
		return
	case Opaque:
		r.Next = "cardea explain -issuer ISSUER -audience " + apiName + " -introspection-url URL -client-id CLIENT -client-secret-file FILE"
		return
	}
	name := r.claims.text("iss")
	if p, params := fits(r, name); p != nil {
		r.Preset = p.name
		r.Next = "cardea explain -preset " + p.name
		for _, param := range params {
			r.Next += " -param " + quoted(param)
		}
	} else {
		r.Next = "cardea explain -issuer " + argument(name, "ISSUER")
	}
	r.Next += " -audience " + apiName
	if u, err := url.Parse(name); err == nil && u.Scheme == "http" && r.Preset == "" && !loopback(u.Hostname()) {
		r.Next += " -dangerously-allow-http " + argument(u.Host, "HOST:PORT")
	}
}

// loopback hosts need no flag.
func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// Preset names the preset of package issuers for tokens of this iss, empty if there is none that is known by it.
func Preset(iss string) string {
	if p, _ := fits(&Reading{}, iss); p != nil {
		return p.name
	}
	return ""
}

func fits(r *Reading, name string) (*preset, []string) {
	for i := range presets {
		p := &presets[i]
		found := p.iss.FindStringSubmatchIndex(name)
		if found == nil || p.except != nil && p.except(r) {
			continue
		}
		var params []string
		for _, param := range p.params {
			params = append(params, string(p.iss.ExpandString(nil, param, name, found)))
		}
		return p, params
	}
	return nil, nil
}

// argument is a value from the token as a shell takes it, or placeholder, if it is nothing that anybody should paste.
func argument(value, placeholder string) string {
	for i := range len(value) {
		if value[i] < ' ' || value[i] >= 0x7f {
			return placeholder
		}
	}
	if value == "" || value[0] == '-' || len(value) > 256 {
		return placeholder
	}
	return quoted(value)
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

func quoted(value string) string {
	if harmless.MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
