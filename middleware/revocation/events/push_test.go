package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

func TestAGoodTokenIsTakenAndEndsAccess(t *testing.T) {
	f := receiver(t)
	w := f.push(f.issuer.SecurityEvent(nil))
	if w.Code != http.StatusAccepted || w.Body.Len() > 0 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if f.revokedBy() != "subject" {
		t.Error("the token of alice is good")
	}
	status := f.Status()
	if status.Feed.Events != 1 || status.Feed.Refused != 0 || status.Feed.Name != "events" || status.Feed.Issuer != f.issuer.URL() || status.Feed.LastEvent.IsZero() {
		t.Errorf("%+v", status)
	}
	if len(f.list.Status().Feeds) != 1 {
		t.Error("the list does not show the feed")
	}
}

// The whole way: a request is refused once the event has come, and one with a newer token is not.
func TestRequestsAreRefusedAfterAnEvent(t *testing.T) {
	f := receiver(t)
	now := f.facts().IssuedAt
	older, newer := f.issuer.Token(claims{"iat": now}), f.issuer.Token(claims{"iat": now.Unix() + 30})
	handler := f.auth.Require().Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(token string) int {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	if ask(older) != http.StatusOK {
		t.Fatal("the token is no good to begin with")
	}
	f.takes(f.event(f.alice(), caep+"session-revoked", claims{"event_timestamp": now.Unix() + 10}))
	if got := ask(older); got != http.StatusUnauthorized {
		t.Errorf("the older token is answered with %d", got)
	}
	if got := ask(newer); got != http.StatusOK {
		t.Errorf("the newer token is answered with %d", got)
	}
}

func TestBrokenTokensAreRefused(t *testing.T) {
	f := receiver(t)
	codes := map[string]string{
		"a key that nobody has": "invalid_key", "the claims of another event": "invalid_key", "a key of a stranger": "invalid_key",
		"another issuer": "invalid_issuer", "no issuer": "invalid_issuer", "no audience": "invalid_audience", "another audience": "invalid_audience",
	}
	n := uint64(0)
	for name, token := range f.issuer.BrokenSecurityEvents() {
		n++
		w := f.push(token)
		var body map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body) != 2 || body["description"] == "" {
			t.Errorf("%s: the body is %s, %v", name, w.Body, err)
		}
		want := codes[name]
		if want == "" {
			want = "invalid_request"
		}
		h := w.Header()
		if w.Code != http.StatusBadRequest || body["err"] != want || h.Get("Content-Type") != "application/json" || h.Get("Content-Language") != "en" {
			t.Errorf("%s: %d %s %v, want %s", name, w.Code, w.Body, h, want)
		}
		if got := f.Status().Feed; got.Refused != n || got.LastError == nil {
			t.Errorf("%s: the status is %+v", name, got)
		}
	}
	if f.revokedBy() != "" || f.list.Status().Entries != 0 {
		t.Error("a broken token has ended access")
	}
	if n < 30 {
		t.Errorf("there were %d broken tokens only", n)
	}
	if strings.Contains(f.log.String(), "alice") {
		t.Errorf("the log names the subject: %s", f.log)
	}
}

func TestRequestsThatAreNoPush(t *testing.T) {
	f := receiver(t, with(func(cfg *events.Config) { cfg.Authorization = []string{"Bearer old secret", "Bearer new secret"} }))
	good := f.issuer.SecurityEvent(nil)
	large := good + strings.Repeat("A", 64<<10)
	for _, row := range []struct {
		name   string
		method string
		body   string
		header []string
		status int
		want   string // in the header or the body
	}{
		{"a GET", http.MethodGet, "", nil, http.StatusMethodNotAllowed, "Allow: POST"},
		{"no Authorization", http.MethodPost, good, nil, http.StatusUnauthorized, `{"err":"authentication_failed"`},
		{"another Authorization", http.MethodPost, good, []string{"Authorization", "Bearer other secret"}, http.StatusUnauthorized, "Www-Authenticate: Bearer"},
		{"the beginning of the Authorization", http.MethodPost, good, []string{"Authorization", "Bearer old"}, http.StatusUnauthorized, "authentication_failed"},
		{
			"the Authorization in another case", http.MethodPost, good, []string{"Authorization", "bearer old secret"},
			http.StatusUnauthorized, "authentication_failed",
		},
		{
			"JSON", http.MethodPost, good, []string{"Authorization", "Bearer old secret", "Content-Type", "application/json"},
			http.StatusUnsupportedMediaType, `{"err":"invalid_request"`,
		},
		{
			"no Content-Type", http.MethodPost, good, []string{"Authorization", "Bearer old secret", "Content-Type", ""},
			http.StatusUnsupportedMediaType, "invalid_request",
		},
		{"a body that is too large", http.MethodPost, large, []string{"Authorization", "Bearer old secret"}, http.StatusRequestEntityTooLarge, "invalid_request"},
		{"a push", http.MethodPost, good, []string{"Authorization", "Bearer old secret"}, http.StatusAccepted, ""},
		{"a push with the newer Authorization", http.MethodPost, good, []string{"Authorization", "Bearer new secret"}, http.StatusAccepted, ""},
		{
			"a push with a parameter", http.MethodPost, good,
			[]string{"Authorization", "Bearer new secret", "Content-Type", "application/SecEvent+JWT; charset=utf-8"}, http.StatusAccepted,
			"",
		},
	} {
		r := httptest.NewRequest(row.method, "/events", strings.NewReader(row.body))
		r.Header.Set("Content-Type", "application/secevent+jwt")
		for i := 0; i < len(row.header); i += 2 {
			r.Header.Set(row.header[i], row.header[i+1])
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		var all strings.Builder
		_ = w.Header().Write(&all)
		if w.Code != row.status || !strings.Contains(all.String()+w.Body.String(), row.want) {
			t.Errorf("%s: %d %s%s", row.name, w.Code, &all, w.Body)
		}
		if row.status != http.StatusAccepted && f.revokedBy() != "" {
			t.Errorf("%s has ended access", row.name)
		}
	}
	twice := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(good))
	twice.Header["Authorization"] = []string{"Bearer old secret", "Bearer new secret"}
	w := httptest.NewRecorder()
	if f.ServeHTTP(w, twice); w.Code != http.StatusUnauthorized {
		t.Errorf("two Authorization fields: %d", w.Code)
	}
	if strings.Contains(f.log.String(), "secret") {
		t.Errorf("the log has the secret: %s", f.log)
	}
}

// What is not the transmitter's fault is never held against its token: it comes again.
func TestWhatCannotBeJudgedIsSentAgain(t *testing.T) {
	f := receiver(t)
	good := f.issuer.SecurityEvent(nil)
	f.issuer.SetFault(authtest.Fault{Status: 503})
	w := f.push(good)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || f.revokedBy() != "" {
		t.Errorf("without keys: %d", w.Code)
	}
	if got := f.Status().Feed; got.Refused != 0 || got.LastError == nil {
		t.Errorf("%+v", got)
	}
	f.issuer.SetFault(authtest.Fault{})
	if err := f.auth.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.takes(good)
	if f.revokedBy() != "subject" || f.Status().Feed.LastError != nil {
		t.Errorf("%+v", f.Status())
	}
}

func TestAFullListSendsTheTokenBack(t *testing.T) {
	full := receiver(t, func(of *fixture, _ *events.Config) {
		list, err := revocation.New(revocation.Config{MaxEntries: 1})
		if err != nil {
			t.Fatal(err)
		}
		of.list = list
	})
	if err := full.list.Revoke(t.Context(), revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "other"}); err != nil {
		t.Fatal(err)
	}
	if w := full.push(full.issuer.SecurityEvent(nil)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := full.Status().Feed.LastError; !errors.Is(err, revocation.ErrFull) {
		t.Errorf("the error is %v", err)
	}
}

func TestATokenThatComesTwiceCountsOnce(t *testing.T) {
	var told sync.WaitGroup
	told.Add(1) // a second call would panic
	f := receiver(t, with(func(cfg *events.Config) { cfg.Event = func(context.Context, events.Event) { told.Done() } }))
	token := f.issuer.SecurityEvent(nil)
	var pushes sync.WaitGroup
	for range 8 {
		pushes.Go(func() {
			if w := f.push(token); w.Code != http.StatusAccepted {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	pushes.Wait()
	told.Wait()
	if got := f.Status(); got.Duplicates != 7 || got.Feed.Events != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAClosedReceiverSendsTokensBack(t *testing.T) {
	f := receiver(t)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if w := f.push(f.issuer.SecurityEvent(nil)); w.Code != http.StatusServiceUnavailable || f.revokedBy() != "" {
		t.Errorf("%d", w.Code)
	}
}
