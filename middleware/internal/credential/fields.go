package credential

import (
	"slices"
	"strings"
)

// takenFields have a meaning of their own, so they do not hold a bare token. Clients, browsers and proxies write them for
// that meaning, and a Guard that read a token there would refuse every request, or take the word of somebody who does not know
// that it counts.
var takenFields = []string{
	"Authorization", "Proxy-Authorization", "Proxy-Authenticate", "Www-Authenticate", "Dpop", "Dpop-Nonce", "Cookie", "Set-Cookie",
	"Host", "Origin", "Referer", "User-Agent", "Forwarded", "Via", "X-Real-Ip",
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Method",
	"X-Forwarded-User", "X-Forwarded-Email", "X-Original-Url", "X-Http-Method-Override",
	"Connection", "Keep-Alive", "Upgrade", "Te", "Trailer", "Transfer-Encoding", "Expect",
	"Accept", "Accept-Encoding", "Accept-Language", "Range", "Cache-Control", "Traceparent", "Tracestate", "X-Request-Id",
}

// certificateFields are taken as well, for the client's certificate: MTLS.Header may name them.
var certificateFields = []string{
	"Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert",
	"X-Amzn-Mtls-Clientcert", "X-Amzn-Mtls-Clientcert-Leaf", "X-Arr-Clientcert", "Cf-Client-Cert-Sha256",
}

// IsTaken reports whether the field has a meaning of its own. The name is in canonical form. Sec-WebSocket-Protocol is not counted:
// it is the only field of a handshake that a script in a browser can write, and some put a token there.
func IsTaken(name string) bool {
	for _, family := range []string{"Sec-", "Access-Control-", "Content-", "If-"} {
		if strings.HasPrefix(name, family) {
			return name != "Sec-Websocket-Protocol"
		}
	}
	return slices.Contains(takenFields, name)
}

// HoldsCertificate reports whether proxies write the client's certificate into the field. The name is in canonical form.
func HoldsCertificate(name string) bool { return slices.Contains(certificateFields, name) }
