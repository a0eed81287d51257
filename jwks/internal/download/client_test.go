package download_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/jwks/internal/download"
)

// A real server, as what is tested here lies below the round trip.
func TestWhatNoClientDoes(t *testing.T) {
	var evil atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { evil.Add(1) }))
	defer trap.Close()
	t.Setenv("HTTP_PROXY", trap.URL)
	t.Setenv("http_proxy", trap.URL)

	var bomb bytes.Buffer
	z, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	_, _ = io.Copy(z, io.LimitReader(spaces{}, 16<<20))
	_ = z.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "x"})
		if len(r.Cookies()) > 0 {
			evil.Add(1)
		}
		_, _ = w.Write([]byte("{}"))
	})
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, trap.URL, http.StatusFound) })
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	jar.SetCookies(address, []*http.Cookie{{Name: "session", Value: "x"}})
	given := &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
	}
	for what, client := range map[string]*http.Client{
		"our own": download.NewClient(nil), "a given one": download.NewClient(given),
		"our own, fresh": download.FreshClient(download.NewClient(nil)), "a given one, fresh": download.FreshClient(download.NewClient(given)),
	} {
		for path, says := range map[string]string{"/good": "", "/redirect": "redirects are not followed", "/bomb": "longer than 1048576 bytes"} {
			for range 2 {
				_, err := download.Getter{Client: client, Heard: func() {}}.Get(t.Context(), server.URL+path, nil)
				if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
					t.Errorf("%s, %s: %v", what, path, err)
				}
			}
		}
	}
	if n := evil.Load(); n != 0 {
		t.Errorf("%d requests went to a proxy or a redirect's target, or carried a cookie", n)
	}
	if given.Jar != jar || given.CheckRedirect(nil, nil) != nil {
		t.Error("the client of the caller was changed")
	}
}

// Nobody may put himself between an API and its issuer's keys by a variable of the environment.
func TestTheClientOfOurOwn(t *testing.T) {
	t.Parallel()
	transport := download.NewClient(nil).Transport.(*http.Transport)
	if transport.Proxy != nil {
		t.Error("it asks the environment for a proxy")
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer server.Close()
	get := func(client *http.Client) error {
		_, err := download.Getter{Client: client, Heard: func() {}}.Get(t.Context(), server.URL, nil)
		return err
	}
	if err := get(download.NewClient(nil)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	if err := get(download.NewClient(server.Client())); err != nil {
		t.Errorf("a private CA: %v", err)
	}
}

func TestAFreshClientSharesNoConnection(t *testing.T) {
	t.Parallel()
	given := &http.Transport{MaxResponseHeaderBytes: 7, TLSNextProto: nil}
	fresh := download.FreshClient(&http.Client{Transport: given, Timeout: 7}).Transport.(*http.Transport)
	if fresh == given || !fresh.DisableKeepAlives || given.DisableKeepAlives || fresh.MaxResponseHeaderBytes != 7 {
		t.Errorf("it is %+v", fresh)
	}
	if fresh := download.FreshClient(&http.Client{}).Transport; fresh == nil || fresh == http.DefaultTransport {
		t.Error("a client without a Transport shares the connections of the whole program")
	}
	other := &http.Client{Transport: round(nil)}
	if download.FreshClient(other) != other {
		t.Error("what is no *http.Transport cannot be made anew")
	}
}
