package unverified_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/input"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/unverified"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const signature = "c2lnbmF0dXJlIHRoYXQgbm9ib2R5IG11c3Qgc2Vl"

func segment(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func token(header, claims string) string {
	return segment(header) + "." + segment(claims) + "." + signature
}

// read is the reading of a token as text and as JSON together, in which the token must not be.
func read(t *testing.T, text string) (*unverified.Reading, string) {
	t.Helper()
	r := unverified.Read(input.Token{Text: text}, now)
	var out, coloured bytes.Buffer
	if err := r.Write(&out, false); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(&coloured, true); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{out.String(), coloured.String(), string(asJSON)} {
		for _, part := range append(strings.Split(text, "."), text) {
			if len(part) > 12 && strings.Contains(shown, part) {
				t.Errorf("a part of the token is shown:\n%s", shown)
			}
		}
	}
	for i, c := range out.Bytes() {
		if (c < ' ' && c != '\n' || c == 0x7f) && i > 0 {
			t.Errorf("control character %#x in %q", c, out.String())
		}
	}
	return r, out.String()
}

const header = `{"alg":"ES256","kid":"1","typ":"JWT"}`

// good is a token in which nothing stands out.
const good = `{"iss":"https://login.example.com","aud":"https://api.example.com","sub":"alice","scope":"read","exp":1795957200,"iat":1795953600}`

func TestNothingStandsOutInAGoodToken(t *testing.T) {
	r, text := read(t, token(header, good))
	if len(r.Hints) != 0 || r.Next != "cardea explain -issuer https://login.example.com -audience NAME_OF_YOUR_API" || r.Verified {
		t.Error(text, r.Hints)
	}
	if !strings.Contains(text, "NAME_OF_YOUR_API is what the API is configured with") {
		t.Error(text)
	}
	if strings.Count(text, "(unverified)") != 2 || !strings.Contains(text, "exp  1795957200  2026-11-29T13:00:00Z, in 1h0m0s") {
		t.Error(text)
	}
}

func TestWhatStandsOut(t *testing.T) {
	claims := func(more string) string { return strings.TrimSuffix(good, "}") + "," + more + "}" }
	for name, test := range map[string]struct{ token, want string }{
		"alg none":                     {segment(`{"alg":"none"}`) + "." + segment(good) + ".", "alg is none"},
		"alg None":                     {token(`{"alg":"None"}`, good), "alg is none"},
		"no algorithm":                 {token(`{}`, good), "names no algorithm"},
		"a shared secret":              {token(`{"alg":"HS256","kid":"1"}`, good), "jwks.HMAC"},
		"no signature":                 {segment(header) + "." + segment(good) + ".", "has no signature"},
		"critical extensions":          {token(`{"alg":"ES256","kid":"1","crit":["x"]}`, good), "crit or b64"},
		"no kid":                       {token(`{"alg":"ES256"}`, good), "names no key"},
		"a header's name twice":        {token(`{"alg":"ES256","kid":"1","kid":"2"}`, good), `"kid" stands twice`},
		"a claim's name twice":         {token(header, claims(`"sub":"bob"`)), `"sub" stands twice`},
		"a DPoP proof":                 {token(`{"alg":"ES256","kid":"1","typ":"dpop+jwt"}`, good), "DPoP proof"},
		"a logout token":               {token(`{"alg":"ES256","kid":"1","typ":"logout+jwt"}`, good), "logout token"},
		"another typ":                  {token(`{"alg":"ES256","kid":"1","typ":"secevent+jwt"}`, good), "typ is"},
		"an ID token":                  {token(header, claims(`"nonce":"x"`)), "Did the client send the id_token"},
		"an ID token by its hash":      {token(header, claims(`"at_hash":"x"`)), "marks it as another kind"},
		"an ID token by its use":       {token(header, claims(`"token_use":"id"`)), `token_use says "id"`},
		"a refresh token":              {token(header, claims(`"typ":"Refresh"`)), "not an access token"},
		"no issuer":                    {token(header, `{"sub":"alice"}`), "no issuer"},
		"an issuer with a blank":       {token(header, `{"iss":"https://login.example.com "}`), "blanks around it"},
		"no audience":                  {token(header, `{"sub":"alice"}`), "no audience"},
		"the client as the audience":   {token(header, `{"aud":["web"],"azp":"web"}`), "audience is the client itself"},
		"bound to a key":               {token(header, claims(`"cnf":{"jkt":"x"}`)), "bound to a DPoP key"},
		"bound to a certificate":       {token(header, claims(`"cnf":{"x5t#S256":"x"}`)), "client certificate"},
		"no scopes":                    {token(header, `{"sub":"alice"}`), "No claim of scopes"},
		"scopes elsewhere":             {token(header, `{"permissions":["read"]}`), "Scopes seem to be in permissions"},
		"roles of Keycloak":            {token(header, claims(`"realm_access":{"roles":["a"]}`)), "/realm_access/roles"},
		"roles in a namespace":         {token(header, claims(`"https://example.com/roles":["a"]`)), "https://example.com/roles"},
		"no expiry":                    {token(header, `{"sub":"alice"}`), "no expiry"},
		"an expiry in text":            {token(header, `{"exp":"1795957200"}`), "no expiry"},
		"expired":                      {token(header, `{"exp":1795867200}`), "has expired, 24h0m0s ago"},
		"expired days ago":             {token(header, `{"exp":1}`), "has expired, 20786 days ago"},
		"not yet":                      {token(header, claims(`"nbf":1795957200`)), "nbf lies ahead, in 1h"},
		"claims that are no object":    {token(header, `["x"]`), "claims cannot be read"},
		"claims that are no base64url": {segment(header) + ".=." + signature, "claims cannot be read"},
		"claims that do not end":       {token(header, `{"a":1`), "claims cannot be read"},
		"claims with something behind": {token(header, `{"a":1}{}`), "claims cannot be read"},
		"one segment":                  {segment(header), "1 segments instead of 3"},
		"four segments":                {token(header, good) + ".x", "4 segments"},
		"encrypted":                    {segment(`{"alg":"dir","enc":"A256GCM"}`) + ".a.b.c.d", "encrypted tokens are not accepted"},
		"an empty part":                {"abc..def", "part between dots is empty"},
		"opaque":                       {"2YotnFZFEjr1zCsicMWpAA", "only its server can be asked"},
		"very long":                    {strings.Repeat("c2VjcmV0", 3000), "MaxTokenBytes"},
	} {
		t.Run(name, func(t *testing.T) {
			r, text := read(t, test.token)
			if !slices.ContainsFunc(r.Hints, func(hint string) bool { return strings.Contains(hint, test.want) }) {
				t.Errorf("no %q in %s", test.want, text)
			}
		})
	}
}

// Claims are written by whoever made the token, for the eyes of an operator.
func TestAttacksOnTheTerminal(t *testing.T) {
	const nasty = `\u001b]0;owned\u0007\u001b[2J\r\n\u202e\u009b31m`
	_, text := read(
		t,
		token(`{"alg":"`+nasty+`","`+nasty+`":1}`, `{"iss":"`+nasty+`","aud":"`+nasty+`","`+nasty+`":{"`+nasty+`":["`+nasty+`"]},"typ":"`+nasty+`"}`),
	)
	for _, r := range text {
		if r >= 0x7f {
			t.Errorf("%U in %q", r, text)
		}
	}
	long := strings.Repeat("x", 100_000)
	if _, text := read(t, token(header, `{"`+long+`":"`+long+`","o":["`+long+`"]}`)); len(text) > 4000 {
		t.Errorf("%d bytes for three long values", len(text))
	}
}

func TestTokensAndKeysWithinAreMasked(t *testing.T) {
	inner := token(header, good)
	for name, claims := range map[string]string{
		"a claim":            `{"x":"` + inner + `"}`,
		"within text":        `{"x":"Bearer ` + inner + `!"}`,
		"in an array":        `{"x":["a","` + inner + `"]}`,
		"in an object":       `{"x":{"y":{"z":"` + inner + `"}}}`,
		"spelt with escapes": `{"x":"\u0065\u0079J` + inner[3:] + `"}`,
		"as a name":          `{"` + inner + `":1}`,
		"as a name within":   `{"x":{"` + inner + `":1}}`,
		"a private key":      `{"x":{"kty":"oct","k":"` + signature + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			r, text := read(t, token(header, claims))
			asJSON, _ := json.Marshal(r)
			if strings.Contains(text+string(asJSON), signature) || !strings.Contains(text, "not shown)") {
				t.Error(text)
			}
		})
	}
}

// What is suggested is there to be pasted into a shell.
func TestTheSuggestedCommandObeysNoToken(t *testing.T) {
	for iss, want := range map[string]string{
		"https://x.example/;rm -rf ~":      `-issuer 'https://x.example/;rm -rf ~'`,
		"https://x.example/'; reboot; '":   `-issuer 'https://x.example/'\''; reboot; '\'''`,
		"$(reboot)":                        `-issuer '$(reboot)'`,
		"-json":                            "-issuer ISSUER",
		"https://x.example/\nreboot":       "-issuer ISSUER",
		"":                                 "-issuer ISSUER",
		"http://keycloak:8080/x":           "-dangerously-allow-http keycloak:8080",
		"http://localhost:8080/x":          "-audience NAME_OF_YOUR_API",
		"https://evil.example/realms/a b":  `-issuer 'https://evil.example/realms/a b'`,
		"https://evil.example/realms/a;ls": `-issuer 'https://evil.example/realms/a;ls'`,
	} {
		claims, err := json.Marshal(map[string]string{"iss": iss, "aud": "a"})
		if err != nil {
			t.Fatal(err)
		}
		if r, _ := read(
			t, token(header, string(claims)),
		); !strings.Contains(r.Next, want) || strings.Contains(r.Next, "localhost:8080 ") && strings.Contains(r.Next, "dangerously") {
			t.Errorf("%q: %s", iss, r.Next)
		}
	}
}

// Every preset that is suggested is one of package issuers, and is suggested with all that it requires.
func TestPresetsAreSuggestedByTheIssuer(t *testing.T) {
	for iss, want := range map[string]string{
		"https://example.eu.auth0.com/":                                                    "-preset auth0 -param domain=example.eu.auth0.com",
		"https://example.okta.com/oauth2/default":                                          "-preset okta -param domain=example.okta.com -param server=default",
		"https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0":      "-preset entra -param tenants=72f988bf-86f1-41af-91ab-2d7cd011db47",
		"https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/":                    "-preset entra -param tenants=72f988bf-86f1-41af-91ab-2d7cd011db47 -param v1=true",
		"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123":            "-preset cognito -param region=eu-central-1 -param user_pool=eu-central-1_AbCdEf123",
		"https://accounts.google.com":                                                      "-preset google-users",
		"https://cloud.google.com/iap":                                                     "-preset google-iap",
		"https://securetoken.google.com/example-1a2b3":                                     "-preset firebase -param project=example-1a2b3",
		"https://example.cloudflareaccess.com":                                             "-preset cloudflare-access -param team=example",
		"https://appleid.apple.com":                                                        "-preset apple",
		"https://www.facebook.com":                                                         "-preset facebook-limited-login",
		"https://api.workos.com/user_management/client_01HXYZ":                             "-preset workos -param client_id=client_01HXYZ",
		"https://example.authkit.app":                                                      "-preset authkit -param domain=example.authkit.app",
		"https://api.descope.com/P2abcDEF":                                                 "-preset descope -param project=P2abcDEF",
		"https://clerk.example.com":                                                        "-preset clerk -param domain=clerk.example.com",
		"https://abcdefghijklmnopqrst.supabase.co/auth/v1":                                 "-preset supabase -param ref=abcdefghijklmnopqrst",
		"stytch.com/project-live-1a2b3c":                                                   "-preset stytch -param project=project-live-1a2b3c",
		"https://token.actions.githubusercontent.com":                                      "-preset github-actions",
		"https://gitlab.com":                                                               "-preset gitlab-ci -param host=gitlab.com",
		"https://kubernetes.default.svc.cluster.local":                                     "-preset kubernetes -param issuer=https://kubernetes.default.svc.cluster.local",
		"https://example-abc123.zitadel.cloud":                                             "-preset zitadel -param domain=example-abc123.zitadel.cloud",
		"https://sso.example.com/auth/realms/shop":                                         "-preset keycloak -param base=https://sso.example.com/auth -param realm=shop",
		"https://example.eu.auth0.com":                                                     "", // without its slash it is no issuer of Auth0
		"https://example.eu.auth0.com.evil.example/":                                       "",
		"https://login.microsoftonline.com.evil.example/72f988bf-86f1-41af-91ab-2d7cd011/": "",
	} {
		r, _ := read(t, token(header, fmt.Sprintf(`{"iss":%q,"aud":"a"}`, iss)))
		if want == "" && r.Preset == "" {
			continue
		}
		at := slices.IndexFunc(issuers.Presets(), func(p issuers.Preset) bool { return p.Name == r.Preset })
		if at < 0 || want == "" || !strings.Contains(r.Next, want) {
			t.Errorf("%s: %q, %s", iss, r.Preset, r.Next)
			continue
		}
		for _, param := range issuers.Presets()[at].Params {
			if param.Required && !strings.Contains(r.Next, " -param "+param.Name+"=") {
				t.Errorf("%s lacks parameter %s", r.Next, param.Name)
			}
		}
	}
	if r, _ := read(
		t, token(header, `{"iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_A","token_use":"id"}`),
	); r.Preset != "cognito-id-tokens" {
		t.Error(r.Next)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{token(header, good), "a.b.c", "eyJ", segment(header) + "..", token(`{"a":{"kty":1,"k":{}}}`, `{"exp":1e400,"aud":[1]}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := input.Find(text)
		if err != nil {
			return
		}
		r := unverified.Read(found, now)
		var out bytes.Buffer
		if err := r.Write(&out, false); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		for _, c := range out.Bytes() {
			if c < ' ' && c != '\n' || c == 0x7f {
				t.Fatalf("control character in %q", out.String())
			}
		}
	})
}
