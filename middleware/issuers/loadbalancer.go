package issuers

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/loadbalancer"
)

// AWSLoadBalancerConfig says which load balancers sign for an API. Region, Issuer and LoadBalancers are required.
type AWSLoadBalancerConfig struct {
	_ [0]func() // keyed literals only

	// Region is where the load balancers are: "eu-central-1".
	Region string

	// Issuer is the iss of the identity provider that the rule of the listener names, which the balancer writes into its tokens.
	Issuer string

	// LoadBalancers are the ARNs of the Application Load Balancers in front of this API. The keys are those of the whole region, so anybody's load
	// balancer there signs with them.
	LoadBalancers []string

	// HTTPClient fetches the keys; nil: a client of our own.
	HTTPClient *http.Client

	// Logger is told about the keys; nil: as in jwks.Config.
	Logger *slog.Logger
}

// AWSLoadBalancer is what an Application Load Balancer says of a user whom it has signed in (x-amzn-oidc-data). Its tokens are no JWTs by RFC 7515, as
// they are padded, and are read in no other place: give them a Validator of their own, with Config.TokenSources set to [AWSLoadBalancerSource] alone, and
// Config.IgnoreAuthorization.
//
// It relies on signer in the header, which must be one of LoadBalancers, on iss and on exp. There is no audience. Refused are the tokens of all other load
// balancers, other padding than the one that there is to be, and such tokens in the Authorization field.
//
// Not known for certain: that iss and exp are always among the claims, as they are in the header; without them a token is refused. Look at the field in a
// request of yours. The addresses of keys in GovCloud are others, and not known here. What the balancer puts into x-amzn-oidc-accesstoken
// is the provider's own token, for that provider's preset.
func AWSLoadBalancer(cfg AWSLoadBalancerConfig) (*Running, error) {
	a := argumentsOf("AWSLoadBalancer")
	a.label("Region", cfg.Region, "eu-central-1")
	if strings.HasPrefix(cfg.Region, "us-gov-") {
		a.wrong("Region is %q: the keys of GovCloud are at addresses that this preset does not know", cfg.Region)
	}
	a.filled("Issuer", cfg.Issuer)
	a.list("LoadBalancers", cfg.LoadBalancers, "the ARNs of the load balancers in front of this API")
	for _, arn := range cfg.LoadBalancers {
		parts := strings.SplitN(arn, ":", 6)
		if len(parts) != 6 || parts[0] != "arn" || parts[2] != "elasticloadbalancing" || !strings.HasPrefix(parts[5], "loadbalancer/app/") {
			a.wrong("LoadBalancers has %q: it must be an ARN such as arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188", arn)
		} else if parts[3] != cfg.Region {
			a.wrong("LoadBalancers has %q, which is not in Region %q", arn, cfg.Region)
		}
	}
	if len(a.errs) > 0 {
		return nil, a.err()
	}
	base := "https://public-keys.auth.elb." + cfg.Region + "." + amazonDomain(cfg.Region) + "/"
	keys, err := jwks.NewTenants(jwks.TenantsConfig{ // each key has an address of its own
		Issuer: base + "{tenantid}",
		URL:    base + "{tenantid}",
		Cache:  jwks.Config{HTTPClient: pemClient(cfg.HTTPClient), Refresh: 12 * time.Hour, Logger: cfg.Logger},
	})
	if err != nil {
		a.wrong("%w", err)
		return nil, a.err()
	}
	source := &loadbalancer.Keys{
		Signers: slices.Clone(cfg.LoadBalancers),
		Find: func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
			if !isUUID(kid) {
				return nil, fmt.Errorf("%w: the kid of a load balancer is a UUID", jwks.ErrKeyNotFound)
			}
			return keys.VerificationKeysFor(ctx, base+kid, kid, alg)
		},
	}
	return &Running{
		Issuer: middleware.Issuer{
			URL:                   cfg.Issuer,
			Keys:                  source,
			DangerouslyNoAudience: true, // the signer stands for it
			Algorithms:            []string{"ES256"},
			ClaimRules:            []middleware.ClaimRule{present("sub")},
		},
		closers: []func() error{keys.Close},
	}, nil
}

// AWSLoadBalancerSource is where the tokens of [AWSLoadBalancer] come.
func AWSLoadBalancerSource() middleware.TokenSource { return middleware.FromHeader(loadbalancer.Field) }

func isUUID(text string) bool {
	groups := strings.Split(text, "-")
	if len(groups) != 5 || strings.Trim(text, "0123456789abcdef-") != "" {
		return false
	}
	for i, length := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != length {
			return false
		}
	}
	return true
}

// pemClient asks as client does, and makes a JWKS of the one key in PEM that it gets. The key has the last segment of the address as its kid.
func pemClient(client *http.Client) *http.Client {
	return translating(client, func(r *http.Request, text []byte) ([]byte, error) {
		block, _ := pem.Decode(bytes.TrimSpace(text))
		if block == nil {
			return nil, errors.New("the answer is no key in PEM")
		}
		public, err := publicKey(block)
		if err != nil {
			return nil, err
		}
		jwk, err := jwkOf(public)
		if err != nil {
			return nil, err
		}
		var members map[string]string
		if err := json.Unmarshal(jwk, &members); err != nil {
			return nil, err
		}
		members["kid"] = path.Base(r.URL.Path)
		return json.Marshal(map[string]any{"keys": []any{members}})
	})
}

// translating asks as client does, and gives what it gets as a JWKS.
func translating(client *http.Client, translate func(*http.Request, []byte) ([]byte, error)) *http.Client {
	if client == nil {
		client = &http.Client{}
	}
	asking := *client
	next := asking.Transport
	if next == nil {
		next = &http.Transport{TLSHandshakeTimeout: 5 * time.Second, DisableKeepAlives: true}
	}
	asking.Transport = translator{next, translate}
	return &asking
}

type translator struct {
	next      http.RoundTripper
	translate func(*http.Request, []byte) ([]byte, error)
}

// RoundTrip implements [http.RoundTripper].
func (t translator) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFileBytes {
		return nil, errFileTooLong
	}
	document, err := t.translate(r, text)
	if err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(document)), int64(len(document))
	resp.Header.Del("Content-Length")
	resp.Header.Del("Content-Encoding")
	return resp, nil
}
