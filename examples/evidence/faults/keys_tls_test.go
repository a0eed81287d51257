package faults_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// certifier is a private certificate authority.
type certifier struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newCertifier(t *testing.T) *certifier {
	t.Helper()
	c := new(certifier)
	made := c.issue(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	c.certificate, c.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	return c
}

// issue makes a certificate, good for an hour unless the template says otherwise; by nil it is signed by itself.
func (c *certifier) issue(t *testing.T, template *x509.Certificate, by *certifier) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "faults"}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (c *certifier) forHost(t *testing.T, host string) *tls.Certificate {
	return c.issue(t, &x509.Certificate{DNSNames: []string{host}}, c)
}

// secured is an authority behind TLS on a real connection. Whatever name is asked for leads to it, unless the resolver is down.
type secured struct {
	*authority

	certificate  atomic.Pointer[tls.Certificate]
	requests     atomic.Int32 // that came through the handshake
	resolverDown atomic.Bool
	client       *http.Client
}

func newSecured(t *testing.T, host string, ca *certifier, listen string) *secured {
	t.Helper()
	s := &secured{authority: newAuthority(host)}
	listener, err := net.Listen("tcp", listen)
	switch {
	case err != nil && strings.HasPrefix(listen, "["):
		t.Skipf("this machine has no IPv6: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.serve(w, r)
	}))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.certificate.Load(), nil }}
	s.certificate.Store(ca.forHost(t, host))
	server.StartTLS()
	t.Cleanup(server.Close)

	roots := x509.NewCertPool()
	roots.AddCert(ca.certificate)
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: io.ErrClosedPipe}
	}}
	s.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if s.resolverDown.Load() {
				return (&net.Dialer{Resolver: resolver}).DialContext(ctx, network, address)
			}
			return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		},
	}}
	return s
}

func TestTLSOfTheIssuerInTrouble(t *testing.T) {
	ca, stranger := newCertifier(t), newCertifier(t)
	const host = "login.example.com"
	hour := func(from, to time.Duration) *x509.Certificate {
		return &x509.Certificate{DNSNames: []string{host}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to)}
	}
	for name, certificate := range map[string]*tls.Certificate{
		"expired":                   ca.issue(t, hour(-2*time.Hour, -time.Hour), ca),
		"not yet valid":             ca.issue(t, hour(time.Hour, 2*time.Hour), ca),
		"of another host":           ca.forHost(t, "attacker.example"),
		"of a host below":           ca.forHost(t, "x."+host),
		"of an unknown authority":   stranger.forHost(t, host),
		"signed by itself":          ca.issue(t, hour(-time.Hour, time.Hour), nil),
		"without any certificate":   nil,
		"the resolver does not run": {},
	} {
		t.Run(name, func(t *testing.T) {
			a := newSecured(t, host, ca, "127.0.0.1:0")
			good := a.certificate.Load()
			bad := func(is bool) {
				a.resolverDown.Store(is && name == "the resolver does not run")
				a.certificate.Store(good)
				if is {
					a.certificate.Store(certificate)
				}
			}
			cfg := trusting(a.authority)
			cfg.HTTPClient = a.client
			s := newService(t, cfg)
			tr := a.usual(1)

			bad(true)
			if err := s.validator.Warm(t.Context()); err == nil || a.requests.Load() > 0 {
				t.Errorf("at the start: %v, and %d requests came through", err, a.requests.Load())
			}
			s.good(tr.good[0])
			if c := s.take(); c.unavailable != 1 {
				t.Errorf("at the start: %+v; want 503", c)
			}

			bad(false)
			warm(t, s.validator)
			stop := s.meanwhile(tr)
			through := a.requests.Load()
			bad(true)
			for range 3 {
				if err := s.validator.Warm(t.Context()); err == nil {
					t.Error("the keys were fetched all the same")
				}
			}
			if n := a.requests.Load() - through; n != 0 {
				t.Errorf("%d requests came through", n)
			}
			if s.health().Keys.LastError == nil {
				t.Error("health tells of no error")
			}

			// Renewed under load, and the keys are new as well.
			before := a.key()
			a.publish(newSigningKey("new"), before)
			bad(false)
			a.certificate.Store(ca.forHost(t, host))
			warm(t, s.validator)
			s.good(a.token(a.key()))
			stop()
			s.wantServed("all the time")
		})
	}
}

// meanwhile sends the traffic from four goroutines, each a request a millisecond, until stop is called.
func (s *service) meanwhile(tr traffic) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var senders sync.WaitGroup
	var sent atomic.Int64
	for n := range 4 {
		senders.Go(func() {
			for i := n; ctx.Err() == nil; i++ {
				if i%5 == 0 {
					s.bad(tr.bad[i/5%len(tr.bad)])
				} else {
					s.good(tr.good[i%len(tr.good)])
				}
				sent.Add(1)
				time.Sleep(time.Millisecond)
			}
		})
	}
	return func() {
		for sent.Load() < 100 {
			time.Sleep(time.Millisecond) // a loaded machine may not have come to it yet
		}
		cancel()
		senders.Wait()
	}
}

func TestIssuerOnIPv6Alone(t *testing.T) {
	a := newSecured(t, "login.example.com", newCertifier(t), "[::1]:0")
	cfg := trusting(a.authority)
	cfg.HTTPClient = a.client
	s := newService(t, cfg)
	warm(t, s.validator)
	tr := a.usual(1)
	s.good(tr.good[0])
	s.bad(tr.bad[0])
	s.wantServed("an issuer with an IPv6 address alone")
}
