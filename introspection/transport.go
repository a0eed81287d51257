package introspection

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

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
