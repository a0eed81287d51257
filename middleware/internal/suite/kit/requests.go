package kit

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// ParseRequest parses a request from the bytes that a client sends, so that it is what net/http makes of them.
func ParseRequest(t testing.TB, lines ...string) *http.Request {
	t.Helper()
	text := strings.Join(lines, "\r\n") + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("the request is malformed: %v", err)
	}
	return r
}

// Fields makes a header of alternating names and values; a name that is given twice has two lines.
func Fields(namesAndValues ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(namesAndValues); i += 2 {
		h.Add(namesAndValues[i], namesAndValues[i+1])
	}
	return h
}

// URLEncoded is the media type of a form.
const URLEncoded = "application/x-www-form-urlencoded"

// FormRequest is a request with a body.
func FormRequest(method, contentType, body string, header http.Header) *http.Request {
	r := httptest.NewRequest(method, "/orders", strings.NewReader(body))
	r.Header = header
	if header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Content-Type", contentType)
	return r
}

// OverTLS sends a token over a connection whose client has shown these certificates.
func OverTLS(token string, chain ...*x509.Certificate) *http.Request {
	r := Bearer(token)
	r.TLS = &tls.ConnectionState{PeerCertificates: chain}
	return r
}

// Request is a request for /orders, as httptest.NewRequest makes it, but without parsing it: there are tens of thousands.
func Request(method string, header http.Header) *http.Request {
	r := &http.Request{
		Method: method, URL: &url.URL{Path: "/orders"}, RequestURI: "/orders", Host: "example.com", RemoteAddr: "192.0.2.1:1234",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header, len(header)), Body: http.NoBody,
	}
	maps.Copy(r.Header, header)
	return r
}

// Bearer is a GET request with a token.
func Bearer(token string) *http.Request {
	return Request(http.MethodGet, http.Header{"Authorization": {"Bearer " + token}})
}

// DPoPRequest sends a token with the DPoP scheme and these proofs.
func DPoPRequest(token string, proofs ...string) *http.Request {
	h := http.Header{"Authorization": {"DPoP " + token}}
	if len(proofs) > 0 {
		h["Dpop"] = proofs
	}
	return Request(http.MethodGet, h)
}
