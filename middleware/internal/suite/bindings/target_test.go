package bindings_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// comparesTo sends a proof for htu with a request for target to an API whose PublicURL is base.
func comparesTo(t testing.TB, base, target, htu string) string {
	t.Helper()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	r := kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"htu": htu}}.String())
	r.RequestURI = target
	return kit.OutcomeOf(kit.DPoPValidator(t, func(cfg *middleware.Config) { cfg.PublicURL = base }).Require(), r)
}

// RFC 9449 section 4.3 item 9 and its last paragraph; RFC 3986 section 6.2.2 and 6.2.3.
func TestHTUIsTheSameURI(t *testing.T) {
	for _, row := range []struct{ name, base, target, htu string }{
		{"byte for byte", "https://api.ex", "/a/b", "https://api.ex/a/b"},
		{"case of scheme and host, own port, escaped tilde", "https://api.ex", "/~a", "HTTPS://API.EX:443/%7ea"},
		{"the same the other way round", "HTTPS://API.EX:443", "/%7Ea", "https://api.ex/~a"},
		{"port 80 of http", "http://localhost", "/", "http://localhost:80/"},
		{"a port that is not the scheme's own", "https://api.ex:8443", "/a", "https://api.ex:8443/a"},
		{"an empty port", "https://api.ex", "/a", "https://api.ex:/a"},
		{"no path at all is the root", "https://api.ex", "/", "https://api.ex"},
		{"no path and a query", "https://api.ex", "/?a=b", "https://api.ex?c=d"},
		{"dot segments", "https://api.ex", "/a/b", "https://api.ex/x/./../a/b"},
		{"escaped dot segments", "https://api.ex", "/a/b", "https://api.ex/x/%2e/%2E%2e/a/b"},
		{"a dot segment at the end", "https://api.ex", "/a/", "https://api.ex/a/b/.."},
		{"more dots than segments", "https://api.ex", "/a", "https://api.ex/../../a"},
		{"the case of escapes", "https://api.ex", "/a%2fb", "https://api.ex/a%2Fb"},
		{"a query on both sides", "https://api.ex", "/a?x=/../b", "https://api.ex/a?y#z"},
		{"an IPv6 address", "https://[::1]:8443", "/a", "https://[::1]:8443/a"},
		{"an IPv6 address and the own port", "https://[::1]", "/a", "https://[::1]:443/a"},
		{"a prefix that the proxy strips", "https://api.ex/v1", "/a", "https://api.ex/v1/a"},
		{"a prefix with a slash", "https://api.ex/v1/", "/a", "https://api.ex/v1/a"},
		{"absolute-form, whose host is the client's word", "https://api.ex", "http://evil.ex/a", "https://api.ex/a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := comparesTo(t, row.base, row.target, row.htu); got != "200" {
				t.Errorf("outcome is %q, want 200", got)
			}
		})
	}
}

// What looks alike and is not.
func TestHTUIsAnotherURI(t *testing.T) {
	for _, row := range []struct{ name, target, htu string }{
		{"another path", "/a", "https://api.ex/b"},
		{"the path in another case", "/a", "https://api.ex/A"},
		{"a slash more", "/a", "https://api.ex/a/"},
		{"two slashes", "/a/b", "https://api.ex/a//b"},
		{"an escaped slash", "/a/b", "https://api.ex/a%2fb"},
		{"a reserved character escaped", "/a:b", "https://api.ex/a%3Ab"},
		{"an escape twice escaped", "/~a", "https://api.ex/%257ea"},
		{"another host", "/a", "https://evil.ex/a"},
		{"a host below", "/a", "https://api.ex.evil.ex/a"},
		{"a trailing dot", "/a", "https://api.ex./a"},
		{"user information", "/a", "https://api.ex@evil.ex/a"},
		{"user information before the right host", "/a", "https://user@api.ex/a"},
		{"a backslash", "/a", `https://api.ex\@evil.ex/a`},
		{"an escaped host", "/a", "https://%61pi.ex/a"},
		{"a host in the Kelvin sign", "/a", "https://api.e\u212a/a"},
		{"another port", "/a", "https://api.ex:8443/a"},
		{"the port of the other scheme", "/a", "https://api.ex:80/a"},
		{"a port with a zero before it", "/a", "https://api.ex:0443/a"},
		{"another scheme", "/a", "http://api.ex/a"},
		{"no scheme", "/a", "//api.ex/a"},
		{"the path alone", "/a", "/a"},
		{"a scheme without slashes", "/a", "https:api.ex/a"},
		{"a strange scheme", "/a", "ftp://api.ex/a"},
		{"white space before", "/a", " https://api.ex/a"},
		{"white space behind", "/a", "https://api.ex/a "},
		{"a line break", "/a", "https://api.ex/a\n"},
		{"a line break in the query", "/a", "https://api.ex/a?\n"},
		{"a control character in the fragment", "/a", "https://api.ex/a#\x14"},
		{"white space in the query", "/a?b c", "https://api.ex/a?b c"},
		{"a broken escape", "/a%", "https://api.ex/a%"},
		{"half an escape", "/a%2", "https://api.ex/a%2"},
		{"characters outside ASCII", "/é", "https://api.ex/é"},
		{"a request for the server as a whole", "*", "https://api.ex/*"},
		{"authority-form", "api.ex:443", "https://api.ex/"},
		{"no request-target", "", "https://api.ex/"},
		{"a fragment in the request-target, which net/http takes for path", "/a#b", "https://api.ex/a"},
		{"a fragment in an absolute-form", "http://api.ex/a#/b", "https://api.ex/a"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := comparesTo(t, "https://api.ex", row.target, row.htu); got != kit.BadProof {
				t.Errorf("outcome is %q, want %q", got, kit.BadProof)
			}
		})
	}
	if got := comparesTo(t, "https://api.ex/v1", "/../admin", "https://api.ex/admin"); got != kit.BadProof {
		t.Errorf("a dot segment that leaves the prefix: %q", got)
	}
	if got := comparesTo(t, "https://api.ex/v1", "/a", "https://api.ex/a"); got != kit.BadProof {
		t.Errorf("an address without the prefix: %q", got)
	}
}

// Nothing that the client says of the host counts.
func TestTheHostFieldIsNotBelieved(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	r := kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"htu": "https://evil.ex/orders"}}.String())
	r.Host = "evil.ex"
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host"} {
		r.Header.Set(name, "evil.ex")
	}
	r.Header.Set("Forwarded", "host=evil.ex;proto=https")
	if got := kit.OutcomeOf(kit.DPoPValidator(t, nil).Require(), r); got != kit.BadProof {
		t.Errorf("outcome is %q, want %q", got, kit.BadProof)
	}
}

// A handler that a mux has stripped of its prefix still sees the address that the client called.
func TestTheTargetIsTheOneThatArrived(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	h := http.StripPrefix("/v1", kit.DPoPValidator(t, nil).Require().HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"htu": testkit.Audience + "/v1/orders"}}.String())
	r.RequestURI, r.URL.Path = "/v1/orders", "/v1/orders"
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("status %d, want 200", w.Code)
	}
}

// FuzzHTU holds the comparison against a normaliser that is built on net/url and the algorithm of RFC 3986 section 5.2.4 as it is
// written there.
func FuzzHTU(f *testing.F) {
	for _, htu := range []string{
		"https://api.ex/a", "HTTPS://API.EX:443/%7ea/../b", "https://api.ex", "https://u@api.ex/", "https://api.ex/%2f/%2e./x?y#z",
		"https://[::1]/a/..", "http://x/a//../b/.",
	} {
		f.Add(htu, "/a")
		f.Add(htu, "/b/./%7e?q")
	}
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	cfg := kit.Config()
	cfg.PublicURL = "https://api.ex"
	guard := testkit.Must(middleware.New(cfg)).Require()
	f.Fuzz(func(t *testing.T, htu, target string) {
		r := kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"htu": htu}}.String())
		r.RequestURI = target
		there, valid := independentTarget(htu)
		path, _, _ := strings.Cut(target, "?") // whatever is in the query, net/url's opinion of it does not matter
		here, ok := independentTarget("https://api.ex" + path)
		passed := kit.Serve(guard, r).StatusCode == http.StatusOK
		if passed && strings.HasPrefix(target, "/") && (!valid || !ok || here != there) {
			t.Errorf("htu %q (%s) passed for %q (%s)", htu, there, target, here)
		}
		if plain := htu != "" && kit.EveryByte(htu, isPlain) && kit.EveryByte(
			target, isPlain,
		) && strings.HasPrefix(target, "/"); plain && !passed && valid && ok && here == there {
			t.Errorf("htu %q was refused for %q, though both are %s", htu, target, here)
		}
	})
}

// isPlain keeps to characters of which net/url and RFC 3986 have one opinion.
func isPlain(c byte) bool {
	return kit.IsTchar(c) && c != '%' && c != '|' && c != '^' && c != '`' && c != '#' || c == '/' || c == ':'
}

// independentTarget is a URI without query and fragment in normal form.
func independentTarget(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.User != nil || u.Host == "" || u.Opaque != "" {
		return "", false
	}
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, ":")
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return u.Scheme + "://" + host + removeDotSegments(decodeUnreserved(u.EscapedPath())), u.Scheme == "https" || u.Scheme == "http"
}

func decodeUnreserved(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if s, err := url.PathUnescape(path[i : i+3]); err == nil {
				if isUnreserved := len(s) == 1 && (kit.IsTchar(s[0]) && strings.IndexByte("!#$%&'*+^`|", s[0]) < 0); isUnreserved {
					b.WriteString(s)
				} else {
					b.WriteString(strings.ToUpper(path[i : i+3]))
				}
				i += 2
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// removeDotSegments is RFC 3986 section 5.2.4, step by step.
func removeDotSegments(in string) string {
	if in == "" {
		return "/"
	}
	out := ""
	up := func() { out = out[:max(0, strings.LastIndexByte(out, '/'))] }
	for in != "" {
		switch {
		case strings.HasPrefix(in, "../"):
			in = in[3:]
		case strings.HasPrefix(in, "./"):
			in = in[2:]
		case strings.HasPrefix(in, "/./"):
			in = in[2:]
		case in == "/.":
			in = "/"
		case strings.HasPrefix(in, "/../"):
			in = in[3:]
			up()
		case in == "/..":
			in = "/"
			up()
		case in == "." || in == "..":
			in = ""
		default:
			end := strings.IndexByte(in[1:], '/') + 1
			if end == 0 {
				end = len(in)
			}
			out += in[:end]
			in = in[end:]
		}
	}
	return out
}

func readable(text string, into any) bool { return json.Unmarshal([]byte(text), into) == nil }

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

// RFC 3986 section 6.2.2.2: an escape of an unreserved character is that character, and no other escape is.
func TestEscapesOfEveryCharacter(t *testing.T) {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	for c := byte('!'); c < 0x7f; c++ {
		if strings.IndexByte("%?#", c) >= 0 {
			continue // these end the path, or begin an escape
		}
		want := "401 invalid_dpop_proof"
		if strings.IndexByte(unreserved, c) >= 0 {
			want = "200"
		}
		for _, form := range []string{"%%%02x", "%%%02X"} {
			escaped := fmt.Sprintf(form, c)
			if got := comparesTo(t, "https://api.ex", "/a"+string(c), "https://api.ex/a"+escaped); got != want {
				t.Errorf("%q against %s gives %q, want %q", c, escaped, got, want)
			}
			if got := comparesTo(t, "https://api.ex", "/a"+escaped, "https://api.ex/a"+escaped); got != "200" {
				t.Errorf("%s against itself gives %q", escaped, got)
			}
		}
	}
}

// What is no escape has no one form, so it compares to nothing, not even to itself.
func TestEscapesThatAreNone(t *testing.T) {
	for _, c := range "/:@G`gz-" {
		for _, escape := range []string{"%" + string(c) + "0", "%4" + string(c)} {
			for name, pair := range map[string][2]string{
				"in both":   {"/a" + escape, "https://api.ex/v1/a" + escape},
				"of target": {"/a" + escape, "https://api.ex/v1"}, // the prefix that a path without form would leave
				"of htu":    {"/a", "https://api.ex/v1/a" + escape},
			} {
				if got := comparesTo(t, "https://api.ex/v1", pair[0], pair[1]); got != kit.BadProof {
					t.Errorf("%s %s gives %q, want %q", escape, name, got, kit.BadProof)
				}
			}
		}
	}
}

func TestAddressesThatOnlyLookAlike(t *testing.T) {
	for _, row := range []struct{ name, base, target, htu, want string }{
		{"a dot segment removes nothing", "https://api.ex", "/a/b", "https://api.ex/a/./b", "200"},
		{"a dot segment at the end", "https://api.ex", "/a/", "https://api.ex/a/.", "200"},
		{"port 443 of http", "http://localhost", "/a", "http://localhost:443/a", kit.BadProof},
		{"another port of http", "http://localhost", "/a", "http://localhost:8080/a", kit.BadProof},
		{"port 80 of https", "https://api.ex", "/a", "https://api.ex:80/a", kit.BadProof},
		{"a space, which no URI has", "https://api.ex", "/a b", "https://api.ex/a b", kit.BadProof},
		{"a line break", "https://api.ex", "/a\nb", "https://api.ex/a\nb", kit.BadProof},
		{"a fragment in the place of a path", "https://api.ex", "#a", "https://api.ex/", kit.BadProof},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := comparesTo(t, row.base, row.target, row.htu); got != row.want {
				t.Errorf("outcome is %q, want %q", got, row.want)
			}
		})
	}
}
