package middleware_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

// Whoever gets text of his own into the field must not thereby choose the certificate; what no proxy writes is refused.
func TestForwardedClientCertThatNoProxyWrites(t *testing.T) {
	hash, other := "Hash="+hexHash(ownCert()), "Hash="+hexHash(otherCert())
	for name, value := range map[string]string{
		"an element in front, ended by a name":           hash + ";By=a," + other + ";By=b",
		"an element behind, begun by a name":             "By=a," + other + ";" + hash,
		"a hash and more than hex":                       hash + "zz",
		"a hash and half a byte":                         hash + "0",
		"a quote that never closes, behind a hash":       hash + `;Subject="x`,
		"text behind a closing quote":                    hash + `;Subject="x"y`,
		"a second quoted text behind the first":          hash + `;Subject="x""y"`,
		"a quote inside a bare value":                    hash + `;Subject=x"y`,
		"a quote in the place of a name":                 hash + `;"Subject"=x`,
		"a quote at the very beginning":                  `"x";` + hash,
		"a backslash outside quotes":                     hash + `;Subject=x\y`,
		"a backslash that would hide a semicolon":        `Subject=x\;` + hash,
		"a backslash at the end of an unclosed quote":    hash + `;Subject="\`,
		"a comma behind a quoted value":                  hash + `;Subject="x",` + other,
		"a list whose second element is empty":           hash + ",",
		"a list whose first element is empty":            "," + hash,
		"a hash in quotes that close and go on":          `Hash="` + hexHash(ownCert()) + `"zz`,
		"an escaped quote in front of a quoted hash":     `Subject="\"` + hash + `"`,
		"a hash of the right length in another spelling": "Hash=" + strings.Repeat("g", 64),
	} {
		t.Run(name, func(t *testing.T) {
			guard := proxied(t, "X-Forwarded-Client-Cert", middleware.ForwardedClientCert).Require()
			wantServed(t, guard, fromProxy(proxy, "X-Forwarded-Client-Cert", value), badToken, middleware.ReasonConfirmation)
		})
	}
}

func TestByteSequenceWithoutItsFirstColon(t *testing.T) {
	guard := proxied(t, "Client-Cert", middleware.ClientCertField).Require()
	wantServed(t, guard, fromProxy(proxy, "Client-Cert", sfBytes(ownCert())[1:]), badToken, middleware.ReasonConfirmation)
}

func TestPatternOfAnActorFitsWhateverItLeavesOut(t *testing.T) {
	v := validator(t, nil)
	everything := actedBy(claims{"iss": issuer, "sub": "desk", "client_id": "robot"})
	for name, pattern := range map[string]middleware.Actor{
		"the issuer": {Issuer: issuer}, "the subject": {Subject: "desk"}, "the client": {ClientID: "robot"}, "all": {Issuer: issuer, Subject: "desk", ClientID: "robot"},
	} {
		if got := serve(v.Require().ActingOnly(pattern), bearer(everything)).String(); got != "200" {
			t.Errorf("%s alone is named: %s", name, got)
		}
	}
	for name, pattern := range map[string]middleware.Actor{
		"the issuer": {Issuer: "x", Subject: "desk", ClientID: "robot"}, "the subject": {Issuer: issuer, Subject: "x", ClientID: "robot"}, "the client": {Issuer: issuer, Subject: "desk", ClientID: "x"},
	} {
		if got := serve(v.Require().ActingOnly(pattern), bearer(everything)).String(); got != "403 insufficient_scope" {
			t.Errorf("%s is another: %s", name, got)
		}
	}
}
