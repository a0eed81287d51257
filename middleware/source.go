package middleware

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// TokenSource is one more place to look for a token, made by FromHeader, FromCookie or FromForm. The set of kinds is
// closed. The zero TokenSource is refused by New.
type TokenSource struct {
	kind sourceKind
	name string
}

type sourceKind int

const (
	_ sourceKind = iota
	headerSource
	cookieSource
	formSource
)

// FromHeader reads a bare token from the named header field, without a scheme: "Cf-Access-Jwt-Assertion". Name fields
// only that the proxy in front sets itself and strips from what clients send; the token is verified in any case.
func FromHeader(name string) TokenSource {
	return TokenSource{kind: headerSource, name: http.CanonicalHeaderKey(name)}
}

// FromCookie reads the token from the named cookie, which should be Secure, HttpOnly and SameSite. Browsers attach
// cookies to requests that other sites cause, so a request with this cookie and an unsafe method is refused with 403 when it
// comes from another origin, by the rule of [http.CrossOriginProtection].
func FromCookie(name string) TokenSource { return TokenSource{kind: cookieSource, name: name} }

// FromForm reads the parameter access_token of an application/x-www-form-urlencoded body of a POST, PUT or PATCH
// (RFC 6750 section 2.2), for clients that cannot set header fields. The body, at most 1 MiB of it, is read and given back, so
// the handler still finds its form. It works with Check, Admit and Handler; Authorize has no body.
func FromForm() TokenSource { return TokenSource{kind: formSource, name: "access_token"} }

const maxFormBytes = 1 << 20

var (
	errSeveralTokens = errors.New("the request carries more than one token")
	errCrossOrigin   = errors.New("a token from a cookie on an unsafe request of another origin")
	errFormTooLong   = errors.New("the form is longer than 1 MiB")
	errFormSyntax    = errors.New("the form that holds access_token is malformed")
)

// credential finds the one token of a call; "" if there is none. r is nil where the transport is not net/http.
func (p *policy) credential(c *call, r *http.Request) (token string, refusal *Error) {
	token, refusal = c.authorization(p.dpop != nil)
	if refusal != nil {
		return "", refusal
	}
	for _, source := range p.sources {
		found, refusal := source.tokens(p, c.Credentials, r)
		if refusal != nil {
			return "", refusal
		}
		if source.kind == formSource {
			c.now = p.clock() // a body comes as slowly as the client likes, and a token counts from when it can be judged
		}
		for _, t := range found {
			if token != "" {
				// RFC 6750 section 2: clients must not use more than one method in a request.
				return "", badRequest(ReasonSeveralTokens, errSeveralTokens)
			}
			token = t
		}
	}
	if len(token) > p.maxTokenBytes {
		return "", badRequest(ReasonTokenTooLong, errTooLong)
	}
	return token, nil
}

// tokens returns the non-empty values that the source holds.
func (s TokenSource) tokens(p *policy, c Credentials, r *http.Request) ([]string, *Error) {
	switch s.kind {
	case headerSource:
		return filled(c.values(s.name)), nil
	case cookieSource:
		found := filled(cookies(c, s.name))
		if len(found) > 0 && p.crossOrigin.Check(originFacts(c, r)) != nil {
			return nil, &Error{Reason: ReasonCrossOrigin, Err: errCrossOrigin}
		}
		return found, nil
	case formSource:
		return formTokens(r, s.name)
	default:
		return nil, nil // New refuses the zero TokenSource
	}
}

func filled(values []string) []string {
	var kept []string
	for _, v := range values {
		if v != "" {
			kept = append(kept, v)
		}
	}
	return kept
}

func cookies(c Credentials, name string) []string {
	// net/http's own parser, which skips malformed cookies: a cookie that it does not see is no token.
	r := http.Request{Header: http.Header{"Cookie": c.values("Cookie")}}
	var values []string
	for _, cookie := range r.CookiesNamed(name) {
		values = append(values, cookie.Value)
	}
	return values
}

// noHost is the Host of a request that has none. The origin "null" has an empty host, and must not equal it.
const noHost = "\x00"

// originFacts is the request as CrossOriginProtection wants it. Without net/http there is no Host to compare with, so
// only Sec-Fetch-Site or PublicURL can vouch for an unsafe request.
func originFacts(c Credentials, r *http.Request) *http.Request {
	if r != nil && r.Host != "" {
		return r
	}
	h := http.Header{}
	for _, name := range []string{"Origin", "Sec-Fetch-Site"} {
		if v := c.values(name); len(v) > 0 {
			h[name] = v
		}
	}
	return &http.Request{Method: c.Method, Header: h, Host: noHost, URL: &url.URL{}}
}

func formTokens(r *http.Request, name string) ([]string, *Error) {
	if r == nil || !mayCarryForm(r) {
		return nil, nil
	}
	if r.PostForm != nil { // something in front has parsed the body already
		return filled(r.PostForm[name]), nil
	}
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
	if err != nil {
		return nil, badRequest(ReasonMalformedRequest, err)
	}
	if len(body) > maxFormBytes {
		return nil, badRequest(ReasonMalformedRequest, errFormTooLong)
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), r.Body}

	form, err := url.ParseQuery(string(body))
	found := filled(form[name])
	if err != nil && bytes.Contains(body, []byte(name)) {
		return nil, badRequest(ReasonMalformedRequest, errFormSyntax)
	}
	return found, nil
}

// mayCarryForm is RFC 6750 section 2.2: a urlencoded, single-part entity of a method that has a body.
func mayCarryForm(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return false
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/x-www-form-urlencoded"
}
