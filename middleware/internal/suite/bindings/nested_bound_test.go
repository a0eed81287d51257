package bindings_test

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// That a bound token was proven for one call says nothing of another (RFC 9449 section 4.3, points 8 and 9, and section 7.1): a
// handler that dispatches requests of its own (a batch, a gateway in the same process) must not admit them on that proof.
func TestInnerGuardTakesOverABoundTokenForTheSameCallOnly(t *testing.T) {
	spent := make(map[string]bool)
	var w kit.Decisions
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.Observe = w.Observe
		cfg.DPoP.Replays = kit.ReplayStoreFunc(func(_ context.Context, key string, _ time.Time) (bool, error) {
			known := spent[key]
			spent[key] = true
			return !known, nil
		})
	})
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	fresh := func(method, target string) string {
		return testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"htm": method, "htu": testkit.Audience + target}}.String()
	}
	for name, row := range map[string]struct {
		between func(r *http.Request)
		want    string
		nested  bool
	}{
		"the same call":                                {func(*http.Request) {}, "200", true},
		"a field that nothing depends on":              {func(r *http.Request) { r.Header.Set("Accept", "text/plain") }, "200", true},
		"another path inside, as StripPrefix makes it": {func(r *http.Request) { r.URL.Path = "/" }, "200", true},
		"another method":                               {func(r *http.Request) { r.Method = "DELETE" }, kit.BadProof, false},
		"another target":                               {func(r *http.Request) { r.RequestURI = "/admin" }, kit.BadProof, false},
		"another query": {
			func(r *http.Request) { r.RequestURI += "?all" }, kit.BadProof, false,
		}, // judged anew, and the proof is spent
		"garbage for a proof": {func(r *http.Request) { r.Header.Set("Dpop", "garbage") }, kit.BadProof, false},
		"no proof":            {func(r *http.Request) { r.Header.Del("Dpop") }, kit.BadProof, false},
		"a second proof":      {func(r *http.Request) { r.Header.Add("Dpop", "garbage") }, kit.BadProof, false},
		"the Bearer scheme":   {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, kit.BadToken, false},
		"another call with its own proof": {func(r *http.Request) {
			r.Method, r.RequestURI = "DELETE", "/admin"
			r.Header.Set("Dpop", fresh("DELETE", "/admin"))
		}, "200", false},
	} {
		t.Run(name, func(t *testing.T) {
			outer := kit.DPoPRequest(token, fresh("GET", "/orders"))
			inner := v.Require()
			ctx, err := inner.Check(outer)
			if err != nil {
				t.Fatal(err)
			}
			sub := outer.Clone(ctx)
			row.between(sub)
			if got := kit.OutcomeOf(inner, sub); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
			if d := w.Last(t); d.Nested != row.nested {
				t.Errorf("Decision.Nested is %t, want %t", d.Nested, row.nested)
			}
		})
	}
}

// Nor does a token that is bound to nothing become one that is because a Guard outside has admitted it.
func TestInnerGuardJudgesTheSchemeOfAnUnboundToken(t *testing.T) {
	v := kit.DPoPValidator(t, nil)
	token := kit.Mint(kit.GoodClaims(nil))
	ctx, err := v.Require().Check(kit.Bearer(token))
	if err != nil {
		t.Fatal(err)
	}
	for scheme, want := range map[string]string{"Bearer": "200", "DPoP": kit.BadToken} {
		sub := kit.Bearer(token).WithContext(ctx)
		sub.Header.Set("Authorization", scheme+" "+token)
		if got := kit.OutcomeOf(v.Require(), sub); got != want {
			t.Errorf("%s inside gives %s, want %s", scheme, got, want)
		}
	}
}

// The same of certificates (RFC 8705 section 3), from the TLS layer and from a proxy.
func TestInnerGuardWantsTheCertificateOfItsOwnCall(t *testing.T) {
	own, other := kit.ClientCert(), kit.OtherCert()
	token := kit.Mint(kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"x5t#S256": kit.CertThumbprint(own)}}))
	direct := kit.NewValidator(t, nil)
	behind := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.MTLS = middleware.MTLS{Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	})
	clientCert := func(c *x509.Certificate) []string { return []string{kit.CertByteSequence(c)} }
	good := http.Header{"Authorization": {"Bearer " + token}, "Client-Cert": clientCert(own)}
	changedTo := func(name string, values []string) http.Header {
		h := good.Clone()
		h[name] = values
		return h
	}
	for name, row := range map[string]struct {
		v     *middleware.Validator
		inner middleware.Credentials
		want  bool
	}{
		"the same":              {direct, middleware.Credentials{Header: good, Certificate: own}, true},
		"another":               {direct, middleware.Credentials{Header: good, Certificate: other}, false},
		"none":                  {direct, middleware.Credentials{Header: good}, false},
		"the same by the proxy": {behind, middleware.Credentials{Header: good, Certificate: own, RemoteAddr: "10.1.2.3:4"}, true},
		"another by the proxy": {
			behind,
			middleware.Credentials{Header: changedTo("Client-Cert", clientCert(other)), Certificate: own, RemoteAddr: "10.1.2.3:4"}, false,
		},
		"none by the proxy":      {behind, middleware.Credentials{Header: changedTo("Client-Cert", nil), Certificate: own, RemoteAddr: "10.1.2.3:4"}, false},
		"the same by a stranger": {behind, middleware.Credentials{Header: good, Certificate: own, RemoteAddr: "192.0.2.1:4"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, err := row.v.Require().Authorize(t.Context(), middleware.Credentials{Header: good, Certificate: own, RemoteAddr: "10.1.2.3:4"})
			if err != nil {
				t.Fatal(err)
			}
			// Behind the proxy the certificate of the TLS layer is the proxy's own, and stays the same.
			if _, err := row.v.Require().Authorize(ctx, row.inner); (err == nil) != row.want {
				t.Errorf("the inner Guard says %v", err)
			}
		})
	}
}
