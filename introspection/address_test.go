package introspection_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
)

func TestHostsThatMayBeAskedWithoutTLS(t *testing.T) {
	basic := introspection.SecretBasic("api", canarySecret)
	for name, row := range map[string]struct {
		url   string
		hosts []string
		says  string // "": accepted
	}{
		"the Kelvin sign for a k": {"http://\u212aeycloak:8080/introspect", []string{"keycloak:8080"}, "is not https"},
		"the long s for an s":     {"http://localho\u017ft:8080/introspect", nil, "is not https"},
		"nobody is named": {
			"http://keycloak:8080/introspect", nil,
			"is not https: use https; http is taken for 127.0.0.0/8, ::1 and localhost only, and for the hosts of Config.DangerouslyAllowHTTP",
		},
		"the host and its port":         {"http://keycloak:8080/introspect?tenant=1", []string{"keycloak:8080"}, ""},
		"one of several":                {"http://keycloak:8080/", []string{"a:1", "keycloak:8080"}, ""},
		"another case":                  {"http://Keycloak:8080/", []string{"KEYCLOAK:8080"}, ""},
		"the port that http implies":    {"http://keycloak/", []string{"keycloak:80"}, ""},
		"an IPv6 address":               {"http://[fd00::7]:8080/", []string{"[fd00::7]:8080"}, ""},
		"another port":                  {"http://keycloak:8081/", []string{"keycloak:8080"}, "is not https"},
		"the port that https implies":   {"http://keycloak/", []string{"keycloak:443"}, "is not https"},
		"a name below it":               {"http://a.keycloak:8080/", []string{"keycloak:8080"}, "is not https"},
		"a name above it":               {"http://keycloak:8080/", []string{"a.keycloak:8080"}, "is not https"},
		"a name that begins like it":    {"http://keycloak.example:8080/", []string{"keycloak:8080"}, "is not https"},
		"the name in front of an at":    {"http://keycloak:8080@evil.example/", []string{"keycloak:8080"}, "holds user information"},
		"another scheme":                {"ftp://keycloak:8080/", []string{"keycloak:8080"}, "is not https"},
		"https needs no leave":          {"https://keycloak:8443/", []string{"keycloak:8080"}, ""},
		"a wildcard":                    {"http://a.example:80/", []string{"*.example:80"}, `Config.DangerouslyAllowHTTP: "*.example:80" is not host:port`},
		"a wildcard for all":            {"http://a.example:80/", []string{"*:80"}, "is not host:port"},
		"no host":                       {"http://a.example:80/", []string{":80"}, "is not host:port"},
		"no port":                       {"http://keycloak/", []string{"keycloak"}, "is not host:port"},
		"an empty port":                 {"http://keycloak/", []string{"keycloak:"}, "is not host:port"},
		"port 0":                        {"http://keycloak:0/", []string{"keycloak:0"}, "is not host:port"},
		"a port beyond all":             {"http://keycloak:65536/", []string{"keycloak:65536"}, "is not host:port"},
		"a named port":                  {"http://keycloak/", []string{"keycloak:http"}, "is not host:port"},
		"a URL":                         {"http://keycloak:8080/", []string{"http://keycloak:8080"}, "is not host:port"},
		"a path behind it":              {"http://keycloak:8080/", []string{"keycloak:8080/"}, "is not host:port"},
		"a network":                     {"http://10.0.0.7:8080/", []string{"10.0.0.0/8:8080"}, "is not host:port"},
		"an address of IPv6, unbracket": {"http://[fd00::7]:8080/", []string{"fd00::7:8080"}, "is not host:port"},
		"an empty entry":                {"https://keycloak/", []string{""}, "is not host:port"},
	} {
		client, err := introspection.New(introspection.Config{URL: row.url, ClientAuth: basic, DangerouslyAllowHTTP: row.hosts})
		switch {
		case row.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)):
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
		if client != nil {
			client.Close()
		}
	}
}

func TestIssuerMayBeNamedWithoutTLSWhereItIsAllowed(t *testing.T) {
	for issuer, ok := range map[string]bool{"http://keycloak:8080/realms/main": true, "http://other:8080/realms/main": false} {
		client, err := introspection.New(introspection.Config{
			URL: "http://keycloak:8080/introspect", Issuer: issuer, ClientAuth: introspection.NoClientAuth(), DangerouslyAllowHTTP: []string{"keycloak:8080"},
		})
		if (err == nil) != ok {
			t.Errorf("%s: %v", issuer, err)
		}
		if client != nil {
			client.Close()
		}
	}
}

func TestCertificateIsOfNoUseWithoutTLS(t *testing.T) {
	_, err := introspection.New(introspection.Config{
		URL: "http://keycloak:8080/introspect", ClientAuth: introspection.TLSClientAuth("api"), HTTPClient: certified(), DangerouslyAllowHTTP: []string{
			"keycloak:8080",
		},
	})
	if err == nil || !strings.Contains(err.Error(), "Config.ClientAuth is TLSClientAuth") {
		t.Errorf("got %v", err)
	}
}

func TestURLThatDoesNotParseIsOneMistake(t *testing.T) {
	_, err := introspection.New(introspection.Config{
		URL: "http://keycloak:port/", ClientAuth: introspection.TLSClientAuth("api"), HTTPClient: certified(), DangerouslyAllowHTTP: []string{"keycloak:8080"},
	})
	if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), "Config.URL is no absolute URL") {
		t.Errorf("got %v", err)
	}
}

func TestPlainHTTPIsWarnedOfOnce(t *testing.T) {
	for url, warnings := range map[string]int{
		"http://keycloak:8080/introspect?key=canary-Secret": 1,
		"http://localhost:8080/introspect":                  0,
		"https://keycloak:8443/introspect":                  0,
	} {
		var logged strings.Builder
		tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
			if r.URL.String() != url {
				t.Errorf("asked %s", r.URL)
			}
			return respond(200, activeText), nil
		}}
		client := newClient(t, introspection.Config{URL: url, DangerouslyAllowHTTP: []string{"keycloak:8080"}, Logger: textLogger(&logged)}, tr)
		mustIntrospect(t, client, "token")
		text := logged.String()
		if n := strings.Count(text, "\n"); n != warnings || strings.Contains(text, "canary") {
			t.Errorf("%s: %d lines, want %d:\n%s", url, n, warnings, text)
		}
		if warnings > 0 && !strings.Contains(text, "level=WARN") || warnings > 0 && !strings.Contains(
			text, "endpoint=http://keycloak:8080/introspect hosts=[keycloak:8080]\n",
		) {
			t.Errorf("the warning is %s", text)
		}
	}
}
