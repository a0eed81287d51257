package sheet

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// Audience is how the API is called, where a server can write that into aud.
const Audience = "https://api.example.com"

// API is an HTTP server as a user would write it, with four routes: GET /any wants a token, GET /read the scope read, POST /write
// the scope write, GET /role the role clerk.
type API struct {
	URL       string
	Validator *middleware.Validator

	server  *http.Server
	logs    bytes.Buffer
	locked  sync.Mutex
	decided middleware.Decision
}

// Answer is what the API said to one request, and why.
type Answer struct {
	Status int
	Reason middleware.Reason
	Err    error // no answer came, or why it is a refusal
}

// String is what Want compares: the status, and the reason for a refusal.
func (a Answer) String() string {
	switch {
	case a.Status == 0:
		return fmt.Sprintf("no answer: %v", a.Err)
	case a.Reason == "":
		return fmt.Sprint(a.Status)
	default:
		return fmt.Sprint(a.Status, " ", a.Reason)
	}
}

// Serve starts an API that judges by cfg. PublicURL is the API's own address. Close ends it.
func Serve(cfg middleware.Config) (*API, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &API{URL: "http://" + listener.Addr().String()}
	cfg.PublicURL = a.URL
	cfg.Observe = a.observe
	cfg.Logger = slog.New(slog.NewTextHandler(&lockedWriter{a}, nil))
	if a.Validator, err = middleware.New(cfg); err != nil {
		listener.Close()
		return nil, err
	}
	ok := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) }
	mux := http.NewServeMux()
	mux.Handle("GET /any", a.Validator.Require().HandlerFunc(ok))
	mux.Handle("GET /read", a.Validator.Require("read").HandlerFunc(ok))
	mux.Handle("POST /write", a.Validator.Require("write").HandlerFunc(ok))
	mux.Handle("GET /role", a.Validator.Require().AnyRole("clerk").HandlerFunc(ok))
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go a.server.Serve(listener)
	return a, nil
}

// Close ends the server and the Validator.
func (a *API) Close() {
	a.server.Close()
	a.Validator.Close()
}

// Log is what the Validator has logged.
func (a *API) Log() string {
	a.locked.Lock()
	defer a.locked.Unlock()
	return a.logs.String()
}

func (a *API) observe(_ context.Context, d middleware.Decision) {
	a.locked.Lock()
	defer a.locked.Unlock()
	a.decided = d
}

type lockedWriter struct{ *API }

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.locked.Lock()
	defer w.locked.Unlock()
	return w.logs.Write(p)
}

// Patience is how long a server may take that shares two cores with everything else. It is more than a user would allow.
const Patience = 15 * time.Second

// Get sends GET path with the token as Bearer.
func (a *API) Get(path, token string) Answer {
	return a.Send("GET", path, http.Header{"Authorization": {"Bearer " + token}})
}

// Post sends POST path with the token as Bearer.
func (a *API) Post(path, token string) Answer {
	return a.Send("POST", path, http.Header{"Authorization": {"Bearer " + token}})
}

// GetOnce is Get where 503 is what is wanted.
func (a *API) GetOnce(path, token string) Answer {
	return a.send("GET", path, http.Header{"Authorization": {"Bearer " + token}})
}

// Send sends a request. An answer of 503 says that the server was too slow to judge by; the client comes again then, as it is told to.
func (a *API) Send(method, path string, header http.Header) Answer {
	for end := time.Now().Add(2 * Patience); ; time.Sleep(time.Second) {
		answer := a.send(method, path, header)
		if answer.Status != http.StatusServiceUnavailable || time.Now().After(end) {
			return answer
		}
	}
}

// send sends one request. The next one goes out when it has been answered, so that the decision noted is the one about it.
func (a *API) send(method, path string, header http.Header) Answer {
	ctx, cancel := context.WithTimeout(context.Background(), 2*Patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, a.URL+path, nil)
	if err != nil {
		return Answer{Err: err}
	}
	request.Header = header
	a.observe(ctx, middleware.Decision{})
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Answer{Err: err}
	}
	response.Body.Close()
	a.locked.Lock()
	defer a.locked.Unlock()
	return Answer{Status: response.StatusCode, Reason: a.decided.Reason, Err: a.decided.Err}
}
