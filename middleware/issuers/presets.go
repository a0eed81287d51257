package issuers

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// Preset is one preset of this package by name, for commands and configuration files, which have nothing but text.
type Preset struct {
	_ [0]func() // keyed literals only

	Name     string  // "cognito"
	Provider string  // "AWS Cognito, access tokens"
	Func     string  // the function of this package: "Cognito"
	Params   []Param // what Make is to be given

	// Field is the header field in which the tokens come, where it is not Authorization: set Config.IgnoreAuthorization and name it in
	// Config.TokenSources.
	Field string

	// Make makes the Issuer of these values, by the names of Params. Its error joins every mistake: a parameter that is missing, one that is not known, and
	// what the function says. Always close the Running. It may be called again, and from many goroutines.
	Make func(values map[string][]string) (*Running, error)
}

// Param is a parameter of a Preset.
type Param struct {
	_ [0]func() // keyed literals only

	Name     string
	Example  string
	Required bool
	Many     bool // several values are one list
	Secret   bool // a value belongs into no log
}

func need(name, example string) Param { return Param{Name: name, Example: example, Required: true} }
func list(name, example string) Param {
	return Param{Name: name, Example: example, Required: true, Many: true}
}
func option(name, example string) Param { return Param{Name: name, Example: example} }
func more(name, example string) Param   { return Param{Name: name, Example: example, Many: true} }

// given are the values of one preset.
type given map[string][]string

func (v given) one(name string) string {
	if len(v[name]) == 0 {
		return ""
	}
	return v[name][0]
}

func (v given) is(name string) bool { return v.one(name) == "true" }

// check looks for what no function of this package would see.
func (p *Preset) check(v given) error {
	a := argumentsOf(p.Func)
	for _, param := range p.Params {
		switch values := v[param.Name]; {
		case param.Required && len(values) == 0:
			a.wrong("parameter %s is missing: it is such as %s", param.Name, param.Example)
		case !param.Many && len(values) > 1:
			a.wrong("parameter %s has %d values, and takes one", param.Name, len(values))
		case (param.Example == "true" || param.Example == "false") && len(values) == 1 && values[0] != "true" && values[0] != "false":
			a.wrong("parameter %s is %q: it must be true or false", param.Name, values[0])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if !slices.ContainsFunc(p.Params, func(param Param) bool { return param.Name == name }) {
			a.wrong("there is no parameter %q: use %s", name, strings.Join(p.names(), ", "))
		}
	}
	return a.err()
}

func (p *Preset) names() []string {
	var names []string
	for _, param := range p.Params {
		names = append(names, param.Name)
	}
	return names
}

// running is a preset whose function makes a Running.
func running(p Preset, run func(given) (*Running, error)) Preset {
	p.Make = func(values map[string][]string) (*Running, error) {
		if err := p.check(values); err != nil {
			return nil, err
		}
		return run(values)
	}
	return p
}

// plain is a preset whose function makes an Issuer and nothing else.
func plain(p Preset, issuer func(given) middleware.Issuer) Preset {
	return running(p, func(v given) (*Running, error) {
		i := issuer(v)
		if i.Err != nil {
			return nil, i.Err
		}
		return &Running{Issuer: i}, nil
	})
}

// asking is a preset whose function is given an Introspector. It makes that as well.
func asking(p Preset, required bool, issuer func(given, middleware.Introspector) middleware.Issuer) Preset {
	url := Param{Name: "introspection_url", Example: "https://auth.example.com/oauth2/introspect", Required: required}
	p.Params = append(p.Params, url, option("client_id", "orders-api"),
		Param{Name: "client_secret", Example: "from a file or variable", Secret: true}, option("client_auth", "basic"))
	return running(p, func(v given) (*Running, error) {
		if v.one(url.Name) == "" {
			i := issuer(v, nil)
			if i.Err != nil {
				return nil, i.Err
			}
			return &Running{Issuer: i}, nil
		}
		a := argumentsOf(p.Func)
		client, err := introspection.New(introspection.Config{URL: v.one(url.Name), ClientAuth: a.clientAuth(v)})
		if err != nil {
			a.wrong("%w", err)
		}
		if len(a.errs) > 0 {
			return nil, a.err()
		}
		i := issuer(v, client)
		if i.Err != nil {
			return nil, i.Err
		}
		return &Running{Issuer: i, closers: []func() error{client.Close}}, nil
	})
}

func (a *arguments) clientAuth(v given) introspection.ClientAuth {
	id, secret, way := v.one("client_id"), v.one("client_secret"), v.one("client_auth")
	if way == "none" {
		return introspection.NoClientAuth()
	}
	switch way { // what is wrong with id and secret, introspection.New says
	case "", "basic":
		return introspection.SecretBasic(id, secret)
	case "post":
		return introspection.SecretPost(id, secret)
	default:
		a.wrong("parameter client_auth is %q: it must be basic, post, or none for an endpoint on a private network", way)
		return introspection.ClientAuth{}
	}
}

// fileConfig reads the parameters of a watched file.
func fileConfig(v given) (FileConfig, error) {
	cfg := FileConfig{Issuer: v.one("issuer"), Path: v.one("path")}
	if text := v.one("interval"); text != "" {
		interval, err := time.ParseDuration(text)
		if err != nil {
			return cfg, fmt.Errorf("issuers: parameter interval is %s: it must be a duration such as 10s", strconv.Quote(text))
		}
		cfg.Interval = interval
	}
	return cfg, nil
}
