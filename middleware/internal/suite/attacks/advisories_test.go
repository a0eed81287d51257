package attacks_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Each test is named by what must not happen, and says what went wrong elsewhere.

// CVE-2026-32301, CVE-2026-41413, CVE-2018-0114: addresses were built from a token that nobody had verified.
func TestRequestsGoToConfiguredAddressesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const jwksURL = "https://login.example.com/jwks"
		attacker := trapTransport{t, []string{
			jwksURL, testkit.Issuer + "/.well-known/openid-configuration", testkit.Issuer + "/.well-known/oauth-authorization-server",
		}}
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Issuers = []middleware.Issuer{
				{URL: testkit.Issuer}, // found through its metadata
				{URL: "https://keys.example.com", JWKSURI: jwksURL},
				{URL: "https://login.example.com/{tenantid}/v2", JWKSURI: jwksURL, AllowTenant: func(context.Context, string) bool { return true }},
			}
			cfg.HTTPClient = &http.Client{Transport: attacker}
		})
		outcomes := make(map[string]int)
		for _, iss := range []string{
			testkit.Issuer, testkit.Issuer + "/", testkit.Issuer + "/../evil", testkit.Issuer + "@attacker.example", "https://keys.example.com", "https://keys.example.com#", "https://attacker.example", "//attacker.example",
			"https://login.example.com/acme/v2", "https://login.example.com/../../v2", "https://login.example.com/a?b=/v2", "https://login.example.com/attacker.example%2f/v2", "http://169.254.169.254/latest",
		} {
			for _, kid := range []string{"ed", "../../evil", "https://attacker.example/jwks", "ed?x=", "ed\r\nHost: attacker.example"} {
				header := kit.Claims{
					"alg": "EdDSA", "typ": "at+jwt", "kid": kid, "jku": "https://attacker.example/jku",
					"x5u": "https://attacker.example/x5u", "iss": "https://attacker.example",
				}
				tid := strings.TrimSuffix(strings.TrimPrefix(iss, "https://login.example.com/"), "/v2")
				token := testkit.Sign(
					string(testkit.JSON(header)),
					string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": iss, "tid": tid, "jwks_uri": "https://attacker.example/jwks"}))),
					testkit.EdKey(),
				)
				got := kit.Serve(v.Require(), kit.Bearer(token)).String()
				if outcomes[got]++; got != "503" && got != kit.BadToken {
					t.Errorf("iss %q, kid %q: outcome is %q", iss, kid, got)
				}
				time.Sleep(time.Minute) // in the bubble: so that back-off does not keep the next token from asking
			}
		}
		if outcomes["503"] == 0 || outcomes[kit.BadToken] == 0 {
			t.Errorf("the outcomes %v show nothing", outcomes)
		}
	})
}

// trapTransport allows some addresses, none of which answers.
type trapTransport struct {
	t       *testing.T
	allowed []string
}

func (a trapTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !slices.Contains(a.allowed, r.URL.String()) || r.Host != "" && r.Host != r.URL.Host || r.Body != nil {
		a.t.Errorf("a token caused %s %s, host %q", r.Method, r.URL, r.Host)
	}
	return nil, io.ErrUnexpectedEOF
}

// CVE-2026-49998: keys that were fetched were remembered by their kid alone, so that one issuer's key verified another's tokens.
func TestFetchedKeysOfTwoIssuersWithOneKid(t *testing.T) {
	const other = "https://other.example.com"
	document := func(key ed25519.PrivateKey) string {
		return fmt.Sprintf(kit.Ed25519JWKS, testkit.B64(key.Public().(ed25519.PublicKey)))
	}
	ours, theirs := &kit.PublishedKeys{}, &kit.PublishedKeys{}
	ours.Publish(document(testkit.EdKey()))
	theirs.Publish(document(testkit.StrangeKey()))
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{URL: testkit.Issuer, JWKSURI: testkit.Issuer + "/jwks"}, {URL: other, JWKSURI: other + "/jwks"}}
		cfg.HTTPClient = &http.Client{Transport: kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "other.example.com" {
				return theirs.RoundTrip(r)
			}
			return ours.RoundTrip(r)
		})}
	})
	for range 2 { // whatever was fetched and cached in the first round
		kit.WantRefused(
			t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": other}))), testkit.EdKey()),
			kit.BadToken, middleware.ReasonSignature,
		)
		kit.WantRefused(
			t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()), kit.BadToken,
			middleware.ReasonSignature,
		)
		kit.WantAdmitted(t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()))
		kit.WantAdmitted(t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": other}))), testkit.StrangeKey()))
	}
}

// CVE-2026-54560: without a client_id the scopes were not looked at.
func TestAbsentClaimsDoNotSwitchOffScopes(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, absent := range [][]string{{"client_id"}, {"sub"}, {"client_id", "sub"}, {"jti"}, {"scope"}, {"scope", "client_id"}, {"iat"}} {
			changes := kit.Claims{}
			for _, name := range absent {
				changes[name] = nil
			}
			for _, guard := range []*middleware.Guard{v.Require("admin"), v.Require().AnyScope("admin", "owner"), v.Optional().Require("admin")} {
				for range 2 {
					if got := kit.Serve(guard, kit.Bearer(kit.Mint(kit.GoodClaims(changes)))).String(); got != "403 insufficient_scope" {
						t.Errorf("without %v: outcome is %q", absent, got)
					}
				}
			}
		}
	})
}

// GO-2026-4703: a switch turned verification off, and nothing in its name said so. What loosens a check says Dangerously or Insecure.
func TestNoHarmlessNameSwitchesACheckOff(t *testing.T) {
	strict := []string{"DPoP.Required", "MTLS.Required", "FAPI2"}     // these only add to what is checked
	strict = append(strict, "NumericSubjects", "IgnoreAuthorization") // these say where a token or a claim is, and leave no check out
	strict = append(strict, "OpaqueCharacters")                       // this widens a syntax; who vouches for the token stays the same
	strict = append(strict, "LogSubjects")                            // this is about the log
	var visit func(kind reflect.Type, path string)
	visit = func(kind reflect.Type, path string) {
		for i := range kind.NumField() {
			field := kind.Field(i)
			name := strings.TrimPrefix(path+"."+field.Name, ".")
			switch field.Type.Kind() {
			case reflect.Struct:
				visit(field.Type, name)
			case reflect.Bool:
				if !slices.Contains(strict, name) && !strings.HasPrefix(field.Name, "Dangerously") && !strings.HasPrefix(field.Name, "Insecure") {
					t.Errorf("%s is a switch whose name says neither that it tightens nor that it is dangerous", name)
				}
			}
			for _, word := range []string{"Skip", "Disable", "Bypass", "NoVerify", "AllowNone"} {
				if strings.Contains(field.Name, word) {
					t.Errorf("%s offers to leave a check out", name)
				}
			}
		}
	}
	for _, config := range []any{middleware.Config{}, middleware.Issuer{}, jwks.Config{}, introspection.Config{}} {
		visit(reflect.TypeOf(config), "")
	}
}

// CVE-2026-49478, CVE-2026-26998: redirects of an upstream were followed, its body was read to the end that never came. Whatever an
// upstream does, the token was not judged.
func TestUpstreamThatMisbehavesIsAnOutage(t *testing.T) {
	answers := map[string]func() *http.Response{
		"a redirect to the metadata service of a cloud": func() *http.Response {
			return &http.Response{StatusCode: http.StatusFound, Header: kit.Fields("Location", "http://169.254.169.254/latest"), Body: http.NoBody}
		},
		"a redirect of the method and the body": func() *http.Response {
			return &http.Response{StatusCode: http.StatusTemporaryRedirect, Header: kit.Fields("Location", "https://attacker.example/"), Body: http.NoBody}
		},
		"a body without an end": func() *http.Response {
			return &http.Response{StatusCode: http.StatusOK, Header: kit.Fields("Content-Type", "application/json"), Body: io.NopCloser(&endless{t: t})}
		},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			client := &http.Client{Transport: kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
				if r.URL.Host != "login.example.com" {
					t.Errorf("%s was followed to %s", name, r.URL)
				}
				response := answer()
				response.Request = r
				return response, nil
			})}
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Issuers = []middleware.Issuer{{URL: testkit.Issuer, JWKSURI: testkit.Issuer + "/jwks", Introspector: kit.NewIntrospectionClient(t, client.Transport)}}
				cfg.HTTPClient = client
			})
			kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(nil)), "503", middleware.ReasonKeysUnavailable)
			kit.WantRefused(t, v, kit.OpaqueToken, "503", middleware.ReasonIntrospectionUnavailable)
		})
	}
}

// endless is a body of blanks, of which nobody may read much.
type endless struct {
	t    testing.TB
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	const most = 4 << 20
	if e.read += len(p); e.read > most {
		e.t.Errorf("%d bytes were read", e.read)
		return 0, io.EOF
	}
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
