package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/input"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/verdict"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// trustFlags say whose tokens are good, as middleware.Config does.
func trustFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "preset", Usage: "a ready-made issuer instead of -issuer (package issuers): keycloak, auth0, entra …", Local: true},
		&cli.StringSliceFlag{Name: "param", Usage: "NAME=VALUE of the preset", Local: true},
		&cli.StringSliceFlag{Name: "param-file", Usage: "NAME=FILE that holds a secret of the preset", Local: true},
		&cli.StringSliceFlag{Name: "param-env", Usage: "NAME=VARIABLE that holds a secret of the preset", Local: true},
		&cli.StringSliceFlag{Name: "audience", Usage: "the name of the API in aud", Local: true},
		&cli.StringSliceFlag{Name: "allowed-client", Usage: "a client id, for servers that name no audience", Local: true},
		&cli.StringSliceFlag{Name: "scopes-claim", Usage: "the claim that holds the scopes; default: scope, scp", Local: true},
		&cli.StringSliceFlag{Name: "roles-claim", Usage: "the claim that holds the roles, as /realm_access/roles", Local: true},
		&cli.StringSliceFlag{Name: "require", Usage: "a scope that the route needs", Local: true},
		&cli.StringSliceFlag{Name: "role", Usage: "a role, one of which the route needs", Local: true},
	}
}

// clientFlags are those of the client that introspects.
func clientFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "introspection-url", Usage: "the introspection endpoint", Local: true},
		&cli.StringFlag{Name: "client-id", Usage: "the client that introspects", Local: true},
		&cli.StringFlag{Name: "client-secret-file", Usage: "the file that holds the client's secret", Local: true},
		&cli.StringFlag{Name: "client-secret-env", Usage: "the name of the environment variable that holds the client's secret", Local: true},
		&cli.StringFlag{Name: "client-auth", Usage: "client_secret_basic or client_secret_post", Local: true},
	}
}

// trusts reports whether a flag says whom to trust; without, nothing is judged.
func trusts(c *cli.Command) bool { return c.IsSet("issuer") || c.IsSet("preset") }

// question makes of the flags what is to be judged. end closes what it has opened.
func question(c *cli.Command, token input.Token) (q verdict.Question, end func(), err error) {
	end = func() {}
	through, err := transport(c.String("ca-file"))
	if err != nil {
		return q, end, err
	}
	var running *issuers.Running
	if c.IsSet("preset") {
		running, q.Field, err = ready(c)
	} else {
		running, err = plainIssuer(c, through)
	}
	if err != nil {
		return q, end, err
	}
	issuer := running.Issuer
	if names := c.StringSlice("roles-claim"); len(names) > 0 {
		issuer.Claims.Roles = names
	}
	if names := c.StringSlice("scopes-claim"); len(names) > 0 {
		issuer.Claims.Scopes = names
	}
	if clients := c.StringSlice("allowed-client"); len(clients) > 0 {
		issuer.AllowedClients = clients
	}
	q.Token, q.Scopes, q.Roles = token, c.StringSlice("require"), c.StringSlice("role")
	q.Config = middleware.Config{
		Issuers:              []middleware.Issuer{issuer},
		Audiences:            c.StringSlice("audience"),
		DangerouslyAllowHTTP: c.StringSlice("dangerously-allow-http"),
		HTTPClient:           &http.Client{Transport: through},
	}
	return q, func() { _ = running.Close() }, nil
}

// plainIssuer is the Issuer of -issuer.
func plainIssuer(c *cli.Command, through http.RoundTripper) (*issuers.Running, error) {
	if len(c.StringSlice("param"))+len(c.StringSlice("param-file"))+len(c.StringSlice("param-env")) > 0 {
		return nil, errors.New("-param, -param-file and -param-env go with -preset")
	}
	r := &issuers.Running{Issuer: middleware.Issuer{URL: c.String("issuer"), JWKSURI: c.String("jwks-uri")}}
	if r.Issuer.URL == "" {
		return nil, errors.New("-issuer is empty: is an environment variable missing?")
	}
	at := c.String("introspection-url")
	if at == "" {
		return r, nil
	}
	text, err := secret(c)
	if err != nil {
		return nil, err
	}
	auth := introspection.SecretBasic(c.String("client-id"), text)
	if c.String("client-auth") == "client_secret_post" {
		auth = introspection.SecretPost(c.String("client-id"), text)
	}
	client, err := introspection.New(introspection.Config{
		URL: at, Issuer: r.Issuer.URL, ClientAuth: auth, HTTPClient: &http.Client{Transport: through},
		DangerouslyAllowHTTP: c.StringSlice("dangerously-allow-http"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	r.Issuer.Introspector = client
	return r, nil
}

// ready makes the Issuer of -preset.
func ready(c *cli.Command) (*issuers.Running, string, error) {
	if c.IsSet("issuer") || c.IsSet("jwks-uri") || c.IsSet("introspection-url") {
		return nil, "", errors.New("-preset makes the whole issuer: leave out -issuer, -jwks-uri and -introspection-url")
	}
	presets := issuers.Presets()
	at := slices.IndexFunc(presets, func(p issuers.Preset) bool { return p.Name == c.String("preset") })
	if at < 0 {
		var names []string
		for _, p := range presets {
			names = append(names, p.Name)
		}
		return nil, "", fmt.Errorf("there is no such preset; there are %s", strings.Join(names, ", "))
	}
	values, err := params(c, presets[at])
	if err != nil {
		return nil, "", err
	}
	running, err := presets[at].Make(values)
	return running, presets[at].Field, err
}

var paramName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// params reads the parameters of a preset, its secrets from files and the environment alone.
func params(c *cli.Command, preset issuers.Preset) (map[string][]string, error) {
	values := make(map[string][]string)
	for flag, read := range map[string]func(string) (string, error){
		"param":      func(value string) (string, error) { return value, nil },
		"param-file": readSecretFile,
		"param-env":  func(name string) (string, error) { return os.Getenv(name), nil },
	} {
		for _, text := range c.StringSlice(flag) {
			name, value, found := strings.Cut(text, "=")
			if !found || !paramName.MatchString(name) {
				return nil, fmt.Errorf("-%s must be NAME=…, as -param domain=example.eu.auth0.com", flag)
			}
			isSecret := slices.ContainsFunc(preset.Params, func(p issuers.Param) bool { return p.Name == name && p.Secret })
			if isSecret && flag == "param" {
				return nil, fmt.Errorf("the parameter %s is a secret: use -param-file or -param-env, so that no list of processes shows it", name)
			}
			value, err := read(value)
			if err != nil {
				return nil, fmt.Errorf("the parameter %s: %w", name, err)
			}
			if value == "" {
				return nil, fmt.Errorf("the parameter %s is empty: is an environment variable missing?", name)
			}
			values[name] = append(values[name], value)
		}
	}
	return values, nil
}

func readSecretFile(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("its file cannot be read: %w", cause(err))
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// oneLine is err without what may be a token.
func oneLine(err error) error {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		lines = append(lines, plain.Mask(plain.Line(line)))
	}
	return errors.New(strings.Join(lines, "; "))
}
