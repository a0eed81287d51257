package reports_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// probed is an Introspector that can be asked whether it can answer.
type probed struct {
	middleware.Introspector
	err    error
	probes int
}

func (p *probed) Probe(context.Context) error { p.probes++; return p.err }

// absent is the error of a key source whose server publishes no keys.
type absent struct{ error }

func (absent) Absent() bool { return true }

func TestReadinessOfIssuersThatIntrospect(t *testing.T) {
	down := errors.New("down")
	keys := func(n int, err error) *kit.RefreshableKeys {
		return &kit.RefreshableKeys{Set: testkit.KeySet(), Err: err, Reported: jwks.Status{Keys: n, LastError: err}}
	}
	none, unreachable := keys(0, absent{errors.New("404")}), keys(0, down)
	type state struct{ ready, jwts, opaque bool }
	for name, row := range map[string]struct {
		issuer middleware.Issuer
		probe  error
		before state
		after  state // of Warm
		fails  int   // lines of Warm's error
	}{
		"both are well": {middleware.Issuer{Keys: keys(1, nil)}, nil, state{true, true, true}, state{true, true, true}, 0},
		"it publishes no keys, and its endpoint answers": {middleware.Issuer{Keys: none}, nil, state{false, false, true}, state{true, false, true}, 0},
		"it publishes no keys, and its endpoint is down": {middleware.Issuer{Keys: none}, down, state{false, false, true}, state{false, false, false}, 2},
		"its keys are out of reach":                      {middleware.Issuer{Keys: unreachable}, nil, state{false, false, true}, state{false, false, true}, 1},
		"its endpoint is down":                           {middleware.Issuer{Keys: keys(1, nil)}, down, state{true, true, true}, state{false, true, false}, 1},
		"the endpoint alone judges": {
			middleware.Issuer{JWTs: middleware.IntrospectJWTs}, nil, state{true, true, true}, state{true, true, true}, 0,
		},
		"the endpoint alone judges, and is down": {middleware.Issuer{JWTs: middleware.IntrospectJWTs}, down, state{true, true, true}, state{false, false, false}, 1},
		"JWTs need both, and there are no keys": {middleware.Issuer{JWTs: middleware.VerifyAndIntrospectJWTs, Keys: none}, nil,
			state{false, false, true}, state{false, false, true}, 1},
		"JWTs need both, and the endpoint is down": {middleware.Issuer{JWTs: middleware.VerifyAndIntrospectJWTs, Keys: keys(1, nil)}, down,
			state{true, true, true}, state{false, false, false}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			asked := &probed{Introspector: kit.Answering(kit.ActiveAnswer(nil)), err: row.probe}
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				row.issuer.URL, row.issuer.Introspector = testkit.Issuer, asked
				cfg.Issuers = []middleware.Issuer{row.issuer}
			})
			want := func(when string, want state) {
				t.Helper()
				if h := v.Health()[0]; (state{h.Ready, h.JWTs, h.Opaque}) != want {
					t.Errorf("%s it is %+v, want %+v", when, state{h.Ready, h.JWTs, h.Opaque}, want)
				}
			}
			want("before Warm", row.before)
			err := v.Warm(t.Context())
			lines := 0
			if err != nil {
				lines = strings.Count(err.Error(), "middleware: issuer ")
			}
			if lines != row.fails || asked.probes != 1 {
				t.Errorf("Warm: %v, %d probes", err, asked.probes)
			}
			want("after Warm", row.after)
			if row.probe != nil && row.issuer.JWTs == middleware.IntrospectJWTs {
				kit.WantAdmitted(t, v, "opaque")
				want("after an answer", state{true, true, true})
			}
		})
	}
}

// An endpoint that answers makes an issuer ready of which nobody has missed keys, also where nobody calls Warm.
func TestAnAnswerMakesAnIssuerReady(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.HTTPClient = kit.NoNetwork(t)
		cfg.Issuers = []middleware.Issuer{{URL: testkit.Issuer, Introspector: kit.Answering(kit.ActiveAnswer(nil))}}
	})
	if v.Health()[0].Ready {
		t.Error("it is ready before anybody has heard of it")
	}
	kit.WantAdmitted(t, v, "opaque")
	if h := v.Health()[0]; !h.Ready || h.JWTs || !h.Opaque {
		t.Errorf("it is %+v", h)
	}
}

// An introspection server that is nothing else: no metadata, no keys.
func TestAServerThatOnlyIntrospects(t *testing.T) {
	server := kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
		if !strings.HasSuffix(r.URL.Path, "/introspect") {
			return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
		}
		answers := new(kit.IntrospectionServer)
		answers.Say(kit.Claims{"active": false})
		return answers.RoundTrip(r)
	})
	var client *introspection.Client = kit.NewIntrospectionClient(t, server)
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.HTTPClient = &http.Client{Transport: server}
		cfg.Issuers = []middleware.Issuer{{URL: testkit.Issuer, Introspector: client}}
	})
	if err := v.Warm(t.Context()); err != nil {
		t.Errorf("Warm: %v", err)
	}
	if h := v.Health()[0]; !h.Ready || h.JWTs || !h.Opaque {
		t.Errorf("it is %+v", h)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := v.Warm(t.Context()); !errors.Is(err, introspection.ErrUnavailable) || v.Health()[0].Ready {
		t.Errorf("Warm behind a closed Client: %v, %+v", err, v.Health()[0])
	}
}
