package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/doctor"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestReportsAsTheyArePrinted(t *testing.T) {
	for name, test := range map[string]struct {
		server  *server
		options func(*doctor.Options)
	}{
		"healthy": {server: healthy()},
		"nothing offered": {
			server: func() *server {
				s := healthy()
				delete(s.documents, rfc8414)
				delete(s.documents, signals)
				s.documents[appended] = object{"issuer": issuer, "jwks_uri": keysAt}
				return s
			}(),
			options: func(o *doctor.Options) { o.ClientID, o.ClientSecret = "", "" },
		},
		"another issuer": {server: healthy().metadata(object{"issuer": issuer + "/"})},
		"bad keys": {server: func() *server {
			s := healthy()
			s.documents[keysAt] = keySet(
				ecKey("good", nil), ecKey("wrong\x1b[31m", object{"alg": "RS256"}), ecKey("private", object{"d": "AAAA"}),
				rsaKey("untied", nil), rsaKey("encrypts", object{"use": "enc"}), object{"kty": "RSA", "kid": "small", "n": rsaModulus[:172], "e": "AQAB"},
				object{"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}, object{"kty": "AKP", "kid": "future"})
			return s
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, strings.ReplaceAll(name, " ", "-")+".txt", written(t, examine(t, test.server, test.options)))
		})
	}
}

func TestFindingsAndTheirRemedies(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*server)
		options func(*doctor.Options)
		topic   doctor.Topic
		level   doctor.Level
		parts   []string
	}{
		"a slash too many": {
			options: func(o *doctor.Options) { o.Issuer += "/" },
			topic:   doctor.Metadata, level: doctor.Problem,
			parts: []string{"no metadata of this issuer was found", `calls itself "` + issuer + `"`, "only by a slash at the end"},
		},
		"metadata of another issuer": {
			change: func(s *server) { s.metadata(object{"issuer": "https://login.example.org"}) },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{`-issuer "https://login.example.org"`},
		},
		"metadata without an issuer": {
			change: func(s *server) { s.metadata(object{"issuer": nil}) },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"names no issuer", "-jwks-uri"},
		},
		"a web page in place of metadata": {
			change: func(s *server) { s.documents[appended], s.documents[rfc8414] = "<html>", "<html>" },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"Something else than an authorization server"},
		},
		"no metadata": {
			change: func(s *server) { delete(s.documents, appended); delete(s.documents, rfc8414) },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"no metadata of this issuer was found", "-jwks-uri"},
		},
		"a redirect": {
			change: func(s *server) { s.documents[appended], s.documents[rfc8414] = 302, 302 },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"no metadata of this issuer was found", "never followed"},
		},
		"a server in trouble": {
			change: func(s *server) { s.documents[appended] = 503 },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"no metadata of this issuer was found", "in trouble or busy"},
		},
		"metadata without keys": {
			change: func(s *server) { s.metadata(object{"jwks_uri": nil}) },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"it has no jwks_uri", "-jwks-uri"},
		},
		"metadata that leads away from TLS": {
			change: func(s *server) { s.metadata(object{"jwks_uri": "http://login.example.com/jwks"}) },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"must begin with https://"},
		},
		"RFC 8414 alone": {
			change: func(s *server) { delete(s.documents, appended) },
			topic:  doctor.Metadata, level: doctor.OK, parts: []string{"found at " + rfc8414 + " (RFC 8414)"},
		},
		"two documents that name different keys": {
			change: func(s *server) {
				s.documents[rfc8414] = object{"issuer": issuer, "jwks_uri": "https://login.example.com/old"}
			},
			topic: doctor.Metadata, level: doctor.Warning, parts: []string{"names other keys", "https://login.example.com/old"},
		},
		"two documents of different issuers": {
			change: func(s *server) { s.documents[rfc8414] = object{"issuer": issuer + "/"} },
			topic:  doctor.Metadata, level: doctor.Warning, parts: []string{"is of another issuer", "only by a slash"},
		},
		"an issuer that names itself in control characters": {
			change: func(s *server) { s.metadata(object{"issuer": "https://x\x1b]0;owned\a"}) },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{`https://x\x1b]0;owned\a`},
		},
		"nobody listens": {
			change: func(s *server) { s.documents[appended] = refused },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"connection refused", "where the API will run", "HTTPS_PROXY"},
		},
		"no such host": {
			change: func(s *server) { s.documents[appended] = &net.DNSError{Err: "no such host", Name: "login.example.com"} },
			topic:  doctor.Metadata, level: doctor.Problem, parts: []string{"no such host", "no address here"},
		},
		"a CA that nobody knows": {
			change: func(s *server) {
				s.documents[appended] = &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
			},
			topic: doctor.TLS, level: doctor.Problem, parts: []string{"unknown authority", "-ca-file", "Config.HTTPClient"},
		},
		"a certificate that has ended": {
			change: func(s *server) {
				s.documents[appended] = &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{}}}
			},
			topic: doctor.TLS, level: doctor.Problem, parts: []string{"Renew"},
		},
		"a certificate that ends soon": {
			change: func(s *server) { s.ends = now.AddDate(0, 0, 5) },
			topic:  doctor.TLS, level: doctor.Warning, parts: []string{"TLS 1.3", "2026-12-04 (in 5 days)", "renewed"},
		},
		"plain HTTP that is allowed": {
			change: func(s *server) {
				s.documents["http://keycloak:8080/.well-known/openid-configuration"] = object{"issuer": "http://keycloak:8080", "jwks_uri": "http://keycloak:8080/jwks"}
				s.documents["http://keycloak:8080/jwks"] = s.documents[keysAt]
			},
			options: func(o *doctor.Options) {
				o.Issuer, o.Plain, o.ClientID, o.ClientSecret = "http://keycloak:8080", []string{"keycloak:8080"}, "", ""
			},
			topic: doctor.TLS, level: doctor.Warning, parts: []string{"without TLS", "can make any token"},
		},
		"plain HTTP that is not": {
			options: func(o *doctor.Options) { o.Issuer = "http://keycloak:8080" },
			topic:   doctor.Configuration, level: doctor.Problem, parts: []string{"must begin with https://", "-dangerously-allow-http"},
		},
		"an issuer that is no address": {
			options: func(o *doctor.Options) { o.Issuer = "accounts" },
			topic:   doctor.Configuration, level: doctor.Problem, parts: []string{"must begin with https://"},
		},
		"a name as the issuer, with its keys elsewhere": {
			options: func(o *doctor.Options) {
				o.Issuer, o.JWKSURI, o.ClientID, o.ClientSecret = "accounts", keysAt, "", ""
			},
			topic: doctor.Keys, level: doctor.OK, parts: []string{"3 of 3 keys at " + keysAt},
		},
		"keys by their address": {
			options: func(o *doctor.Options) { o.JWKSURI = keysAt },
			topic:   doctor.Metadata, level: doctor.OK, parts: []string{"found at " + appended, "not needed for the keys"},
		},
		"no key set": {
			change: func(s *server) { delete(s.documents, keysAt) },
			topic:  doctor.Keys, level: doctor.Problem, parts: []string{"GET " + keysAt, "it answered 404"},
		},
		"an empty key set": {
			change: func(s *server) { s.documents[keysAt] = keySet() },
			topic:  doctor.Keys, level: doctor.Problem, parts: []string{"the key set is empty", "jwks.HMAC"},
		},
		"a secret in the key set": {
			change: func(s *server) {
				s.documents[keysAt] = keySet(ecKey("a", nil), object{"kty": "oct", "kid": "b", "k": "c2VjcmV0"})
			},
			topic: doctor.Keys, level: doctor.Problem, parts: []string{`key "b" is not used`, "secret is public"},
		},
		"RSA keys that name no algorithm": {
			change: func(s *server) { s.documents[keysAt] = keySet(rsaKey("a", nil)) },
			topic:  doctor.Keys, level: doctor.Warning, parts: []string{"1 RSA keys name no algorithm", "Issuer.Algorithms"},
		},
		"RSA keys that the metadata ties": {
			change: func(s *server) {
				s.metadata(object{"id_token_signing_alg_values_supported": []string{"RS256", "ES256"}}).documents[keysAt] = keySet(rsaKey("a", nil))
			},
			topic: doctor.Keys, level: doctor.Note, parts: []string{"leaves RS256 alone"},
		},
		"one kid for two keys": {
			change: func(s *server) {
				s.documents[keysAt] = keySet(rsaKey("a", object{"alg": "RS256"}), rsaKey("a", object{"alg": "RS256"}))
			},
			topic: doctor.Keys, level: doctor.Warning, parts: []string{`2 keys for RS256 have the kid "a"`},
		},
		"one kid for more keys than are tried": {
			change: func(s *server) {
				s.documents[keysAt] = keySet(ecKey("a", nil), ecKey("a", nil), ecKey("a", nil), ecKey("a", nil), ecKey("a", nil))
			},
			topic: doctor.Keys, level: doctor.Problem, parts: []string{"5 keys for ES256", "of which 4 are tried", "503"},
		},
		"a clock an hour ahead": {
			change: func(s *server) { s.clockAhead = time.Hour },
			topic:  doctor.Clock, level: doctor.Problem, parts: []string{"1h0m0s ahead of", "issued in the future", "NTP"},
		},
		"a clock an hour behind": {
			change: func(s *server) { s.clockAhead = -time.Hour },
			topic:  doctor.Clock, level: doctor.Problem, parts: []string{"behind"},
		},
		"a clock within the leeway": {
			change: func(s *server) { s.clockAhead = 10 * time.Second },
			topic:  doctor.Clock, level: doctor.Warning, parts: []string{"ahead of"},
		},
		"no Date": {
			change: func(s *server) { s.noDate = true },
			topic:  doctor.Clock, level: doctor.Note, parts: []string{"have no Date"},
		},
		"a slow server": {
			change: func(s *server) { s.slow = 1500 * time.Millisecond },
			topic:  doctor.Latency, level: doctor.Warning, parts: []string{"took 3s", "Validator.Warm"},
		},
		"a server that is too slow": {
			change: func(s *server) { s.slow = 4 * time.Second },
			topic:  doctor.Latency, level: doctor.Problem, parts: []string{"took 8s", "cut at 5s"},
		},
		"introspection with a wrong secret": {
			options: func(o *doctor.Options) { o.ClientSecret = "wrong" },
			topic:   doctor.Introspection, level: doctor.Problem,
			parts: []string{`refuses client "orders-api" by "client_secret_basic", "client_secret_post"`, "401", "Compare client id and secret"},
		},
		"introspection by the other method": {
			change: func(s *server) {
				s.answer = func(r *http.Request) (int, string) {
					if r.ParseForm() == nil && r.PostForm.Get("client_secret") == clientSecret {
						return 200, `{"active":false}`
					}
					return 401, ""
				}
			},
			topic: doctor.Introspection, level: doctor.OK, parts: []string{"by client_secret_post"},
		},
		"introspection by the method that was asked for": {
			options: func(o *doctor.Options) { o.ClientAuth = "client_secret_post" },
			topic:   doctor.Introspection, level: doctor.Problem, parts: []string{`by "client_secret_post"`},
		},
		"introspection for everybody": {
			change: func(s *server) { s.answer = func(*http.Request) (int, string) { return 200, `{"active":false}` } },
			topic:  doctor.Introspection, level: doctor.Warning, parts: []string{"answers strangers", "tells thieves"},
		},
		"introspection that says yes to strangers": {
			change: func(s *server) { s.answer = func(*http.Request) (int, string) { return 200, `{"active":true}` } },
			topic:  doctor.Introspection, level: doctor.Problem, parts: []string{"calls a random token active", "Do not use"},
		},
		"introspection that says yes to its client": {
			change: func(s *server) {
				s.answer = func(r *http.Request) (int, string) {
					status, _ := introspects(r)
					return status, `{"active":true}`
				}
			},
			topic: doctor.Introspection, level: doctor.Problem, parts: []string{"calls a random token active"},
		},
		"introspection that is none": {
			change: func(s *server) {
				s.answer = func(r *http.Request) (int, string) {
					status, _ := introspects(r)
					return status, `<html>`
				}
			},
			topic: doctor.Introspection, level: doctor.Problem, parts: []string{"no JSON object", "RFC 7662"},
		},
		"introspection out of reach": {
			change: func(s *server) { s.documents[asksAt] = refused },
			topic:  doctor.Introspection, level: doctor.Problem, parts: []string{"cannot be asked", "where the API will run"},
		},
		"introspection without TLS": {
			options: func(o *doctor.Options) { o.IntrospectionURL = "http://login.example.com/introspect" },
			topic:   doctor.Introspection, level: doctor.Problem, parts: []string{"cannot be asked", "-dangerously-allow-http"},
		},
		"no introspection for a client": {
			change: func(s *server) { s.metadata(object{"introspection_endpoint": nil}) },
			topic:  doctor.Introspection, level: doctor.Problem, parts: []string{"-introspection-url"},
		},
		"introspection without a client": {
			options: func(o *doctor.Options) { o.ClientID, o.ClientSecret = "", "" },
			topic:   doctor.Introspection, level: doctor.Note, parts: []string{"offered at " + asksAt + ". It offers ", `"client_secret_basic"`, "-client-secret-file"},
		},
		"an issuer with a preset": {
			topic: doctor.Configuration, level: doctor.Note, parts: []string{"keycloak", "issuers.Keycloak"},
		},
		"logout without the session": {
			change: func(s *server) { s.metadata(object{"backchannel_logout_session_supported": nil}) },
			topic:  doctor.Logout, level: doctor.Note, parts: []string{"without the session"},
		},
		"signals of another issuer": {
			change: func(s *server) { s.documents[signals] = object{"issuer": "https://signals.example.com"} },
			topic:  doctor.Events, level: doctor.Warning, parts: []string{"https://signals.example.com"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			if test.change != nil {
				test.change(s)
			}
			report := examine(t, s, test.options)
			if !says(report, test.topic, test.level, test.parts...) {
				t.Errorf("no %s about %s that says %q:\n%s", test.level, test.topic, test.parts, written(t, report))
			}
			for _, f := range report.Findings {
				if (f.Level == doctor.Problem || f.Level == doctor.Warning) && f.Remedy == "" {
					t.Errorf("%q has no remedy", f.Text)
				}
			}
			if strings.ContainsAny(written(t, report), "\x1b\a\r") {
				t.Error("a control character in the report")
			}
		})
	}
}

func TestNothingIsWrongWithAHealthyServer(t *testing.T) {
	report := examine(t, healthy(), nil)
	if report.Problems != 0 || report.Warnings != 0 || report.Go == "" {
		t.Error(written(t, report))
	}
}

// The addresses at which the report looks for metadata are those that a Validator tries.
func TestMetadataIsSoughtWhereTheLibrarySeeksIt(t *testing.T) {
	for _, at := range []string{"https://a.example", "https://a.example/", "https://a.example/x/y", "https://a.example/x%2Fy/"} {
		s := &server{documents: map[string]any{}, clock: now}
		report := examine(t, s, func(o *doctor.Options) { o.Issuer, o.ClientID, o.ClientSecret = at, "", "" })
		named := 0
		for _, f := range report.Findings {
			if f.Topic == doctor.Metadata && f.Level == doctor.Note {
				named++
			}
		}
		metadata := slices.DeleteFunc(slices.Clone(s.asked), func(address string) bool {
			return strings.Contains(address, "ssf-") || strings.Contains(address, "risc-")
		})
		if unique := slices.Compact(slices.Sorted(slices.Values(metadata))); len(unique) != len(metadata) || named != len(metadata) || named < 2 {
			t.Errorf("%s: asked %q, %d named", at, metadata, named)
		}
	}
}

func TestPlainHTTPIsNeverAskedUnlessAllowed(t *testing.T) {
	s := healthy().metadata(object{"introspection_endpoint": "http://login.example.com/introspect"})
	examine(t, s, func(o *doctor.Options) { o.Issuer, o.JWKSURI = "http://login.example.com/realms/main", keysAt })
	examine(t, s, nil)
	for _, address := range s.asked {
		if strings.HasPrefix(address, "http://") {
			t.Error(address, "was asked")
		}
	}
}

func TestAReportEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := healthy()
	report := doctor.Examine(ctx, doctor.Options{Issuer: issuer, Transport: s, Now: s.now})
	if !says(report, doctor.Configuration, doctor.Problem, "not everything was asked", "-timeout") || report.Problems != 1 {
		t.Error(written(t, report))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.asked, asksAt) || slices.Contains(s.asked, signals) { // a fetch of the keys goes on for others who may wait for it
		t.Error(s.asked)
	}
}

func TestReportAsJSON(t *testing.T) {
	text, err := json.MarshalIndent(examine(t, healthy(), nil), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "healthy.json", string(text)+"\n")
}

// The whole way over a network, to a server that is not made for this test.
func TestAgainstARealServer(t *testing.T) {
	server := authtest.NewIssuer(t)
	id, secret := server.Client()
	report := doctor.Examine(t.Context(), doctor.Options{Issuer: server.URL(), ClientID: id, ClientSecret: secret})
	if report.Problems > 0 || !says(report, doctor.Introspection, doctor.OK, "client_secret_basic") || !says(report, doctor.Keys, doctor.OK, "keys at") {
		t.Error(written(t, report))
	}
	server.SetFault(authtest.Fault{Endpoint: authtest.EndpointIntrospection, Status: 401})
	server.SetFault(authtest.Fault{Endpoint: authtest.EndpointJWKS, Status: 200, Body: []byte(`{"keys":[{"kty":"EC"}]}`)})
	report = doctor.Examine(t.Context(), doctor.Options{Issuer: server.URL(), ClientID: id, ClientSecret: fmt.Sprint(secret, "x")})
	if !says(report, doctor.Keys, doctor.Problem, "no usable key") || report.Go != "" {
		t.Error(written(t, report))
	}
}
