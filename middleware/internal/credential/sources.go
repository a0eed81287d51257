package credential

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/cardea-auth/cardea/middleware/internal/loadbalancer"
)

// Kind is a kind of place for a token.
type Kind int

// The kinds.
const (
	_        Kind = iota
	InHeader      // a field that holds nothing but a token
	InCookie
	InForm // RFC 6750 section 2.2
)

// Source is one more place to look for a token. The zero Source holds none.
type Source struct {
	Kind Kind
	Name string // of the field, in canonical form, of the cookie or of the parameter
}

// FormParameter is the name of the parameter that holds a token.
const FormParameter = "access_token"

const maxFormBytes = 1 << 20

var (
	errCrossOrigin = errors.New("a token from a cookie on an unsafe request of another origin")
	errFormTooLong = errors.New("the form is longer than 1 MiB")
	errPadding     = errors.New("the segments of the token have not the padding that a load balancer writes")
	errFormSyntax  = errors.New("the form that holds access_token is malformed")
)

// held returns the one token that a source holds; without a Token it holds none.
func (f *Finder) held(source Source, r Request) (held Found, readBody bool, _ Refusal) {
	tokens, readBody, refusal := f.tokens(source, r)
	switch {
	case refusal.Refused() || len(tokens) == 0:
		return Found{}, readBody, refusal
	case len(tokens) > 1:
		return Found{}, readBody, Refusal{SeveralTokens, errSeveralTokens}
	}
	held = Found{Token: tokens[0], FromForm: source.Kind == InForm}
	if source.Kind == InHeader {
		held.Token, held.Scheme, refusal = f.withoutScheme(tokens[0])
		if f.padded && !refusal.Refused() {
			var ok bool
			if held.Token, ok = loadbalancer.Unpad(held.Token); !ok {
				return Found{}, readBody, Refusal{Malformed, errPadding}
			}
		}
	}
	return held, readBody, refusal
}

// tokens returns the values that a source holds, without empty ones.
func (f *Finder) tokens(source Source, r Request) (tokens []string, readBody bool, _ Refusal) {
	switch source.Kind {
	case InHeader:
		return filled(Values(r.Header, source.Name)), false, Refusal{}
	case InCookie:
		tokens = filled(cookies(r.Header, source.Name))
		if len(tokens) > 0 && !f.origin.allows(r) {
			return nil, false, Refusal{CrossOrigin, f.origin.refusal(r)}
		}
		return tokens, false, Refusal{}
	case InForm:
		return formTokens(r.HTTP, source.Name)
	default:
		return nil, false, Refusal{}
	}
}

func filled(values []string) []string {
	var kept []string
	for _, v := range values {
		if v != "" {
			kept = append(kept, v)
		}
	}
	return kept
}

func cookies(h Header, name string) []string {
	// net/http's own parser, which skips malformed cookies: a cookie that it does not see holds no token.
	r := http.Request{Header: http.Header{"Cookie": Values(h, "Cookie")}}
	var values []string
	for _, cookie := range r.CookiesNamed(name) {
		values = append(values, cookie.Value)
	}
	return values
}

// formTokens reads the form of a request and gives it back, so that the handler still finds it.
func formTokens(r *http.Request, name string) (tokens []string, readBody bool, _ Refusal) {
	if r == nil || !mayCarryForm(r) {
		return nil, false, Refusal{}
	}
	if r.PostForm != nil { // something in front has parsed the body already
		return filled(r.PostForm[name]), false, Refusal{}
	}
	if r.Body == nil {
		return nil, false, Refusal{}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
	if err != nil {
		return nil, true, Refusal{Malformed, err}
	}
	if len(body) > maxFormBytes {
		return nil, true, Refusal{Malformed, errFormTooLong}
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), r.Body}

	form, err := url.ParseQuery(string(body))
	if err != nil && bytes.Contains(body, []byte(name)) {
		return nil, true, Refusal{Malformed, errFormSyntax}
	}
	return filled(form[name]), true, Refusal{}
}

// mayCarryForm is RFC 6750 section 2.2: a urlencoded, single-part entity of a method that has a body.
func mayCarryForm(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return false
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/x-www-form-urlencoded"
}

// MayHaveReadForm reports whether a request may have carried a token in its form, which has been read since.
func (f *Finder) MayHaveReadForm(r *http.Request) bool {
	if r == nil || !f.ReadsForms() || !mayCarryForm(r) {
		return false
	}
	return r.PostForm == nil || len(filled(r.PostForm[FormParameter])) > 0
}

// ReadsForms reports whether tokens may come in forms.
func (f *Finder) ReadsForms() bool {
	for _, source := range f.sources {
		if source.Kind == InForm {
			return true
		}
	}
	return false
}
