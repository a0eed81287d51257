package introspection

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const maxRetryAfter = 5 * time.Minute

// endpoint asks one question over HTTP and vets the form of what comes back.
type endpoint struct {
	url, shown string // shown has no query and is safe to log
	issuer     string
	auth       ClientAuth
	signed     *signedAnswers                                                                          // nil: plain JSON
	otherwise  func(ctx context.Context, client *http.Client, token string) (claims []byte, err error) // nil: RFC 7662
	client     *http.Client
	own        *http.Transport // nil: the transport is the caller's
	complain   *complaints
}

func newEndpoint(s settings, complain *complaints) *endpoint {
	e := &endpoint{url: s.URL, shown: cmp.Or(shown(s.URL), "Config.Ask"), issuer: s.Issuer, auth: s.ClientAuth, complain: complain}
	if s.SignedBy != nil {
		e.signed = &signedAnswers{keys: s.SignedBy, issuer: s.Issuer, audience: s.ClientAuth.id}
	}
	if s.HTTPClient == nil {
		e.own = newTransport(s.MaxInFlight)
		e.client = &http.Client{Transport: e.own}
	} else {
		given := *s.HTTPClient
		e.client = &given
		e.client.Jar = nil
	}
	if e.otherwise = s.Ask; e.otherwise != nil {
		next := e.client.Transport
		if next == nil {
			next = http.DefaultTransport
		}
		e.client.Transport = guarded{next, s.plain}
	}
	// A redirect would carry the token, and our credentials, to whomever it names.
	e.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return e
}

// shown leaves out the query, where people put secrets.
func shown(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

func (e *endpoint) ask(ctx context.Context, token string) (*Response, error) {
	if e.otherwise != nil {
		return e.askOtherwise(ctx, token)
	}
	response, err := e.send(ctx, token)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if err := e.checkStatus(response); err != nil {
		return nil, err
	}
	if e.signed != nil && !isSigned(response.Header.Values("Content-Type")) {
		return nil, errUnsigned
	}
	answer, err := readAnswer(response)
	if err != nil {
		return nil, exchangeFailed(ctx, err)
	}
	if len(answer) > maxAnswer {
		return nil, errOversize
	}
	if e.signed != nil {
		if answer, err = e.signed.open(ctx, answer, time.Now()); err != nil {
			return nil, err
		}
	}
	return ParseResponse(answer)
}

// readAnswer reads an answer in one piece where the server says how long it is, and one byte more than it may have.
func readAnswer(response *http.Response) ([]byte, error) {
	length := min(max(0, response.ContentLength), maxAnswer)
	answer := bytes.NewBuffer(make([]byte, 0, length+bytes.MinRead))
	_, err := answer.ReadFrom(io.LimitReader(response.Body, maxAnswer+1))
	return answer.Bytes(), err
}

func (e *endpoint) request(ctx context.Context, token string) (*http.Request, error) {
	q := &question{
		issuer: e.issuer,
		form:   url.Values{"token": {token}, "token_type_hint": {"access_token"}},
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}},
	}
	if e.signed != nil {
		q.header.Set("Accept", signedMediaType)
	}
	if err := e.auth.apply(ctx, q); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(q.form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header = q.header
	return request, nil
}

func (e *endpoint) checkStatus(response *http.Response) error {
	status := response.StatusCode
	if status == http.StatusOK {
		return nil
	}
	f := &failure{blame: blameServer, retryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now())}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		remedy := "check Config.ClientAuth and the registration of this client"
		if status == http.StatusForbidden {
			remedy += "; if other tokens are answered, a firewall in front of the server objects to this one"
		}
		e.complain.say(aboutCredentials, "the server refuses our own credentials: "+remedy,
			"status", status, "endpoint", e.shown, "method", e.auth.method, "client_id", e.auth.id)
		f.refusal = true
		f.reason = fmt.Sprintf("the server refuses our own credentials (%d)", status)
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge:
		f.blame = blameAnswer // what these complain of is the token
		f.reason = fmt.Sprintf("the server does not take the question about this token (%d): "+
			"it may answer so for tokens that it does not know, or introspect no JWTs: then set Issuer.JWTs to VerifyJWTs", status)
	default:
		f.reason = fmt.Sprintf("the server answered with status %d", status)
	}
	return f
}

var errUnsigned = &failure{reason: "the server gave something else than a signed answer (" + signedMediaType + ")", blame: blameServer}

// isSigned tells whether an answer says that it is signed. It must, when it has to be (RFC 9701 section 5), or the server could be
// brought back to unsigned answers. Of plain answers the media type does not decide: what is no vetted JSON object is refused
// whatever it calls itself, and servers call good ones text/plain.
func isSigned(mediaTypes []string) bool {
	mediaType, _, err := mime.ParseMediaType(strings.Join(mediaTypes, ", "))
	return err == nil && mediaType == signedMediaType
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3); zero: none.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(0, date.Sub(now)), maxRetryAfter)
	}
	return 0
}
