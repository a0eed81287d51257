package requests_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// FuzzSources fills every place in which a token may stand. A request passes only if one of them holds the good token, and nothing
// is in the others; what another site has caused passes with no cookie.
func FuzzSources(f *testing.F) {
	v := kit.NewValidator(f, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token"), middleware.FromCookie("session"), middleware.FromForm()}
	})
	guard := v.Require()
	good := kit.Mint(kit.GoodClaims(nil))
	const form = "application/x-www-form-urlencoded"
	f.Add("POST", "Bearer "+good, "", "", "", "", "")
	f.Add("GET", "", good, "", "", "", "")
	f.Add("GET", "", "", "a=b; session="+good, "", "", "cross-site")
	f.Add("POST", "", "", "session="+good, "", "", "cross-site")
	f.Add("POST", "", "", "", "a=%zz&access_token="+good, form, "")
	f.Add("POST", "", "", "", "access_token="+good+"&access_token="+good, form+"; charset=utf-8", "")
	f.Add("PUT", "", "x", `session="`+good+`"; session=`+good, "access%5ftoken="+good, form, "same-origin")
	f.Fuzz(func(t *testing.T, method, field, token, cookie, body, kind, site string) {
		h := http.Header{}
		for name, value := range map[string]string{"Authorization": field, "X-Token": token, "Cookie": cookie, "Content-Type": kind, "Sec-Fetch-Site": site} {
			if value != "" {
				h[name] = []string{value}
			}
		}
		r := &http.Request{Method: method, URL: &url.URL{Path: "/"}, RequestURI: "/", Host: "api.example.com", Header: h, Body: io.NopCloser(strings.NewReader(body))}
		got := kit.Serve(guard, r)
		if got.StatusCode >= 500 || got.Ran != (got.StatusCode == 200) {
			t.Fatalf("got %v", got)
		}
		scheme, credentials, _ := strings.Cut(field, " ")
		places, honest := 0, 0
		count := func(value string) {
			if value != "" {
				places++
			}
			if value == good {
				honest++
			}
		}
		if field != "" {
			count(strings.TrimLeft(credentials, " "))
			if !strings.EqualFold(scheme, "bearer") {
				honest = 0
			}
		}
		count(token)
		cookies := 0
		for pair := range strings.SplitSeq(cookie, ";") { // RFC 6265 section 4.2.1
			if name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "="); strings.Trim(name, " \t") == "session" && strings.Contains(value, good) {
				count(good)
				cookies++
			}
		}
		hasBody := (method == "POST" || method == "PUT" || method == "PATCH") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(kind)), form)
		if hasBody {
			values, _ := url.ParseQuery(body)
			for _, value := range values["access_token"] {
				count(value)
			}
			if rest, err := io.ReadAll(r.Body); field == "" && (err != nil || got.Ran && string(rest) != body) {
				t.Fatalf("the handler finds the body %q, %v; want %q", rest, err, body)
			}
		}
		unsafe := method != "" && method != "GET" && method != "HEAD" && method != "OPTIONS"
		switch {
		case got.Ran && (honest != 1 || places != 1):
			t.Fatalf("passed with %d places filled, %d with the good token: %q %q %q %q", places, honest, field, token, cookie, body)
		case got.Ran && cookies > 0 && unsafe && site == "cross-site":
			t.Fatal("another site has used the cookie")
		}
	})
}
