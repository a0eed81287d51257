package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"net/http"
	"os"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// secretVariable holds the introspection client's secret, which other users of the machine would see in the command line.
const secretVariable = "CARDEA_INTROSPECTION_CLIENT_SECRET"

// provider is a real authorization server as the command line describes it.
type provider struct {
	issuer, audience string
	rfc9068          bool

	introspectionURL       string
	clientID, clientSecret string
	introspectionTTL       time.Duration
}

func (p *provider) define(flags *flag.FlagSet) {
	flags.StringVar(&p.issuer, "issuer", "", "`URL` of a real provider, exactly as in the iss claim; empty: one is started here")
	flags.StringVar(&p.audience, "audience", "", "`name` of this API at that provider, exactly as in the aud claim")
	flags.BoolVar(&p.rfc9068, "rfc9068", false, "accept a JWT only if it says that it is an access token: typ at+jwt and the claims that RFC 9068 requires")
	flags.StringVar(&p.introspectionURL, "introspection-url", "", "the provider's introspection endpoint; empty: opaque tokens are refused")
	flags.StringVar(&p.clientID, "introspection-client-id", "", "client id of this API at that endpoint")
	flags.StringVar(&p.clientSecret, "introspection-client-secret", "", "its secret; better in the environment: "+secretVariable)
	flags.DurationVar(&p.introspectionTTL, "introspection-ttl", 0, "how long a revoked opaque token may still be accepted; 0: 10s, negative: no caching")
}

// check looks for flags that only make sense together; the values are for introspection.New and middleware.New to judge.
func (p *provider) check() error {
	switch {
	case p.issuer == "":
		return errors.New("-audience, -rfc9068 and -introspection-… need -issuer, the URL of the provider")
	case p.audience == "":
		return errors.New("-issuer needs -audience, the name of this API at the provider")
	case p.introspectionURL == "" && (p.clientID != "" || p.clientSecret != ""):
		return errors.New("-introspection-client-… need -introspection-url, the provider's endpoint")
	}
	return nil
}

// start returns a configuration that trusts the provider, and requests to try with a token of the reader's own. What it
// starts ends with ctx.
func (p *provider) start(ctx context.Context) (middleware.Config, []demo.Request, error) {
	if err := p.check(); err != nil {
		return middleware.Config{}, nil, err
	}
	issuer := middleware.Issuer{URL: p.issuer}
	if p.rfc9068 {
		issuer.Profile = middleware.RFC9068
	}
	if p.introspectionURL != "" {
		client, err := introspection.New(introspection.Config{
			URL:        p.introspectionURL,
			ClientAuth: introspection.SecretBasic(p.clientID, cmp.Or(p.clientSecret, os.Getenv(secretVariable))),
			ActiveTTL:  p.introspectionTTL,
		})
		if err != nil {
			return middleware.Config{}, nil, err
		}
		context.AfterFunc(ctx, func() { _ = client.Close() })
		issuer.Introspector = client
	}
	config := middleware.Config{Issuers: []middleware.Issuer{issuer}, Audiences: []string{p.audience}}

	return config, []demo.Request{
		{Name: "no token", Path: "/orders", Status: http.StatusUnauthorized},
		{Name: "no token, and none needed", Path: "/public", Status: http.StatusOK},
		{Name: "all that your token says", Path: "/me", Token: "$TOKEN"},
		{Name: "your token, if it has the scope orders:read", Path: "/orders", Token: "$TOKEN"},
	}, nil
}
