package authtest_test

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestFaultsLeaveTokensUnjudged(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]authtest.Fault{
		"an error":                      {Status: http.StatusInternalServerError},
		"overload":                      {Status: http.StatusTooManyRequests, Body: []byte(`{"error":"slow_down"}`)},
		"a body that is no JSON":        {Body: []byte("<html>")},
		"an empty object":               {Body: []byte("{}")},
		"a redirect":                    {Status: http.StatusFound},
		"an empty body with status 200": {Status: http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := authtest.NewIssuer(t)
			auth, call := newAPI(t, issuer.Config(api))
			token, opaque := issuer.Token(nil), issuer.OpaqueToken(nil)
			issuer.SetFault(fault)
			for _, token := range []string{token, opaque} {
				w := call(token)
				want(t, w, http.StatusServiceUnavailable)
				if w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
					t.Errorf("the header is %v", w.Header())
				}
			}
			issuer.SetFault(authtest.Fault{})
			if err := auth.Warm(t.Context()); err != nil {
				t.Fatal(err)
			}
			want(t, call(token), http.StatusOK)
			want(t, call(opaque), http.StatusOK)
		})
	}
}

func TestFaultOfOneEndpointLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	endpoints := []authtest.Endpoint{
		authtest.EndpointMetadata, authtest.EndpointJWKS, authtest.EndpointToken, authtest.EndpointIntrospection,
	}
	status := func(e authtest.Endpoint) int {
		if e == authtest.EndpointMetadata || e == authtest.EndpointJWKS {
			return get(t, issuer.URL()+string(e)).StatusCode
		}
		r := newPost(t, issuer.URL()+string(e), url.Values{"grant_type": {"client_credentials"}, "token": {"unknown"}})
		r.SetBasicAuth(issuer.Client())
		return send(t, r).StatusCode
	}
	for _, faulty := range append(endpoints, "") {
		issuer.SetFault(authtest.Fault{Status: http.StatusTeapot, Endpoint: faulty})
		for _, e := range endpoints {
			want := http.StatusOK
			if e == faulty || faulty == "" && e != authtest.EndpointToken {
				want = http.StatusTeapot
			}
			if got := status(e); got != want {
				t.Errorf("fault at %q: %s answers %d, want %d", faulty, e, got, want)
			}
		}
	}
	for _, e := range endpoints {
		if n := issuer.Requests(e); n != 5 {
			t.Errorf("%s was asked %d times, want 5: those that met a fault count", e, n)
		}
	}
}

func TestFaultSendsItsBody(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	issuer.SetFault(authtest.Fault{Body: []byte("no JSON")})
	a := get(t, issuer.URL()+"/jwks")
	if a.StatusCode != http.StatusOK || string(a.body) != "no JSON" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the answer is %d %q %v", a.StatusCode, a.body, a.Header)
	}
}

func TestDelayComesBeforeTheUsualAnswer(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	issuer.SetFault(authtest.Fault{Delay: time.Millisecond})
	if a := get(t, issuer.URL()+"/jwks"); a.StatusCode != http.StatusOK || len(a.body) == 0 {
		t.Errorf("the answer is %d %q", a.StatusCode, a.body)
	}
}

func TestDelayEndsWhenTheCallerGivesUp(t *testing.T) { // not parallel: it looks at all goroutines
	issuer := authtest.NewIssuer(t)
	issuer.SetFault(authtest.Fault{Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		callers.Go(func() {
			address := issuer.URL() + map[string]string{http.MethodGet: "/jwks", http.MethodPost: "/introspect"}[method]
			r, _ := http.NewRequestWithContext(ctx, method, address, strings.NewReader("token=unknown"))
			if response, err := http.DefaultClient.Do(r); err == nil {
				_ = response.Body.Close()
				t.Errorf("%s was answered with %d", method, response.StatusCode)
			}
		})
	}
	for issuer.Requests(authtest.EndpointJWKS)+issuer.Requests(authtest.EndpointIntrospection) < 2 {
		runtime.Gosched()
	}
	cancel()
	callers.Wait()
	waitForNoGoroutineIn(t, "authtest.Fault.wait")
}
