package main

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
)

// prefix is the part of the path by which the proxy knows the API, and which the API never sees.
const prefix = "/shop"

// proxy stands for nginx, an ingress or a load balancer. It brings its own certificate.
type proxy struct {
	*httptest.Server
	backend *url.URL
}

// newProxy starts a proxy, and returns the address of the API as clients know it.
func newProxy() (p *proxy, publicURL string) {
	p = new(proxy)
	p.Server = httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: p.rewrite})
	return p, p.URL + prefix
}

// to says where the API listens. It is called before the first request.
func (p *proxy) to(backend string) { p.backend, _ = url.Parse(backend) }

func (p *proxy) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, prefix)
	r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.RawPath, prefix)
	r.SetURL(p.backend)
	r.Out.Host = "" // the API does not need the Host that the client has named
}
