package credential

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

// originRule says whose pages may cause requests with the user's cookie. Browsers attach cookies to requests that other sites
// cause, so what could change something must come from a page of our own origin.
type originRule struct {
	check  *http.CrossOriginProtection
	public bool // it knows our address, and the Host field does not count
	own    []string
}

// newOriginRule takes our addresses, if they are known.
func newOriginRule(origins []string) (originRule, error) {
	o := originRule{check: http.NewCrossOriginProtection(), public: len(origins) > 0, own: origins}
	for _, origin := range origins {
		if err := o.check.AddTrustedOrigin(origin); err != nil {
			return o, err
		}
	}
	return o, nil
}

// allows judges a request that carries a token in a cookie.
func (o originRule) allows(r Request) bool {
	return !mayChange(r) || o.check.Check(o.facts(r)) == nil
}

// refusal says which page has caused the request, as far as the browser tells, and whose pages may.
func (o originRule) refusal(r Request) error {
	own := o.own
	if !o.public && r.HTTP != nil {
		own = []string{r.HTTP.Host}
	}
	return cause.Origin(errCrossOrigin, Values(r.Header, "Origin"), Values(r.Header, "Sec-Fetch-Site"), own)
}

// noHost is the Host of a request that has none. The origin "null" has an empty host, and must not equal it.
const noHost = "\x00"

// mayChange reports whether a request may change something, so that it matters which page has caused it: its method is not one of
// the safe ones (RFC 9110 section 9.2.1), or it opens a socket.
func mayChange(r Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return opensSocket(r)
	default:
		return true
	}
}

// handshakeFields belong to a WebSocket handshake: RFC 6455 section 4.1, and RFC 8441 section 4 over HTTP/2 and HTTP/3.
var handshakeFields = [...]string{
	"Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions", ":protocol",
}

// opensSocket reports whether a request wants to become a WebSocket, or any other stream that outlives it. Such a handshake is a GET,
// but not a safe request: what follows it may do everything that the API can do, and browsers let pages of other origins
// read the answers (RFC 6455 section 10.2). Every mark counts for itself, because proxies remove some of them and servers look at
// different ones. Only browsers send an Origin, so other clients are admitted all the same.
func opensSocket(r Request) bool {
	for _, name := range handshakeFields {
		if len(Values(r.Header, name)) > 0 {
			return true
		}
	}
	return listed(Values(r.Header, "Connection"), "upgrade") ||
		listed(Values(r.Header, "Sec-Fetch-Mode"), "websocket") || listed(Values(r.Header, "Sec-Fetch-Dest"), "websocket")
}

// originFields say which page has caused a request.
var originFields = [...]string{"Origin", "Sec-Fetch-Site"}

// facts is a request that may change something as CrossOriginProtection wants it. Where PublicURL is configured it alone
// vouches for an Origin; elsewhere the Host field does, as in net/http, and without net/http there is none: then Sec-Fetch-Site
// has to vouch.
func (o originRule) facts(r Request) *http.Request {
	facts := &http.Request{Method: http.MethodPost, Header: make(http.Header), Host: noHost, URL: &url.URL{}}
	if !o.public && r.HTTP != nil && r.HTTP.Host != "" {
		facts.Host = r.HTTP.Host
	}
	for _, name := range originFields {
		if values := Values(r.Header, name); len(values) > 0 {
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
