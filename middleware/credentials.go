package middleware

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/credential"
)

// Credentials are the facts of a call that a Guard judges, whatever transport carried them. Guard.Check fills them from
// an *http.Request; Guard.Authorize takes them from any other transport.
type Credentials struct {
	_ [0]func() // keyed literals only

	// Header are the header fields, or what the transport has in their place. Nil: none.
	Header Header

	// Method is the HTTP method, for DPoP proofs and for cookies on requests that may change something. Case matters.
	Method string

	// Target is the request-target as it arrived (http.Request.RequestURI, a gRPC full method), for DPoP proofs. Origin and
	// stripped prefix come from Config.PublicURL.
	Target string

	// Route is the pattern of the route as the router knows it (http.Request.Pattern), and never the path: refusals are counted by it, and it
	// suits metric labels. Empty: not known.
	Route string

	// RemoteAddr is host:port of the peer, for MTLS.TrustedProxies.
	RemoteAddr string

	// Certificate is the client certificate of the TLS layer. Nil: none.
	Certificate *x509.Certificate

	// KeepProof judges a DPoP proof without spending it, for a check in front of the server that will spend it
	// (forward authentication). That server must judge the request again.
	KeepProof bool

	// Anew judges from scratch, whatever verdict the context holds: token, keys, status, time, certificate and requirement. The DPoP
	// proof of a bound token alone is taken over from this context's admission of the same token for the same call (method,
	// target, Dpop field, certificate), since a proof is good once and soon too old; for another call it is judged and spent. A
	// token that came in a form is refused, as its body has been read. What caches know counts, as for every request.
	Anew bool
}

// String tells which call it is, without the header, which holds the token, and the query, where people put one. It
// serves %v and %+v.
func (c Credentials) String() string {
	path, _, _ := strings.Cut(c.Target, "?")
	return fmt.Sprintf("%s %q from %s", c.Method, path, c.RemoteAddr)
}

// GoString is String for %#v.
func (c Credentials) GoString() string { return c.String() }

// MarshalText is String for [encoding/json] and other encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue is String for [slog].
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Header gives the values of a field in the order in which they arrived. The name is in canonical MIME form
// ("Authorization"). An [http.Header] is one.
type Header interface {
	Values(name string) []string
}

func credentialsOf(r *http.Request) Credentials {
	c := Credentials{Header: r.Header, Method: r.Method, Target: r.RequestURI, Route: r.Pattern, RemoteAddr: r.RemoteAddr}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.Certificate = r.TLS.PeerCertificates[0]
	}
	return c
}

// values is Header.Values for a Credentials that may have no Header.
func (c Credentials) values(name string) []string { return credential.Values(c.Header, name) }

// TokenSource is one more place to look for a token, made by FromHeader, FromCookie or FromForm. The set of kinds is
// closed. The zero TokenSource is refused by New.
type TokenSource struct{ source credential.Source }

// FromHeader reads a token from the named header field: "Cf-Access-Jwt-Assertion". The scheme Bearer in front of it, or DPoP, is taken as
// in the Authorization field, for gateways that move that field elsewhere ("X-Forwarded-Authorization"). Name fields
// only that the proxy in front sets itself and strips from what clients send; the token is verified in any case. New refuses
// fields that have another meaning, such as Cookie, Dpop, Host and X-Forwarded-For.
func FromHeader(name string) TokenSource {
	return TokenSource{credential.Source{Kind: credential.InHeader, Name: http.CanonicalHeaderKey(name)}}
}

// FromCookie reads the token from the named cookie, which should be Secure, HttpOnly and SameSite. Browsers attach
// cookies to requests that other sites cause, so a request with this cookie is refused with 403 when it comes from another
// origin and could change something: with an unsafe method, by the rule of [http.CrossOriginProtection], or as the handshake of
// a WebSocket, whatever its method. With Config.PublicURL that address is the only origin that is not another one.
//
// A name that begins with __Host- is best: browsers take such a cookie from this host alone. One of another name can be set by any
// sibling subdomain as well, whose page can so lock a user out (two cookies: 400) or log the user in as somebody else; New takes it,
// because not every API names its cookie itself, and logs it.
func FromCookie(name string) TokenSource {
	return TokenSource{credential.Source{Kind: credential.InCookie, Name: name}}
}

// FromForm reads the parameter access_token of an application/x-www-form-urlencoded body of a POST, PUT or PATCH
// (RFC 6750 section 2.2), for clients that cannot set header fields. The body, at most 1 MiB of it, is read and given back, so
// the handler still finds its form. It works with Check, Admit and Handler; Authorize has no body.
func FromForm() TokenSource {
	return TokenSource{credential.Source{Kind: credential.InForm, Name: credential.FormParameter}}
}
