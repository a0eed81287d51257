package introspection_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

// scripted is a server that does with each request on a connection what the script says; "close" hangs up on it.
func scripted(t *testing.T, script func(call int, token string) string) (address string, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := script(int(calls.Add(1)), r.FormValue("token"))
		if text != "close" {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, text)
			return
		}
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		connection.(*net.TCPConn).SetLinger(0) // a reset
		connection.Close()
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

func TestRequestsOnDeadConnections(t *testing.T) {
	t.Run("one that dies on a reused connection is repeated", func(t *testing.T) {
		address, calls := scripted(t, func(call int, _ string) string {
			if call == 2 {
				return "close"
			}
			return activeText
		})
		client := newClient(t, introspection.Config{URL: address}, nil)
		mustIntrospect(t, client, "first")
		mustIntrospect(t, client, "second")
		if calls.Load() != 3 {
			t.Errorf("%d requests, want 3", calls.Load())
		}
	})
	t.Run("it is repeated once", func(t *testing.T) {
		address, calls := scripted(t, func(call int, _ string) string {
			if call >= 2 {
				return "close"
			}
			return activeText
		})
		client := newClient(t, introspection.Config{URL: address}, nil)
		mustIntrospect(t, client, "first")
		response, err := client.Introspect(t.Context(), "second")
		mustBeUnavailable(t, response, err)
		if calls.Load() != 3 {
			t.Errorf("%d requests, want 3", calls.Load())
		}
	})
	t.Run("one that dies on a fresh connection is not repeated", func(t *testing.T) {
		address, calls := scripted(t, func(int, string) string { return "close" })
		client := newClient(t, introspection.Config{URL: address}, nil)
		response, err := client.Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		if calls.Load() != 1 {
			t.Errorf("%d requests, want 1", calls.Load())
		}
	})
	t.Run("the second goes out on a fresh connection although others are idle", func(t *testing.T) {
		const idle = 8
		var warm sync.WaitGroup
		warm.Add(idle)
		used := make(map[string]bool) // remote addresses that have carried a request
		var mu sync.Mutex
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			again := used[r.RemoteAddr]
			used[r.RemoteAddr] = true
			mu.Unlock()
			if again { // every connection of the warm-up is dead by now
				calls.Add(1)
				connection, _, _ := w.(http.Hijacker).Hijack()
				connection.Close()
				return
			}
			if strings.HasPrefix(r.FormValue("token"), "warm") {
				warm.Done()
				warm.Wait()
			}
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, activeText)
		}))
		defer server.Close()
		client := newClient(t, introspection.Config{URL: server.URL}, nil)
		var wg sync.WaitGroup
		for i := range idle {
			wg.Go(func() { mustIntrospect(t, client, fmt.Sprint("warm", i)) })
		}
		wg.Wait()
		mustIntrospect(t, client, "token")
		if calls.Load() != 1 {
			t.Errorf("%d dead connections tried, want 1", calls.Load())
		}
	})
}

func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, activeText)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := newClient(t, introspection.Config{URL: server.URL, Timeout: time.Minute}, nil)
	var wg sync.WaitGroup
	for i := range 2000 {
		wg.Go(func() { mustIntrospect(t, client, fmt.Sprint("token", i)) })
	}
	wg.Wait()
	if n := opened.Load(); n > 8*64 { // dials may lose against connections that become idle meanwhile, the more so on a busy machine
		t.Errorf("%d connections for 2000 requests, 64 at once", n)
	}
}

func TestServerWithoutAGoodCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	client := newClient(t, introspection.Config{URL: server.URL}, nil)
	response, err := client.Introspect(t.Context(), "token")
	mustBeUnavailable(t, response, err)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v does not tell the operator why", err)
	}
}

func TestServerThatIsAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	client := newClient(t, introspection.Config{URL: "http://" + address}, nil)
	response, err := client.Introspect(t.Context(), "token")
	mustBeUnavailable(t, response, err)
	if !strings.Contains(err.Error(), "connect") {
		t.Errorf("error %v does not tell the operator why", err)
	}
}

// net/http quotes what it cannot parse, and a server may echo what it was sent.
func TestServerThatEchoesTheRequest(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 4096)
			n, _ := connection.Read(buffer)
			_, body, _ := strings.Cut(string(buffer[:n]), "\r\n\r\n")
			if body == "" {
				n, _ = connection.Read(buffer)
				body = string(buffer[:n])
			}
			io.WriteString(connection, body+"\r\n\r\n")
			connection.Close()
		}
	}()
	var logged strings.Builder
	client := newClient(t, introspection.Config{
		URL:        "http://" + listener.Addr().String(),
		ClientAuth: introspection.SecretPost("api", canarySecret),
		Logger:     textLogger(&logged),
	}, nil)
	for range 6 {
		response, err := client.Introspect(t.Context(), canaryToken)
		mustBeUnavailable(t, response, err)
	}
	client.Close()
	if text := logged.String(); !strings.Contains(text, "does not answer") || strings.Contains(text, "canary") {
		t.Errorf("the log tells a secret, or nothing: %s", text)
	}
}

func TestAnswerWhoseConnectionBreaksIsNone(t *testing.T) {
	tr := &transport{serve: func(*http.Request, string) (*http.Response, error) {
		r := respond(200, "")
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(activeText), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return r, nil
	}}
	response, err := newClient(t, introspection.Config{}, tr).Introspect(t.Context(), "token")
	mustBeUnavailable(t, response, err)
}

type oddError struct{}

func (oddError) Error() string { return "canary-Secret" }

// The operator must learn what happened, though not in words that the server may have chosen.
func TestCausesOfFailedExchanges(t *testing.T) {
	lookup := &net.DNSError{Err: "no such host", Name: "as.example"}
	for name, row := range map[string]struct{ cause, wrapped error }{
		"a name that does not resolve":       {lookup, lookup},
		"an answer that is cut":              {fmt.Errorf("canary-Secret: %w", io.ErrUnexpectedEOF), io.ErrUnexpectedEOF},
		"a connection that is closed":        {fmt.Errorf("canary-Secret: %w", io.EOF), io.EOF},
		"anything else is named by its type": {oddError{}, nil},
	} {
		tr := &transport{serve: func(*http.Request, string) (*http.Response, error) { return nil, row.cause }}
		response, err := newClient(t, introspection.Config{}, tr).Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		switch {
		case row.wrapped != nil && !errors.Is(err, row.wrapped):
			t.Errorf("%s: %v hides its cause", name, err)
		case row.wrapped == nil && !strings.Contains(err.Error(), "(introspection_test.oddError)"):
			t.Errorf("%s: %v does not name the type", name, err)
		}
	}
}

// A request that the server has begun to answer was received: it is not sent again.
func TestRequestWithHalfAnAnswerIsNotRepeated(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, activeText)
			return
		}
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-")
		_ = connection.Close()
	}))
	defer server.Close()
	client := newClient(t, introspection.Config{URL: server.URL}, nil)
	mustIntrospect(t, client, "first")
	response, err := client.Introspect(t.Context(), "second")
	mustBeUnavailable(t, response, err)
	if calls.Load() != 2 {
		t.Errorf("%d requests, want 2", calls.Load())
	}
}

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
