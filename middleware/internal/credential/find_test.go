package credential_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/credential"
)

const urlencoded = "application/x-www-form-urlencoded"

func finder(t *testing.T, sources ...credential.Source) *credential.Finder {
	t.Helper()
	f, err := credential.New(credential.Config{Sources: sources, DPoP: true, MaxBytes: 100})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var (
	inField  = credential.Source{Kind: credential.InHeader, Name: "X-Token"}
	inCookie = credential.Source{Kind: credential.InCookie, Name: "session"}
	inForm   = credential.Source{Kind: credential.InForm, Name: credential.FormParameter}
)

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", urlencoded)
	return r
}

func with(r *http.Request, name, value string) *http.Request {
	r.Header.Set(name, value)
	return r
}

// What is found is told with all that follows from where it was.
func TestFind(t *testing.T) {
	parsed := post("access_token=abc")
	if err := parsed.ParseForm(); err != nil {
		t.Fatal(err)
	}
	bodiless := post("")
	bodiless.Body = nil
	for _, row := range []struct {
		name    string
		sources []credential.Source
		r       *http.Request
		noForm  bool
		want    credential.Found
		reason  credential.Reason
	}{
		{"nothing", []credential.Source{inField, inCookie, inForm}, httptest.NewRequest("GET", "/", nil), false, credential.Found{}, 0},
		{"a bearer", nil, with(post(""), "Authorization", "Bearer abc"), false, credential.Found{Token: "abc", Scheme: credential.Bearer}, 0},
		{
			"a bearer in small letters after two spaces", nil, with(post(""), "Authorization", "bearer  abc"), false,
			credential.Found{Token: "abc", Scheme: credential.Bearer}, 0,
		},
		{"a token with its proof elsewhere", nil, with(post(""), "Authorization", "dpop abc"), false, credential.Found{Token: "abc", Scheme: credential.DPoP}, 0},
		{
			"a scheme that the challenge is to answer", nil, with(post(""), "Authorization", "DPoP"), false,
			credential.Found{Scheme: credential.DPoP}, credential.Malformed,
		},
		{"a field", []credential.Source{inField}, with(post(""), "X-Token", "abc"), false, credential.Found{Token: "abc"}, 0},
		{"a form", []credential.Source{inForm}, post("access_token=abc"), false, credential.Found{Token: "abc", FromForm: true, ReadBody: true}, 0},
		{
			"a form, and another place asked after it", []credential.Source{inForm, inField}, post("access_token=abc"), false,
			credential.Found{Token: "abc", FromForm: true, ReadBody: true}, 0,
		},
		{"a form without a token", []credential.Source{inForm}, post("a=b"), false, credential.Found{ReadBody: true}, 0},
		{"a form that was parsed before", []credential.Source{inForm}, parsed, false, credential.Found{Token: "abc", FromForm: true}, 0},
		{"a form without a body", []credential.Source{inForm}, bodiless, false, credential.Found{}, 0},
		{"a form that was read before", []credential.Source{inForm}, post("access_token=abc"), true, credential.Found{}, 0},
		{
			"a field of a request whose form was read before", []credential.Source{inForm, inField},
			with(post("access_token=abc"), "X-Token", "def"), true, credential.Found{Token: "def"}, 0,
		},
		{
			"a field and a form", []credential.Source{inField, inForm}, with(post("access_token=abc"), "X-Token", "def"), false,
			credential.Found{Token: "def", ReadBody: true}, credential.SeveralTokens,
		},
		{
			"a page of another origin", []credential.Source{inCookie},
			with(with(post(""), "Cookie", "session=abc"), "Sec-Fetch-Site", "cross-site"), false, credential.Found{},
			credential.CrossOrigin,
		},
		{
			"a token as long as it may be", nil, with(post(""), "Authorization", "Bearer "+strings.Repeat("a", 100)), false,
			credential.Found{Token: strings.Repeat("a", 100), Scheme: credential.Bearer}, 0,
		},
		{
			"a token that is too long", nil, with(post(""), "Authorization", "Bearer "+strings.Repeat("a", 101)), false,
			credential.Found{Token: strings.Repeat("a", 101), Scheme: credential.Bearer}, credential.TooLong,
		},
		{"another scheme", nil, with(post(""), "Authorization", "Basic abc"), false, credential.Found{}, credential.OtherScheme},
	} {
		t.Run(row.name, func(t *testing.T) {
			found, refusal := finder(t, row.sources...).Find(credential.Request{Header: row.r.Header, Method: row.r.Method, HTTP: row.r, NoForm: row.noForm})
			if found != row.want || refusal.Reason != row.reason || refusal.Refused() != (row.reason != 0) {
				t.Errorf("got %+v, refused for %d (%v), want %+v, %d", found, refusal.Reason, refusal.Err, row.want, row.reason)
			}
		})
	}
}

// A header that does not say that it is one of net/http is asked; without one there are no fields.
func TestFindWithoutNetHTTP(t *testing.T) {
	f := finder(t, inField, inForm)
	if found, _ := f.Find(credential.Request{}); found != (credential.Found{}) {
		t.Errorf("without fields: %+v", found)
	}
	if found, _ := f.Find(credential.Request{Header: one{"X-Token", "abc"}, Method: "POST"}); found.Token != "abc" {
		t.Errorf("with fields of another transport: %+v", found)
	}
}

// one is a Header with one field.
type one struct{ name, value string }

func (o one) Values(name string) []string {
	if name == o.name {
		return []string{o.value}
	}
	return nil
}

func TestMayHaveReadForm(t *testing.T) {
	parsed := func(form url.Values) *http.Request {
		r := post("")
		r.PostForm = form
		return r
	}
	for _, row := range []struct {
		name   string
		source credential.Source
		r      *http.Request
		want   bool
	}{
		{"a form that nobody has parsed", inForm, post(""), true},
		{"a form with a token", inForm, parsed(url.Values{"access_token": {"abc"}}), true},
		{"a form without a token", inForm, parsed(url.Values{"access_token": {""}}), false},
		{"a form where no form is read", inField, post(""), false},
		{"no form", inForm, httptest.NewRequest("POST", "/", nil), false},
		{"no request of net/http", inForm, nil, false},
	} {
		if got := finder(t, row.source).MayHaveReadForm(row.r); got != row.want {
			t.Errorf("%s: got %t, want %t", row.name, got, row.want)
		}
	}
}
