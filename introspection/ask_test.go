package introspection_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
)

type askFunc = func(ctx context.Context, client *http.Client, token string) ([]byte, error)

// says is a function that says the same of every token.
func says(claims string, err error) askFunc {
	return func(context.Context, *http.Client, string) ([]byte, error) { return []byte(claims), err }
}

func newAsker(t *testing.T, cfg introspection.Config, ask askFunc) *introspection.Client {
	t.Helper()
	cfg.Ask = ask
	client, err := introspection.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestWhatAskSays(t *testing.T) {
	for name, row := range map[string]struct {
		ask    askFunc
		active bool
		claims string
		says   string // of the error; "": a verdict
	}{
		"claims of an active token":      {says(`{"sub":"alice","exp":4102444800}`, nil), true, `{"sub":"alice","exp":4102444800}`, ""},
		"claims that say so":             {says(` {"active":true,"sub":"alice"} `, nil), true, `{"active":true,"sub":"alice"}`, ""},
		"claims that say otherwise":      {says(`{"active":false,"sub":"alice"}`, nil), false, `{}`, ""},
		"no claims":                      {says(`{}`, nil), true, `{}`, ""},
		"ErrInactive":                    {says(``, introspection.ErrInactive), false, `{}`, ""},
		"ErrInactive, wrapped":           {says(`{"sub":"alice"}`, fmt.Errorf("400: %w", introspection.ErrInactive)), false, `{}`, ""},
		"an error":                       {says(`{"sub":"alice"}`, errors.New("status 503")), false, "", "Config.Ask failed: status 503"},
		"neither claims nor an error":    {says(``, nil), false, "", "no JSON object"},
		"a list":                         {says(`[]`, nil), false, "", "no JSON object"},
		"null":                           {says(`null`, nil), false, "", "no JSON object"},
		"active as text":                 {says(`{"active":"true"}`, nil), false, "", "active is missing or no boolean"},
		"active as null":                 {says(`{"active":null}`, nil), false, "", "active is missing or no boolean"},
		"active in another case":         {says(`{"Active":false}`, nil), false, "", "differs from active only in case"},
		"an exp as text":                 {says(`{"exp":"4102444800"}`, nil), false, "", "exp is no number"},
		"a name twice":                   {says(`{"sub":"a","sub":"b"}`, nil), false, "", "occurs twice"},
		"more than 64 KiB":               {says(`{"x":"`+strings.Repeat("x", 64<<10)+`"}`, nil), false, "", "larger than 64 KiB"},
		"an error that quotes the token": {says(``, errors.New("token "+canaryToken+" is odd")), false, "", "Config.Ask failed (*errors.errorString)"},
		"an error of net/http with its URL": {
			says(``, &url.Error{Op: "Get", URL: "https://as.example?t=" + canaryToken, Err: io.EOF}), false, "",
			"the server could not be asked: EOF",
		},
		"such an error inside another": {
			says(``, fmt.Errorf("%w", &url.Error{Op: "Get", URL: canaryToken, Err: oddError{}})), false, "",
			"(introspection_test.oddError)",
		},
		"an error that knows when to return": {says(``, patientError{}), false, "", "Config.Ask failed: keys away"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			client := newAsker(t, introspection.Config{}, func(ctx context.Context, c *http.Client, token string) ([]byte, error) {
				if calls.Add(1); token != canaryToken || c == nil {
					t.Errorf("asked about %q with %v", token, c)
				}
				return row.ask(ctx, c, token)
			})
			for range 2 {
				response, err := client.Introspect(t.Context(), canaryToken)
				if row.says != "" {
					mustBeUnavailable(t, response, err)
					if !strings.Contains(err.Error(), row.says) {
						t.Errorf("%v does not say %q", err, row.says)
					}
					continue
				}
				var claims json.RawMessage
				if err != nil || response.Active() != row.active || response.Claims(&claims) != nil || string(claims) != row.claims {
					t.Errorf("active %t, claims %s (%v)", response.Active(), claims, err)
				}
			}
			if remembered := calls.Load() == 1; remembered != (row.says == "") {
				t.Errorf("%d calls: verdicts are remembered, and nothing else", calls.Load())
			}
		})
	}
	if _, err := newAsker(t, introspection.Config{}, says("", patientError{})).Introspect(t.Context(), "token"); retryAfter(err) != 7*time.Second {
		t.Errorf("RetryAfter %v, want that of the function's error", retryAfter(err))
	}
}

// Every form in which a token can stand in a URL, in JSON or in a page.
func TestErrorsOfAskDoNotTellTheToken(t *testing.T) {
	const token = "canary-Token/+=~._0|&<>%41#;'"
	for _, form := range []string{
		token, url.QueryEscape(token), url.PathEscape(token), (&url.URL{Path: token}).EscapedPath(), html.EscapeString(token),
		strings.NewReplacer("&", `\u0026`, "<", `\u003c`, ">", `\u003e`).Replace(token), strings.ReplaceAll(token, "|", "%7c"),
	} {
		_, err := newAsker(t, introspection.Config{}, says("", errors.New("GET https://as.example/"+form+": 500"))).Introspect(t.Context(), token)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	}
}

func TestRulesOfConfigWithAsk(t *testing.T) {
	ask := says("{}", nil)
	for name, row := range map[string]struct {
		cfg  introspection.Config
		says string
	}{
		"alone":               {introspection.Config{}, ""},
		"with an address":     {introspection.Config{URL: "https://as.example/tokeninfo"}, ""},
		"with an issuer":      {introspection.Config{Issuer: "https://as.example"}, ""},
		"with a bad address":  {introspection.Config{URL: "http://as.example/tokeninfo"}, "Config.URL"},
		"with a ClientAuth":   {introspection.Config{ClientAuth: introspection.NoClientAuth()}, "Config.ClientAuth is set beside Ask"},
		"with signed answers": {introspection.Config{SignedBy: jwks.NewSet()}, "Config.SignedBy is set beside Ask"},
	} {
		row.cfg.Ask = ask
		client, err := introspection.New(row.cfg)
		if (err == nil) != (row.says == "") || err != nil && (!strings.Contains(err.Error(), row.says) || strings.Contains(strings.TrimSpace(err.Error()), "\n")) {
			t.Errorf("%s: %v, want %q and no other mistake", name, err, row.says)
		}
		if client != nil {
			client.Close()
		}
	}
}

func get(ctx context.Context, client *http.Client, address string) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func TestClientThatAskGets(t *testing.T) {
	for name, row := range map[string]struct {
		address string
		answer  *http.Response
		sent    int
		says    string
	}{
		"https":                   {"https://as.example/tokeninfo", respond(200, `{}`), 1, ""},
		"http on this machine":    {"http://127.0.0.1:1/tokeninfo", respond(200, `{}`), 1, ""},
		"http to a named host":    {"http://mesh:8080/tokeninfo", respond(200, `{}`), 1, ""},
		"http to another port":    {"http://mesh:8081/tokeninfo", respond(200, `{}`), 0, "Config.Ask sends no request without TLS"},
		"http to anybody else":    {"http://as.example/tokeninfo", respond(200, `{}`), 0, "Config.DangerouslyAllowHTTP"},
		"64 KiB":                  {"https://as.example/", respond(200, `{}`+strings.Repeat(" ", 64<<10-2)), 1, ""},
		"64 KiB and a byte":       {"https://as.example/", respond(200, `{}`+strings.Repeat(" ", 64<<10-1)), 1, "an answer to Config.Ask is larger than 64 KiB"},
		"a redirect, which stays": {"https://as.example/", respond(302, `{"location":1}`), 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			sent := 0
			row.answer.Header.Set("Location", "https://evil.example/")
			row.answer.Header.Set("Set-Cookie", "a=b")
			transport := transportFunc(func(r *http.Request) (*http.Response, error) {
				sent++
				if r.Header.Get("Cookie") != "" {
					t.Error("a cookie was sent")
				}
				return row.answer, nil
			})
			client := newAsker(t, introspection.Config{HTTPClient: &http.Client{Transport: transport}, DangerouslyAllowHTTP: []string{"mesh:8080"}},
				func(ctx context.Context, c *http.Client, _ string) ([]byte, error) {
					_, body, err := get(ctx, c, row.address)
					return body, err
				})
			response, err := client.Introspect(t.Context(), "token")
			if row.says != "" {
				mustBeUnavailable(t, response, err)
			}
			if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) || sent != row.sent {
				t.Errorf("%v, %d requests; want %q, %d", err, sent, row.says, row.sent)
			}
		})
	}
}

func TestAskOverTheTransportOfEverybody(t *testing.T) {
	server := tokeninfo()
	defer server.Close()
	client := newAsker(t, introspection.Config{HTTPClient: &http.Client{}}, func(ctx context.Context, c *http.Client, _ string) ([]byte, error) {
		response, _, err := get(ctx, c, server.URL)
		if err != nil || response.StatusCode != http.StatusBadRequest {
			return nil, fmt.Errorf("no answer: %w", err)
		}
		return nil, introspection.ErrInactive
	})
	if mustIntrospect(t, client, "token").Active() {
		t.Error("active")
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

type closedBody struct {
	io.Reader

	closed *bool
}

func (b closedBody) Close() error { *b.closed = true; return nil }

// A RoundTripper closes the body of a request that it does not send.
func TestRequestThatIsNotSentIsClosed(t *testing.T) {
	closed := false
	client := newAsker(t, introspection.Config{}, func(ctx context.Context, c *http.Client, _ string) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://as.example/", closedBody{strings.NewReader("a=b"), &closed})
		if err != nil {
			return nil, err
		}
		response, err := c.Do(request)
		if err != nil {
			return nil, err
		}
		return nil, response.Body.Close()
	})
	response, err := client.Introspect(t.Context(), "token")
	mustBeUnavailable(t, response, err)
	if !closed {
		t.Error("the body stays open")
	}
}

func TestClientThatAskGetsIsItsOwn(t *testing.T) {
	followed := 0
	transport := transportFunc(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "evil.example" {
			followed++
			return respond(200, `{}`), nil
		}
		answer := respond(302, `{}`)
		answer.Header.Set("Location", "https://evil.example/")
		return answer, nil
	})
	first := true
	client := newAsker(t, introspection.Config{HTTPClient: &http.Client{Transport: transport}},
		func(ctx context.Context, c *http.Client, _ string) ([]byte, error) {
			if first {
				first, c.CheckRedirect = false, nil
				return []byte(`{}`), nil
			}
			_, body, err := get(ctx, c, "https://as.example/")
			return body, err
		})
	mustIntrospect(t, client, "one")
	mustIntrospect(t, client, "two")
	if followed != 0 {
		t.Error("one call changed the client of another")
	}
}

func TestAskIsCalledOnceForManyCallersAndCutInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		client := newAsker(t, introspection.Config{}, func(ctx context.Context, _ *http.Client, token string) ([]byte, error) {
			calls.Add(1)
			if token == "hang" {
				return nil, fmt.Errorf("gave up: %w", wait(ctx, time.Hour))
			}
			return []byte(`{}`), wait(ctx, time.Second)
		})
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() { mustIntrospect(t, client, "token") })
		}
		callers.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls for one token", calls.Load())
		}
		start := time.Now()
		response, err := client.Introspect(t.Context(), "hang")
		mustBeUnavailable(t, response, err)
		if time.Since(start) != 2*time.Second || !strings.Contains(err.Error(), "did not answer within 2s") {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestBreakerOverAsk(t *testing.T) {
	for name, row := range map[string]struct {
		fails func(token string) bool
		open  bool
		calls int32
	}{
		"over odd tokens it stays closed": {func(token string) bool { return strings.HasPrefix(token, "odd") }, false, 6},
		"over every token it opens":       {func(string) bool { return true }, true, 5},
	} {
		t.Run(name, func(t *testing.T) {
			var calls, own atomic.Int32
			client := newAsker(t, introspection.Config{}, func(_ context.Context, _ *http.Client, token string) ([]byte, error) {
				calls.Add(1)
				if len(token) == 26 {
					own.Add(1)
				}
				if row.fails(token) {
					return nil, errors.New("status 500")
				}
				return nil, introspection.ErrInactive
			})
			for i := range 5 {
				_, err := client.Introspect(t.Context(), fmt.Sprint("odd", i))
				mustBeUnavailable(t, nil, err)
			}
			if client.Status().BreakerOpen != row.open || calls.Load() != row.calls || own.Load() != 1 {
				t.Errorf("open %t after %d calls, %d of them our own", client.Status().BreakerOpen, calls.Load(), own.Load())
			}
		})
	}
}

func TestPanicInAsk(t *testing.T) {
	var logged strings.Builder
	client := newAsker(
		t, introspection.Config{Logger: textLogger(&logged)},
		func(_ context.Context, _ *http.Client, token string) ([]byte, error) { panic(token) },
	)
	response, err := client.Introspect(t.Context(), canaryToken)
	mustBeUnavailable(t, response, err)
	client.Close()
	if strings.Contains(logged.String(), "canary") || !strings.Contains(logged.String(), "panicked") {
		t.Errorf("logged: %s", &logged)
	}
}

func TestOutageIsLoggedUnderTheNameOfAsk(t *testing.T) {
	for address, endpoint := range map[string]string{
		"": "endpoint=Config.Ask", "https://as.example/tokeninfo?key=canary-Secret": "endpoint=https://as.example/tokeninfo cause",
	} {
		var logged strings.Builder
		client := newAsker(t, introspection.Config{URL: address, Logger: textLogger(&logged)}, says("", errors.New("down")))
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		client.Close()
		if text := logged.String(); !strings.Contains(text, endpoint) || strings.Contains(text, "canary") || strings.Count(text, "\n") != 1 {
			t.Errorf("%s: %s", address, text)
		}
	}
}

func TestAskInClearIsWarnedOf(t *testing.T) {
	var logged strings.Builder
	newAsker(t, introspection.Config{DangerouslyAllowHTTP: []string{"mesh:80"}, Logger: textLogger(&logged)}, says("{}", nil))
	newAsker(t, introspection.Config{Logger: textLogger(&logged)}, says("{}", nil))
	if n := strings.Count(logged.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, &logged)
	}
}
