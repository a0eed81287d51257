package middleware

import (
	"slices"
	"strings"
)

// takenFields have a meaning of their own, so what they hold is no bare token. Clients, browsers and proxies write them for
// that meaning, and a Guard that read a token there would refuse every request, or take the word of somebody who does not know
// that it counts.
var takenFields = []string{
	"Authorization", "Proxy-Authorization", "Proxy-Authenticate", "Www-Authenticate", "Authentication-Info", "Dpop", "Dpop-Nonce",
	"Cookie", "Cookie2", "Set-Cookie", "Set-Cookie2",
	"Host", "Origin", "Referer", "User-Agent", "From", "Forwarded", "Via", "Max-Forwards",
	"X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip",
	"X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Protocol",
	"X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-Uri", "X-Forwarded-Url", "X-Forwarded-Method",
	"X-Forwarded-By", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
	"X-Original-Uri", "X-Original-Url", "X-Original-Method", "X-Original-Host", "X-Rewrite-Url", "X-Http-Method-Override",
	"Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "Http2-Settings", "Te", "Trailer", "Transfer-Encoding", "Expect", "Early-Data",
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Range", "Date", "Cache-Control", "Pragma", "Priority", "Prefer",
	"Traceparent", "Tracestate", "Baggage", "X-Request-Id", "X-Correlation-Id", "Idempotency-Key", "Signature", "Signature-Input",
}

// certificateFields are taken as well, for the client's certificate: MTLS.Header may name them.
var certificateFields = []string{"Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert", "X-Ssl-Cert", "X-Ssl-Client-Cert"}

// isTaken reports whether the field has a meaning of its own. The name is in canonical form. Sec-WebSocket-Protocol is not counted:
// it is the only field of a handshake that a script in a browser can write, and some put a token there.
func isTaken(name string) bool {
	for _, family := range []string{"Sec-", "Access-Control-", "Content-", "If-"} {
		if strings.HasPrefix(name, family) {
			return name != "Sec-Websocket-Protocol"
		}
	}
	return slices.Contains(takenFields, name)
}
