package download

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	dialTimeout   = 3 * time.Second
	maxHeaderSize = 64 << 10
)

// NewClient keeps what fetching must not do out of reach of configuration: following redirects, which lead to hosts nobody
// configured, and sending cookies.
func NewClient(given *http.Client) *http.Client {
	client := &http.Client{}
	if given == nil {
		client.Transport = newTransport()
	} else {
		*client = *given
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// newTransport has no proxy: HTTP_PROXY of the environment must not be able to put itself between an API and its issuer's
// keys. It keeps no connections either, as minutes lie between two fetches.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: maxHeaderSize,
		DisableKeepAlives:      true,
	}
}

// FreshClient is client with connections of its own, none of which it keeps, so that one that hangs cannot hold up what is sent
// next. A RoundTripper that is not an *http.Transport is used as it is.
func FreshClient(client *http.Client) *http.Client {
	given := client.Transport
	if given == nil {
		given = http.DefaultTransport
	}
	shared, ok := given.(*http.Transport)
	if !ok {
		return client
	}
	transport := shared.Clone()
	transport.DisableKeepAlives = true
	if len(transport.TLSNextProto) > 0 { // what is configured from outside for HTTP/2 leads to the connections of the original
		transport.TLSNextProto, transport.ForceAttemptHTTP2 = nil, true
	}
	fresh := *client
	fresh.Transport = transport
	return &fresh
}
