package kit

import (
	"context"
	"net/http"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// The outcomes that RFC 6750 section 3.1 wants for every token that is no good, and RFC 9449 section 7.1 for every such proof.
const (
	BadToken = "401 invalid_token"
	BadProof = "401 invalid_dpop_proof"
)

// WantRefused sends the token twice, because the second time must not be kinder, and asks for the reason.
func WantRefused(t testing.TB, v *middleware.Validator, token, outcome string, reason middleware.Reason) {
	t.Helper()
	guard := v.Require()
	for range 2 {
		if got := Serve(guard, Bearer(token)).String(); got != outcome {
			t.Errorf("outcome is %q, want %q", got, outcome)
		}
	}
	if got := ReasonOf(t, guard, Bearer(token)); got != reason {
		t.Errorf("reason is %q, want %q", got, reason)
	}
}

// WantAdmitted sends the token twice, the second time past the cache if there is one.
func WantAdmitted(t testing.TB, v *middleware.Validator, token string) *middleware.Token {
	t.Helper()
	guard := v.Require()
	var admitted *middleware.Token
	for range 2 {
		got := Serve(guard, Bearer(token))
		if got.String() != "200" || got.Token == nil {
			t.Fatalf("outcome is %q (%s), want 200 and a token", got, ReasonOf(t, guard, Bearer(token)))
		}
		admitted = got.Token
	}
	return admitted
}

// WantOutcome is WantRefused, or WantAdmitted for the empty reason.
func WantOutcome(t testing.TB, v *middleware.Validator, token string, reason middleware.Reason) {
	t.Helper()
	if reason == "" {
		WantAdmitted(t, v, token)
		return
	}
	WantRefused(t, v, token, BadToken, reason)
}

// WantPanic calls f and wants it to panic with this text.
func WantPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("panic is %v\nwant %v", got, want)
		}
	}()
	f()
}

// WantServed sends r and wants this outcome and this reason of the refusal, which is seen by Observe.
func WantServed(t testing.TB, g *middleware.Guard, r *http.Request, outcome string, reason middleware.Reason) Served {
	t.Helper()
	got := Serve(g, r.Clone(context.Background()))
	if text := got.ofAnyScheme(); text != outcome {
		t.Errorf("outcome is %q, want %q", text, outcome)
	}
	if reason != "" {
		if seen := ReasonOf(t, g, r.Clone(context.Background())); seen != reason {
			t.Errorf("reason is %q, want %q", seen, reason)
		}
	}
	return got
}
