// Sse streams server-sent events that end when the token of the request does: by expiry, or by a logout. A Guard judges a request once, at
// its start: a stream that outlives its token must look after that by itself, and ContextWithExpiry makes it one line.
//
//	go run ./examples/sse
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

func main() { demo.Main(run) }

func run(ctx context.Context, site demo.Site) error {
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return err
	}
	list, err := revocation.New(revocation.Config{})
	if err != nil {
		return err
	}
	cfg := issuer.Config("https://api.example.com")
	cfg.Revocations = []middleware.Revocations{list}
	auth, err := middleware.New(cfg)
	if err != nil {
		return err
	}
	defer auth.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /events", auth.Require("events:read").HandlerFunc(stream))
	mux.Handle("POST /logout", auth.Require().Handler(list.RevokeOwn()))

	reader := authtest.Claims{"scope": "events:read", "exp": time.Now().Add(time.Minute)}
	token := issuer.Token(reader)
	return site.Serve(ctx, mux,
		demo.Request{
			Name: "a tick each second, until the token expires, a minute after the start of this program", Path: "/events",
			Token: token, Status: http.StatusOK,
		},
		demo.Request{
			Name: "a logout, from another terminal: the stream ends at once", Method: http.MethodPost, Path: "/logout",
			Token: token, Status: http.StatusNoContent,
		},
		demo.Request{Name: "no token", Path: "/events", Status: http.StatusUnauthorized},
	)
}

func stream(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := middleware.ContextWithExpiry(r.Context())
	defer cancel()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w).Flush
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for n := 1; ; n++ {
		fmt.Fprintf(w, "event: tick\ndata: %d\n\n", n)
		if err := flush(); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			// The client has not left, so it can be told why, and come back with a new token.
			fmt.Fprint(w, farewell(context.Cause(ctx)))
			return
		}
	}
}

// farewell is the last event of a stream, which tells the client what to do; empty: the client itself has left.
func farewell(cause error) string {
	switch {
	case errors.Is(cause, middleware.ErrExpired):
		return "event: expired\ndata: get a new token\n\n"
	case errors.Is(cause, middleware.ErrRevoked):
		return "event: revoked\ndata: log in again\n\n"
	case errors.Is(cause, middleware.ErrUnavailable): // with Config.RevocationsWithin
		return "event: unavailable\ndata: come back with the same token\n\n"
	default:
		return ""
	}
}
