package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

// oneLine is what the library says.
func oneLine(err error) string {
	var lines []string
	for line := range strings.Lines(err.Error()) {
		lines = append(lines, plain.Line(line))
	}
	return strings.Join(lines, "; ")
}

// failedTopic tells whether metadata or keys were not to be had.
func (e *examination) failedTopic(asked []*exchange) Topic {
	if len(asked) == 0 {
		return Configuration
	}
	last := asked[len(asked)-1]
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(last.err, &verification):
		return TLS
	case e.formOf(last) == "":
		return Keys
	}
	return Metadata
}

// remedyFor says what to do about keys that could not be had.
func (e *examination) remedyFor(err error, asked []*exchange) string {
	for _, x := range asked {
		if x.err != nil {
			return e.remedyForNetwork(x.err)
		}
	}
	for _, x := range asked {
		if e.formOf(x) == "" || x.status != http.StatusOK {
			continue
		}
		served := parseMetadata(x.body.Bytes())
		switch issuer := served.text("issuer"); {
		case served == nil:
			return "Something else than an authorization server answers there: correct -issuer."
		case issuer == "":
			return "The document names no issuer (RFC 8414 section 2): correct -issuer, or say where the keys are with -jwks-uri."
		case issuer != e.Issuer:
			return fmt.Sprintf("The server calls itself %s%s. If its tokens have that as iss, ask with -issuer %s and configure it so.",
				plain.Quote(issuer), difference(issuer, e.Issuer), plain.Quote(issuer))
		}
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "jwks_uri"):
		return "Say where the keys are with -jwks-uri (middleware.Issuer.JWKSURI)."
	case strings.Contains(text, "redirects"):
		return "Configure the address that it leads to; redirects are never followed."
	case strings.Contains(text, "key set"):
		return "The server has to publish public keys for signatures; a shared secret is configured with jwks.HMAC and never fetched."
	case strings.Contains(text, "it answered 5"), strings.Contains(text, "it answered 429"):
		return "The server is in trouble or busy: look there, and ask again."
	}
	return "Compare -issuer with the iss of a token, or say where the keys are with -jwks-uri."
}

// remedyForNetwork says what to do if no answer came.
func (e *examination) remedyForNetwork(err error) string {
	var unknown x509.UnknownAuthorityError
	var expired x509.CertificateInvalidError
	var name x509.HostnameError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "Its certificate is from a CA that is not known here: pass -ca-file, and in Go Config.HTTPClient with tls.Config.RootCAs."
	case errors.As(err, &expired):
		return "Renew the server's certificate, or compare the clocks."
	case errors.As(err, &name):
		return "The certificate is for other names: use one of them as the host."
	case errors.As(err, &dns):
		return "The host has no address here. In a network of containers, run this where the API will run."
	case errors.As(err, &record):
		return "The port does not speak TLS: use its https port."
	}
	return "Nothing answers there. Run this where the API will run; proxies of the environment (HTTPS_PROXY) are not used, see Config.HTTPClient."
}

// whatCame says what an address gave instead of this issuer's metadata.
func (e *examination) whatCame(x *exchange) string {
	if x.err != nil {
		return plain.Line(x.err.Error())
	}
	if x.status != http.StatusOK {
		return fmt.Sprintf("it answered %d", x.status)
	}
	served := parseMetadata(x.body.Bytes())
	if served == nil {
		return "it gave no JSON object"
	}
	return fmt.Sprintf("it is of the issuer %s%s", plain.Quote(served.text("issuer")), difference(served.text("issuer"), e.Issuer))
}

// difference is plain.Difference behind a comma.
func difference(a, b string) string {
	if text := plain.Difference(a, b); text != "" {
		return "; " + text
	}
	return ""
}

// duration has no more digits than matter.
func duration(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
