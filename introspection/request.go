package introspection

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const maxRetryAfter = 5 * time.Minute

// endpoint asks one question over HTTP and vets the form of what comes back.
type endpoint struct {
	url, shown string // shown has no query and is safe to log
	issuer     string
	auth       ClientAuth
	signed     *signedAnswers // nil: plain JSON
	client     *http.Client
	own        *http.Transport // nil: the transport is the caller's
	complain   *complaints
}

func newEndpoint(s settings, complain *complaints) *endpoint {
	e := &endpoint{url: s.URL, issuer: s.Issuer, auth: s.ClientAuth, complain: complain}
	e.shown, _, _ = strings.Cut(s.URL, "?")
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
	// A redirect would carry the token, and our credentials, to whomever it names.
	e.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return e
}

// newTransport keeps a connection for each request that may run at once, or every burst would pay for new handshakes. The
// request's context bounds its times.
func newTransport(connections int) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // a token goes through no proxy that nobody configured here
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

func (e *endpoint) close() {
	if e.own != nil {
		e.own.CloseIdleConnections()
	}
}

func (e *endpoint) ask(ctx context.Context, token string) (*Response, error) {
	response, err := e.send(ctx, token)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if err := e.checkStatus(response); err != nil {
		return nil, err
	}
	if err := e.checkMediaType(response.Header.Values("Content-Type")); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
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

// send repeats a request once if it died on a connection that had been idle: servers close those at any moment, and
// net/http repeats no POST that it may have written. Introspecting twice does no harm (RFC 9110 section 9.2.2 leaves that
// judgement to the client). The second request is made anew, because an assertion may be used only once.
func (e *endpoint) send(ctx context.Context, token string) (*http.Response, error) {
	response, stale, err := e.try(ctx, token)
	if err != nil && stale && ctx.Err() == nil {
		e.close() // the other idle connections are as old
		response, _, err = e.try(ctx, token)
	}
	return response, err
}

// try sends one request. stale tells that it went out on a reused connection and not a byte came back.
func (e *endpoint) try(ctx context.Context, token string) (response *http.Response, stale bool, err error) {
	var reused, heard atomic.Bool // a trace may be called after the request has ended
	request, err := e.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(info httptrace.GotConnInfo) { reused.Store(info.Reused) },
		GotFirstResponseByte: func() { heard.Store(true) },
	}), token)
	if err != nil {
		return nil, false, &failure{reason: "no request could be made", cause: err}
	}
	response, err = e.client.Do(request)
	if err != nil {
		return nil, reused.Load() && !heard.Load(), exchangeFailed(ctx, err)
	}
	return response, false, nil
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
	f := &failure{blame: blameServer, retryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now())}
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized, http.StatusForbidden:
		e.complain.say("the server refuses our own credentials: check Config.ClientAuth and the registration of this client",
			"status", status, "endpoint", e.shown, "method", e.auth.method, "client_id", e.auth.id)
		f.reason = fmt.Sprintf("the server refuses our own credentials (%d)", status)
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge:
		f.blame = blameAnswer // what these complain of is the token
		f.reason = fmt.Sprintf("the server does not take the question about this token (%d)", status)
	default:
		f.reason = fmt.Sprintf("the server answered with status %d", status)
	}
	return f
}

// checkMediaType lets a missing type pass, because what follows must be a vetted JSON object all the same. A signed
// answer must say what it is (RFC 9701 section 5), or the server could be brought back to unsigned ones.
func (e *endpoint) checkMediaType(values []string) error {
	if len(values) == 0 && e.signed == nil {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(strings.Join(values, ", "))
	switch {
	case err != nil:
	case e.signed != nil && mediaType == signedMediaType:
		return nil
	case e.signed == nil && isJSON(mediaType):
		return nil
	}
	wanted := "JSON"
	if e.signed != nil {
		wanted = "a signed answer (" + signedMediaType + ")"
	}
	return &failure{reason: "the server gave something else than " + wanted, blame: blameServer}
}

func isJSON(mediaType string) bool {
	return mediaType == "application/json" ||
		strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
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

// exchangeFailed keeps the cause only where its text cannot hold what the server sent: net/http quotes a malformed
// status line, and a server may echo the token there. Of other errors the type is named.
func exchangeFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return endOf(ctx)
	}
	var (
		operation   *net.OpError
		lookup      *net.DNSError
		certificate *tls.CertificateVerificationError
		alert       tls.AlertError
		wrapper     *url.Error
	)
	f := &failure{reason: "the server could not be asked", blame: blameServer}
	switch {
	case errors.As(err, &certificate):
		f.cause = certificate
	case errors.As(err, &operation):
		f.cause = operation
	case errors.As(err, &lookup):
		f.cause = lookup
	case errors.As(err, &alert):
		f.cause = alert
	case errors.Is(err, io.ErrUnexpectedEOF):
		f.cause = io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		f.cause = io.EOF
	default:
		if errors.As(err, &wrapper) {
			err = wrapper.Err
		}
		f.reason = fmt.Sprintf("the server could not be asked (%T)", err)
	}
	return f
}

// endOf says why a request's context ended: the timeout, or Close.
func endOf(ctx context.Context) error {
	var f *failure
	if errors.As(context.Cause(ctx), &f) {
		return f
	}
	return &failure{reason: "the request was given up", cause: ctx.Err()}
}
