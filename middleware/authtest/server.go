package authtest

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Endpoint is one of the addresses of an Issuer, as the path that follows its URL.
type Endpoint string

// The endpoints.
const (
	EndpointMetadata      Endpoint = "/.well-known/openid-configuration" // also at /.well-known/oauth-authorization-server
	EndpointJWKS          Endpoint = "/jwks"
	EndpointToken         Endpoint = "/token"
	EndpointIntrospection Endpoint = "/introspect"
	EndpointStatusLists   Endpoint = "/statuslists" // each has an address below it
)

// maxForm bounds what a caller may post: tokens of up to 64 KiB, and the rest of the form.
const maxForm = 128 << 10

func (i *Issuer) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+string(EndpointMetadata), i.at(EndpointMetadata, i.serveMetadata))
	mux.Handle("GET /.well-known/oauth-authorization-server", i.at(EndpointMetadata, i.serveMetadata))
	mux.Handle("GET "+string(EndpointJWKS), i.at(EndpointJWKS, i.serveJWKS))
	mux.Handle("POST "+string(EndpointToken), i.at(EndpointToken, i.serveToken))
	mux.Handle("POST "+string(EndpointIntrospection), i.at(EndpointIntrospection, i.serveIntrospection))
	mux.Handle("GET "+string(EndpointStatusLists)+"/{name}", i.at(EndpointStatusLists, i.serveStatusList))
	mux.Handle("GET "+string(EndpointTransmitter), i.at(EndpointTransmitter, i.serveTransmitter))
	mux.Handle("POST "+string(EndpointPoll), i.at(EndpointPoll, i.servePoll))
	mux.Handle("POST "+string(EndpointVerification), i.at(EndpointVerification, i.serveVerification))
	return onlyLoopback(mux)
}

// onlyLoopback keeps web pages out whose name was made to resolve to this machine.
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if host != "localhost" && (err != nil || !addr.IsLoopback()) {
			http.Error(w, "authtest: this server is for the machine itself", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveMetadata answers for OpenID Connect Discovery and RFC 8414, which share their members.
func (i *Issuer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	methods := []string{"client_secret_basic", "client_secret_post"}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                        i.url,
		"jwks_uri":                                      i.url + string(EndpointJWKS),
		"token_endpoint":                                i.url + string(EndpointToken),
		"introspection_endpoint":                        i.url + string(EndpointIntrospection),
		"grant_types_supported":                         []string{"client_credentials"},
		"response_types_supported":                      []string{},
		"subject_types_supported":                       []string{"public"},
		"id_token_signing_alg_values_supported":         algorithmNames(),
		"token_endpoint_auth_methods_supported":         methods,
		"introspection_endpoint_auth_methods_supported": methods,
		"introspection_signing_alg_values_supported":    []string{defaultAlgorithm},
	})
}

func (i *Issuer) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	keys := []map[string]string{}
	for _, key := range i.keys.published() {
		keys = append(keys, key.jwk())
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": keys})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "authtest: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // that the caller has gone is no concern of ours
}

// server runs a handler until it is closed.
type server struct {
	http *http.Server
	done sync.WaitGroup // the accepting goroutine, and requests

	mu     sync.Mutex
	closed bool
}

func serve(listener net.Listener, handler http.Handler) *server {
	s := new(server)
	ctx, cancel := context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s.tracked(handler),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.done.Go(func() {
		defer cancel()
		_ = s.http.Serve(listener) // it ends with the error of close
	})
	return s
}

// tracked lets close wait for requests, which http.Server.Close does not.
func (s *server) tracked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.enter() {
			panic(http.ErrAbortHandler) // the connection is being closed
		}
		defer s.done.Done()
		next.ServeHTTP(w, r)
	})
}

func (s *server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.done.Add(1)
	}
	return !s.closed
}

// close ends connections and requests and waits until none is left.
func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	_ = s.http.Close() // what it could report is that the listener was closed before
	s.done.Wait()
}
