package middleware

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
)

// A refusal that the table does not know would be answered as our own fault.
func TestEveryRefusalOfATokenIsTranslated(t *testing.T) {
	used := make(map[Reason]bool)
	for r := accesstoken.Reason(1); r < accesstoken.Reasons; r++ {
		known, ok := tokenReasons[r]
		if !ok || known.reason == "" {
			t.Errorf("reason %d has no translation", r)
		}
		if used[known.reason] {
			t.Errorf("%s stands for two refusals", known.reason)
		}
		used[known.reason] = true
		if status := tokenError(accesstoken.Refusal{Reason: r}).Status(); status == 500 {
			t.Errorf("%s is answered with %d", known.reason, status)
		}
	}
	if got := tokenError(accesstoken.Refusal{Reason: accesstoken.Reasons}); got.Reason != ReasonInternal || got.Status() != 500 {
		t.Errorf("an unknown refusal is %v", got)
	}
}
