package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

// called is what the command does with these arguments.
func called(ctx context.Context, args ...string) (status int, out, err string) {
	var stdout, stderr bytes.Buffer
	status = run(ctx, append([]string{"cardea"}, args...), stdio{in: os.Stdin, out: &stdout, err: &stderr})
	return status, stdout.String(), stderr.String()
}

// A token or a secret that was passed as an argument is in the history of the shell already; the command does not put it anywhere else.
func TestMistakesNeverQuoteAnArgument(t *testing.T) {
	const secret = "eyJhbGciOiJub25lIn0.c2VjcmV0.c2VjcmV0"
	for name, args := range map[string][]string{
		"a command":                  {secret},
		"a flag":                     {"-" + secret},
		"an argument of doctor":      {"doctor", secret},
		"a flag of doctor":           {"doctor", "--" + secret},
		"a value of an unknown flag": {"doctor", "-token=" + secret},
		"a value after one":          {"doctor", "-token", secret},
		"a boolean":                  {"doctor", "-json=" + secret},
		"a duration":                 {"doctor", "-timeout", secret},
		"the help of a command":      {"help", secret},
		"help of doctor":             {"doctor", "help", secret},
		"help beyond a command":      {"help", "doctor", secret},
		"a file of a secret":         {"doctor", "-issuer", "https://x.example", "-client-id", "a", "-client-secret-file", secret},
		"a variable of a secret":     {"doctor", "-issuer", "https://x.example", "-client-id", "a", "-client-secret-env", secret},
		"a file of a CA":             {"doctor", "-issuer", "https://x.example", "-ca-file", secret},
		"a client authentication":    {"doctor", "-issuer", "https://x.example", "-client-auth", secret},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, err := called(t.Context(), args...)
			if status != exitUsage || strings.Contains(out+err, "c2VjcmV0") || err == "" {
				t.Errorf("status %d, out %q, err %q", status, out, err)
			}
		})
	}
}

func TestMistakesOfDoctorNameTheFlag(t *testing.T) {
	t.Setenv("CARDEA_EMPTY", "")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no issuer":            {nil, "-issuer is missing or empty"},
		"an unknown flag":      {[]string{"-isuer", "https://x.example"}, "flag provided but not defined: -isuer"},
		"a flag without value": {[]string{"-issuer"}, "flag needs an argument: -issuer"},
		"no time":              {[]string{"-issuer", "https://x.example", "-timeout", "0s"}, "-timeout must be positive"},
		"a client alone":       {[]string{"-issuer", "https://x.example", "-client-id", "a"}, "go together"},
		"a secret alone":       {[]string{"-issuer", "https://x.example", "-client-secret-env", "PATH"}, "go together"},
		"two secrets":          {[]string{"-issuer", "https://x.example", "-client-secret-env", "PATH", "-client-secret-file", empty}, "one is enough"},
		"an empty variable": {
			[]string{"-issuer", "https://x.example", "-client-id", "a", "-client-secret-env", "CARDEA_EMPTY"},
			"is an environment variable missing?",
		},
		"an empty file":         {[]string{"-issuer", "https://x.example", "-client-id", "a", "-client-secret-file", empty}, "secret is empty"},
		"no file":               {[]string{"-issuer", "https://x.example", "-client-id", "a", "-client-secret-file", empty + "x"}, "no such file"},
		"a CA that is no PEM":   {[]string{"-issuer", "https://x.example", "-ca-file", empty}, "no certificate in PEM"},
		"an odd authentication": {[]string{"-issuer", "https://x.example", "-client-auth", "basic"}, "client_secret_basic or client_secret_post"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, err := called(t.Context(), append([]string{"doctor"}, test.args...)...)
			if status != exitUsage || out != "" || !strings.Contains(err, test.want) {
				t.Errorf("status %d, out %q, err %q", status, out, err)
			}
		})
	}
}

func TestDoctorExitsByItsFindings(t *testing.T) {
	server := authtest.NewIssuer(t)
	id, secret := server.Client()
	t.Setenv("CARDEA_TEST_SECRET", secret)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"nothing wrong":        {[]string{"-issuer", server.URL()}, exitGood, "0 problems, 0 warnings"},
		"a secret from a file": {[]string{"-issuer", server.URL(), "-client-id", id, "-client-secret-file", file}, exitGood, "by client_secret_basic"},
		"a secret from outside": {
			[]string{"--issuer=" + server.URL(), "-client-id", id, "-client-secret-env", "CARDEA_TEST_SECRET"}, exitGood,
			"by client_secret_basic",
		},
		"a wrong secret":         {[]string{"-issuer", server.URL(), "-client-id", id, "-client-secret-env", "PATH"}, exitBad, "Compare client id and secret"},
		"a slash too many":       {[]string{"-issuer", server.URL() + "/"}, exitBad, "only by a slash at the end"},
		"nothing wrong, in JSON": {[]string{"-issuer", server.URL(), "-json"}, exitGood, `"problems": 0`},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, err := called(t.Context(), append([]string{"doctor"}, test.args...)...)
			if status != test.status || !strings.Contains(out, test.want) || err != "" || strings.Contains(out, secret) {
				t.Errorf("status %d, out %s, err %q", status, out, err)
			}
			if strings.Contains(name, "JSON") && !json.Valid([]byte(out)) {
				t.Errorf("no JSON: %s", out)
			}
		})
	}
}

func TestStrictCountsWarnings(t *testing.T) {
	server := authtest.NewIssuer(t)
	shut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // an endpoint that answers strangers
		_, _ = w.Write([]byte(`{"active":false}`))
	}))
	t.Cleanup(shut.Close)
	args := []string{"doctor", "-issuer", server.URL(), "-introspection-url", shut.URL}
	if status, out, _ := called(t.Context(), args...); status != exitGood || !strings.Contains(out, "1 warning\n") {
		t.Errorf("status %d, out %s", status, out)
	}
	if status, _, _ := called(t.Context(), append(args, "-strict")...); status != exitBad {
		t.Errorf("status %d with -strict", status)
	}
}

func TestInterruptedWhileAServerHangs(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	}))
	t.Cleanup(hangs.Close)
	if status, _, err := called(ctx, "doctor", "-issuer", hangs.URL, "-timeout", "1h"); status != exitInterrupted || err != "cardea: interrupted\n" {
		t.Errorf("status %d, err %q", status, err)
	}
}

func TestDoctorSaysWhenItsTimeWasUp(t *testing.T) {
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hangs.Close)
	status, out, _ := called(t.Context(), "doctor", "-issuer", hangs.URL, "-timeout", "50ms")
	if status != exitBad || !strings.Contains(out, "not everything was asked") {
		t.Errorf("status %d, out %s", status, out)
	}
}

func TestDoctorTrustsTheCAOfItsFile(t *testing.T) {
	var at string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": at, "jwks_uri": at + "/jwks"})
		case "/jwks":
			_, _ = w.Write([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	at = server.URL
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, certificatePEM(server.Certificate().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := called(t.Context(), "doctor", "-issuer", at); status != exitBad || !strings.Contains(out, "pass -ca-file") {
		t.Errorf("without the file: status %d, %s", status, out)
	}
	if status, out, _ := called(t.Context(), "doctor", "-issuer", at, "-ca-file", file); status != exitGood || !strings.Contains(out, "TLS 1.3") {
		t.Errorf("with it: status %d, %s", status, out)
	}
}

func TestHelpSaysHowToCallIt(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"help"}, {"doctor", "--help"}, {"help", "doctor"}} {
		if status, out, err := called(t.Context(), args...); status != exitGood || !strings.Contains(
			out, "cardea doctor",
		) && !strings.Contains(out, "doctor") || err != "" {
			t.Errorf("%q: status %d, out %q, err %q", args, status, out, err)
		}
	}
}

func TestHelpOfACommandIsThatOfItsFlag(t *testing.T) {
	for _, command := range []string{"explain", "doctor"} {
		_, want, _ := called(t.Context(), command, "-h")
		if status, out, err := called(t.Context(), "help", command); status != exitGood || out != want || want == "" || err != "" {
			t.Errorf("help %s: status %d, out %q, err %q, want %q", command, status, out, err, want)
		}
	}
}
