// Package fault is what stands in front of the authorization servers: it passes requests on, counts them, and fails on command
// in the ways in which upstreams fail.
package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

// Front is the face of one authorization server.
type Front struct {
	URL string

	target  string // the server behind
	prefix  string // of opaque tokens; the server behind does not know it
	server  *http.Server
	forward *http.Client

	mode  [2]atomic.Pointer[Kind]
	turn  atomic.Int64 // for what fails every second time
	Delay atomic.Int64 // before each introspection, in nanoseconds

	Metadata, Keys, Introspections, Trapped atomic.Int64
}

// NewFront opens the front of the authorization server at target, until Close.
func NewFront(target, prefix string) (*Front, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &Front{
		URL:     "http://" + listener.Addr().String(),
		target:  target,
		prefix:  prefix,
		forward: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", f.at(window.Keys, &f.Metadata, f.metadata))
	mux.HandleFunc("GET /jwks", f.at(window.Keys, &f.Keys, f.keys))
	mux.HandleFunc("POST /introspect", f.at(window.Introspection, &f.Introspections, f.introspect))
	mux.HandleFunc("/trap", func(w http.ResponseWriter, _ *http.Request) {
		f.Trapped.Add(1)
		w.WriteHeader(http.StatusNotFound)
	})
	f.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = f.server.Serve(listener) }()
	return f, nil
}

// Close closes the front, and all connections to it.
func (f *Front) Close() {
	_ = f.server.Close()
	f.forward.CloseIdleConnections()
}

// Fail lets an endpoint fail in this way; nil ends it.
func (f *Front) Fail(e window.Endpoint, k *Kind) { f.mode[e].Store(k) }

// work makes the right answer to a request whose body is given.
type work func(ctx context.Context, r *http.Request, body []byte) (*answer, error)

// answer is what the server behind has said.
type answer struct {
	status int
	body   []byte
}

const maxBody = 1 << 20

func (f *Front) at(e window.Endpoint, count *atomic.Int64, do work) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody)) // net/http notices a caller's leaving only once it is read
		if err != nil {
			return
		}
		kind := f.mode[e].Load()
		right := func() *answer {
			got, err := do(r.Context(), r, body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			return got
		}
		if kind != nil && (!kind.alternate || f.turn.Add(1)%2 == 0) {
			kind.serve(w, r, right)
			return
		}
		got := right()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(got.status)
		_, _ = w.Write(got.body)
	}
}

// metadata names the front as the issuer; the server behind does not know of it.
func (f *Front) metadata(context.Context, *http.Request, []byte) (*answer, error) {
	body, err := json.Marshal(map[string]any{
		"issuer":                 f.URL,
		"jwks_uri":               f.URL + "/jwks",
		"introspection_endpoint": f.URL + "/introspect",
	})
	return &answer{http.StatusOK, body}, err
}

func (f *Front) keys(ctx context.Context, _ *http.Request, _ []byte) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.target+"/jwks", nil)
	if err != nil {
		return nil, err
	}
	return f.ask(request)
}

func (f *Front) introspect(ctx context.Context, r *http.Request, body []byte) (*answer, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	form.Set("token", strings.TrimPrefix(form.Get("token"), f.prefix))
	if delay := time.Duration(f.Delay.Load()); delay > 0 {
		time.Sleep(delay)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.target+"/introspect", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Authorization", "Accept", "Content-Type"} {
		request.Header[name] = r.Header[name]
	}
	return f.ask(request)
}

func (f *Front) ask(request *http.Request) (*answer, error) {
	response, err := f.forward.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	return &answer{response.StatusCode, body.Bytes()}, err
}
