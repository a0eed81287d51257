package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cardea-auth/cardea/examples/internal/demotest"
)

// secretVariable is where the quickstart looks for the secret of its introspection client.
const secretVariable = "CARDEA_INTROSPECTION_CLIENT_SECRET"

// binaries is where the quickstart is built, once for all tests.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if binaries, err = os.MkdirTemp("", "cardea-interop-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binaries)
	return m.Run()
}

var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(binaries, "quickstart")
	output, err := exec.Command("go", "build", "-o", binary, "../../quickstart").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return binary, nil
})

// api is a running quickstart.
type api struct{ url string }

// startAPI starts a quickstart that trusts the provider and introspects with the secret. It ends with the test.
func startAPI(t *testing.T, p *provider, secret string, arguments ...string) api {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	command := exec.CommandContext(ctx, binary, append([]string{
		"-addr", "127.0.0.1:0",
		"-issuer", p.Issuer,
		"-audience", audience,
		"-introspection-url", p.Issuer + "/token/introspection",
		"-introspection-client-id", p.ResourceServer.ID,
	}, arguments...)...)
	command.Env = append(os.Environ(), secretVariable+"="+secret)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	command.Stderr = &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		_ = command.Process.Signal(syscall.SIGTERM) // an error means that it has ended already, which Wait tells
		if err := command.Wait(); err != nil || t.Failed() {
			t.Errorf("the quickstart ended with %v and wrote:\n%s", err, log.String())
		}
	})
	address, err := url.Parse(demotest.Read(t, output)[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	return api{url: "http://" + address.Host}
}

// answer is what the API says to one request.
type answer struct {
	status    int
	challenge string
	body      string
}

// call sends a request such as "GET /orders" with the token.
func (a api) call(ctx context.Context, method, path, token string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, nil)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header.Get("WWW-Authenticate"), string(body)}, err
}

func (a api) must(t *testing.T, method, path, token string) answer {
	t.Helper()
	answer, err := a.call(t.Context(), method, path, token)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// wantAccepted wants GET /orders to let the token pass.
func (a api) wantAccepted(t *testing.T, token string) {
	t.Helper()
	if got := a.must(t, "GET", "/orders", token); got.status != http.StatusOK {
		t.Errorf("GET /orders: status %d, challenge %q; the token should be accepted", got.status, got.challenge)
	}
}

// wantRefused wants every route that needs a token to refuse this one as no good (RFC 6750 section 3.1).
func (a api) wantRefused(t *testing.T, token string) {
	t.Helper()
	const challenge = `Bearer realm="api", error="invalid_token"`
	for _, path := range []string{"/me", "/orders"} {
		if got := a.must(t, "GET", path, token); got.status != http.StatusUnauthorized || !strings.HasPrefix(got.challenge, challenge) {
			t.Errorf("GET %s: status %d, challenge %q; the token should be refused with %s", path, got.status, got.challenge, challenge)
		}
	}
}
