package requests_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

func TestCookieSource(t *testing.T) {
	good := kit.Mint(kit.GoodClaims(nil))
	cookie := "__Host-token=" + good
	for _, row := range []struct {
		name, method, want string
		reason             middleware.Reason
		header             http.Header
	}{
		{"a safe request", "GET", "200", "", kit.Fields("Cookie", cookie)},
		{"a safe request of another site, whose answer it cannot read", "GET", "200", "", kit.Fields("Cookie", cookie, "Sec-Fetch-Site", "cross-site")},
		{"an unsafe request of the same origin", "POST", "200", "", kit.Fields("Cookie", cookie, "Sec-Fetch-Site", "same-origin")},
		{"an unsafe request by the user's own hand", "POST", "200", "", kit.Fields("Cookie", cookie, "Sec-Fetch-Site", "none")},
		{"an unsafe request of the same host, by an old browser", "POST", "200", "", kit.Fields("Cookie", cookie, "Origin", "https://api.example.com")},
		{"an unsafe request of no browser", "POST", "200", "", kit.Fields("Cookie", cookie)},
		{"an empty cookie is no token", "GET", "401", middleware.ReasonNoToken, kit.Fields("Cookie", "__Host-token=")},
		{"a cookie of another name", "GET", "401", middleware.ReasonNoToken, kit.Fields("Cookie", "token="+good)},
		{"the name in other case", "GET", "401", middleware.ReasonNoToken, kit.Fields("Cookie", "__host-token="+good)},
		{"a bad token", "GET", "401 invalid_token", middleware.ReasonNotIntrospected, kit.Fields("Cookie", "__Host-token=bad")},

		{"CSRF by a form of another site", "POST", "403", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Sec-Fetch-Site", "cross-site")},
		{"CSRF from a sibling host", "DELETE", "403", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Sec-Fetch-Site", "same-site")},
		{"CSRF through an old browser", "PUT", "403", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Origin", "https://evil.example")},
		{"CSRF from a sandboxed frame", "PATCH", "403", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Origin", "null")},
		{
			"CSRF from the same host at another port", "POST", "403", middleware.ReasonCrossOrigin,
			kit.Fields("Cookie", cookie, "Origin", "https://api.example.com:8443"),
		},
		{"a method that only looks safe", "get", "403", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Origin", "https://evil.example")},
		{
			"an overriding method on a safe request stays a safe request", "GET", "200", "",
			kit.Fields("Cookie", cookie, "Sec-Fetch-Site", "cross-site", "X-Http-Method-Override", "DELETE"),
		},

		{"the cookie twice, planted by a sibling host", "GET", "400 invalid_request", middleware.ReasonSeveralTokens, kit.Fields("Cookie", cookie+"; "+cookie)},
		{"the cookie in two fields", "GET", "400 invalid_request", middleware.ReasonSeveralTokens, kit.Fields("Cookie", cookie, "Cookie", cookie)},
		{"the cookie beside the field", "GET", "400 invalid_request", middleware.ReasonSeveralTokens, kit.Fields("Cookie", cookie, "Authorization", "Bearer "+good)},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := withSources(t, middleware.FromCookie("__Host-token")).Require()
			r := kit.Request(row.method, row.header)
			r.Host = "api.example.com"
			if got := kit.Serve(g, r); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
			if got := kit.ReasonOf(t, g, r); got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
		})
	}
}

// A WebSocket handshake is a GET that browsers send with the cookie, from any page, and whose answers that page can read.
func TestCookieOnAHandshake(t *testing.T) {
	const sibling, own = "https://evil.example.com", "https://api.example.com"
	for _, row := range []struct {
		name, method, want string
		marks              http.Header // of the handshake
		origin             http.Header
	}{
		{"hijacking from a sibling host", "GET", "403", kit.Fields(
			"Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13", "Sec-Websocket-Key",
			"dGhlIHNhbXBsZSBub25jZQ==",
		),
			kit.Fields("Origin", sibling, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "websocket")},
		{
			"hijacking from another site", "GET", "403", kit.Fields("Upgrade", "websocket"),
			kit.Fields("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
		},
		{"hijacking through a browser that sends no Sec-Fetch-Site", "GET", "403", kit.Fields("Upgrade", "websocket"), kit.Fields("Origin", sibling)},
		{"hijacking from a sandboxed frame", "GET", "403", kit.Fields("Upgrade", "websocket"), kit.Fields("Origin", "null")},
		{"hijacking over HTTP/2", "CONNECT", "403", kit.Fields(":protocol", "websocket"), kit.Fields("Origin", sibling, "Sec-Fetch-Site", "same-site")},
		{"hijacking over HTTP/2, told as HTTP/1.1", "GET", "403", kit.Fields(":protocol", "websocket"), kit.Fields("Origin", sibling)},
		{"the protocol in capitals", "GET", "403", kit.Fields("Upgrade", "WEBSOCKET"), kit.Fields("Origin", sibling)},
		{"a protocol with a version", "GET", "403", kit.Fields("Upgrade", "websocket/13"), kit.Fields("Origin", sibling)},
		{"a list of protocols", "GET", "403", kit.Fields("Upgrade", "h2c, websocket"), kit.Fields("Origin", sibling)},
		{"two fields with protocols", "GET", "403", kit.Fields("Upgrade", "h2c", "Upgrade", "websocket"), kit.Fields("Origin", sibling)},
		{"an empty field before that with the protocol", "GET", "403", kit.Fields("Upgrade", "", "Upgrade", "websocket"), kit.Fields("Origin", sibling)},
		{"a handshake of HTTP/2 inside HTTP/1.1, or of what is still to be invented", "GET", "403", kit.Fields("Upgrade", "h2c"), kit.Fields("Origin", sibling)},
		{"the protocol removed by a proxy, Connection left", "GET", "403", kit.Fields("Connection", "keep-alive, uPGRADE"), kit.Fields("Origin", sibling)},
		{"Connection in two fields", "GET", "403", kit.Fields("Connection", "keep-alive", "Connection", "\tupgrade "), kit.Fields("Origin", sibling)},
		{"both removed, the key left", "GET", "403", kit.Fields("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), kit.Fields("Origin", sibling)},
		{"both removed, the version left", "GET", "403", kit.Fields("Sec-Websocket-Version", "13"), kit.Fields("Origin", sibling)},
		{"both removed, the subprotocol left", "GET", "403", kit.Fields("Sec-Websocket-Protocol", "chat"), kit.Fields("Origin", sibling)},
		{"both removed, the extensions left", "GET", "403", kit.Fields("Sec-Websocket-Extensions", "permessage-deflate"), kit.Fields("Origin", sibling)},
		{"both removed, the browser's word left", "GET", "403", kit.Fields("Sec-Fetch-Mode", "websocket"), kit.Fields("Origin", sibling)},
		{"the browser's word in capitals", "GET", "403", kit.Fields("Sec-Fetch-Mode", "WebSocket"), kit.Fields("Origin", sibling)},
		{"the browser's word beside another", "GET", "403", kit.Fields("Sec-Fetch-Mode", "cors", "Sec-Fetch-Mode", "websocket"), kit.Fields("Origin", sibling)},
		{"the browser's word as the destination", "GET", "403", kit.Fields("Sec-Fetch-Dest", "websocket"), kit.Fields("Origin", sibling)},
		{"a HEAD", "HEAD", "403", kit.Fields("Upgrade", "websocket"), kit.Fields("Origin", sibling)},
		{"an OPTIONS", "OPTIONS", "403", kit.Fields("Upgrade", "websocket"), kit.Fields("Origin", sibling)},
		{"an empty Origin before the real one", "GET", "403", kit.Fields("Upgrade", "websocket"), kit.Fields("Origin", "", "Origin", sibling)},
		{"our origin before the real one", "GET", "403", kit.Fields("Upgrade", "websocket"), kit.Fields("Origin", own, "Origin", sibling)},
		{
			"two words of the browser about the site", "GET", "403", kit.Fields("Upgrade", "websocket"),
			kit.Fields("Origin", sibling, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "same-site"),
		},

		{"our own page", "GET", "200", kit.Fields("Upgrade", "websocket"), kit.Fields("Origin", own, "Sec-Fetch-Site", "same-origin")},
		{"our own page in an old browser", "GET", "200", kit.Fields("Upgrade", "websocket"), kit.Fields("Origin", own)},
		{"no browser, hence nobody else's page", "GET", "200", kit.Fields("Upgrade", "websocket"), nil},
		{
			"no handshake: a connection that stays open", "GET", "200", kit.Fields("Connection", "keep-alive"),
			kit.Fields("Origin", sibling, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"),
		},
		{
			"no handshake: a link that a user follows", "GET", "200", kit.Fields("Upgrade-Insecure-Requests", "1"),
			kit.Fields("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"),
		},
	} {
		header := kit.Fields("Cookie", "__Host-token="+kit.Mint(kit.GoodClaims(nil)))
		maps.Copy(header, row.marks)
		for name, values := range row.origin {
			header[name] = append(header[name], values...)
		}
		for via, send := range map[string]func(*middleware.Guard, *http.Request) string{
			"net/http": func(g *middleware.Guard, r *http.Request) string { return kit.Serve(g, r).String() },
			"another transport": func(g *middleware.Guard, r *http.Request) string {
				_, err := g.Authorize(r.Context(), middleware.Credentials{Method: r.Method, Header: r.Header})
				if e := (*middleware.Error)(nil); errors.As(err, &e) {
					return strconv.Itoa(e.Status())
				}
				return "200"
			},
		} {
			t.Run(row.name+", "+via, func(t *testing.T) {
				v := kit.NewValidator(t, func(cfg *middleware.Config) {
					cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("__Host-token")}
					if via != "net/http" {
						cfg.PublicURL = own
					}
				})
				r := kit.Request(row.method, header)
				r.Host = "api.example.com"
				if got := send(v.Require(), r); got != row.want {
					t.Errorf("got %v, want %s", got, row.want)
				}
			})
		}
	}
}

// What the client says of its address does not count beside what the operator has said of ours.
func TestCookieSourceWithPublicURL(t *testing.T) {
	for _, row := range []struct {
		name, host, want string
		origin           http.Header
	}{
		{"the public address, which a proxy has replaced in Host", "backend:8080", "200", kit.Fields("Origin", "https://api.example.com")},
		{"the public address with its own port written out", "api.example.com", "403", kit.Fields("Origin", "https://api.example.com:443")},
		{"the browser vouches", "other.example.com", "200", kit.Fields("Origin", "http://other.example.com", "Sec-Fetch-Site", "same-origin")},
		{"no browser", "other.example.com", "200", nil},
		{"an old browser on a name that also leads here", "other.example.com", "403", kit.Fields("Origin", "https://other.example.com")},
		{"CSRF from plain http, by somebody on the network", "api.example.com", "403", kit.Fields("Origin", "http://api.example.com")},
		{"CSRF from a sibling host, in an old browser", "api.example.com", "403", kit.Fields("Origin", "https://evil.example.com")},
		{"CSRF from a sandboxed frame to a server without a name", "", "403", kit.Fields("Origin", "null")},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.PublicURL = "https://api.example.com/v1"
				cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("__Host-token")}
			})
			r := kit.Request("POST", row.origin)
			r.Header.Set("Cookie", "__Host-token="+kit.Mint(kit.GoodClaims(nil)))
			r.Host = row.host
			if got := kit.Serve(v.Require(), r); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
}

// Without net/http there is no Host to compare an Origin with.
func TestCookieSourceOfOtherTransports(t *testing.T) {
	cookie := "token=" + kit.Mint(kit.GoodClaims(nil))
	for _, row := range []struct {
		name, publicURL, method string
		reason                  middleware.Reason
		header                  http.Header
	}{
		{"a safe call", "", "GET", "", kit.Fields("Cookie", cookie)},
		{"the browser vouches for the origin", "", "POST", "", kit.Fields("Cookie", cookie, "Sec-Fetch-Site", "same-origin")},
		{"PublicURL vouches for the origin", "https://api.example.com/v1", "POST", "", kit.Fields("Cookie", cookie, "Origin", "https://api.example.com")},
		{"CSRF by a form of another site", "", "POST", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Sec-Fetch-Site", "cross-site")},
		{"CSRF through an old browser", "", "POST", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Origin", "https://evil.example")},
		{
			"CSRF from a site that PublicURL does not name", "https://api.example.com", "POST", middleware.ReasonCrossOrigin,
			kit.Fields("Cookie", cookie, "Origin", "https://evil.example"),
		},
		{"CSRF from a sandboxed frame, whose origin names no host", "", "POST", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Origin", "null")},
		{"CSRF with an origin of no host", "https://api.example.com", "POST", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Origin", "file://")},
		{"CSRF through a transport that tells no method", "", "", middleware.ReasonCrossOrigin, kit.Fields("Cookie", cookie, "Origin", "https://evil.example")},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.PublicURL = row.publicURL
				cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("token")}
			})
			_, err := v.Require().Authorize(context.Background(), middleware.Credentials{Method: row.method, Header: row.header})
			var got middleware.Reason
			if e := (*middleware.Error)(nil); errors.As(err, &e) {
				got = e.Reason
			}
			if got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
		})
	}
}

func TestCookiesOfOtherOrigins(t *testing.T) {
	v := withSources(t, middleware.FromCookie("token"))
	cookie := "token=" + kit.Mint(kit.GoodClaims(nil))
	post := func(header http.Header, host string) *http.Request {
		r := kit.Request("POST", header)
		r.Host = host
		return r
	}
	for _, row := range []struct {
		name   string
		r      *http.Request
		reason middleware.Reason
	}{
		{
			"another origin without the cookie has no token, and is told so",
			post(kit.Fields("Sec-Fetch-Site", "cross-site"), "api.example.com"), middleware.ReasonNoToken,
		},
		{"CSRF from an origin of no host, against a request of no host", post(kit.Fields("Cookie", cookie, "Origin", "null"), ""), middleware.ReasonCrossOrigin},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := kit.ReasonOf(t, v.Require(), row.r); got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
		})
	}
}

// The Authorization field is spoken for; a cookie of that name is a cookie like others.
func TestCookieNamedAuthorization(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("Authorization")}
	})
	r := kit.Request("GET", kit.Fields("Cookie", "Authorization="+kit.Mint(kit.GoodClaims(nil))))
	if got := kit.Serve(v.Require("read"), r).String(); got != "200" {
		t.Errorf("a token in it gives %q", got)
	}
}
