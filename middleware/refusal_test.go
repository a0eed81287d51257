package middleware

import (
	"errors"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
)

// A refusal that the table does not know would be answered as our own fault.
func TestEveryRefusalOfATokenIsTranslated(t *testing.T) {
	used := make(map[Reason]bool)
	for r := accesstoken.Reason(1); r < accesstoken.Reasons; r++ {
		known, ok := tokenReasons[r]
		if !ok || known.reason == "" {
			t.Errorf("reason %d has no translation", r)
		}
		if used[known.reason] && r != accesstoken.TooManyKeys { // of keys that are out of reach there are two kinds
			t.Errorf("%s stands for two refusals", known.reason)
		}
		used[known.reason] = true
		if status := statusFor(tokenRefusal(accesstoken.Refusal{Reason: r})); status == 500 {
			t.Errorf("%s is answered with %d", known.reason, status)
		}
	}
	if got := tokenRefusal(accesstoken.Refusal{Reason: accesstoken.Reasons}); got.reason != ReasonInternal || statusFor(got) != 500 {
		t.Errorf("an unknown refusal is %v", got)
	}
}

func TestEveryRefusalOfARequestIsTranslated(t *testing.T) {
	used := make(map[Reason]bool)
	for r := credential.Reason(1); r < credential.Reasons; r++ {
		got := credentialRefusal(credential.Refusal{Reason: r})
		if used[got.reason] {
			t.Errorf("%s stands for two refusals", got.reason)
		}
		used[got.reason] = true
		if status := statusFor(got); status != 400 && status != 401 && status != 403 {
			t.Errorf("%s is answered with %d", got.reason, status)
		}
	}
	if got := credentialRefusal(credential.Refusal{Reason: credential.Reasons}); got.reason != ReasonInternal || statusFor(got) != 500 {
		t.Errorf("an unknown refusal is %v", got)
	}
}

type inAWhile struct{ error }

func (inAWhile) RetryAfter() time.Duration { return 7 * time.Second }

// Who could not tell may know when to ask again; what a client has done wrong does not become right by waiting.
func TestRetryAfterOfAStore(t *testing.T) {
	for r := dpop.Reason(1); r < dpop.Reasons; r++ {
		want := time.Duration(0)
		if r == dpop.StoreUnavailable {
			want = 7 * time.Second
		}
		if got := proofRefusal(dpop.Refusal{Reason: r, Err: inAWhile{errors.New("full")}}).retryAfter; got != want {
			t.Errorf("reason %d: %v, want %v", r, got, want)
		}
	}
}

// statusFor is the status of the answer that a refusal becomes.
func statusFor(r refusal) int { return statusOf(r.code, r.reason, r.err) }

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
