package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// transport connects as the library does if it is given no HTTPClient: TLS 1.2 or newer, no proxy of the environment, no connection kept.
func transport(caFile string) (http.RoundTripper, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("-ca-file cannot be read: %w", cause(err))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("-ca-file holds no certificate in PEM")
		}
	}
	const wait = 3 * time.Second
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: wait}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    wait,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
	}, nil
}
