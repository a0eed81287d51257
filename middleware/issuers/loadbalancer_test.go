package issuers_test

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

const (
	balancer      = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"
	otherBalancer = "arn:aws:elasticloadbalancing:eu-central-1:666666666666:loadbalancer/app/evil/50dc6c495c0c9188"
	balancerKey   = "8f3b1c2d-0000-4000-8000-000000000001"
)

// regionKeys publishes the keys of a region as AWS does: each as PEM at an address of its own.
type regionKeys struct {
	t     *testing.T
	mu    sync.Mutex
	asked map[string]int
}

func (k *regionKeys) RoundTrip(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked[r.URL.String()]++
	body, status := pemOf(k.t, &testkit.P256Key().PublicKey), http.StatusOK
	if r.URL.String() != "https://public-keys.auth.elb.eu-central-1.amazonaws.com/"+balancerKey {
		body, status = "", http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// balanced signs as a load balancer does: over padded text, with padded segments.
func balanced(h header, c claims) string {
	encode := base64.URLEncoding.EncodeToString
	input := encode(testkit.JSON(h)) + "." + encode(testkit.JSON(c))
	return input + "." + encode(testkit.Signature(input, "", testkit.P256Key()))
}

func TestAWSLoadBalancer(t *testing.T) {
	keys := &regionKeys{t: t, asked: make(map[string]int)}
	cfg := issuers.AWSLoadBalancerConfig{
		Region: "eu-central-1", Issuer: pool, LoadBalancers: []string{balancer}, HTTPClient: &http.Client{Transport: keys}, Logger: slog.New(slog.DiscardHandler),
	}
	r, err := issuers.AWSLoadBalancer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, r)
	base := middleware.Config{
		Issuers: []middleware.Issuer{r.Issuer}, Clock: func() time.Time { return testkit.Now }, Logger: slog.New(slog.DiscardHandler),
		IgnoreAuthorization: true, TokenSources: []middleware.TokenSource{issuers.AWSLoadBalancerSource()},
	}
	guard := guardOf(t, base)
	exp := testkit.Now.Add(time.Minute).Unix()
	head := func(changes header) header {
		return header{"typ": "JWT", "kid": balancerKey, "alg": "ES256", "iss": pool, "client": "web", "signer": balancer, "exp": exp}.With(changes)
	}
	body := func(changes claims) claims {
		return claims{"sub": "alice", "email": "alice@example.com", "iss": pool, "exp": exp}.With(changes)
	}
	good := balanced(head(nil), body(nil))
	if !strings.Contains(good, "=") {
		t.Fatal("the good token is not padded, so it proves nothing")
	}
	segments := strings.Split(good, ".")
	unpadded := strings.ReplaceAll(good, "=", "")
	rfc := sheet{issuer: r.Issuer, alg: "ES256"}.signed(head(nil), body(nil))
	for name, row := range map[string]struct {
		token string
		want  middleware.Reason
	}{
		"a user of ours":                     {good, ""},
		"the same again":                     {good, ""},
		"another length":                     {balanced(head(nil), body(claims{"name": "a"})), ""},
		"one more":                           {balanced(head(nil), body(claims{"name": "ab"})), ""},
		"somebody else's load balancer":      {balanced(head(header{"signer": otherBalancer}), body(nil)), middleware.ReasonSignature},
		"a token that names no signer":       {balanced(head(header{"signer": nil}), body(nil)), middleware.ReasonSignature},
		"a signer in the claims alone":       {balanced(head(header{"signer": nil}), body(claims{"signer": balancer})), middleware.ReasonSignature},
		"another identity provider":          {balanced(head(nil), body(claims{"iss": "https://evil.example"})), middleware.ReasonUnknownIssuer},
		"an expired one":                     {balanced(head(nil), body(claims{"exp": 1})), middleware.ReasonExpired},
		"one that does not expire":           {balanced(head(nil), body(claims{"exp": nil})), middleware.ReasonMissingClaim},
		"nobody":                             {balanced(head(nil), body(claims{"sub": nil})), middleware.ReasonNotAccepted},
		"a key that AWS does not publish":    {balanced(head(header{"kid": "8f3b1c2d-0000-4000-8000-000000000002"}), body(nil)), middleware.ReasonUnknownKey},
		"a kid that leads elsewhere":         {balanced(head(header{"kid": "../" + balancerKey}), body(nil)), middleware.ReasonUnknownKey},
		"no kid":                             {balanced(head(header{"kid": nil}), body(nil)), middleware.ReasonUnknownKey},
		"without its padding":                {unpadded, middleware.ReasonMalformedRequest},
		"with too much of it":                {segments[0] + "=." + segments[1] + "." + segments[2], middleware.ReasonMalformedRequest},
		"a JWT of RFC 7515 under that key":   {padEach(rfc), middleware.ReasonSignature},
		"a signature over the unpadded text": {rfc, middleware.ReasonMalformedRequest},
		"four segments":                      {good + ".YQ==", middleware.ReasonMalformedRequest},
		"RS256":                              {balanced(head(header{"alg": "RS256"}), body(nil)), middleware.ReasonAlgorithm},
		"none":                               {balanced(head(header{"alg": "none"}), body(nil)), middleware.ReasonAlgorithm},
		"a nonce, as an ID token would have": {balanced(head(nil), body(claims{"nonce": "n"})), middleware.ReasonTokenType},
		"a claim that was changed": {
			segments[0] + "." + base64.URLEncoding.EncodeToString(testkit.JSON(body(claims{"sub": "bob"}))) + "." + segments[2],
			middleware.ReasonSignature,
		},
		"the padding written as an escape":      {strings.ReplaceAll(good, "=", "%3D"), middleware.ReasonMalformedRequest},
		"the alphabet of base64, not base64url": {strings.NewReplacer("-", "+", "_", "/").Replace(good), reasonOfAlphabet(good)},
	} {
		tok, err := call(guard, "X-Amzn-Oidc-Data", row.token)
		if reasonOf(err) != row.want {
			t.Errorf("%s: reason is %q, want %q (%s)", name, reasonOf(err), row.want, explained(err))
		}
		if err == nil && tok.Subject != "alice" {
			t.Errorf("%s: the token is %v", name, tok)
		}
	}
	for _, value := range []string{"Bearer " + good, "Bearer " + unpadded, "Bearer " + rfc} {
		if _, err := call(guard, "Authorization", value); reasonOf(err) != middleware.ReasonNoToken {
			t.Errorf("in Authorization: reason is %q", reasonOf(err))
		}
	}
	if n := keys.asked["https://public-keys.auth.elb.eu-central-1.amazonaws.com/"+balancerKey]; n != 1 || len(keys.asked) != 2 {
		t.Errorf("the keys were asked for %v", keys.asked)
	}
	if issuers.AWSLoadBalancerSource() != middleware.FromHeader("x-amzn-oidc-data") {
		t.Error("the source is another field")
	}

	v, err := middleware.New(base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	if shared, algorithms := v.KeySource(pool); shared != nil || algorithms != nil {
		t.Error("keys that all accounts share are said to be good for whatever they sign")
	}

	// Such tokens never share a Validator, or a place, with others.
	bearer := middleware.Issuer{URL: "https://login.example.com", Keys: testkit.KeySet(), Audiences: []string{api}}
	for name, change := range map[string]func(*middleware.Config){
		"Authorization is read":    func(c *middleware.Config) { c.IgnoreAuthorization = false },
		"another issuer":           func(c *middleware.Config) { c.Issuers = append(c.Issuers, bearer) },
		"another issuer before it": func(c *middleware.Config) { c.Issuers = []middleware.Issuer{bearer, r.Issuer} },
		"another field": func(c *middleware.Config) {
			c.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token")}
		},
		"another field beside it": func(c *middleware.Config) {
			c.TokenSources = append(c.TokenSources[:1:1], middleware.FromHeader("X-Token"))
		},
		"a form beside it":   func(c *middleware.Config) { c.TokenSources = append(c.TokenSources[:1:1], middleware.FromForm()) },
		"opaque tokens":      func(c *middleware.Config) { c.Issuers[0].Introspector = answers{} },
		"tokens without iss": func(c *middleware.Config) { c.Issuers[0].DangerouslyNoIssuer = true },
		"an introspected one as well": func(c *middleware.Config) {
			c.Issuers[0].Introspector, c.Issuers[0].JWTs = answers{}, middleware.VerifyAndIntrospectJWTs
		},
		"its keys in a literal Issuer": func(c *middleware.Config) {
			c.Issuers[0] = middleware.Issuer{URL: "https://x.example", Keys: r.Issuer.Keys, Audiences: []string{api}}
			c.IgnoreAuthorization, c.TokenSources = false, nil
		},
	} {
		cfg := base
		cfg.Issuers = []middleware.Issuer{r.Issuer}
		change(&cfg)
		if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), "a Validator of its own") {
			t.Errorf("%s: New says %v", name, err)
		}
	}

	// The same field, read for another issuer, has no such dialect.
	plain := guardOf(t, middleware.Config{
		Issuers: []middleware.Issuer{
			{URL: pool, Keys: struct{ middleware.KeySource }{r.Issuer.Keys}, DangerouslyNoAudience: true},
		}, Clock: base.Clock, Logger: base.Logger,
		IgnoreAuthorization: true, TokenSources: base.TokenSources,
	})
	for token, want := range map[string]middleware.Reason{good: middleware.ReasonMalformedRequest, unpadded: middleware.ReasonSignature} {
		if _, err := call(plain, "X-Amzn-Oidc-Data", token); reasonOf(err) != want {
			t.Errorf("without the preset: reason is %q, want %q", reasonOf(err), want)
		}
	}
	for want, change := range map[string]func(*issuers.AWSLoadBalancerConfig){
		"Region is empty":        func(c *issuers.AWSLoadBalancerConfig) { c.Region = "" },
		"GovCloud":               func(c *issuers.AWSLoadBalancerConfig) { c.Region = "us-gov-west-1" },
		"Issuer has an empty":    func(c *issuers.AWSLoadBalancerConfig) { c.Issuer = "" },
		"LoadBalancers is empty": func(c *issuers.AWSLoadBalancerConfig) { c.LoadBalancers = nil },
		"it must be an ARN":      func(c *issuers.AWSLoadBalancerConfig) { c.LoadBalancers = []string{"shop"} },
		"is not in Region": func(c *issuers.AWSLoadBalancerConfig) {
			c.LoadBalancers = []string{strings.Replace(balancer, "central", "west", 1)}
		},
	} {
		wrong := cfg
		change(&wrong)
		if r, err := issuers.AWSLoadBalancer(wrong); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// signed is a JWT as RFC 7515 has it.
func (s sheet) signed(h header, c claims) string { return signed(h, c) }

func padEach(token string) string {
	segments := strings.Split(token, ".")
	for i, segment := range segments {
		segments[i] = segment + strings.Repeat("=", (4-len(segment)%4)%4)
	}
	return strings.Join(segments, ".")
}

// reasonOfAlphabet: a token without - and _ is the same in both alphabets.
func reasonOfAlphabet(token string) middleware.Reason {
	if strings.ContainsAny(token, "-_") {
		return middleware.ReasonMalformed
	}
	return ""
}
