package middleware

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// Credentials are the facts of a call that a Guard judges, whatever transport carried them. Guard.Check fills them from
// an *http.Request; Guard.Authorize takes them from any other transport.
type Credentials struct {
	_ [0]func() // keyed literals only

	Header      Header            // the header fields, or what the transport has in their place; nil: none
	Method      string            // the HTTP method, for DPoP proofs and for cookies on unsafe requests; case matters
	Target      string            // the request-target as it arrived (http.Request.RequestURI, a gRPC full method), for DPoP proofs; origin and stripped prefix come from Config.PublicURL
	RemoteAddr  string            // host:port of the peer, for MTLS.TrustedProxies
	Certificate *x509.Certificate // the client certificate of the TLS layer; nil: none

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
	c := Credentials{Header: r.Header, Method: r.Method, Target: r.RequestURI, RemoteAddr: r.RemoteAddr}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.Certificate = r.TLS.PeerCertificates[0]
	}
	return c
}

// values is Header.Values for a Credentials that may have no Header.
func (c Credentials) values(name string) []string {
	switch h := c.Header.(type) {
	case nil:
		return nil
	case http.Header:
		return h[name] // Values would look first whether name is canonical
	default:
		return h.Values(name)
	}
}

var (
	errSeveralFields = errors.New("the Authorization field must occur once")
	errNoScheme      = errors.New("the Authorization field does not begin with a scheme and a space")
	errOtherScheme   = errors.New("the scheme of the Authorization field is not one that is accepted")
	errEmptyBearer   = errors.New("the scheme is not followed by a token")
	errTooLong       = errors.New("the token is longer than Config.MaxTokenBytes")
)

func badRequest(reason Reason, cause error) *Error {
	return &Error{Code: InvalidRequest, Reason: reason, Err: cause}
}

// authorization reads the Authorization field: "Bearer" 1*SP token68 (RFC 6750 section 2.1), or DPoP in its place (RFC 9449
// section 7.1), the scheme in any case (RFC 9110 section 11.1). It returns "" where there is no such field. The characters
// of the token are not looked at, because those of a cached token are known to be good.
func (c *call) authorization(dpop bool) (token string, refusal *Error) {
	fields := c.values("Authorization")
	if len(fields) == 0 {
		return "", nil
	}
	if len(fields) > 1 {
		// Authorization is no list (RFC 9110 section 11.6.2): which of two identities would count?
		return "", badRequest(ReasonSeveralTokens, errSeveralFields)
	}
	if token, ok := strings.CutPrefix(fields[0], "Bearer "); ok && token != "" && token[0] != ' ' { // as nearly everybody writes it
		c.used = "Bearer"
		return token, nil
	}
	scheme, rest, found := strings.Cut(fields[0], " ")
	if !isFieldToken(scheme) {
		return "", badRequest(ReasonMalformedRequest, errNoScheme)
	}
	switch {
	case equalASCIIFold(scheme, "bearer"):
		c.used = "Bearer"
	case dpop && equalASCIIFold(scheme, "dpop"):
		c.used, c.dpop = "DPoP", true
	default:
		return "", &Error{Reason: ReasonOtherScheme, Err: errOtherScheme}
	}
	token = strings.TrimLeft(rest, " ")
	if !found || token == "" {
		return "", badRequest(ReasonMalformedRequest, errEmptyBearer)
	}
	return token, nil
}

// all reports whether every byte of s is in set. Eight at a time, because every first sight of a token passes here.
func all(s string, set *[256]bool) bool {
	for ; len(s) >= 8; s = s[8:] {
		if !(set[s[0]] && set[s[1]] && set[s[2]] && set[s[3]] && set[s[4]] && set[s[5]] && set[s[6]] && set[s[7]]) {
			return false
		}
	}
	for i := range len(s) {
		if !set[s[i]] {
			return false
		}
	}
	return true
}

var (
	fieldToken = charset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")
)

func charset(chars string) (set [256]bool) {
	for i := range len(chars) {
		set[chars[i]] = true
	}
	return set
}

// isFieldToken reports whether s is a token of RFC 9110 section 5.6.2.
func isFieldToken(s string) bool { return s != "" && all(s, &fieldToken) }

// equalASCIIFold compares s with lower, which is in lower-case ASCII. [strings.EqualFold] would let the Kelvin sign pass
// for a k.
func equalASCIIFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
