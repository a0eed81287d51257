package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// An API refuses the tokens of a user as soon as the transmitter says that the user's sessions were revoked.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	issuer, err := authtest.Start(ctx) // stands for your identity provider
	if err != nil {
		fmt.Println(err)
		return
	}
	silent := slog.New(slog.DiscardHandler)
	list, err := revocation.New(revocation.Config{Logger: silent})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer list.Close()
	cfg := issuer.Config("https://orders.example.com")
	cfg.Revocations = []middleware.Revocations{list}
	auth, err := middleware.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
	receiver, err := events.New(auth, list, events.Config{
		Transmitter:   issuer.URL(),
		Audiences:     []string{"https://orders.example.com"},
		Authorization: []string{"Bearer agreed on with the transmitter"}, // from your secrets
		Logger:        silent,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer receiver.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require().HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") }))
	mux.Handle("/events", receiver)
	api := httptest.NewServer(mux)
	defer api.Close()

	token := issuer.Token(nil) // of the user alice
	call := func() int {
		r, _ := http.NewRequest(http.MethodGet, api.URL+"/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	fmt.Println(call())
	status, _ := issuer.PushEvent(api.URL+"/events", "Bearer agreed on with the transmitter", issuer.SecurityEvent(nil))
	fmt.Println(status)
	fmt.Println(call())
	// Output:
	// 200
	// 202
	// 401
}

// A transmitter that knows users by their email address, and an application that knows whose they are. Levels of risk end nothing by
// themselves.
func ExampleConfig() {
	subjectOf := func(ctx context.Context, email string) (string, error) { return "8f14e45f", nil } // asks your directory
	flag := func(ctx context.Context, user events.Subject, level string) {}                         // lets your application ask for more

	_ = events.Config{
		Transmitter: "https://idp.example.com/ssf",
		Issuer:      "https://idp.example.com",
		Audiences:   []string{"https://orders.example.com"},
		Entries: func(ctx context.Context, e events.Event) ([]revocation.Entry, error) {
			if e.Subject.Format != "email" {
				return nil, nil // as the package reads it
			}
			sub, err := subjectOf(ctx, e.Subject.ID)
			if err != nil || sub == "" {
				return nil, err
			}
			return []revocation.Entry{{Kind: revocation.Subject, Issuer: "https://idp.example.com", Value: sub}}, nil
		},
		Event: func(ctx context.Context, e events.Event) {
			if e.Type == "https://schemas.openid.net/secevent/caep/event-type/risk-level-change" {
				flag(ctx, e.Subject, string(e.Payload))
			}
		},
	}
}

// Events are polled, and the stream is verified every ten minutes, so that a broken stream is told from a quiet one.
func ExampleReceiver_Poll() {
	var auth *middleware.Validator // as in the example of the package
	var list *revocation.List
	token := func(ctx context.Context) (string, error) { return "…", nil } // of the client that made the stream

	run := func(ctx context.Context) error {
		receiver, err := events.New(auth, list, events.Config{
			Transmitter: "https://idp.example.com",
			Audiences:   []string{"https://orders.example.com"},
			StreamID:    "f67e39a0a4d34d56b3aa1bc4cff0069f",
			PollURL:     "https://idp.example.com/ssf/streams/f67e39a0a4d34d56b3aa1bc4cff0069f/poll",
			AccessToken: token,
		})
		if err != nil {
			return err
		}
		defer receiver.Close()
		go func() {
			for ctx.Err() == nil {
				_ = receiver.Verify(ctx) // what it finds is in Status, and in that of the list
				select {
				case <-time.After(10 * time.Minute):
				case <-ctx.Done():
				}
			}
		}()
		return receiver.Poll(ctx)
	}
	_ = run
}
