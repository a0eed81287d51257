package middleware

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
)

// A refusal that the table does not know would be answered as our own fault.
func TestEveryRefusalOfAProofIsTranslated(t *testing.T) {
	used := make(map[Reason]bool)
	for r := dpop.Reason(1); r < dpop.Reasons; r++ {
		known, ok := proofReasons[r]
		if !ok || known.reason == "" {
			t.Errorf("reason %d has no translation", r)
		}
		if used[known.reason] {
			t.Errorf("%s stands for two refusals", known.reason)
		}
		used[known.reason] = true
		if status := statusFor(proofRefusal(dpop.Refusal{Reason: r})); status == 500 {
			t.Errorf("%s is answered with %d", known.reason, status)
		}
	}
	if got := proofRefusal(dpop.Refusal{Reason: dpop.Reasons}); got.reason != ReasonInternal || statusFor(got) != 500 {
		t.Errorf("an unknown refusal is %v", got)
	}
}

func TestEncodingsOfCertificatesAreThoseOfTheRoom(t *testing.T) {
	for public, inner := range map[CertificateEncoding]clientcert.Encoding{
		ClientCertField: clientcert.ClientCertField, ForwardedClientCert: clientcert.ForwardedClientCert, EscapedPEM: clientcert.EscapedPEM,
	} {
		if clientcert.Encoding(public) != inner {
			t.Errorf("encoding %d is %d in the room", public, inner)
		}
	}
}
