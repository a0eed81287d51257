package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const defaultRealm = "api"

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

// schemes are those that a Validator accepts and the one that a request has used.
type schemes struct {
	noBearer   bool   // DPoP alone will do
	algorithms string // of DPoP proofs, separated by spaces; empty: DPoP is not accepted
	used       string // "Bearer" or "DPoP"; empty: neither, or more than one
}

// challenges writes one challenge, on a line of its own, for each scheme that is accepted. The error belongs to the scheme
// that was used, to all of them if that is not clear (RFC 9449 section 7.2).
func (e *Error) challenges() []string {
	var lines []string
	if !e.schemes.noBearer {
		lines = append(lines, e.challenge("Bearer", e.schemes.used != "DPoP"))
	}
	if e.schemes.algorithms != "" {
		lines = append(lines, e.challenge("DPoP", e.schemes.used != "Bearer" || e.schemes.noBearer))
	}
	return lines
}

// challenge writes one challenge (RFC 9110 section 11.6.1). The realm is always there, because RFC 6750 section 3
// wants at least one parameter after the scheme.
func (e *Error) challenge(scheme string, withError bool) string {
	var b strings.Builder
	b.WriteString(scheme)
	b.WriteString(` realm="`)
	realm := e.realm
	if realm == "" {
		realm = defaultRealm
	}
	writeSafe(&b, realm)
	b.WriteByte('"')

	if scheme == "DPoP" {
		writeParam(&b, "algs", e.schemes.algorithms)
	}
	// RFC 6750 section 3.1: no error code when no credentials were sent.
	if e.Code != "" && withError {
		writeParam(&b, "error", string(e.Code))
		writeParam(&b, "error_description", e.description())
	}
	if e.acrValues.Len() > 0 {
		writeParam(&b, "acr_values", e.acrValues.String())
	}
	if e.hasMaxAge {
		writeParam(&b, "max_age", strconv.FormatInt(int64(e.maxAge/time.Second), 10))
	}
	if e.Code != InvalidRequest && e.Scopes.Len() > 0 {
		writeParam(&b, "scope", strings.Join(slices.Sorted(e.Scopes.All()), " "))
	}
	return b.String()
}

func writeParam(b *strings.Builder, name, value string) {
	b.WriteString(", ")
	b.WriteString(name)
	b.WriteString(`="`)
	writeSafe(b, value)
	b.WriteByte('"')
}

// writeSafe writes the characters that RFC 6750 section 3 allows in error_description, which is the strictest of all
// parameters that may hold spaces, and drops the others: an Error of an application's Rule can hold anything, and
// neither a quote nor a line break may end the parameter.
func writeSafe(b *strings.Builder, value string) {
	for i := range len(value) {
		if c := value[i]; isSafe(c) {
			b.WriteByte(c)
		}
	}
}

// isSafe reports whether c is in %x20-21 / %x23-5B / %x5D-7E.
func isSafe(c byte) bool {
	return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'
}

// retryAfter is in whole seconds and never zero: zero would invite a loop of retries (RFC 9110 section 10.2.3).
func retryAfter(d time.Duration) string {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return strconv.FormatInt(max(1, seconds), 10)
}
