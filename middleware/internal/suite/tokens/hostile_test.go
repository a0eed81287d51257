package tokens_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// hostile is a row of a table of attacks.
type hostile struct {
	name   string // the attack
	token  string
	reason middleware.Reason
}

// wantAllRefused runs such a table each way: 401, invalid_token and the reason of the row.
func wantAllRefused(t *testing.T, change func(*middleware.Config), attacks []hostile) {
	t.Helper()
	kit.WithAndWithoutCache(t, change, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil))) // or the table would prove nothing
		for _, attack := range attacks {
			t.Run(attack.name, func(t *testing.T) {
				kit.WantRefused(t, v, attack.token, kit.BadToken, attack.reason)
			})
		}
	})
}
