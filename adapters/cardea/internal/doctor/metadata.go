package doctor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

// metadata is a document as the server gave it. What decides about keys was read from it by the Validator already; this is for what the
// Validator has no use for.
type metadata map[string]json.RawMessage

func parseMetadata(body []byte) metadata {
	var m metadata
	if json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &m) != nil {
		return nil
	}
	return m
}

func (m metadata) text(name string) (s string) {
	_ = json.Unmarshal(m[name], &s)
	return s
}

func (m metadata) list(name string) (values []string) {
	_ = json.Unmarshal(m[name], &values)
	return values
}

func (m metadata) yes(name string) (b bool) {
	_ = json.Unmarshal(m[name], &b)
	return b
}

// form is one of the addresses at which metadata may be.
type form struct{ name, address string }

// forms are the addresses in the order in which a Validator tries them; a test compares them with what it asks.
func forms(issuer string) []form {
	list := []form{
		{"OpenID Connect Discovery", ""},
		{"RFC 8414", inserted(issuer, "oauth-authorization-server")},
		{"OpenID Connect Discovery, name before the path", inserted(issuer, "openid-configuration")},
	}
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil // a name and not an address
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	list[0].address = u.Scheme + "://" + u.Host + path + "/.well-known/openid-configuration"
	if path == "" { // appended and inserted are the same
		return list[:2]
	}
	return list
}

// inserted is a well-known address with its name between host and path (RFC 8414 section 3.1).
func inserted(issuer, name string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/.well-known/" + name + strings.TrimSuffix(u.EscapedPath(), "/")
}

// reportMetadata says what the Validator was told where it looked for metadata.
func (e *examination) reportMetadata(x *exchange) {
	name := e.formOf(x)
	served := parseMetadata(x.body.Bytes())
	switch {
	case name == "":
	case x.status == http.StatusOK && served.text("issuer") == e.Issuer:
		e.served = served
		e.add(Metadata, OK, "", "found at %s (%s) in %s", plain.Line(x.address), name, duration(x.took))
	default:
		e.add(Metadata, Note, "", "nothing of use at %s (%s): %s", plain.Line(x.address), name, e.whatCame(x))
	}
}

// formOf names the form of metadata that was asked for, empty if it was something else.
func (e *examination) formOf(x *exchange) string {
	for _, f := range forms(e.Issuer) {
		if f.address == x.address {
			return f.name
		}
	}
	return ""
}

// findOtherMetadata asks the forms that the Validator had no need of: two documents that disagree are a trap for other clients, and with
// a JWKSURI nothing has been asked yet.
func (e *examination) findOtherMetadata(ctx context.Context) {
	for _, f := range forms(e.Issuer) {
		if e.asked(f.address) || !e.mayAsk(f.address) || ctx.Err() != nil {
			continue
		}
		x := e.get(ctx, f.address)
		if x == nil || x.status == 0 && e.served == nil {
			return // the server is out of reach, which has been said
		}
		other := parseMetadata(x.body.Bytes())
		switch {
		case x.status != http.StatusOK || other == nil:
			e.add(Metadata, Note, "", "nothing at %s (%s): %s", plain.Line(f.address), f.name, e.whatCame(x))
		case other.text("issuer") != e.Issuer:
			e.add(Metadata, Warning, "Let the server name one issuer everywhere; tokens are compared with -issuer byte for byte.",
				"%s (%s) is of another issuer: %s%s", plain.Line(f.address), f.name, plain.Quote(other.text("issuer")),
				difference(other.text("issuer"), e.Issuer))
		case e.served == nil:
			e.served = other
			e.add(Metadata, OK, "", "found at %s (%s); not needed for the keys, as -jwks-uri says where they are", plain.Line(f.address), f.name)
		case other.text("jwks_uri") != e.served.text("jwks_uri"):
			e.add(Metadata, Warning, "Let both documents name the same key set, or set -jwks-uri to the right one.",
				"%s (%s) names other keys: %s", plain.Line(f.address), f.name, plain.Quote(other.text("jwks_uri")))
		default:
			e.add(Metadata, OK, "", "the same keys at %s (%s)", plain.Line(f.address), f.name)
		}
	}
}

func (e *examination) asked(address string) bool {
	for _, x := range e.watch.since(0) {
		if x.address == address {
			return true
		}
	}
	return false
}

// mayAsk is the rule of jwks.Config for addresses that the Validator has not looked at.
func (e *examination) mayAsk(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	host := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
	return u.Scheme == "http" && (loopback(u.Hostname()) || slices.ContainsFunc(e.Plain, func(h string) bool { return strings.EqualFold(h, host) }))
}

func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// get asks for one document that mayAsk lets through. Redirects are not followed. It is nil if no request could be made.
func (e *examination) get(ctx context.Context, address string) *exchange {
	number := e.watch.count()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil
	}
	r.Header.Set("Accept", "application/json")
	if resp, err := e.client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
		_ = resp.Body.Close()
	}
	if asked := e.watch.since(number); len(asked) > 0 {
		return asked[0]
	}
	return nil
}
