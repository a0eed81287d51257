package reports_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// mistake is one that people make, and what the error of New or else the one log line must say of it.
type mistake struct {
	name   string
	change func(*middleware.Config)
	guard  func(*middleware.Validator) *middleware.Guard // nil: any good token will do
	send   *http.Request
	says   []string
}

func issuer(change func(*middleware.Issuer)) func(*middleware.Config) {
	return kit.ChangeIssuer(change)
}

func token(changes kit.Claims) *http.Request { return kit.Bearer(kit.Mint(kit.GoodClaims(changes))) }

// shortened takes five characters, which is not a whole number of bytes, off the end of a request's token.
func shortened(r *http.Request) *http.Request {
	field := r.Header["Authorization"]
	field[0] = field[0][:len(field[0])-5]
	return r
}

func headed(header string, changes kit.Claims) *http.Request {
	return kit.Bearer(testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(changes))), testkit.EdKey()))
}

func typed(typ string, changes kit.Claims) *http.Request {
	return kit.Bearer(kit.MintTyped(typ, kit.GoodClaims(changes)))
}

func needs(narrow func(*middleware.Guard) *middleware.Guard) func(*middleware.Validator) *middleware.Guard {
	return func(v *middleware.Validator) *middleware.Guard { return narrow(v.Require()) }
}

func scope(scopes ...string) func(*middleware.Validator) *middleware.Guard {
	return needs(func(g *middleware.Guard) *middleware.Guard { return g.Require(scopes...) })
}

func role(roles ...string) func(*middleware.Validator) *middleware.Guard {
	return needs(func(g *middleware.Guard) *middleware.Guard { return g.AnyRole(roles...) })
}

func rolesFrom(entries ...string) func(*middleware.Config) {
	return issuer(func(i *middleware.Issuer) { i.Claims.Roles = entries })
}

// pages are what an authorization server publishes, by path.
func pages(p map[string]string, header ...string) http.RoundTripper {
	return kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
		status, page := http.StatusOK, p[r.URL.Path]
		if page == "" {
			status = http.StatusNotFound
		}
		return &http.Response{StatusCode: status, Header: kit.Fields(header...), Body: io.NopCloser(strings.NewReader(page)), Request: r}, nil
	})
}

// fetching lets the keys come from this transport.
func fetching(rt http.RoundTripper, change ...func(*middleware.Issuer)) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys = nil
		cfg.HTTPClient = &http.Client{Transport: rt}
		for _, c := range change {
			c(&cfg.Issuers[0])
		}
	}
}

const metadataPath = "/.well-known/openid-configuration"

func published(metadata string, keys string) map[string]string {
	return map[string]string{metadataPath: metadata, "/keys": keys}
}

var goodMetadata = `{"issuer":"` + testkit.Issuer + `","jwks_uri":"` + testkit.Issuer + `/keys"}`

// oneKey is a key set of the test's key under this kid.
func oneKey(kid string) string {
	jwk := testkit.JWK(testkit.EdKey().Public())
	jwk["kid"], jwk["alg"] = kid, "EdDSA"
	return string(testkit.JSON(kit.Claims{"keys": []any{jwk}}))
}

// endpoint introspects at an endpoint that answers so.
func endpoint(status int, answer string) func(*middleware.Config) {
	return issuer(func(i *middleware.Issuer) {
		client, err := introspection.New(introspection.Config{
			URL: testkit.Issuer + "/introspect", ClientAuth: introspection.SecretBasic("api", "secret"),
			HTTPClient: &http.Client{Transport: kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
				return &http.Response{
					StatusCode: status, Header: kit.Fields("Content-Type", "application/json"),
					Body: io.NopCloser(strings.NewReader(answer)), Request: r,
				}, nil
			})},
		})
		i.Introspector = testkit.Must(client, err)
	})
}

func answering(changes kit.Claims) func(*middleware.Config) {
	return endpoint(200, string(testkit.JSON(kit.ActiveAnswer(changes))))
}

// unread are Revocations that know nothing yet.
type unread struct{}

func (unread) Judge(middleware.TokenFacts) middleware.Verdict { return middleware.Verdict{} }

// revokedAs lets Revocations know of every token that it was revoked by this.
func revokedAs(kind string) func(*middleware.Config) {
	return func(cfg *middleware.Config) { cfg.Revocations = []middleware.Revocations{revoked(kind)} }
}

type revoked string

func (r revoked) Judge(middleware.TokenFacts) middleware.Verdict {
	return middleware.Verdict{Kind: string(r), AsOf: time.Now()}
}

var opaque = kit.Bearer("an-opaque-token")

// bound are requests with a token bound to a key, and what else a client sends.
func boundRequest(scheme string, proofs ...testkit.Proof) *http.Request {
	bound := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	r := kit.Request("GET", kit.Fields("Authorization", scheme+" "+bound))
	for _, p := range proofs {
		p.Token = bound
		if p.Key == nil {
			p.Key = testkit.EdKey()
		}
		r.Header.Add("Dpop", p.String())
	}
	return r
}

func public(change func(*middleware.Config)) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		kit.SetPublicURL(cfg)
		if change != nil {
			change(cfg)
		}
	}
}

func cookies(fields ...string) *http.Request {
	r := kit.Request("POST", kit.Fields(append([]string{"Cookie", "__Host-token=" + kit.Mint(kit.GoodClaims(nil))}, fields...)...))
	r.Host = "api.example.com"
	return r
}

func fromCookie(cfg *middleware.Config) {
	cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("__Host-token")}
}

func proxied(cfg *middleware.Config) {
	cfg.MTLS = middleware.MTLS{Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
}

func tenants(allowed ...string) func(*middleware.Config) {
	return issuer(func(i *middleware.Issuer) {
		i.URL = kit.TenantsURL
		i.AllowTenant = func(_ context.Context, tenant string) bool {
			return strings.Contains(strings.Join(allowed, " "), tenant)
		}
	})
}

const hour = 3600

var now = testkit.Now.Unix()
