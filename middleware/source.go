package middleware

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
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
// only that the proxy in front sets itself and strips from what clients send; the token is verified in any case. New refuses
// fields that have another meaning, such as Cookie, Dpop, Host and X-Forwarded-For.
func FromHeader(name string) TokenSource {
	return TokenSource{kind: headerSource, name: http.CanonicalHeaderKey(name)}
}

// FromCookie reads the token from the named cookie, which should be Secure, HttpOnly and SameSite. Browsers attach
// cookies to requests that other sites cause, so a request with this cookie is refused with 403 when it comes from another
// origin and could change something: with an unsafe method, by the rule of [http.CrossOriginProtection], or as the handshake of
// a WebSocket, whatever its method. With Config.PublicURL that address is the only origin that is not another one.
//
// A name that begins with __Host- is best: browsers take such a cookie from this host alone. One of another name can be set by any
// sibling subdomain as well, whose page can so lock a user out (two cookies: 400) or log the user in as somebody else; New takes it,
// because not every API names its cookie itself, and logs it.
func FromCookie(name string) TokenSource { return TokenSource{kind: cookieSource, name: name} }

// FromForm reads the parameter access_token of an application/x-www-form-urlencoded body of a POST, PUT or PATCH
// (RFC 6750 section 2.2), for clients that cannot set header fields. The body, at most 1 MiB of it, is read and given back, so
// the handler still finds its form. It works with Check, Admit and Handler; Authorize has no body.
func FromForm() TokenSource { return TokenSource{kind: formSource, name: formParameter} }

const formParameter = "access_token"

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
		if source.kind == formSource && c.Anew {
			continue // the form has been read
		}
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
			token, c.fromForm = t, source.kind == formSource
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
		if len(found) > 0 && mayChange(c) && p.crossOrigin.Check(p.originFacts(c, r)) != nil {
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

// mayChange reports whether a call may change something, so that it matters which page has caused it: its method is none of the
// safe ones (RFC 9110 section 9.2.1), or it opens a socket.
func mayChange(c Credentials) bool {
	switch c.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return opensSocket(c)
	default:
		return true
	}
}

// handshakeFields belong to a WebSocket handshake: RFC 6455 section 4.1, and RFC 8441 section 4 over HTTP/2 and HTTP/3.
var handshakeFields = [...]string{
	"Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions", ":protocol",
}

// opensSocket reports whether a call wants to become a WebSocket, or any other stream that outlives it. Such a handshake is a GET,
// but not a safe request: what follows it may do everything that the API can do, and browsers let pages of other origins
// read the answers (RFC 6455 section 10.2). Every mark counts for itself, because proxies remove some of them and servers look at
// different ones. A client that is no browser sends no Origin, so it is admitted all the same.
func opensSocket(c Credentials) bool {
	for _, name := range handshakeFields {
		if len(c.values(name)) > 0 {
			return true
		}
	}
	return listed(c.values("Connection"), "upgrade") || listed(c.values("Sec-Fetch-Mode"), "websocket") || listed(c.values("Sec-Fetch-Dest"), "websocket")
}

// originFields say which page has caused a request.
var originFields = [...]string{"Origin", "Sec-Fetch-Site"}

// originFacts is a call that may change something as CrossOriginProtection wants it. Where PublicURL is configured it alone
// vouches for an Origin; elsewhere the Host field does, as in net/http, and without net/http there is none: then Sec-Fetch-Site
// has to vouch.
func (p *policy) originFacts(c Credentials, r *http.Request) *http.Request {
	facts := &http.Request{Method: http.MethodPost, Header: make(http.Header), Host: noHost, URL: &url.URL{}}
	if !p.public && r != nil && r.Host != "" {
		facts.Host = r.Host
	}
	for _, name := range originFields {
		if values := c.values(name); len(values) > 0 {
			facts.Header.Set(name, strings.Join(values, ", ")) // no browser sends two, and nothing vouches for a pair
		}
	}
	return facts
}

// listed reports whether word, which is in lower case, is an element of the comma-separated lists in values.
func listed(values []string, word string) bool {
	for _, list := range values {
		for element := range strings.SplitSeq(list, ",") {
			if equalASCIIFold(strings.Trim(element, " \t"), word) {
				return true
			}
		}
	}
	return false
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
