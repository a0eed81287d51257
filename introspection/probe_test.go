package introspection_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

// ownTokens are those of the requests that no caller has caused.
type ownTokens struct {
	mu  sync.Mutex
	all []string
}

func (o *ownTokens) seenBy(serve func(*http.Request, string) (*http.Response, error)) func(*http.Request, string) (*http.Response, error) {
	return func(r *http.Request, token string) (*http.Response, error) {
		if len(token) == 26 { // no caller of these tests has one of this length
			o.mu.Lock()
			o.all = append(o.all, token)
			o.mu.Unlock()
		}
		return serve(r, token)
	}
}

func (o *ownTokens) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.all)
}

// A server that knows nothing of our token may answer 400 as well (Gluu does): it answers.
func TestOwnTokenThatTheServerCallsMalformed(t *testing.T) {
	tr := &transport{serve: func(_ *http.Request, token string) (*http.Response, error) {
		switch {
		case token == "good":
			return respond(200, activeText), nil
		case strings.HasPrefix(token, "odd"):
			return respond(403, ""), nil
		}
		return respond(400, `{"error":"invalid_request"}`), nil
	}}
	client := newClient(t, introspection.Config{}, tr)
	for i := range 4 {
		client.Introspect(t.Context(), fmt.Sprint("odd", i))
	}
	mustIntrospect(t, client, "good")
	if client.Status().BreakerOpen || tr.count() != 4+1+1 {
		t.Errorf("open %t after %d requests", client.Status().BreakerOpen, tr.count())
	}
}

func TestOwnTokensAreOrdinaryAndShownNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var own ownTokens
		var logged, shown strings.Builder
		tr := &transport{serve: own.seenBy(func(_ *http.Request, token string) (*http.Response, error) { return respond(500, token), nil })}
		client := newClient(t, introspection.Config{Logger: textLogger(&logged)}, tr)
		for i := range 10 {
			_, err := client.Introspect(t.Context(), fmt.Sprint("token", i))
			fmt.Fprintf(&shown, "%v %+v %#v\n", err, client.Status(), *client)
			time.Sleep(time.Second)
		}
		if len(own.all) < 3 {
			t.Fatalf("%d questions of our own", len(own.all))
		}
		for i, token := range own.all {
			if !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(token) || slices.Index(own.all, token) != i {
				t.Errorf("our own token %q is of an odd shape, or not new", token)
			}
			if strings.Contains(logged.String()+shown.String(), token) {
				t.Errorf("our own token is shown:\n%s%s", &logged, &shown)
			}
			before := tr.count()
			time.Sleep(time.Second)
			client.Introspect(t.Context(), token)
			if tr.count() == before {
				t.Error("what was said about our own token is remembered")
			}
		}
	})
}

func TestOurOwnQuestionTakesNoPlaceBeyondMaxInFlight(t *testing.T) {
	for _, places := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
				err := wait(r.Context(), 200*time.Millisecond)
				if strings.HasPrefix(token, "odd") {
					return respond(403, ""), err
				}
				return respond(200, activeText), err
			}}
			client := newClient(t, introspection.Config{MaxInFlight: places}, tr)
			for i := range 4 {
				client.Introspect(t.Context(), fmt.Sprint("odd", i))
			}
			var callers sync.WaitGroup
			for i := range 4 {
				callers.Go(func() { mustIntrospect(t, client, fmt.Sprint("good", i)) })
			}
			callers.Wait()
			if tr.peak() != places || tr.count() != 4+1+4 {
				t.Errorf("%d requests, %d at once; want 9, %d", tr.count(), tr.peak(), places)
			}
			if n := client.Status().InFlight; n != 0 {
				t.Errorf("%d in flight in the end", n)
			}
		})
	}
}

// A question of our own that gets lost is no reason to leave a server alone that answers others meanwhile.
func TestOurOwnQuestionFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var own ownTokens
		tr := &transport{serve: own.seenBy(func(r *http.Request, token string) (*http.Response, error) {
			if len(token) == 26 {
				return hang(r, token)
			}
			return oddly(status(500, ""))(r, token)
		})}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 4 {
			client.Introspect(t.Context(), fmt.Sprint("odd", i))
		}
		mustIntrospect(t, client, "good0") // brings our own question along
		time.Sleep(500 * time.Millisecond)
		for i := range 4 {
			client.Introspect(t.Context(), fmt.Sprint("odd", i))
		}
		time.Sleep(2 * time.Second)
		if client.Status().BreakerOpen || own.count() != 1 {
			t.Errorf("open %t after %d questions of our own", client.Status().BreakerOpen, own.count())
		}
	})
}

func TestOwnQuestionWithEveryWayToAuthenticate(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte("canary-Seed-of-a-key-3c8a5f1e7b9"))
	for name, auth := range map[string]introspection.ClientAuth{
		"client_secret_basic": introspection.SecretBasic("api", canarySecret),
		"client_secret_post":  introspection.SecretPost("api", canarySecret),
		"private_key_jwt":     introspection.PrivateKeyJWT("api", "k", "EdDSA", key),
		"a bearer token":      introspection.BearerToken(func(context.Context) (string, error) { return canaryBearer, nil }),
		"nothing":             introspection.NoClientAuth(),
	} {
		t.Run(name, func(t *testing.T) {
			seen := make(map[string]bool)
			tr := &transport{}
			tr.serve = func(r *http.Request, token string) (*http.Response, error) {
				form := r.PostForm
				if assertion := form.Get("client_assertion"); assertion != "" {
					if seen[assertion] {
						t.Error("an assertion was sent twice")
					}
					seen[assertion] = true
				}
				proven := r.Header.Get("Authorization") != "" || form.Get("client_secret") != "" || form.Get("client_assertion") != ""
				if !proven && name != "nothing" {
					return respond(401, ""), nil
				}
				return oddly(status(403, ""))(r, token)
			}
			client := newClient(t, introspection.Config{Issuer: "https://as.example", ClientAuth: auth}, tr)
			for i := range 5 {
				client.Introspect(t.Context(), fmt.Sprint("odd", i))
			}
			mustIntrospect(t, client, "good")
			if tr.count() != 5+1+1 {
				t.Errorf("%d requests, want 7", tr.count())
			}
		})
	}
}

// What cannot be asked for a reason of our own says nothing about the server, open or closed.
func TestOurOwnTroublesNeitherOpenNorCloseTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var trouble error
		tr := &transport{serve: status(503, "")}
		client := newClient(t, introspection.Config{
			ClientAuth: introspection.BearerToken(func(context.Context) (string, error) { return "token", trouble }),
		}, tr)
		for i := range 4 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		trouble = errors.New("vault is sealed")
		_, err := client.Introspect(t.Context(), "fifth")
		if client.Status().BreakerOpen || !strings.Contains(err.Error(), "vault is sealed") {
			t.Errorf("open %t: %v", client.Status().BreakerOpen, err)
		}
		time.Sleep(time.Second)
		trouble = nil
		client.Introspect(t.Context(), "sixth")
		trouble = errors.New("vault is sealed")
		time.Sleep(time.Second)
		_, err = client.Introspect(t.Context(), "seventh")
		if !client.Status().BreakerOpen || !strings.Contains(err.Error(), "vault is sealed") || tr.count() != 5 {
			t.Errorf("open %t after %d requests: %v", client.Status().BreakerOpen, tr.count(), err)
		}
	})
}

func TestPanicInOurOwnQuestionLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{}
		tr.serve = func(r *http.Request, token string) (*http.Response, error) {
			if len(token) == 26 {
				panic(token)
			}
			return oddly(status(403, ""))(r, token)
		}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 4 {
			client.Introspect(t.Context(), fmt.Sprint("odd", i))
		}
		mustIntrospect(t, client, "good")
		synctest.Wait()
		if status := client.Status(); status.InFlight != 0 || status.BreakerOpen {
			t.Errorf("status %+v", status)
		}
	})
}

func TestCloseEndsOurOwnQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: oddly(status(403, ""))}
		healthy := tr.serve
		tr.serve = func(r *http.Request, token string) (*http.Response, error) {
			if len(token) == 26 {
				return hang(r, token)
			}
			return healthy(r, token)
		}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 4 {
			client.Introspect(t.Context(), fmt.Sprint("odd", i))
		}
		mustIntrospect(t, client, "good")
		if n := client.Status().InFlight; n != 1 {
			t.Fatalf("%d in flight, want our own question", n)
		}
		start := time.Now()
		client.Close()
		if n := client.Status().InFlight; n != 0 || time.Since(start) != 0 {
			t.Errorf("%d in flight %v after Close began", n, time.Since(start))
		}
	})
}

func TestOwnQuestionToAServerThatSignsItsAnswers(t *testing.T) {
	key := newECKey(t)
	keys := keySet(t, "k1", "ES256", key.Public())
	synctest.Test(t, func(t *testing.T) {
		signed := func(active bool) string {
			return signES256(t, key, goodHeader,
				fmt.Sprintf(`{"iss":"https://as.example","aud":"api","iat":%d,"token_introspection":{"active":%t}}`, time.Now().Unix(), active))
		}
		tr := &transport{}
		tr.serve = func(r *http.Request, token string) (*http.Response, error) {
			if strings.HasPrefix(token, "odd") {
				return respond(403, ""), nil
			}
			response := respond(200, signed(token == "good"))
			response.Header.Set("Content-Type", signedType)
			return response, nil
		}
		client := newClient(t, introspection.Config{Issuer: "https://as.example", SignedBy: keys}, tr)
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("odd", i))
		}
		if !mustIntrospect(t, client, "good").Active() || client.Status().BreakerOpen || tr.count() != 5+1+1 {
			t.Errorf("open %t after %d requests", client.Status().BreakerOpen, tr.count())
		}
	})
}

func TestProbeAsksWhetherTheServerAnswers(t *testing.T) {
	for name, row := range map[string]struct {
		serve func(*http.Request, string) (*http.Response, error)
		says  string // "": it does
	}{
		"inactive":                     {answers(inactiveText), ""},
		"active, of whatever":          {answers(activeText), ""},
		"400":                          {status(400, ""), ""},
		"our own credentials, refused": {status(401, ""), "refuses our own credentials"},
		"503":                          {status(503, ""), "status 503"},
		"a page":                       {answers("<html>"), "no JSON object"},
		"a hang":                       {hang, "did not answer within 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &transport{serve: row.serve}
				client := newClient(t, introspection.Config{}, tr)
				for range 2 {
					err := client.Probe(t.Context())
					if row.says != "" {
						mustBeUnavailable(t, nil, err)
					}
					if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
						t.Errorf("%v, want %q", err, row.says)
					}
				}
				if tr.count() != 2 || client.Status().BreakerOpen || client.Status().InFlight != 0 {
					t.Errorf("%d requests, %+v", tr.count(), client.Status())
				}
			})
		})
	}
}

func TestProbeClosesTheBreakerAndOpensIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		tr := &transport{serve: func(*http.Request, string) (*http.Response, error) {
			if down {
				return respond(503, ""), nil
			}
			return respond(200, inactiveText), nil
		}}
		client := newClient(t, introspection.Config{}, tr)
		for i := range 5 {
			if client.Status().BreakerOpen {
				t.Fatalf("open after %d failures", i)
			}
			mustBeUnavailable(t, nil, client.Probe(t.Context()))
		}
		if !client.Status().BreakerOpen {
			t.Fatal("closed after five failures in a row")
		}
		down = false
		mustBeUnavailable(t, nil, client.Probe(t.Context()))
		if tr.count() != 5 {
			t.Error("asked within the pause")
		}
		time.Sleep(time.Second)
		if err := client.Probe(t.Context()); err != nil || client.Status().BreakerOpen || tr.count() != 6 {
			t.Errorf("%v; open %t after %d requests", err, client.Status().BreakerOpen, tr.count())
		}
	})
}

func TestProbesAreSharedAndWaitLikeOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: slowly(500*time.Millisecond, inactiveText)}
		client := newClient(t, introspection.Config{MaxInFlight: 1}, tr)
		go client.Introspect(t.Context(), "token")
		synctest.Wait()
		var probes sync.WaitGroup
		for range 100 {
			probes.Go(func() {
				if err := client.Probe(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		start := time.Now()
		probes.Wait()
		if tr.count() != 2 || tr.peak() != 1 || time.Since(start) != time.Second {
			t.Errorf("%d requests, %d at once, %v", tr.count(), tr.peak(), time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := client.Probe(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		client.Close()
		mustBeUnavailable(t, nil, client.Probe(t.Context()))
	})
	for _, client := range []*introspection.Client{nil, {}} {
		mustBeUnavailable(t, nil, client.Probe(t.Context()))
	}
}
