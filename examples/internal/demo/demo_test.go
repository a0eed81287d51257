package demo_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/examples/internal/demotest"
)

func TestRequestInFlightIsServedToItsEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	api := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stop()
		for { // until the server takes no more connections
			connection, err := net.Dial("tcp", r.Host)
			if err != nil {
				return
			}
			connection.Close()
		}
	})
	lines := demotest.Start(t, func(_ context.Context, site demo.Site) error {
		return site.Serve(ctx, api, demo.Request{Path: "/", Status: http.StatusOK})
	})

	if got := lines[0].Do(t); got != http.StatusOK {
		t.Errorf("got status %d for a request during which the program was asked to end", got)
	}
}

func TestRequestWithoutEndDoesNotKeepTheProgram(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	lines := demotest.Start(t, func(_ context.Context, site demo.Site) error {
		site.Grace = time.Millisecond
		return site.Serve(ctx, api, demo.Request{Path: "/"})
	})
	response, err := http.Get(lines[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	stop()

	// That the answer ends at all is the point. Whether it is cut off depends on who is faster, handler or server.
	_, _ = io.ReadAll(response.Body)
}
