package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	audience = "https://api.example.com"

	// limit bounds every test: node, the quickstart and all requests between them.
	limit = 2 * time.Minute
)

// provider is a running oidc-provider.
type provider struct {
	Issuer         string
	Address        string // where it listens: the Issuer, unless it is behind a proxy
	App            client // asks for tokens
	Namesake       client // an app whose client id is also our audience
	Certified      client // its tokens are bound to its certificate
	ResourceServer client // may introspect
	RedirectURI    string

	CertificateField string // in which the certificate of Certified comes, as escaped PEM

	commands io.Writer
	answers  *bufio.Scanner
}

type client struct{ ID, Secret string }

// tokens is an answer of the token endpoint (RFC 6749 section 5.1).
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// requireNode skips the test where it cannot run, except in CI, which must not pass without it.
func requireNode(t *testing.T) {
	t.Helper()
	_, missing := exec.LookPath("node")
	if missing == nil {
		_, missing = os.Stat("node_modules/oidc-provider/package.json")
	}
	if missing == nil {
		return
	}
	message := fmt.Sprintf(
		"left out: tokens of a real provider (%v); run: npm ci --prefix examples/evidence/interop && go test ./examples/evidence/interop",
		missing,
	)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	told.Do(func() { tell(message) })
	t.Skip(message)
}

var told sync.Once

// tell writes to the terminal, if there is one, past go test: that shows what a package says only if it fails, or with -v, and
// whoever runs all tests should know what was left out.
func tell(message string) {
	terminal, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer terminal.Close()
	fmt.Fprintln(terminal, message)
}

// startProvider starts a provider with fresh keys, which ends with the test.
func startProvider(t *testing.T) *provider {
	t.Helper()
	return startProviderAs(t, "", "")
}

// startProviderAs starts one that calls itself issuer, and tells logouts to an address.
func startProviderAs(t *testing.T, issuer, logouts string) *provider {
	t.Helper()
	requireNode(t)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	command := exec.CommandContext(ctx, "node", "provider.mjs", audience, issuer, logouts)
	commands, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
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
		commands.Close() // which ends it
		if err := command.Wait(); err != nil || t.Failed() {
			t.Errorf("oidc-provider ended with %v and wrote:\n%s", err, log.String())
		}
	})
	p := &provider{commands: commands, answers: bufio.NewScanner(output)}
	p.read(t, p)
	return p
}

// rotate makes the provider sign with new keys; how is "overlap" or "replace".
func (p *provider) rotate(t *testing.T, how string) {
	t.Helper()
	if _, err := fmt.Fprintf(p.commands, "rotate %s\n", how); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		KIDs  []string
		Error string
	}
	p.read(t, &answer)
	if len(answer.KIDs) == 0 {
		t.Fatalf("no rotation: %s", answer.Error)
	}
}

func (p *provider) read(t *testing.T, v any) {
	t.Helper()
	if !p.answers.Scan() {
		t.Fatalf("oidc-provider said nothing: %v", p.answers.Err())
	}
	if err := json.Unmarshal(p.answers.Bytes(), v); err != nil {
		t.Fatalf("%v in %s", err, p.answers.Text())
	}
}

// token asks for an access token for the resource by client credentials (RFC 6749 section 4.4, RFC 8707).
func (p *provider) token(t *testing.T, resource, scope string) string {
	t.Helper()
	return p.ask(t, p.App, url.Values{
		"grant_type": {"client_credentials"},
		"resource":   {resource},
		"scope":      {scope},
	}).Access
}

// logIn goes through the authorization code flow (OpenID Connect Core section 3.1) as a browser does, for a user whom
// the provider logs in without asking. An empty nonce sends none.
func (p *provider) logIn(t *testing.T, c client, nonce string) tokens {
	t.Helper()
	return p.logInWith(t, p.newBrowser(t), c, nonce)
}

// newBrowser has no session yet.
func (p *provider) newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Timeout: limit, Transport: fresh, Jar: jar, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(next.URL.String(), p.RedirectURI) {
			return http.ErrUseLastResponse // here the app takes over
		}
		return nil
	}}
}

func (p *provider) logInWith(t *testing.T, browser *http.Client, c client, nonce string) tokens {
	t.Helper()
	request := url.Values{
		"response_type": {"code"},
		"client_id":     {c.ID},
		"redirect_uri":  {p.RedirectURI},
		"scope":         {"openid orders:read"},
		"resource":      {"urn:api:RS256"},
	}
	if nonce != "" {
		request.Set("nonce", nonce)
	}
	response, err := browser.Get(p.Issuer + "/auth?" + request.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	landing, err := response.Location()
	if err != nil {
		t.Fatalf("the login ended with status %d: %v", response.StatusCode, err)
	}
	return p.ask(t, c, url.Values{
		"grant_type":   {"authorization_code"},
		"code":         {landing.Query().Get("code")},
		"redirect_uri": {p.RedirectURI},
		"resource":     {"urn:api:RS256"},
	})
}

// revoke revokes a token of the app (RFC 7009).
func (p *provider) revoke(t *testing.T, token string) {
	t.Helper()
	p.post(t, "/token/revocation", p.App, url.Values{"token": {token}})
}

func (p *provider) ask(t *testing.T, c client, form url.Values) tokens {
	t.Helper()
	var answer tokens
	body := p.post(t, "/token", c, form)
	if err := json.Unmarshal(body, &answer); err != nil || answer.Access == "" {
		t.Fatalf("no access token (%v): %s", err, body)
	}
	return answer
}

// post sends a form with the client's credentials (RFC 6749 section 2.3.1) and wants 200.
func (p *provider) post(t *testing.T, path string, c client, form url.Values) []byte {
	t.Helper()
	return p.send(t, p.newPost(t, path, c, form))
}

func (p *provider) newPost(t *testing.T, path string, c client, form url.Values) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.Address+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret))
	return request
}

// fresh takes a new connection for each request. Node.js ends one that has been idle for five seconds, perhaps while a request is on its way,
// and net/http sends no POST twice.
var fresh = &http.Transport{DisableKeepAlives: true}

func (p *provider) send(t *testing.T, request *http.Request) []byte {
	t.Helper()
	response, err := (&http.Client{Transport: fresh}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: status %d: %s", request.URL.Path, response.StatusCode, body)
	}
	return body
}
