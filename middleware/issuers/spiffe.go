package issuers

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// SPIFFEConfig says which workloads of a SPIFFE trust domain are let in. TrustDomain and Audiences are required, one of IDs and AnyWorkload, and one of
// BundleURL and BundleFile.
type SPIFFEConfig struct {
	_ [0]func() // keyed literals only

	// TrustDomain is its name: "example.org".
	TrustDomain string

	// Audiences are the names of this API, as workloads ask for them; often its own SPIFFE ID.
	Audiences []string

	// IDs are the workloads that may call: "spiffe://example.org/billing".
	IDs []string

	// AnyWorkload lets in every workload of the trust domain, and of it alone.
	AnyWorkload bool

	// Issuer is the iss of the SVIDs, where the server writes one (SPIRE: jwt_issuer). Zero: they have none, and then this Issuer must be the only one of
	// its Validator.
	Issuer string

	// BundleURL is the bundle endpoint of the trust domain, by https with a certificate of the web (the profile https_web).
	BundleURL string

	// BundleFile is a file with the bundle, which an agent keeps up to date. It is read again while the program runs, each Interval (see FileConfig).
	BundleFile string
	Interval   time.Duration

	// HTTPClient asks BundleURL; nil: a client of our own.
	HTTPClient *http.Client

	// Logger is told about the keys; nil: see jwks.Config and FileConfig.
	Logger *slog.Logger
}

// SPIFFE is the JWT-SVIDs of one SPIFFE trust domain.
//
// It relies on aud, on sub, which is a SPIFFE ID of the trust domain, and on the keys of the bundle whose use is jwt-svid. Refused are all other
// workloads, other trust domains, what the keys for X.509-SVIDs sign, and the typ JOSE, which the specification allows. Header parameters that it
// forbids mean nothing here and are ignored.
func SPIFFE(cfg SPIFFEConfig) (*Running, error) {
	a := argumentsOf("SPIFFE")
	if cfg.TrustDomain == "" || strings.Trim(cfg.TrustDomain, hostCharacters+"_") != "" {
		a.wrong("TrustDomain is %q: it must be a name in small letters such as example.org, without scheme and path", cfg.TrustDomain)
	}
	domain := "spiffe://" + cfg.TrustDomain
	a.list("Audiences", cfg.Audiences, "this API as workloads ask for it")
	a.filled("IDs", cfg.IDs...)
	for _, id := range cfg.IDs {
		if !isWorkload(id, domain) {
			a.wrong("IDs has %q, which is not of the trust domain: it must begin with %s/", id, domain)
		}
	}
	switch {
	case len(cfg.IDs) == 0 && !cfg.AnyWorkload:
		a.wrong("IDs is empty, which would admit nobody: name the workloads, or set AnyWorkload for all of the trust domain")
	case len(cfg.IDs) > 0 && cfg.AnyWorkload:
		a.wrong("IDs and AnyWorkload are both set: choose one")
	}
	if (cfg.BundleURL == "") == (cfg.BundleFile == "") {
		a.wrong("BundleURL and BundleFile: set one")
	}
	if len(a.errs) > 0 {
		return nil, a.err()
	}
	i := middleware.Issuer{
		URL:                 cfg.Issuer,
		Audiences:           cfg.Audiences,
		Algorithms:          []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"},
		ClaimRules:          []middleware.ClaimRule{present("sub")},
		DangerouslyNoIssuer: cfg.Issuer == "",
	}
	if cfg.Issuer == "" {
		i.URL = domain // its name here; an SVID that has an iss must have this one
	}
	if cfg.AnyWorkload {
		i.Accept = func(t *middleware.Token) error {
			if !isWorkload(t.Subject, domain) {
				return errWorkload
			}
			return nil
		}
	} else {
		i.ClaimRules = []middleware.ClaimRule{oneOf("sub", slices.Clone(cfg.IDs)...)}
	}
	if cfg.BundleFile != "" {
		return watching(a, FileConfig{Issuer: i.URL, Path: cfg.BundleFile, Interval: cfg.Interval, Logger: cfg.Logger}, i, readBundle)
	}
	keys, err := jwks.New(jwks.Config{URL: cfg.BundleURL, HTTPClient: bundleClient(cfg.HTTPClient), Logger: cfg.Logger})
	if err != nil {
		a.wrong("BundleURL: %w", err)
		return nil, a.err()
	}
	i.Keys = keys
	return &Running{Issuer: i, closers: []func() error{keys.Close}}, nil
}

var errWorkload = errors.New("issuers: SPIFFE: sub is not a SPIFFE ID of the trust domain")

func isWorkload(id, domain string) bool {
	path, found := strings.CutPrefix(id, domain+"/")
	return found && path != ""
}

func readBundle(text []byte) (*jwks.Set, error) {
	document, err := onlyJWTKeys(text)
	if err != nil {
		return nil, err
	}
	return jwks.Static(document)
}

// onlyJWTKeys makes a JWKS of a SPIFFE bundle: of its keys those that are for JWT-SVIDs, with the use that RFC 7517 knows.
func onlyJWTKeys(bundle []byte) ([]byte, error) {
	var document struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(bundle, &document); err != nil {
		return nil, err
	}
	kept := []map[string]json.RawMessage{}
	for _, key := range document.Keys {
		if string(key["use"]) == `"jwt-svid"` {
			key["use"] = json.RawMessage(`"sig"`)
			kept = append(kept, key)
		}
	}
	return json.Marshal(map[string]any{"keys": kept})
}

func bundleClient(client *http.Client) *http.Client {
	return translating(client, func(_ *http.Request, bundle []byte) ([]byte, error) { return onlyJWTKeys(bundle) })
}
