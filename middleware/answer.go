package middleware

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/challenge"
)

// Header returns every header field that the refusal needs, for transports that do not use WriteError: the challenge
// (WWW-Authenticate) of a 400, 401 or 403, Retry-After of a 503, and the fields of the problem document.
func (e *Error) Header() http.Header {
	h := http.Header{
		"Cache-Control": {"no-store"},
		"Content-Type":  {"application/problem+json"},
	}
	switch status := e.Status(); status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		h["Www-Authenticate"] = e.challenges()
	case http.StatusServiceUnavailable:
		h["Retry-After"] = []string{retryAfter(e.RetryAfter)}
	}
	if e != nil && e.nextNonce != "" {
		h["Dpop-Nonce"] = []string{e.nextNonce}
	}
	return h
}

func (e *Error) challenges() []string {
	params := challenge.Params{
		Realm:       e.realm,
		Error:       string(e.Code),
		Description: e.description(),
		ACRValues:   e.stepUp.acrValues.String(),
		MaxAge:      int64(e.stepUp.maxAge / time.Second),
		HasMaxAge:   e.stepUp.hasMaxAge,
		Scope:       e.scope(),
	}
	return challenge.Lines(e.schemes, params)
}

// scope lists the scopes that the route needs, in one order. With another token a malformed request would be as malformed.
func (e *Error) scope() string {
	if e.Code == InvalidRequest {
		return ""
	}
	return strings.Join(slices.Sorted(e.Scopes.All()), " ")
}

// retryAfter is in whole seconds and never zero: zero would invite a loop of retries (RFC 9110 section 10.2.3).
func retryAfter(d time.Duration) string {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return strconv.FormatInt(max(1, seconds), 10)
}

// problem is the client's view of a refusal (RFC 9457 section 3.1), with the parameters of the challenge as extension
// members, so that clients need not parse the header field.
type problem struct {
	Type   string    `json:"type"`
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Detail string    `json:"detail"`
	Error  ErrorCode `json:"error,omitempty"`
	Scope  string    `json:"scope,omitempty"`
}

// problemTypes names each code by the place that documents it.
var problemTypes = map[ErrorCode]string{
	InvalidRequest:                 problemBase + "InvalidRequest",
	InvalidToken:                   problemBase + "InvalidToken",
	InsufficientScope:              problemBase + "InsufficientScope",
	InsufficientUserAuthentication: problemBase + "InsufficientUserAuthentication",
	InvalidDPoPProof:               problemBase + "InvalidDPoPProof",
	UseDPoPNonce:                   problemBase + "UseDPoPNonce",
}

const problemBase = "https://pkg.go.dev/github.com/cardea-auth/cardea/middleware#"

// MarshalJSON returns the RFC 9457 problem document: the client's view of the refusal, without reason or cause.
func (e *Error) MarshalJSON() ([]byte, error) {
	if e == nil {
		e = &Error{}
	}
	status := e.Status()
	p := problem{
		Type:   problemTypes[e.Code],
		Title:  http.StatusText(status),
		Status: status,
		Detail: e.description(),
		Error:  e.Code,
		Scope:  e.scope(),
	}
	if p.Type == "" {
		p.Type = "about:blank" // RFC 9457 section 4.2.1: the title says no more than the status
	}
	return json.Marshal(p)
}

// WriteError answers a request that a Guard refused: the status, the header fields of Error.Header and the problem
// document. An err that is no *Error is answered with 500 and nothing of its text. It is what Config.ErrorHandler
// replaces, and what an ErrorHandler may call for the refusals that it does not want to render itself.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	refusal := asError(err)
	body, failed := refusal.MarshalJSON()
	if failed != nil { // no member of the document can fail; without a body the status still stands
		body = nil
	}
	h := w.Header()
	for name, values := range refusal.Header() {
		h[name] = values
	}
	if r != nil && r.Method == http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(len(body))) // as for GET (RFC 9110 section 9.3.2)
		w.WriteHeader(refusal.Status())
		return
	}
	h.Del("Content-Length") // the writer may compress what follows
	w.WriteHeader(refusal.Status())
	_, _ = w.Write(body) // the client may be gone; there is nobody left to tell
}
