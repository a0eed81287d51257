package secrets_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// What the authorization servers see: a token stands in the body of an introspection request, and nowhere else; our own secret in the
// field or the body of that request; neither in an address, nor in a request for keys or metadata.
func TestServersSeeTheTokenInABodyOnly(t *testing.T) {
	jwt := kit.Mint(person(nil))
	ways := map[string]func(r *http.Request) (*http.Response, error){
		"that answer":                            nil,
		"that are away":                          func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
		"that send the request back in an error": func(r *http.Request) (*http.Response, error) { return nil, fmt.Errorf("cannot send %v", readAll(r)) },
		"that send it back as an answer": func(r *http.Request) (*http.Response, error) {
			return upstreamAnswer(http.StatusOK, readAll(r)), nil
		},
		"that send it back with a 400": func(r *http.Request) (*http.Response, error) {
			return upstreamAnswer(http.StatusBadRequest, readAll(r)), nil
		},
		"that redirect to an address with it": redirectWith,
		"that panic with it":                  func(r *http.Request) (*http.Response, error) { panic(readAll(r)) },
		"that name it in the answer's own text": func(r *http.Request) (*http.Response, error) {
			return upstreamAnswer(200, `{"active":"`+readAll(r)+`"}`), nil
		},
	}
	for name, answer := range ways {
		t.Run(name, func(t *testing.T) {
			var s shown
			if answer == nil {
				answer = honestUpstream
			}
			client := &http.Client{Transport: s.transport(answer)}
			asks := testkit.Must(introspection.New(introspection.Config{
				URL: testkit.Issuer + "/introspect", ClientAuth: introspection.SecretPost("api", canaryClient), HTTPClient: client, Logger: s.logger(),
			}))
			defer asks.Close()
			keys := testkit.Must(jwks.New(jwks.Config{URL: testkit.Issuer + "/jwks", HTTPClient: client, Logger: s.logger()}))
			defer keys.Close()
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				s.watch(cfg)
				cfg.Issuers = []middleware.Issuer{
					{URL: testkit.Issuer, Introspector: asks, JWTs: middleware.VerifyAndIntrospectJWTs, Keys: keys},
					{URL: "https://metadata.example.com"},
				}
				cfg.HTTPClient = client
				s.add("the configuration", printed(*cfg))
			})
			for _, token := range []string{jwt, canaryOpaque, kit.Mint(person(kit.Claims{"iss": "https://metadata.example.com"}))} {
				for range 2 {
					w := httptest.NewRecorder()
					v.Require().Handler(http.NotFoundHandler()).ServeHTTP(w, kit.Bearer(token))
					s.answered(w)
					_, err := v.Require().Check(kit.Bearer(token))
					s.add("Check's error", printedError(err))
				}
				_, err := asks.Introspect(t.Context(), token)
				s.add("the introspection's error", printedError(err))
			}
			s.add(
				"the health", printed(v.Health()), printed(asks.Status()), printed(keys.Status()), printedError(asks.Status().LastError),
				printedError(keys.Status().LastError),
			)
			s.add("the clients", printed(asks), printed(keys), printedError(v.Warm(t.Context())))
			secrets := secretsOf(kit.Bearer(jwt))
			secrets["other token"] = kit.Mint(person(kit.Claims{"iss": "https://metadata.example.com"}))
			s.check(t, canariesOf(secrets))
		})
	}
}

func readAll(r *http.Request) string {
	body := []byte(r.URL.String())
	if r.Body != nil {
		form, _ := io.ReadAll(r.Body)
		body = append(body, form...)
	}
	return string(body)
}

func upstreamAnswer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: kit.Fields("Content-Type", "application/json"), Body: io.NopCloser(strings.NewReader(body))}
}

func redirectWith(r *http.Request) (*http.Response, error) {
	answer := upstreamAnswer(http.StatusTemporaryRedirect, "")
	answer.Header.Set("Location", testkit.Issuer+"/introspect?"+readAll(r))
	answer.Request = r
	return answer, nil
}

func honestUpstream(r *http.Request) (*http.Response, error) {
	switch r.URL.Path {
	case "/introspect":
		return upstreamAnswer(http.StatusOK, string(testkit.JSON(kit.ActiveAnswer(kit.Claims{"email": canaryPerson})))), nil
	case "/jwks":
		return upstreamAnswer(
			http.StatusOK,
			fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","alg":"EdDSA","x":"%s"}]}`, testkit.JWK(testkit.EdKey().Public())["x"]),
		), nil
	}
	return upstreamAnswer(http.StatusNotFound, ""), nil
}

// A panic in code that the program brought goes up to whoever recovers, and takes nothing along: the stack holds no text, and what
// net/http logs of it neither.
func TestPanicsShowNoSecret(t *testing.T) {
	token := kit.Mint(person(kit.BoundTo(testkit.EdKey())))
	boom := func() { panic("boom") }
	for name, change := range map[string]func(*middleware.Config, *middleware.Rule){
		"a Rule": func(_ *middleware.Config, rule *middleware.Rule) {
			*rule = func(context.Context, *middleware.Token, middleware.Credentials) error { boom(); return nil }
		},
		"Accept": func(cfg *middleware.Config, _ *middleware.Rule) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error { boom(); return nil }
		},
		"Observe": func(cfg *middleware.Config, _ *middleware.Rule) {
			cfg.Observe = func(context.Context, middleware.Decision) { boom() }
		},
		"the ErrorHandler": func(cfg *middleware.Config, _ *middleware.Rule) {
			cfg.Audiences = []string{"other"}
			cfg.ErrorHandler = func(http.ResponseWriter, *http.Request, *middleware.Error) { boom() }
		},
		"the KeySource": func(cfg *middleware.Config, _ *middleware.Rule) {
			cfg.Issuers[0].Keys = kit.KeySourceFunc(func(context.Context, string, string) ([]*jwks.Key, error) { boom(); return nil, nil })
		},
		"the Introspector": func(cfg *middleware.Config, _ *middleware.Rule) {
			cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
			cfg.Issuers[0].Introspector = kit.IntrospectFunc(func(context.Context, string) (*introspection.Response, error) { boom(); return nil, nil })
		},
		"the ReplayStore": func(cfg *middleware.Config, _ *middleware.Rule) {
			cfg.DPoP.Replays = kit.ReplayStoreFunc(func(context.Context, string, time.Time) (bool, error) { boom(); return false, nil })
		},
		"AllowTenant": func(cfg *middleware.Config, _ *middleware.Rule) {
			cfg.Issuers[0].URL = "https://{tenantid}.example.com"
			cfg.Issuers[0].AllowTenant = func(context.Context, string) bool { boom(); return false }
		},
		"the Clock": func(cfg *middleware.Config, _ *middleware.Rule) {
			cfg.Clock = func() time.Time { boom(); return testkit.Now }
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s shown
			var rule middleware.Rule
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				kit.SetPublicURL(cfg)
				s.watch(cfg)
				change(cfg, &rule)
			})
			guard := v.Require()
			if rule != nil {
				guard = guard.Allow(rule)
			}
			sentToken := token
			if name == "AllowTenant" {
				sentToken = kit.Mint(person(kit.Claims{"iss": "https://login.example.com", "tid": "login"}))
			}
			proofText := testkit.Proof{Key: testkit.EdKey(), Token: sentToken}.String()
			request := kit.DPoPRequest(sentToken, proofText)
			ran, recovered := false, false
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if value := recover(); value != nil {
						recovered = true
						s.add("the panic", fmt.Sprint(value), string(debug.Stack()))
						panic(value)
					}
				}()
				guard.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }).ServeHTTP(w, r)
			})
			var serverLog kit.Log
			server := httptest.NewUnstartedServer(handler)
			server.Config.ErrorLog = log.New(&serverLog, "", log.LstdFlags)
			server.Start()
			r := testkit.Must(http.NewRequestWithContext(t.Context(), "GET", server.URL+"/orders", nil))
			r.Header = request.Header
			if response, err := server.Client().Do(r); err == nil {
				defer response.Body.Close()
				t.Errorf("the server answers %s", response.Status)
			}
			server.Close()
			if !recovered || ran || !strings.Contains(serverLog.String(), "boom") {
				t.Errorf("recovered: %t; the handler ran: %t; log: %.100q", recovered, ran, &serverLog)
			}
			s.add("the server's log", serverLog.String())
			s.check(t, canariesOf(secretsOf(request)))
		})
	}
}

// Printed values that hold a secret, in every way of fmt, encoding/json and log/slog.
func TestPrintedValuesShowNoSecret(t *testing.T) {
	token := kit.Mint(person(kit.BoundTo(testkit.EdKey())))
	r := kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String())
	r.RequestURI = "/orders?access_token=" + token
	secrets := secretsOf(r)
	const hmacSecret = "canary-hmac-secret-6f1d9b3e7a5c2084"
	secrets["HMAC secret"] = hmacSecret
	hmacKeys := testkit.Must(jwks.HMAC("HS256", []byte(hmacSecret)))
	cfg := kit.Config()
	cfg.Issuers[0].Keys, cfg.Issuers[0].Algorithms = hmacKeys, []string{"HS256"}
	cfg.Issuers[0].Introspector = testkit.Must(
		introspection.New(introspection.Config{URL: testkit.Issuer + "/introspect", ClientAuth: introspection.SecretBasic("api", canaryClient)}),
	)
	cfg.PublicURL = testkit.Audience
	cfg.DPoP.NonceSecrets = [][]byte{[]byte(canaryNonce)}
	v := testkit.Must(middleware.New(cfg))
	defer v.Close()
	answer := testkit.Must(introspection.ParseResponse(testkit.JSON(kit.ActiveAnswer(kit.Claims{"email": canaryPerson, "token": token}))))
	admitted := kit.Serve(kit.DPoPValidator(t, nil).Require(), kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String()))
	if !admitted.Ran {
		t.Fatal("the token is not admitted")
	}
	_, refusal := v.Require().Check(r)
	var s shown
	for name, value := range map[string]any{
		"a Config": cfg, "a pointer to a Config": &cfg, "an Issuer": cfg.Issuers[0], "a DPoP": cfg.DPoP, "a pointer to a DPoP": &cfg.DPoP,
		"a Validator": v, "a Guard": v.Require("read"), "a Token": *admitted.Token, "a pointer to a Token": admitted.Token,
		"a list of Tokens": []*middleware.Token{admitted.Token}, "a map of Tokens": map[string]middleware.Token{"a": *admitted.Token},
		"an admitted context": admitted.Context, "an Error": refusal, "Credentials": middleware.Credentials{Header: r.Header, Method: "GET", Target: r.RequestURI},
		"a list of Credentials": []middleware.Credentials{{Header: r.Header, Target: r.RequestURI}},
		"Credentials inside":    struct{ Call middleware.Credentials }{middleware.Credentials{Header: r.Header, Target: r.RequestURI}},
		"a Response":            *answer, "a pointer to a Response": answer, "a nil Response": (*introspection.Response)(nil),
		"keys": hmacKeys, "a Key": testkit.Must(jwks.NewSecret("s", "HS256", []byte(hmacSecret))), "health": v.Health(),
		"a ClientAuth": introspection.SecretPost("api", canaryClient), "a TokenSource": middleware.FromCookie("token"),
	} {
		s.add(name, printed(value))
	}
	s.check(t, canariesOf(secrets))
}
