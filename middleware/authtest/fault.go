package authtest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// Fault is what an Issuer does in the place of its work. The zero Fault is none.
type Fault struct {
	// Status of the answer; zero: 200 with Body, or the usual answer if there is no Body either.
	Status int

	// Delay before the answer. It ends early when the caller gives up, and with the Issuer.
	Delay time.Duration

	// Body of the answer, sent as application/json whatever it is. Nil beside a Status: an empty body.
	Body []byte

	// Endpoint that fails. Zero: all that a resource server depends on, which are metadata, JWKS, introspection and status
	// lists.
	Endpoint Endpoint
}

// SetFault lets requests that come from now on fail as f says, in the place of an earlier Fault. SetFault(Fault{}) ends
// it. A Status that is no final HTTP status (200 to 599) and a negative Delay are mistakes.
//
// Validators keep serving what they hold (keys, verified tokens), as they do in production, and an issuer that failed is
// not asked again at once: after a Fault has ended, up to two seconds can go by before a Validator notices. For keys,
// [middleware.Validator.Warm] cuts that short.
func (i *Issuer) SetFault(f Fault) {
	i.tb.Helper()
	switch {
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		i.tb.Fatalf("authtest: Fault.Status %d is no final HTTP status: use 200 to 599, or 0", f.Status)
		return
	case f.Delay < 0:
		i.tb.Fatalf("authtest: Fault.Delay %v is negative", f.Delay)
		return
	}
	f.Body = bytes.Clone(f.Body)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = f
}

// Requests returns how many requests the endpoint has received since the start, those that met a Fault included.
func (i *Issuer) Requests(e Endpoint) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[e]
}

// arrived counts a request and returns the Fault that it meets.
func (i *Issuer) arrived(e Endpoint) Fault {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests[e]++
	if i.fault.Endpoint == e || i.fault.Endpoint == "" && e != EndpointToken {
		return i.fault
	}
	return Fault{}
}

// at is an endpoint's handler with what stands in front of every one: the count, and the Fault.
func (i *Issuer) at(e Endpoint, work http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := i.arrived(e)
		// net/http notices that a caller has hung up only once the body has been read.
		body, malformed := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
		r.Body = io.NopCloser(bytes.NewReader(body))
		if malformed == nil {
			malformed = r.ParseForm()
		}
		r.Body = io.NopCloser(bytes.NewReader(body)) // for what is no form
		fault.wait(r.Context())
		if fault.Status == 0 && fault.Body == nil {
			if malformed != nil {
				writeError(w, http.StatusBadRequest, "invalid_request", "the form cannot be read")
				return
			}
			work(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if fault.Status != 0 {
			w.WriteHeader(fault.Status)
		}
		_, _ = w.Write(fault.Body)
	})
}

func (f Fault) wait(ctx context.Context) {
	if f.Delay == 0 {
		return
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		panic(http.ErrAbortHandler) // nobody is left to answer
	}
}
