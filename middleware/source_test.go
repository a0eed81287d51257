package middleware_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

func withSources(t testing.TB, sources ...middleware.TokenSource) *middleware.Validator {
	return validator(t, func(cfg *middleware.Config) { cfg.TokenSources = sources })
}

func TestHeaderSource(t *testing.T) {
	v := withSources(t, middleware.FromHeader("cf-access-jwt-assertion"))
	good := mint(good(nil))
	for _, row := range []struct {
		name, want string
		header     http.Header
	}{
		{"a bare token", "200", fields("Cf-Access-Jwt-Assertion", good)},
		{"an empty field is no token", "401", fields("Cf-Access-Jwt-Assertion", "")},
		{"a bad token", "401 invalid_token", fields("Cf-Access-Jwt-Assertion", "bad")},
		{"the scheme before the token", "200", fields("Cf-Access-Jwt-Assertion", "Bearer "+good)},
		{"the scheme in small letters and two spaces", "200", fields("Cf-Access-Jwt-Assertion", "bearer  "+good)},
		{"a scheme and nothing behind it", "400 invalid_request", fields("Cf-Access-Jwt-Assertion", "Bearer ")},
		{"a scheme alone", "400 invalid_request", fields("Cf-Access-Jwt-Assertion", "Bearer")},
		{"another scheme before the token", "400 invalid_request", fields("Cf-Access-Jwt-Assertion", "Basic "+good)},
		{"two schemes before the token", "400 invalid_request", fields("Cf-Access-Jwt-Assertion", "Bearer Bearer "+good)},
		{"the field twice, once past the proxy", "400 invalid_request", fields("Cf-Access-Jwt-Assertion", good, "Cf-Access-Jwt-Assertion", good)},
		{"a token in the Authorization field as well", "400 invalid_request", fields("Cf-Access-Jwt-Assertion", good, "Authorization", "Bearer "+good)},
		{"a bad token hidden behind a good one", "400 invalid_request", fields("Cf-Access-Jwt-Assertion", good, "Authorization", "Bearer bad")},
		{"space after the token, as no HTTP/1 parser leaves it", "400 invalid_request", fields("Cf-Access-Jwt-Assertion", good+" ")},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := serve(v.Require(), request("GET", row.header)); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
}

func TestCookieSource(t *testing.T) {
	good := mint(good(nil))
	cookie := "__Host-token=" + good
	for _, row := range []struct {
		name, method, want string
		reason             middleware.Reason
		header             http.Header
	}{
		{"a safe request", "GET", "200", "", fields("Cookie", cookie)},
		{"a safe request of another site, whose answer it cannot read", "GET", "200", "", fields("Cookie", cookie, "Sec-Fetch-Site", "cross-site")},
		{"an unsafe request of the same origin", "POST", "200", "", fields("Cookie", cookie, "Sec-Fetch-Site", "same-origin")},
		{"an unsafe request by the user's own hand", "POST", "200", "", fields("Cookie", cookie, "Sec-Fetch-Site", "none")},
		{"an unsafe request of the same host, by an old browser", "POST", "200", "", fields("Cookie", cookie, "Origin", "https://api.example.com")},
		{"an unsafe request of no browser", "POST", "200", "", fields("Cookie", cookie)},
		{"an empty cookie is no token", "GET", "401", middleware.ReasonNoToken, fields("Cookie", "__Host-token=")},
		{"a cookie of another name", "GET", "401", middleware.ReasonNoToken, fields("Cookie", "token="+good)},
		{"the name in other case", "GET", "401", middleware.ReasonNoToken, fields("Cookie", "__host-token="+good)},
		{"a bad token", "GET", "401 invalid_token", middleware.ReasonNotIntrospected, fields("Cookie", "__Host-token=bad")},

		{"CSRF by a form of another site", "POST", "403", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Sec-Fetch-Site", "cross-site")},
		{"CSRF from a sibling host", "DELETE", "403", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Sec-Fetch-Site", "same-site")},
		{"CSRF through an old browser", "PUT", "403", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "https://evil.example")},
		{"CSRF from a sandboxed frame", "PATCH", "403", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "null")},
		{"CSRF from the same host at another port", "POST", "403", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "https://api.example.com:8443")},
		{"a method that only looks safe", "get", "403", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "https://evil.example")},
		{"an overriding method on a safe request stays a safe request", "GET", "200", "", fields("Cookie", cookie, "Sec-Fetch-Site", "cross-site", "X-Http-Method-Override", "DELETE")},

		{"the cookie twice, planted by a sibling host", "GET", "400 invalid_request", middleware.ReasonSeveralTokens, fields("Cookie", cookie+"; "+cookie)},
		{"the cookie in two fields", "GET", "400 invalid_request", middleware.ReasonSeveralTokens, fields("Cookie", cookie, "Cookie", cookie)},
		{"the cookie beside the field", "GET", "400 invalid_request", middleware.ReasonSeveralTokens, fields("Cookie", cookie, "Authorization", "Bearer "+good)},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := withSources(t, middleware.FromCookie("__Host-token")).Require()
			r := request(row.method, row.header)
			r.Host = "api.example.com"
			if got := serve(g, r); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
			if got := reasonOf(t, g, r); got != row.reason {
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
		{"hijacking from a sibling host", "GET", "403", fields("Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13", "Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
			fields("Origin", sibling, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "websocket")},
		{"hijacking from another site", "GET", "403", fields("Upgrade", "websocket"), fields("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")},
		{"hijacking through a browser that sends no Sec-Fetch-Site", "GET", "403", fields("Upgrade", "websocket"), fields("Origin", sibling)},
		{"hijacking from a sandboxed frame", "GET", "403", fields("Upgrade", "websocket"), fields("Origin", "null")},
		{"hijacking over HTTP/2", "CONNECT", "403", fields(":protocol", "websocket"), fields("Origin", sibling, "Sec-Fetch-Site", "same-site")},
		{"hijacking over HTTP/2, told as HTTP/1.1", "GET", "403", fields(":protocol", "websocket"), fields("Origin", sibling)},
		{"the protocol in capitals", "GET", "403", fields("Upgrade", "WEBSOCKET"), fields("Origin", sibling)},
		{"a protocol with a version", "GET", "403", fields("Upgrade", "websocket/13"), fields("Origin", sibling)},
		{"a list of protocols", "GET", "403", fields("Upgrade", "h2c, websocket"), fields("Origin", sibling)},
		{"two fields with protocols", "GET", "403", fields("Upgrade", "h2c", "Upgrade", "websocket"), fields("Origin", sibling)},
		{"an empty field before that with the protocol", "GET", "403", fields("Upgrade", "", "Upgrade", "websocket"), fields("Origin", sibling)},
		{"a handshake of HTTP/2 inside HTTP/1.1, or of what is still to be invented", "GET", "403", fields("Upgrade", "h2c"), fields("Origin", sibling)},
		{"the protocol removed by a proxy, Connection left", "GET", "403", fields("Connection", "keep-alive, uPGRADE"), fields("Origin", sibling)},
		{"Connection in two fields", "GET", "403", fields("Connection", "keep-alive", "Connection", "\tupgrade "), fields("Origin", sibling)},
		{"both removed, the key left", "GET", "403", fields("Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), fields("Origin", sibling)},
		{"both removed, the version left", "GET", "403", fields("Sec-Websocket-Version", "13"), fields("Origin", sibling)},
		{"both removed, the subprotocol left", "GET", "403", fields("Sec-Websocket-Protocol", "chat"), fields("Origin", sibling)},
		{"both removed, the extensions left", "GET", "403", fields("Sec-Websocket-Extensions", "permessage-deflate"), fields("Origin", sibling)},
		{"both removed, the browser's word left", "GET", "403", fields("Sec-Fetch-Mode", "websocket"), fields("Origin", sibling)},
		{"the browser's word in capitals", "GET", "403", fields("Sec-Fetch-Mode", "WebSocket"), fields("Origin", sibling)},
		{"the browser's word beside another", "GET", "403", fields("Sec-Fetch-Mode", "cors", "Sec-Fetch-Mode", "websocket"), fields("Origin", sibling)},
		{"the browser's word as the destination", "GET", "403", fields("Sec-Fetch-Dest", "websocket"), fields("Origin", sibling)},
		{"a HEAD", "HEAD", "403", fields("Upgrade", "websocket"), fields("Origin", sibling)},
		{"an OPTIONS", "OPTIONS", "403", fields("Upgrade", "websocket"), fields("Origin", sibling)},
		{"an empty Origin before the real one", "GET", "403", fields("Upgrade", "websocket"), fields("Origin", "", "Origin", sibling)},
		{"our origin before the real one", "GET", "403", fields("Upgrade", "websocket"), fields("Origin", own, "Origin", sibling)},
		{"two words of the browser about the site", "GET", "403", fields("Upgrade", "websocket"), fields("Origin", sibling, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "same-site")},

		{"our own page", "GET", "200", fields("Upgrade", "websocket"), fields("Origin", own, "Sec-Fetch-Site", "same-origin")},
		{"our own page in an old browser", "GET", "200", fields("Upgrade", "websocket"), fields("Origin", own)},
		{"no browser, hence nobody else's page", "GET", "200", fields("Upgrade", "websocket"), nil},
		{"no handshake: a connection that stays open", "GET", "200", fields("Connection", "keep-alive"), fields("Origin", sibling, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors")},
		{"no handshake: a link that a user follows", "GET", "200", fields("Upgrade-Insecure-Requests", "1"), fields("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")},
	} {
		header := fields("Cookie", "__Host-token="+mint(good(nil)))
		maps.Copy(header, row.marks)
		for name, values := range row.origin {
			header[name] = append(header[name], values...)
		}
		for via, send := range map[string]func(*middleware.Guard, *http.Request) string{
			"net/http": func(g *middleware.Guard, r *http.Request) string { return serve(g, r).String() },
			"another transport": func(g *middleware.Guard, r *http.Request) string {
				_, err := g.Authorize(r.Context(), middleware.Credentials{Method: r.Method, Header: r.Header})
				if e := (*middleware.Error)(nil); errors.As(err, &e) {
					return strconv.Itoa(e.Status())
				}
				return "200"
			},
		} {
			t.Run(row.name+", "+via, func(t *testing.T) {
				v := validator(t, func(cfg *middleware.Config) {
					cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("__Host-token")}
					if via != "net/http" {
						cfg.PublicURL = own
					}
				})
				r := request(row.method, header)
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
		{"the public address, which a proxy has replaced in Host", "backend:8080", "200", fields("Origin", "https://api.example.com")},
		{"the public address with its own port written out", "api.example.com", "403", fields("Origin", "https://api.example.com:443")},
		{"the browser vouches", "other.example.com", "200", fields("Origin", "http://other.example.com", "Sec-Fetch-Site", "same-origin")},
		{"no browser", "other.example.com", "200", nil},
		{"an old browser on a name that also leads here", "other.example.com", "403", fields("Origin", "https://other.example.com")},
		{"CSRF from plain http, by somebody on the network", "api.example.com", "403", fields("Origin", "http://api.example.com")},
		{"CSRF from a sibling host, in an old browser", "api.example.com", "403", fields("Origin", "https://evil.example.com")},
		{"CSRF from a sandboxed frame to a server without a name", "", "403", fields("Origin", "null")},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := validator(t, func(cfg *middleware.Config) {
				cfg.PublicURL = "https://api.example.com/v1"
				cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("__Host-token")}
			})
			r := request("POST", row.origin)
			r.Header.Set("Cookie", "__Host-token="+mint(good(nil)))
			r.Host = row.host
			if got := serve(v.Require(), r); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
}

// Without net/http there is no Host to compare an Origin with.
func TestCookieSourceOfOtherTransports(t *testing.T) {
	cookie := "token=" + mint(good(nil))
	for _, row := range []struct {
		name, publicURL, method string
		reason                  middleware.Reason
		header                  http.Header
	}{
		{"a safe call", "", "GET", "", fields("Cookie", cookie)},
		{"the browser vouches for the origin", "", "POST", "", fields("Cookie", cookie, "Sec-Fetch-Site", "same-origin")},
		{"PublicURL vouches for the origin", "https://api.example.com/v1", "POST", "", fields("Cookie", cookie, "Origin", "https://api.example.com")},
		{"CSRF by a form of another site", "", "POST", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Sec-Fetch-Site", "cross-site")},
		{"CSRF through an old browser", "", "POST", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "https://evil.example")},
		{"CSRF from a site that PublicURL does not name", "https://api.example.com", "POST", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "https://evil.example")},
		{"CSRF from a sandboxed frame, whose origin names no host", "", "POST", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "null")},
		{"CSRF with an origin of no host", "https://api.example.com", "POST", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "file://")},
		{"CSRF through a transport that tells no method", "", "", middleware.ReasonCrossOrigin, fields("Cookie", cookie, "Origin", "https://evil.example")},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := validator(t, func(cfg *middleware.Config) {
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

const urlencoded = "application/x-www-form-urlencoded"

func form(method, contentType, body string, header http.Header) *http.Request {
	r := httptest.NewRequest(method, "/orders", strings.NewReader(body))
	r.Header = header
	if header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Content-Type", contentType)
	return r
}

func TestFormSource(t *testing.T) {
	g := withSources(t, middleware.FromForm()).Require()
	good := mint(good(nil))
	field := "access_token=" + good
	for _, row := range []struct {
		name, want, method, contentType, body string
		header                                http.Header
	}{
		{"a POST", "200", "POST", urlencoded, field, nil},
		{"a PUT with a charset", "200", "PUT", urlencoded + "; charset=UTF-8", "a=b&" + field, nil},
		{"a PATCH, the media type in other case", "200", "PATCH", "Application/X-WWW-Form-URLEncoded", field, nil},
		{"a form without a token", "401", "POST", urlencoded, "a=b", nil},
		{"an empty parameter is no token", "401", "POST", urlencoded, "access_token=", nil},
		{"the parameter's name in other case", "401", "POST", urlencoded, "Access_Token=" + good, nil},
		{"a GET with a body", "401", "GET", urlencoded, field, nil},
		{"a DELETE with a body", "401", "DELETE", urlencoded, field, nil},
		{"a body of several parts", "401", "POST", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\n" + good + "\r\n--x--", nil},
		{"a body of JSON", "401", "POST", "application/json", `{"access_token":"` + good + `"}`, nil},
		{"a body of no type", "401", "POST", "", field, nil},
		{"a bad token", "401 invalid_token", "POST", urlencoded, "access_token=bad", nil},
		{"line breaks inside the token, which a lax decoder skips", "400 invalid_request", "POST", urlencoded, "access_token=" + good[:50] + "%0d%0a" + good[50:], nil},
		{"a space before the token", "400 invalid_request", "POST", urlencoded, "access_token=+" + good, nil},
		{"the parameter twice", "400 invalid_request", "POST", urlencoded, field + "&" + field, nil},
		{"a bad token behind a good one", "400 invalid_request", "POST", urlencoded, field + "&access_token=bad", nil},
		{"a form and the Authorization field", "400 invalid_request", "POST", urlencoded, field, fields("Authorization", "Bearer "+good)},
		{"a malformed pair beside the token, which parsers read differently", "400 invalid_request", "POST", urlencoded, field + "&%zz=1", nil},
		{"a form beyond 1 MiB", "400 invalid_request", "POST", urlencoded, field + "&pad=" + strings.Repeat("x", 1<<20), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := serve(g, form(row.method, row.contentType, row.body, row.header)); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
}

func TestFormIsGivenBack(t *testing.T) {
	v := withSources(t, middleware.FromForm())
	body := "a=b&access_token=" + mint(good(nil))
	var closed bool
	r := form("POST", urlencoded, "", nil)
	r.Body = closeTeller{strings.NewReader(body), &closed}
	admitted, ok := v.Require().Admit(httptest.NewRecorder(), r)
	if !ok {
		t.Fatal("refused")
	}
	if admitted, ok = v.Require("read").Admit(httptest.NewRecorder(), admitted); !ok {
		t.Fatal("a nested Guard did not find the token again")
	}
	if got := must(io.ReadAll(admitted.Body)); string(got) != body {
		t.Errorf("the handler reads %q, want %q", got, body)
	}
	if err := admitted.Body.Close(); err != nil || !closed {
		t.Errorf("closing the body reached its owner: %v, %v", closed, err)
	}
}

type closeTeller struct {
	io.Reader
	closed *bool
}

func (c closeTeller) Close() error {
	*c.closed = true
	return nil
}

func TestFormThatWasParsedBefore(t *testing.T) {
	g := withSources(t, middleware.FromForm()).Require()
	r := form("POST", urlencoded, "access_token="+mint(good(nil)), nil)
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if got := serve(g, r); got.String() != "200" {
		t.Errorf("got %v, want 200", got)
	}
	r = form("POST", urlencoded, "", nil)
	r.URL.RawQuery = "access_token=" + mint(good(nil))
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if got := serve(g, r); got.String() != "401" {
		t.Errorf("a token of the query, smuggled in by ParseForm: got %v, want 401", got)
	}
}

func TestFormThatNeverEnds(t *testing.T) {
	g := withSources(t, middleware.FromForm()).Require()
	endless := &endlessReader{}
	r := form("POST", urlencoded, "", nil)
	r.Body, r.ContentLength = io.NopCloser(endless), -1
	if got := serve(g, r); got.String() != "400 invalid_request" {
		t.Errorf("got %v, want 400 invalid_request", got)
	}
	if endless.read > 2<<20 {
		t.Errorf("%d bytes of an endless form were read, want about 1 MiB", endless.read)
	}
}

type endlessReader struct{ read int }

func (e *endlessReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

func TestFormThatBreaksOff(t *testing.T) {
	g := withSources(t, middleware.FromForm()).Optional()
	r := form("POST", urlencoded, "", nil)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("a=b"), brokenReader{}))
	if got := serve(g, r); got.String() != "400 invalid_request" {
		t.Errorf("a form that breaks off before its token: got %v, want 400 invalid_request and not anonymous", got)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestFormIsForNetHTTPOnly(t *testing.T) {
	g := withSources(t, middleware.FromForm()).Require()
	_, err := g.Authorize(context.Background(), middleware.Credentials{Method: "POST", Header: fields("Content-Type", urlencoded)})
	if e, ok := err.(*middleware.Error); !ok || e.Reason != middleware.ReasonNoToken {
		t.Errorf("got %v, want reason %s", err, middleware.ReasonNoToken)
	}
}
