package doctor_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/doctor"
)

var update = flag.Bool("update", false, "write the golden files")

// Public keys of RFC 7515 appendix A.2 and A.3, and of RFC 8037 appendix A.2.
const (
	rsaModulus = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b" +
		"32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJ" +
		"H7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
	ecX, ecY = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
	edX      = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
)

type object map[string]any

func rsaKey(kid string, more object) object {
	return with(object{"kty": "RSA", "kid": kid, "n": rsaModulus, "e": "AQAB"}, more)
}
func ecKey(kid string, more object) object {
	return with(object{"kty": "EC", "kid": kid, "crv": "P-256", "x": ecX, "y": ecY}, more)
}

// with is o with the members of more; a nil value removes one.
func with(o, more object) object {
	o = maps.Clone(o)
	for name, value := range more {
		if o[name] = value; value == nil {
			delete(o, name)
		}
	}
	return o
}

const (
	issuer   = "https://login.example.com/realms/main"
	appended = issuer + "/.well-known/openid-configuration"
	rfc8414  = "https://login.example.com/.well-known/oauth-authorization-server/realms/main"
	keysAt   = issuer + "/jwks"
	asksAt   = issuer + "/introspect"
	signals  = "https://login.example.com/.well-known/ssf-configuration/realms/main"

	clientID, clientSecret = "orders-api", "correct horse battery staple"
)

// now is when everything happens, so that a report has no times of its own.
var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// server is an authorization server without a network: what it answers at each address, and what is wrong with it.
type server struct {
	documents map[string]any // strings and bytes as they are, everything else as JSON; an int is a status, an error a failure of the network
	answer    func(*http.Request) (status int, body string)

	clockAhead time.Duration
	noDate     bool
	tls        uint16 // zero: TLS 1.3
	ends       time.Time
	slow       time.Duration // how long each answer takes

	mu    sync.Mutex
	clock time.Time
	asked []string
}

// healthy is a server with which nothing is wrong.
func healthy() *server {
	s := &server{documents: make(map[string]any), clock: now, ends: now.AddDate(0, 0, 90), answer: introspects}
	metadata := object{
		"issuer": issuer, "jwks_uri": keysAt, "introspection_endpoint": asksAt,
		"introspection_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"backchannel_logout_supported":                  true, "backchannel_logout_session_supported": true,
		"dpop_signing_alg_values_supported":          []string{"ES256"},
		"tls_client_certificate_bound_access_tokens": true,
	}
	s.documents[appended], s.documents[rfc8414] = metadata, metadata
	s.documents[keysAt] = keySet(rsaKey("2026-a", object{"alg": "RS256", "use": "sig"}), ecKey("2026-b", object{"alg": "ES256"}),
		object{"kty": "OKP", "kid": "2026-c", "crv": "Ed25519", "x": edX})
	s.documents[signals] = object{"issuer": issuer}
	return s
}

func keySet(keys ...any) object { return object{"keys": append([]any{}, keys...)} }

// metadata changes both documents.
func (s *server) metadata(more object) *server {
	for _, at := range []string{appended, rfc8414} {
		s.documents[at] = with(s.documents[at].(object), more)
	}
	return s
}

// introspects is an endpoint that knows one client and no token.
func introspects(r *http.Request) (int, string) {
	id, secret, _ := r.BasicAuth()
	if secret, _ = url.QueryUnescape(secret); id != clientID || secret != clientSecret {
		return 401, ""
	}
	return 200, `{"active":false}`
}

func (s *server) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

// RoundTrip implements http.RoundTripper.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	s.asked = append(s.asked, r.URL.String())
	s.clock = s.clock.Add(s.slow)
	status, body := 404, ""
	document := s.documents[r.URL.String()]
	switch d := document.(type) {
	case error:
		return nil, d
	case int:
		status = d
	case string:
		status, body = 200, d
	case nil:
		if r.URL.String() == asksAt && r.Method == http.MethodPost {
			status, body = s.answer(r)
		}
	default:
		text, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		status, body = 200, string(text)
	}
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
	if !s.noDate {
		resp.Header.Set("Date", s.clock.Add(s.clockAhead).Format(http.TimeFormat))
	}
	if r.URL.Scheme == "https" {
		version := max(s.tls, tls.VersionTLS12)
		if s.tls == 0 {
			version = tls.VersionTLS13
		}
		resp.TLS = &tls.ConnectionState{Version: version, PeerCertificates: []*x509.Certificate{{NotAfter: s.ends}}}
	}
	return resp, nil
}

// examine is the report of the command as an operator of s would get it.
func examine(t *testing.T, s *server, more func(*doctor.Options)) *doctor.Report {
	t.Helper()
	o := doctor.Options{Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, Transport: s, Now: s.now}
	if more != nil {
		more(&o)
	}
	report := doctor.Examine(t.Context(), o)
	if text := written(t, report); strings.Contains(text, clientSecret) || strings.Contains(text, url.QueryEscape(clientSecret)) {
		t.Error("the report shows the client's secret")
	}
	return report
}

func written(t *testing.T, r *doctor.Report) string {
	t.Helper()
	var text, coloured bytes.Buffer
	if err := errors.Join(r.Write(&text, false), r.Write(&coloured, true)); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsRune(text.Bytes(), '\x1b') {
		t.Error("an escape in a report without colour")
	}
	return text.String()
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, text, want)
	}
}

// says reports whether there is a finding of this topic and level whose text and remedy hold all the parts.
func says(r *doctor.Report, topic doctor.Topic, level doctor.Level, parts ...string) bool {
	return slices.ContainsFunc(r.Findings, func(f doctor.Finding) bool {
		return f.Topic == topic && f.Level == level && !slices.ContainsFunc(parts, func(part string) bool {
			return !strings.Contains(f.Text+"\n"+f.Remedy, part)
		})
	})
}

var refused = &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("connect: connection refused")}
