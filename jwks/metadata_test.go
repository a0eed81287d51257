package jwks_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// site answers by address; what is not in it, or empty, is 404.
type site struct{ pages sync.Map }

func newSite(pages ...string) *site {
	s := new(site)
	for n := 0; n < len(pages); n += 2 {
		s.pages.Store(pages[n], pages[n+1])
	}
	return s
}

func (s *site) answer(r *http.Request) (*http.Response, error) {
	page, _ := s.pages.Load(r.URL.String())
	body, _ := page.(string)
	if body == "" {
		return respond(404, "not found"), nil
	}
	return respond(200, body, "Content-Type", "application/json"), nil
}

func metadata(issuer, keys string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"token_endpoint":"https://x/"}`, issuer, keys)
}

func newDiscovering(t *testing.T, i *issuer, name string, change ...func(*jwks.Config)) *jwks.Cache {
	return newCache(t, i, append([]func(*jwks.Config){func(cfg *jwks.Config) { cfg.URL, cfg.Issuer = "", name }}, change...)...)
}

func TestMetadataIsFoundInItsThreePlaces(t *testing.T) {
	t.Parallel()
	const openID, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	for _, row := range []struct {
		what, issuer string
		places       []string // the last one has it
	}{
		{"a host: appended", "https://h", []string{"https://h" + openID}},
		{"a host: RFC 8414", "https://h", []string{"https://h" + openID, "https://h" + oauth}},
		{"a slash at the end is taken away", "https://h/", []string{"https://h" + openID, "https://h" + oauth}},
		{"a path: appended", "https://h/t1", []string{"https://h/t1" + openID}},
		{"a path: inserted", "https://h/t1", []string{"https://h/t1" + openID, "https://h" + oauth + "/t1"}},
		{"a path: OpenID inserted", "https://h/t1", []string{"https://h/t1" + openID, "https://h" + oauth + "/t1", "https://h" + openID + "/t1"}},
		{"a path and a slash", "https://h/t1/", []string{"https://h/t1" + openID, "https://h" + oauth + "/t1", "https://h" + openID + "/t1"}},
		{"one slash of two", "https://h/t1//", []string{"https://h/t1/" + openID}},
		{"an escaped path", "https://h/a%2Fb", []string{"https://h/a%2Fb" + openID, "https://h" + oauth + "/a%2Fb"}},
		{"a port", "https://h:8443/t1", []string{"https://h:8443/t1" + openID}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(row.places[len(row.places)-1], metadata(row.issuer, keysURL), keysURL, string(document(first())))
			i := &issuer{answer: s.answer}
			c := newDiscovering(t, i, row.issuer)
			expect(t, row.what, c, "first", "found")
			if i.fetches() != len(row.places)+1 {
				t.Errorf("%s: %d requests, want %d", row.what, i.fetches(), len(row.places)+1)
				return
			}
			for n, place := range append(row.places, keysURL) {
				if got := i.request(n).URL.String(); got != place {
					t.Errorf("%s: request %d went to %s, want %s", row.what, n, got, place)
				}
			}
		})
	}
}

func TestMetadataThatIsNotUsed(t *testing.T) {
	t.Parallel()
	const name = "https://issuer.example/t"
	good := metadata(name, keysURL)
	for _, row := range []struct{ attack, document, says string }{
		{"of another issuer", metadata("https://attacker.example", keysURL), "byte for byte"},
		{"no issuer", `{"jwks_uri":"` + keysURL + `"}`, "byte for byte"},
		{"jwks_uri twice in different case", strings.Replace(good, `{`, `{"JWKS_URI":"https://attacker.example",`, 1), "stands there twice"},
		{"no jwks_uri", `{"issuer":"` + name + `"}`, "no jwks_uri"},
		{"jwks_uri in plain http", metadata(name, "http://issuer.example/keys"), "must begin with https://"},
		{"jwks_uri on this machine, which is not the issuer's", metadata(name, "http://127.0.0.1/keys"), "must begin with https://"},
		{"jwks_uri as a file", metadata(name, "file:///etc/passwd"), "must begin with https://"},
		{"a jwks_uri that cannot be read", metadata(name, "http://issuer.example/%zz"), "it is no URL"},
		{"a relative jwks_uri", metadata(name, "/keys"), "must begin with https://"},
		{"jwks_uri with a password", metadata(name, "https://a:b@issuer.example/keys"), "user name or password"},
		{"jwks_uri with a fragment", metadata(name, keysURL+"#x"), "fragment"},
		{"an HTML page", "<html>", "no JSON object"},
		{"text behind it", good + "{}", "something follows"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(name+"/.well-known/openid-configuration", row.document, keysURL, string(document(first())))
			i := &issuer{answer: s.answer}
			c := newDiscovering(t, i, name)
			err := c.Refresh(t.Context())
			if verdict(nil, err) != "unavailable" || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s: %v, want an error with %q", row.attack, err, row.says)
			}
			if i.fetches() != 3 {
				t.Errorf("%s: %d requests, want the three forms", row.attack, i.fetches())
			}
			s.pages.Store("https://issuer.example/.well-known/oauth-authorization-server/t", good)
			if err := c.Refresh(t.Context()); err != nil {
				t.Errorf("%s, and a good document in the next place: %v", row.attack, err)
			}
		})
	}
}

// A server that publishes no keys may be one that gives out opaque tokens only; one that is in trouble, or not the issuer's, is not.
func TestWhoSaysThatThereAreNoKeys(t *testing.T) {
	t.Parallel()
	const name = "https://h"
	about := func(keys string) *site {
		return newSite(name+"/.well-known/openid-configuration", metadata(name, keys))
	}
	for _, row := range []struct {
		what   string
		url    string
		answer func(*http.Request) (*http.Response, error)
		absent bool
	}{
		{"nothing at any of the places of metadata", "", always(404, ""), true},
		{"nothing any more", "", always(410, ""), true},
		{"metadata without jwks_uri", "", about("").answer, true},
		{"no key set at the address that is configured", keysURL, always(404, ""), true},
		{"no key set at the address that metadata names", "", about(keysURL).answer, false},
		{"metadata whose jwks_uri is refused", "", about("http://other.example/").answer, false},
		{"metadata of another issuer", "", always(200, metadata("https://other.example", "")), false},
		{"a server in trouble", "", always(503, ""), false},
		{"a server that wants to know who asks", keysURL, always(401, ""), false},
		{"no server", keysURL, failing, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newDiscovering(t, &issuer{answer: row.answer}, name, func(cfg *jwks.Config) {
				if row.url != "" {
					cfg.URL, cfg.Issuer = row.url, ""
				}
			})
			err := c.Refresh(t.Context())
			var absent interface{ Absent() bool }
			if verdict(nil, err) != "unavailable" || (errors.As(err, &absent) && absent.Absent()) != row.absent {
				t.Errorf("%s: %v, absent: %v", row.what, err, !row.absent)
			}
		})
	}
}

// A document is judged by what it holds (RFC 8414 section 3.2 and RFC 7517 section 8.5 name types, many servers do not).
func TestTheMediaTypeDoesNotDecide(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"text/html; charset=utf-8", "text/plain", "application/octet-stream", "nonsense", ""} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
				if r.URL.String() == keysURL {
					return respond(200, string(document(first())), "Content-Type", kind), nil
				}
				return respond(200, metadata("https://h", keysURL), "Content-Type", kind), nil
			}}
			expect(t, kind, newDiscovering(t, i, "https://h"), "first", "found")
		})
	}
}

func TestAServerInTroubleIsNotAskedThreeTimes(t *testing.T) {
	t.Parallel()
	for fault, answer := range map[string]func(*http.Request) (*http.Response, error){
		"reset": failing, "500": always(500, ""), "503": always(503, ""), "429": always(429, ""),
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: answer}
			if err := newDiscovering(t, i, "https://h/t").Refresh(t.Context()); verdict(nil, err) != "unavailable" || i.fetches() != 1 {
				t.Errorf("%s: %d requests, %v", fault, i.fetches(), err)
			}
		})
	}
}

// What came over https must not lead to less, whichever hosts are named, and no other machine sends us to our own.
func TestWhereMetadataMayLeadWithoutTLS(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what, issuer, keys string
		allowed            bool
	}{
		{"from a named host to itself", "http://keycloak:8080/r", "http://keycloak:8080/r/keys", true},
		{"from a named host to another", "http://keycloak:8080/r", "http://other:80/keys", true},
		{"the same without the port", "http://keycloak:8080/r", "http://other/keys", true},
		{"from a named host to https", "http://keycloak:8080/r", keysURL, true},
		{"from a named host to one that is not", "http://keycloak:8080/r", "http://keycloak:8081/keys", false},
		{"from a named host to this machine", "http://keycloak:8080/r", "http://127.0.0.1:8080/keys", false},
		{"from this machine to a named host", "http://127.0.0.1:8080/r", "http://keycloak:8080/keys", true},
		{"from this machine to one that is not named", "http://127.0.0.1:8080/r", "http://keycloak:8081/keys", false},
		{"from https to a named host", "https://issuer.example/r", "http://keycloak:8080/keys", false},
		{"from https to this machine", "https://issuer.example/r", "http://127.0.0.1:8080/keys", false},
		{"from https on this machine", "https://localhost/r", "http://localhost/keys", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(row.issuer+"/.well-known/openid-configuration", metadata(row.issuer, row.keys), row.keys, string(document(first())))
			c := newDiscovering(t, &issuer{answer: s.answer}, row.issuer, func(cfg *jwks.Config) {
				cfg.DangerouslyAllowHTTP = []string{"keycloak:8080", "other:80"}
			})
			if err := c.Refresh(t.Context()); (err == nil) != row.allowed || err != nil && !strings.Contains(err.Error(), "it must begin with https://") {
				t.Errorf("%s: %v", row.what, err)
			}
		})
	}
}

func TestLoopbackIssuerMayUseHTTP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name = "http://127.0.0.1:8080"
		s := newSite(name+"/.well-known/openid-configuration", metadata(name, name+"/keys"), name+"/keys", string(document(first())))
		expect(t, "loopback", newDiscovering(t, &issuer{answer: s.answer}, name), "first", "found")
	})
}

func TestMetadataIsReadOnceADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name, place = "https://h", "https://h/.well-known/openid-configuration"
		s := newSite(place, metadata(name, keysURL), keysURL, string(document(first())))
		i := &issuer{answer: s.answer}
		c := newDiscovering(t, i, name)
		expect(t, "start", c, "first", "found")
		asked := func() (n int) {
			for k := range i.fetches() {
				if i.request(k).URL.String() == place {
					n++
				}
			}
			return n
		}
		time.Sleep(23 * time.Hour)
		if asked() != 1 {
			t.Errorf("metadata was asked for %d times in 23 hours, want once", asked())
		}
		time.Sleep(2 * time.Hour)
		if asked() != 2 {
			t.Errorf("metadata was asked for %d times in 25 hours, want twice", asked())
		}
		s.pages.Delete(place)
		time.Sleep(48 * time.Hour)
		expect(t, "metadata is gone, the keys are not", c, "first", "found")
		if c.Status().LastError != nil {
			t.Errorf("status: %v", c.Status().LastError)
		}
	})
}

func TestMovedKeysAreFoundThroughMetadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name, place, moved = "https://h", "https://h/.well-known/openid-configuration", "https://cdn.example/keys"
		var log record
		s := newSite(place, metadata(name, keysURL), keysURL, string(document(first())))
		i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
			if r.URL.String() == moved && len(r.Header["If-None-Match"]) > 0 {
				return respond(304, ""), nil
			}
			answer, err := s.answer(r)
			answer.Header.Set("ETag", `"v1"`)
			return answer, err
		}}
		c := newDiscovering(t, i, name, func(cfg *jwks.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		expect(t, "start", c, "first", "found")
		s.pages.Delete(keysURL)
		s.pages.Store(place, metadata(name, moved))
		s.pages.Store(moved, string(document(second())))
		if err := c.Refresh(t.Context()); err == nil {
			t.Error("the old address still answers")
		}
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("after a failure of the old address: %v", err)
		}
		expect(t, "moved", c, "second", "found")
		synctest.Wait()
		if !strings.Contains(log.String(), "moved to another origin") || !strings.Contains(log.String(), moved) {
			t.Errorf("log: %s", &log)
		}
	})
}

func TestMetadataThatHangsLeavesTimeForTheKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name, place = "https://h", "https://h/.well-known/openid-configuration"
		s := newSite(place, metadata(name, keysURL), keysURL, string(document(first())))
		i := &issuer{answer: s.answer}
		c := newDiscovering(t, i, name)
		expect(t, "start", c, "first", "found")
		time.Sleep(24 * time.Hour)
		hanging := slow(time.Hour, s.answer)
		i.set(func(r *http.Request) (*http.Response, error) {
			if r.URL.String() == place {
				return hanging(r)
			}
			return s.answer(r)
		})
		began := time.Now()
		if err := c.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 2500*time.Millisecond {
			t.Errorf("the keys were asked for after %v, want half of the five seconds", took)
		}
	})
}
