package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// A transmitter that issues no tokens has keys of its own, which its configuration leads to.
func TestATransmitterWithKeysOfItsOwn(t *testing.T) {
	transmitter := authtest.NewIssuer(t)
	transmitter.Config(audience)
	f := receiver(t, func(f *fixture, cfg *events.Config) { cfg.Transmitter, cfg.Issuer = transmitter.URL(), f.issuer.URL() })
	about := claims{"sub_id": f.alice()}
	if w := f.push(f.issuer.SecurityEvent(about)); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "invalid_issuer") {
		t.Errorf("the issuer of the tokens, who is not the transmitter: %d %s", w.Code, w.Body)
	}
	transmitter.SetFault(authtest.Fault{Status: 500, Endpoint: authtest.EndpointTransmitter})
	if err := f.Warm(t.Context()); err == nil {
		t.Error("a configuration that cannot be had was read")
	}
	if w := f.push(transmitter.SecurityEvent(about)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("without a configuration: %d %s", w.Code, w.Body)
	}
	if got := transmitter.Requests(authtest.EndpointTransmitter); got != 1 {
		t.Errorf("it was asked %d times, want once in ten seconds", got)
	}
	g := receiver(t, func(g *fixture, cfg *events.Config) { cfg.Transmitter, cfg.Issuer = transmitter.URL(), g.issuer.URL() })
	transmitter.SetFault(authtest.Fault{})
	if err := g.Warm(t.Context()); err != nil {
		t.Error(err)
	}
	about["sub_id"] = g.alice()
	g.takes(transmitter.SecurityEvent(about))
	if g.revokedBy() != "subject" {
		t.Error("alice is not revoked")
	}
	if got := g.Status().Feed.Issuer; got != transmitter.URL() {
		t.Errorf("the feed is that of %s", got)
	}
}

// document is the configuration of the transmitter that offline plays.
func document(change map[string]any) (*http.Response, error) {
	all := map[string]any{
		"issuer": testkit.Issuer, "jwks_uri": testkit.Issuer + "/jwks", "verification_endpoint": testkit.Issuer + "/verify",
		"critical_subject_members": []string{"tenant"},
	}
	for name, value := range change {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	body, _ := json.Marshal(all)
	return respond(200, string(body))
}

func TestConfigurationsThatCount(t *testing.T) {
	for _, row := range []struct {
		name   string
		play   func() (*http.Response, error)
		verify string // an error of Verify; empty: it is asked for
	}{
		{"a good one", func() (*http.Response, error) { return document(nil) }, ""},
		{"one without keys, which are known", func() (*http.Response, error) { return document(map[string]any{"jwks_uri": nil}) }, ""},
		{"that of another issuer", func() (*http.Response, error) { return document(map[string]any{"issuer": testkit.Issuer + "/"}) }, "nothing in it counts"},
		{"one without issuer", func() (*http.Response, error) { return document(map[string]any{"issuer": nil}) }, "nothing in it counts"},
		{"one whose issuer has another name", func() (*http.Response, error) {
			return document(map[string]any{"issuer": nil, "Issuer": testkit.Issuer})
		}, "nothing in it counts"},
		{"one that leads away from TLS", func() (*http.Response, error) {
			return document(map[string]any{"verification_endpoint": "http://127.0.0.1/verify"})
		}, "must begin with https://"},
		{"one whose keys are fetched without TLS", func() (*http.Response, error) {
			return document(map[string]any{"jwks_uri": "http://127.0.0.1/jwks"})
		}, "must begin with https://"},
		{"one whose endpoint is no text", func() (*http.Response, error) {
			return document(map[string]any{"verification_endpoint": 1})
		}, "cannot be read"},
		{"one without the endpoint", func() (*http.Response, error) {
			return document(map[string]any{"verification_endpoint": nil})
		}, "no verification_endpoint"},
		{"one that is not there", func() (*http.Response, error) { return respond(404, "") }, "status 404"},
		{"one that is somewhere else", func() (*http.Response, error) { return respond(302, "", "Location", "https://evil.example") }, "status 302"},
		{"one that cannot be fetched", func() (*http.Response, error) { return nil, errors.New("reset") }, "could not be asked"},
		{"one that is no JSON", func() (*http.Response, error) { return respond(200, "issuer") }, "not a JSON object"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, list, all := offline(t, func(_ int, a asked, _ context.Context) (*http.Response, error) {
				if strings.HasSuffix(a.address, "/.well-known/ssf-configuration") {
					return row.play()
				}
				return respond(http.StatusNoContent, "")
			})
			err := r.Verify(t.Context())
			if row.verify == "" && (!errors.Is(err, events.ErrUnverified) || len(*all) != 2 || (*all)[1].address != testkit.Issuer+"/verify") {
				t.Errorf("%s: %v", row.name, err)
			}
			if row.verify != "" && (err == nil || !strings.Contains(err.Error(), row.verify) || errors.Is(err, events.ErrUnverified) || len(*all) != 1) {
				t.Errorf("%s: %v", row.name, err)
			}
			_ = list.Close()
		})
	}
}

func TestWhereTheConfigurationIs(t *testing.T) {
	for transmitter, want := range map[string]string{
		"https://tr.example.com":             "https://tr.example.com/.well-known/ssf-configuration",
		"https://tr.example.com/":            "https://tr.example.com/.well-known/ssf-configuration",
		"https://tr.example.com/issuer1":     "https://tr.example.com/.well-known/ssf-configuration/issuer1",
		"https://tr.example.com/a/issuer1/":  "https://tr.example.com/.well-known/ssf-configuration/a/issuer1",
		"https://tr.example.com:8443/a%2Fb":  "https://tr.example.com:8443/.well-known/ssf-configuration/a%2Fb",
		"http://localhost:8080/realms/acme/": "http://localhost:8080/.well-known/ssf-configuration/realms/acme",
	} {
		synctest.Test(t, func(t *testing.T) {
			r, list, all := offline(t, func(int, asked, context.Context) (*http.Response, error) { return respond(404, "") },
				func(cfg *events.Config) { cfg.Transmitter, cfg.Issuer = transmitter, testkit.Issuer })
			if err := r.Warm(t.Context()); err == nil || len(*all) != 1 || (*all)[0].address != want {
				t.Errorf("%s: %v, %+v", transmitter, err, *all)
			}
			_, _ = r.Close(), list.Close()
		})
	}
}

// What the configuration calls critical counts once it has been read, and while it cannot be read again.
func TestTheConfigurationIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		change := map[string]any{}
		r, list, all := offline(t, func(int, asked, context.Context) (*http.Response, error) {
			if change == nil {
				return respond(500, "")
			}
			return document(change)
		})
		reads := func(want int) {
			t.Helper()
			if len(*all) != want {
				t.Errorf("it was read %d times, want %d", len(*all), want)
			}
		}
		discards := func(member string, want bool) {
			t.Helper()
			before := r.Status().Discarded
			id := time.Now().String() + member
			payload, _ := json.Marshal(map[string]any{
				"iss": testkit.Issuer, "aud": audience, "iat": time.Now().Unix(), "jti": id,
				"sub_id": map[string]any{"format": "complex", "user": claims{"format": "opaque", "id": "u"}, member: claims{"format": "opaque", "id": "t"}},
				"events": map[string]any{caep + "session-revoked": claims{}},
			})
			if w := pushTo(r, signed(string(payload))); w.Code != http.StatusAccepted {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if got := r.Status().Discarded > before; got != want {
				t.Errorf("%s was discarded: %t", member, got)
			}
		}
		discards("tenant", false)
		reads(0)
		warm := func(good bool) {
			t.Helper()
			if err := r.Warm(t.Context()); (err == nil) != good {
				t.Error(err)
			}
		}
		warm(true)
		warm(true)
		reads(1)
		time.Sleep(time.Second)
		discards("tenant", true)
		discards("group", false)
		time.Sleep(time.Hour)
		change["critical_subject_members"] = []string{"group"}
		warm(true)
		reads(2)
		discards("tenant", false)
		discards("group", true)
		time.Sleep(time.Hour)
		change = nil
		warm(true) // what was read before still counts
		warm(true)
		reads(3)
		time.Sleep(11 * time.Second)
		warm(true)
		reads(4)
		discards("group", true)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		warm(false)
		reads(4)
		_ = list.Close()
	})
}

// However many ask at once, the configuration is read once, and not kept by a Receiver that was closed meanwhile.
func TestTheConfigurationIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transmitter := &finds{took: time.Second}
		r, list, _ := offline(t, transmitter.play, func(cfg *events.Config) { cfg.Transmitter, cfg.Issuer = tr, testkit.Issuer })
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := r.Warm(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := transmitter.count("/.well-known/ssf-configuration"); got != 1 {
			t.Errorf("it was read %d times", got)
		}
		_ = r.Close()

		late := new(finds)
		closed, other, _ := offline(t, late.play, func(cfg *events.Config) { cfg.Transmitter, cfg.Issuer = tr, testkit.Issuer })
		late.then = func() { _ = closed.Close() }
		if err := closed.Warm(t.Context()); err == nil || late.count("/jwks") > 0 {
			t.Errorf("a closed Receiver was made ready: %v, %v", err, late.asked)
		}
		_, _ = list.Close(), other.Close()
	})
}

// The configuration is read for everybody: whoever gives up does not fail the others, nor need anybody wait for all of it.
func TestWhoGivesUpDoesNotFailTheOthers(t *testing.T) {
	for _, took := range []time.Duration{time.Second, 9 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			transmitter := &finds{took: took}
			r, list, _ := offline(t, transmitter.play, func(cfg *events.Config) { cfg.Transmitter, cfg.Issuer = tr, testkit.Issuer })
			short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			if err := r.Warm(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it was read in less than it takes: %v", err)
			}
			if w := pushTo(r, transmitter.of("a")); (w.Code == http.StatusAccepted) != (took < 5*time.Second) {
				t.Errorf("%v: a token that waits for it: %d", took, w.Code)
			}
			time.Sleep(5 * time.Second)
			if err := r.Warm(t.Context()); err != nil || transmitter.count("/.well-known/ssf-configuration") != 1 {
				t.Errorf("%v: the transmitter is well: %v, %v", took, err, transmitter.asked)
			}
			_, _ = r.Close(), list.Close()
		})
	}
}

// Close gives up what is being read.
func TestCloseEndsTheReadingOfTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transmitter := &finds{took: time.Hour}
		r, list, _ := offline(t, transmitter.play, func(cfg *events.Config) { cfg.Transmitter, cfg.Issuer = tr, testkit.Issuer })
		ended := make(chan error, 1)
		go func() { ended <- r.Warm(t.Context()) }()
		synctest.Wait()
		_ = r.Close()
		synctest.Wait()
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a closed Receiver was made ready")
			}
		default:
			t.Error("it is being read on")
		}
		_ = list.Close()
	})
}
