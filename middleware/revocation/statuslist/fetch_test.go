package statuslist_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// Sections 8.1 and 8.2: what is asked, and which answers are taken.
func TestAnswers(t *testing.T) {
	const media = "application/statuslist+jwt"
	for _, row := range []struct {
		name   string
		change func(*http.Response)
		want   string
	}{
		{"as it should be", func(*http.Response) {}, "good"},
		{"another success", func(r *http.Response) { r.StatusCode = 203 }, "good"},
		{"the last success", func(r *http.Response) { r.StatusCode = 299 }, "good"},
		{"a type with a parameter", func(r *http.Response) { r.Header.Set("Content-Type", media+"; charset=utf-8") }, "good"},
		{"a type in capital letters", func(r *http.Response) { r.Header.Set("Content-Type", "Application/StatusList+JWT") }, "good"},
		{"an interim answer", func(r *http.Response) { r.StatusCode = 199 }, "unknown"},
		{"several choices", func(r *http.Response) { r.StatusCode = 300 }, "unknown"},
		{"not changed, though nobody asked", func(r *http.Response) { r.StatusCode = 304 }, "unknown"},
		{"not found", func(r *http.Response) { r.StatusCode = 404 }, "unknown"},
		{"an error", func(r *http.Response) { r.StatusCode = 500 }, "unknown"},
		{"no type", func(r *http.Response) { r.Header.Del("Content-Type") }, "unknown"},
		{"JSON", func(r *http.Response) { r.Header.Set("Content-Type", "application/json") }, "unknown"},
		{"any JWT", func(r *http.Response) { r.Header.Set("Content-Type", "application/jwt") }, "unknown"},
		{"CWT", func(r *http.Response) { r.Header.Set("Content-Type", "application/statuslist+cwt") }, "unknown"},
		{"half a type", func(r *http.Response) { r.Header.Set("Content-Type", media+"; a") }, "unknown"},
		{"a body that breaks off", func(r *http.Response) {
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, 100), failing{}))
		}, "unknown"},
		{"a line break behind it", func(r *http.Response) { r.Body = io.NopCloser(io.MultiReader(r.Body, strings.NewReader("\n"))) }, "unknown"},
		{"endless", func(r *http.Response) { r.Body = io.NopCloser(endless{}) }, "unknown"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := &server{}
			s.set(func(r *http.Request) (*http.Response, error) {
				a := answer(signed(r.URL.String(), nil, 5))
				row.change(a)
				return a, nil
			})
			lists := newLists(t, keys(t), statuslist.Config{HTTPClient: &http.Client{Transport: s}})
			if got := judged(t, lists, facts(0)); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
			r := s.requests[0]
			if r.Method != http.MethodGet || r.URL.String() != listURI || r.Header.Get("Accept") != media || len(s.requests) != 1 {
				t.Errorf("asked with %s %s, Accept %q, %d times", r.Method, r.URL, r.Header.Get("Accept"), len(s.requests))
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Limits: the answer, the text of a token in it and the list are bounded by MaxBytes, which lets a list of that length through however badly
// it can be compressed.
func TestMaxBytes(t *testing.T) {
	random := make([]byte, 10_000)
	for i := range random {
		random[i] = byte(i*i>>3 ^ i)
	}
	for maxBytes, want := range map[int]string{10_000: "good", 9_999: "unknown"} {
		s := &server{}
		s.set(func(r *http.Request) (*http.Response, error) {
			list := testkit.Claims{"bits": 8, "lst": testkit.B64(zipped(random))}
			return answer(signed(r.URL.String(), testkit.Claims{"status_list": list})), nil
		})
		lists := newLists(t, keys(t), statuslist.Config{HTTPClient: &http.Client{Transport: s}, MaxBytes: maxBytes})
		if got := judged(t, lists, facts(0)); got != want {
			t.Errorf("MaxBytes %d: %s, want %s", maxBytes, got, want)
		}
	}
}

// Redirects are followed within the origins of the issuer, three at most (MUST of section 11.4). The list is that of the first address all the same.
func TestRedirects(t *testing.T) {
	list := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/statuslist+jwt")
		_, _ = io.WriteString(w, signed(r.URL.Query().Get("sub"), nil))
	}
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; list(w, r) }))
	defer elsewhere.Close()
	also := httptest.NewServer(http.HandlerFunc(list))
	defer also.Close()
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		if to == "" {
			list(w, r)
			return
		}
		if n, err := strconv.Atoi(to); err == nil {
			to = "/list?to=" + strconv.Itoa(n-1)
			if n == 1 {
				to = "/list?"
			}
			to += "&sub=" + url.QueryEscape(r.URL.Query().Get("sub"))
		}
		if r.URL.Query().Get("sub") == "" {
			to = strings.Replace(to, "SUB", url.QueryEscape("http://"+r.Host+r.URL.String()), 1)
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	defer here.Close()
	lists := newLists(t, keys(t), statuslist.Config{Issuers: []statuslist.Issuer{{URL: testkit.Issuer, Origins: []string{here.URL, also.URL}}}})
	for to, want := range map[string]string{
		"/list?sub=SUB":                   "good",
		"/list?to=1&sub=SUB":              "good",
		"/list?to=2&sub=SUB":              "good",
		"/list?to=3&sub=SUB":              "unknown",
		"/list?to=1000&sub=SUB":           "unknown",
		also.URL + "/list?sub=SUB":        "good",
		elsewhere.URL + "/list?sub=SUB":   "unknown",
		"file:///etc/passwd?sub=SUB":      "unknown",
		"https://127.0.0.1:1/?sub=SUB":    "unknown",
		"/list?sub=" + here.URL + "/list": "unknown",
	} {
		f := facts(0)
		f.StatusURI = here.URL + "/list?to=" + url.QueryEscape(to)
		if got := judged(t, lists, f); got != want {
			t.Errorf("%s: %s, want %s", to, got, want)
		}
	}
	if asked > 0 {
		t.Error("a server was asked that is not named")
	}
}

// Compression on the way is undone, and bounded too.
func TestContentEncoding(t *testing.T) {
	for name, row := range map[string]struct {
		text func(uri string) io.Reader
		want string
	}{
		"a list": {func(uri string) io.Reader { return strings.NewReader(signed(uri, nil)) }, "good"},
		"a bomb": {func(string) io.Reader { return io.LimitReader(endless{}, 1<<23) }, "unknown"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/statuslist+jwt")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.Copy(z, row.text("http://"+r.Host+r.URL.String()))
			_ = z.Close()
		}))
		lists := newLists(t, keys(t), statuslist.Config{Issuers: []statuslist.Issuer{{URL: testkit.Issuer, Origins: []string{server.URL}}}})
		f := facts(0)
		f.StatusURI = server.URL + "/1"
		if got := judged(t, lists, f); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
		server.Close()
	}
}

// A client of the caller's keeps what it has, but for cookies and redirects.
func TestHTTPClient(t *testing.T) {
	jar := testkit.Must(cookiejar.New(nil))
	jar.SetCookies(testkit.Must(url.Parse(listURI)), []*http.Cookie{{Name: "session", Value: "secret"}})
	s := &server{}
	s.serves(nil)
	given := &http.Client{Transport: s, Jar: jar}
	if got := judged(t, newLists(t, keys(t), statuslist.Config{HTTPClient: given}), facts(0)); got != "good" || len(s.requests[0].Cookies()) > 0 {
		t.Errorf("%s, cookies %v", got, s.requests[0].Cookies())
	}
	if given.Jar == nil || given.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
	s.set(func(*http.Request) (*http.Response, error) { panic("secret") })
	lists := newLists(t, keys(t), statuslist.Config{HTTPClient: given})
	if err := lists.Load(t.Context(), facts(0)); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("a transport that panics: %v", err)
	}
}

// Errors name the list without its query, where people put secrets, and hold nothing of what came.
func TestErrorsHoldNoSecrets(t *testing.T) {
	s := &server{}
	lists := newLists(t, keys(t), statuslist.Config{HTTPClient: &http.Client{Transport: s}})
	f := facts(0)
	for i, fails := range []func(r *http.Request) (*http.Response, error){
		func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New("refused")}
		},
		func(r *http.Request) (*http.Response, error) {
			return answer("hush." + signed(r.URL.String(), nil)), nil
		},
	} {
		s.set(fails)
		f.StatusURI = fmt.Sprint(listURI, i, "?key=hush")
		err := lists.Load(t.Context(), f)
		if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), listURI) {
			t.Errorf("%v", err)
		}
	}
}

// A dead server holds up no more than its own lists: eight fetches of one origin at once, and others wait.
func TestFetchesOfOneOriginAreBounded(t *testing.T) {
	cfg := statuslist.Config{Issuers: []statuslist.Issuer{{URL: testkit.Issuer, Origins: []string{"https://dead.example", "https://well.example"}}}}
	bubble(t, cfg, func(t *testing.T, s *server, lists *statuslist.Lists) {
		now, most := 0, 0
		s.set(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "well.example" {
				return answer(signed(r.URL.String(), nil)), nil
			}
			s.mu.Lock()
			now++
			most = max(most, now)
			s.mu.Unlock()
			time.Sleep(time.Second)
			s.mu.Lock()
			now--
			s.mu.Unlock()
			return answer(signed(r.URL.String(), nil)), nil
		})
		var waiting sync.WaitGroup
		for i := range 100 {
			waiting.Go(func() {
				f := facts(0)
				f.StatusURI = fmt.Sprint("https://dead.example/", i)
				_ = lists.Load(t.Context(), f)
			})
		}
		for i := range 20 { // that come when the first have left
			waiting.Go(func() {
				time.Sleep(1200 * time.Millisecond)
				f := facts(0)
				f.StatusURI = fmt.Sprint("https://dead.example/late/", i)
				_ = lists.Load(t.Context(), f)
			})
		}
		synctest.Wait()
		f := facts(0)
		f.StatusURI = "https://well.example/1"
		if got := judged(t, lists, f); got != "good" {
			t.Errorf("a list of another server: %s", got)
		}
		waiting.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if most != 8 {
			t.Errorf("%d fetches at once", most)
		}
		good := 0
		for _, list := range lists.Status().Lists {
			if list.LastError == nil {
				good++
			}
		}
		if good < 30 || good > 60 { // of what had its turn within five seconds
			t.Errorf("%d lists came", good)
		}
	})
}

// Who leaves does not wait, and takes nobody's fetch along.
func TestWhoLeavesDoesNotWait(t *testing.T) {
	bubble(t, statuslist.Config{}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.set(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			return answer(signed(r.URL.String(), nil)), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := lists.Load(ctx, facts(0)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got := judged(t, lists, facts(0)); got != "good" || s.count() != 1 {
			t.Errorf("for the next: %s, %d fetches", got, s.count())
		}
		ended, cancelled := context.WithCancel(t.Context())
		cancelled()
		if err := lists.Refresh(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("Refresh: %v", err)
		}
		time.Sleep(2 * time.Second) // what began goes on
	})
}
