package requests_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestFormSource(t *testing.T) {
	g := withSources(t, middleware.FromForm()).Require()
	good := kit.Mint(kit.GoodClaims(nil))
	field := "access_token=" + good
	for _, row := range []struct {
		name, want, method, contentType, body string
		header                                http.Header
	}{
		{"a POST", "200", "POST", kit.URLEncoded, field, nil},
		{"a PUT with a charset", "200", "PUT", kit.URLEncoded + "; charset=UTF-8", "a=b&" + field, nil},
		{"a PATCH, the media type in other case", "200", "PATCH", "Application/X-WWW-Form-URLEncoded", field, nil},
		{"a form without a token", "401", "POST", kit.URLEncoded, "a=b", nil},
		{"an empty parameter is no token", "401", "POST", kit.URLEncoded, "access_token=", nil},
		{"the parameter's name in other case", "401", "POST", kit.URLEncoded, "Access_Token=" + good, nil},
		{"a GET with a body", "401", "GET", kit.URLEncoded, field, nil},
		{"a DELETE with a body", "401", "DELETE", kit.URLEncoded, field, nil},
		{
			"a body of several parts", "401", "POST", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\n" + good + "\r\n--x--", nil,
		},
		{"a body of JSON", "401", "POST", "application/json", `{"access_token":"` + good + `"}`, nil},
		{"a body of no type", "401", "POST", "", field, nil},
		{"a bad token", "401 invalid_token", "POST", kit.URLEncoded, "access_token=bad", nil},
		{
			"line breaks inside the token, which a lax decoder skips", "400 invalid_request", "POST", kit.URLEncoded,
			"access_token=" + good[:50] + "%0d%0a" + good[50:], nil,
		},
		{"a space before the token", "400 invalid_request", "POST", kit.URLEncoded, "access_token=+" + good, nil},
		{"the parameter twice", "400 invalid_request", "POST", kit.URLEncoded, field + "&" + field, nil},
		{"a bad token behind a good one", "400 invalid_request", "POST", kit.URLEncoded, field + "&access_token=bad", nil},
		{"a form and the Authorization field", "400 invalid_request", "POST", kit.URLEncoded, field, kit.Fields("Authorization", "Bearer "+good)},
		{"a malformed pair beside the token, which parsers read differently", "400 invalid_request", "POST", kit.URLEncoded, field + "&%zz=1", nil},
		{"a form beyond 1 MiB", "400 invalid_request", "POST", kit.URLEncoded, field + "&pad=" + strings.Repeat("x", 1<<20), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := kit.Serve(g, kit.FormRequest(row.method, row.contentType, row.body, row.header)); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
}

func TestFormIsGivenBack(t *testing.T) {
	v := withSources(t, middleware.FromForm())
	body := "a=b&access_token=" + kit.Mint(kit.GoodClaims(nil))
	var closed bool
	r := kit.FormRequest("POST", kit.URLEncoded, "", nil)
	r.Body = closeTeller{strings.NewReader(body), &closed}
	admitted, ok := v.Require().Admit(httptest.NewRecorder(), r)
	if !ok {
		t.Fatal("refused")
	}
	if admitted, ok = v.Require("read").Admit(httptest.NewRecorder(), admitted); !ok {
		t.Fatal("a nested Guard did not find the token again")
	}
	if got := testkit.Must(io.ReadAll(admitted.Body)); string(got) != body {
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
	r := kit.FormRequest("POST", kit.URLEncoded, "access_token="+kit.Mint(kit.GoodClaims(nil)), nil)
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if got := kit.Serve(g, r); got.String() != "200" {
		t.Errorf("got %v, want 200", got)
	}
	r = kit.FormRequest("POST", kit.URLEncoded, "", nil)
	r.URL.RawQuery = "access_token=" + kit.Mint(kit.GoodClaims(nil))
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if got := kit.Serve(g, r); got.String() != "401" {
		t.Errorf("a token of the query, smuggled in by ParseForm: got %v, want 401", got)
	}
}

func TestFormThatNeverEnds(t *testing.T) {
	g := withSources(t, middleware.FromForm()).Require()
	endless := &endlessReader{}
	r := kit.FormRequest("POST", kit.URLEncoded, "", nil)
	r.Body, r.ContentLength = io.NopCloser(endless), -1
	if got := kit.Serve(g, r); got.String() != "400 invalid_request" {
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
	r := kit.FormRequest("POST", kit.URLEncoded, "", nil)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("a=b"), brokenReader{}))
	if got := kit.Serve(g, r); got.String() != "400 invalid_request" {
		t.Errorf("a form that breaks off before its token: got %v, want 400 invalid_request and not anonymous", got)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestFormIsForNetHTTPOnly(t *testing.T) {
	g := withSources(t, middleware.FromForm()).Require()
	_, err := g.Authorize(context.Background(), middleware.Credentials{Method: "POST", Header: kit.Fields("Content-Type", kit.URLEncoded)})
	if e, ok := err.(*middleware.Error); !ok || e.Reason != middleware.ReasonNoToken {
		t.Errorf("got %v, want reason %s", err, middleware.ReasonNoToken)
	}
}

func TestBodiesThatAreNoForm(t *testing.T) {
	v := withSources(t, middleware.FromForm())
	field := "access_token=" + kit.Mint(kit.GoodClaims(nil))
	for _, row := range []struct{ name, contentType, body, want string }{
		{"urlencoded text in plain text's clothes", "text/plain", field, "401"},
		{"a media type whose parameter is malformed", kit.URLEncoded + "; charset", field, "401"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := kit.Serve(v.Require(), kit.FormRequest("POST", row.contentType, row.body, nil)).String(); got != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
	if got := kit.Serve(v.Optional(), kit.FormRequest("POST", kit.URLEncoded, "a=b&%zz=1", nil)).String(); got != "200" {
		t.Errorf("a malformed form without a token gives %s: it is the handler's to judge", got)
	}
}
