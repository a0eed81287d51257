package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demotest"
	"github.com/cardea-auth/cardea/middleware"
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

func TestCurlLinesGetTheStatusTheySay(t *testing.T) { demotest.Run(t, run) }
