package tokens_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Names are compared case by case (RFC 7519 sections 4 and 7.3, RFC 8259 section 8.3), so two that differ in case are two claims. What nobody
// reads is nobody's affair, and a field gets the claim of exactly its name.
func TestForeignNamesMayDifferInCase(t *testing.T) {
	good := strings.Trim(string(testkit.JSON(kit.GoodClaims(nil))), "{}")
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, members := range []string{
			`"Department":"x","department":"y"`,
			`"resource_access":{"Portal":{"roles":["a"]},"portal":{"roles":["b"]}}`,
			`"Active":true`, `"x":{"role":"user","ROLE":"admin"}`, `"σ":1,"ς":2`,
		} {
			kit.WantAdmitted(t, v, kit.MintText("{"+good+","+members+"}"))
		}
		token := kit.WantAdmitted(t, v, kit.MintText("{"+good+`,"Department":"x","department":"y","Team":"z"}`))
		var own struct {
			Department string `json:"department"`
			Team       string `json:"team"`
		}
		if err := token.Claims(&own); err != nil || own.Department != "y" || own.Team != "" {
			t.Errorf("the claims are %+v, %v", own, err)
		}
	})
}
