// Package clientcert tells which client certificate a caller has shown: to the TLS layer, or to a proxy that is trusted to pass it on. It knows
// nothing of HTTP but the values of one field.
package clientcert

import (
	"crypto/x509"
	"errors"
	"net/netip"
)

// Source is where client certificates come from: the zero Source takes them from the TLS layer. It is immutable.
type Source struct {
	header   string // in canonical form; empty: the TLS layer
	encoding Encoding
	element  int // of a ForwardedClientCert, counted from the end; 0: the only one
	proxies  []netip.Prefix
}

// Call is what a request shows.
type Call struct {
	Certificate *x509.Certificate // of the TLS layer; nil: none
	Fields      []string          // the values of the field Header
	RemoteAddr  string            // the peer, with its port
}

var (
	errNone         = errors.New("the token is bound to a certificate, and the connection has none")
	errOther        = errors.New("the client's certificate is not the one that the token is bound to")
	errTwice        = errors.New("the field with the client's certificate occurs twice")
	errStrangeProxy = errors.New("the peer (Config.LogSubjects shows it) is not among MTLS.TrustedProxies, so its word about a certificate does not count")
)

// Header is the field that holds the certificate; empty: none does.
func (s Source) Header() string { return s.header }

// Place says where certificates come from, for an operator.
func (s Source) Place() string {
	if s.header == "" {
		return "the TLS layer (a proxy that terminates TLS needs MTLS.Header)"
	}
	return "the field " + s.header + " of a trusted proxy"
}

// Check judges whether the caller has shown the certificate of this thumbprint (RFC 8705 section 3).
func (s Source) Check(call Call, thumbprint string) error {
	shown, err := s.thumbprint(call)
	if err == nil && shown != thumbprint {
		return errOther
	}
	return err
}

func (s Source) thumbprint(call Call) (string, error) {
	if s.header == "" {
		if call.Certificate == nil {
			return "", errNone
		}
		return thumbprintOf(call.Certificate.Raw), nil
	}
	if !s.trusts(call.RemoteAddr) {
		return "", errStrangeProxy
	}
	switch fields := call.Fields; {
	case len(fields) == 0 || len(fields) == 1 && fields[0] == "":
		return "", errNone
	case len(fields) > 1:
		return "", errTwice
	default:
		return s.encoding.read(fields[0], s.element)
	}
}

func (s Source) trusts(remoteAddr string) bool {
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, prefix := range s.proxies {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
