package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demotest"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

func TestStreamEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, hangUp := context.WithTimeout(t.Context(), time.Minute)
		defer hangUp()
		ctx = middleware.ContextWithToken(ctx, &middleware.Token{Expiry: time.Now().Add(2500 * time.Millisecond)})
		recorder := httptest.NewRecorder()

		stream(recorder, httptest.NewRequestWithContext(ctx, "GET", "/events", nil))

		want := "event: tick\ndata: 1\n\nevent: tick\ndata: 2\n\nevent: tick\ndata: 3\n\nevent: expired\ndata: get a new token\n\n"
		if got := recorder.Body.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestStreamEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := middleware.ContextWithToken(t.Context(), &middleware.Token{Expiry: time.Now().Add(time.Hour)})
		ctx, hangUp := context.WithTimeout(ctx, 1500*time.Millisecond)
		defer hangUp()
		recorder := httptest.NewRecorder()

		stream(recorder, httptest.NewRequestWithContext(ctx, "GET", "/events", nil))

		if got := recorder.Body.String(); strings.Contains(got, "expired") {
			t.Errorf("the token was good for longer than the connection, but the stream says: %q", got)
		}
	})
}

func TestStreamEndsWithALogout(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	list, err := revocation.New(revocation.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := issuer.Config("https://api.example.com")
	cfg.Revocations = []middleware.Revocations{list}
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	api := httptest.NewServer(auth.Require().HandlerFunc(stream))
	defer api.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"sub": "alice"}))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := list.Revoke(t.Context(), revocation.Entry{Kind: revocation.Subject, Issuer: issuer.URL(), Value: "alice"}); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(response.Body); err != nil || !strings.HasSuffix(string(said), "event: revoked\ndata: log in again\n\n") {
		t.Errorf("the stream says %q, %v", said, err)
	}
}

func TestCurlLinesGetTheStatusTheySay(t *testing.T) { demotest.Run(t, run) }
