package authtest_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestSecurityEvents(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	issuer.Config("https://orders.example.com")
	header, claims := decoded(t, issuer.SecurityEvent(authtest.Claims{"txn": "1"}))
	if header["typ"] != "secevent+jwt" || header["alg"] != "ES256" {
		t.Errorf("the header is %v", header)
	}
	got := slices.Sorted(maps.Keys(claims))
	if want := []string{"aud", "events", "iat", "iss", "jti", "sub_id", "txn"}; !slices.Equal(got, want) {
		t.Errorf("the claims are %q", got)
	}
	seen := make(map[string]bool)
	for name, token := range issuer.BrokenSecurityEvents() {
		if seen[token] || token == issuer.SecurityEvent(nil) {
			t.Errorf("%s is as another one", name)
		}
		seen[token] = true
	}
}

func TestPushEvent(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Content-Type") != "application/secevent+jwt" || r.Header.Get("Authorization") != "Bearer b" || string(body) != "token" {
			t.Errorf("%v %s", r.Header, body)
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"err":"invalid_key","description":"x"}`)
	}))
	defer receiver.Close()
	if status, code := issuer.PushEvent(receiver.URL, "Bearer b", "token"); status != 400 || code != "invalid_key" {
		t.Errorf("%d %s", status, code)
	}
}

func TestEventsThatArePolled(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	poll := func(body string) (sets map[string]string, more bool) {
		t.Helper()
		resp, err := http.Post(issuer.URL()+string(authtest.EndpointPoll), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // it is read
		var answer struct {
			Sets map[string]string `json:"sets"`
			More bool              `json:"moreAvailable"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d, %v", resp.StatusCode, err)
		}
		return answer.Sets, answer.More
	}
	a, b, c := issuer.SecurityEvent(authtest.Claims{"jti": "a"}), issuer.SecurityEvent(authtest.Claims{"jti": "b"}), "no token"
	issuer.OfferEvents(a, b, c)
	if sets, more := poll(`{"maxEvents":1}`); len(sets) != 1 || sets["a"] != a || !more {
		t.Errorf("%v %t", sets, more)
	}
	if sets, more := poll(`{}`); len(sets) != 3 || sets["b"] != b || sets["authtest-2"] != c || more {
		t.Errorf("what was not acknowledged is not offered again: %v %t", sets, more)
	}
	if sets, _ := poll(`{"ack":["a","nobody"],"setErrs":{"authtest-2":{"err":"invalid_request"}},"maxEvents":0}`); len(sets) != 0 {
		t.Errorf("nothing was asked for: %v", sets)
	}
	if sets, more := poll(`{}`); len(sets) != 1 || sets["b"] != b || more {
		t.Errorf("%v %t", sets, more)
	}
	poll(`{"ack":["b"],"returnImmediately":true}`)
	acked, refused := issuer.PolledEvents()
	if !slices.Equal(acked, []string{"a", "b"}) || len(refused) != 1 || refused["authtest-2"] != "invalid_request" {
		t.Errorf("%v %v", acked, refused)
	}
	waits := make(chan map[string]string)
	go func() { sets, _ := poll(`{}`); waits <- sets }()
	issuer.OfferEvents(a)
	if sets := <-waits; sets["a"] != a {
		t.Errorf("a poll that waits gets %v", sets)
	}
	if got := issuer.Requests(authtest.EndpointPoll); got != 6 {
		t.Errorf("%d polls", got)
	}
	resp, err := http.Post(issuer.URL()+string(authtest.EndpointVerification), "application/json", strings.NewReader(`{"stream_id":"another"}`))
	if err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("another stream: %v, %v", resp, err)
	}
}

// decoded are the header and claims of a JWT.
func decoded(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	segments := strings.Split(token, ".")
	for n, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(segments[n])
		if err != nil || json.Unmarshal(text, into) != nil {
			t.Fatalf("segment %d of %s cannot be read", n, token)
		}
	}
	return header, claims
}
