package adaptertest

import (
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware"
)

// call is a request to be made, once or several times.
type call struct {
	method string // zero: GET
	target string // zero: /orders/42?page=2
	header http.Header
	body   string
}

const defaultTarget = "/orders/42?page=2"

func bearer(token string) call {
	return call{header: http.Header{"Authorization": {"Bearer " + token}}}
}

// request is the call as a server receives it.
func (c call) request() *http.Request {
	r := httptest.NewRequest(c.method, c.path(), strings.NewReader(c.body))
	r.Header = c.headerCopy()
	return r
}

func (c call) path() string {
	if c.target == "" {
		return defaultTarget
	}
	return c.target
}

func (c call) headerCopy() http.Header {
	if c.header == nil {
		return http.Header{}
	}
	return c.header.Clone()
}

// answer is what a client gets.
type answer struct {
	status int
	header http.Header
	body   string
}

// send makes the call over a socket: what arrives there is what counts. What net/http complains about, such as a second
// WriteHeader, is an error. The handlers have ended when send returns.
func (c call) send(h http.Handler) (answer, error) {
	var complaints strings.Builder
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(&complaints, "", 0)
	server.Start()
	got, err := c.sendTo(server.URL)
	server.Close()
	if complaints.Len() > 0 {
		err = errors.Join(err, errors.New("net/http: "+complaints.String()))
	}
	return got, err
}

func (c call) sendTo(url string) (answer, error) {
	r, err := http.NewRequest(c.method, url+c.path(), strings.NewReader(c.body))
	if err != nil {
		return answer{}, err
	}
	r.Header = c.headerCopy()
	client := http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

// watch makes the call without a socket, and lets look judge the request that the handler is given. It is an error unless
// the handler runs exactly once.
func (c call) watch(serve adapter, g *middleware.Guard, look func(*http.Request) error) error {
	var problems []error
	runs := 0
	h := serve(g, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		runs++
		problems = append(problems, look(r))
	}))
	h.ServeHTTP(httptest.NewRecorder(), c.request())
	return errors.Join(append(problems, differ("number of times that the handler ran", runs, 1))...)
}

// differ is an error if got is not want.
func differ[T any](what string, got, want T) error {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got %#v, want %#v", what, got, want)
}

// differ is an error unless got has the status, the body and every field of want. The fields of a refusal are exact also
// where want has none: a challenge on an admitted answer would be wrong too.
func (got answer) differ(want answer) error {
	fields := http.Header{"Www-Authenticate": nil, "Cache-Control": nil, "Content-Type": nil, "Retry-After": nil}
	maps.Copy(fields, want.header)
	problems := []error{differ("status", got.status, want.status), differ("body", got.body, want.body)}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		problems = append(problems, differ("field "+name, got.header[name], fields[name]))
	}
	return errors.Join(problems...)
}
