package reports_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// What is wrong with the form of a token is said in words of the sender's, and nothing of the token is shown.
func TestTheFormOfATokenIsExplained(t *testing.T) {
	good := kit.Mint(kit.GoodClaims(nil))
	unsigned := good[:strings.LastIndex(good, ".")+1]
	field := func(value string) *http.Request { return kit.Request("GET", kit.Fields("Authorization", value)) }
	for name, row := range map[string]struct {
		send *http.Request
		want []string
	}{
		"unsigned":      {kit.Bearer(unsigned), []string{"reason=malformed", `got="no signature"`, "an unsigned token (alg none) is never taken"}},
		"cut off":       {kit.Bearer(good[:40]), []string{"reason=malformed", `got="1 segments"`, "cut off"}},
		"cut in two":    {kit.Bearer(strings.TrimSuffix(unsigned, ".")), []string{"reason=malformed", `got="2 segments"`, "cut off"}},
		"four segments": {kit.Bearer(good + ".AAAA"), []string{"reason=malformed", `got="4 segments"`}},
		"no payload":    {kit.Bearer(good[:strings.Index(good, ".")] + ".." + good[strings.LastIndex(good, ".")+1:]), []string{`got="an empty segment"`}},
		"Bearer twice":  {field("Bearer Bearer " + good), []string{"reason=malformed_request", `got="Bearer twice"`, "begins with it already"}},
		"in quotes":     {field(`Bearer "` + good + `"`), []string{"reason=malformed_request", `got="a token in quotes"`}},
		"two words":     {field("Bearer " + good + " x"), []string{"reason=malformed_request", `got="a blank in it"`}},
		"milliseconds": {
			kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"exp": int64(1790000000000)}))),
			[]string{"reason=malformed_claim", "claim exp", "thirteen digits", "milliseconds"},
		},
		"nbf in the same": {kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"nbf": int64(1790000000000)}))), []string{"claim nbf", "milliseconds"}},
		"a date in words": {kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"exp": "tomorrow"}))), []string{"claim exp", "number of seconds"}},
	} {
		t.Run(name, func(t *testing.T) {
			var b kit.Log
			guard := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = textInto(&b) }).Require()
			if got := kit.Serve(guard, row.send); got.Token != nil {
				t.Fatal("the request is admitted")
			}
			wantSaid(t, b.String(), row.want)
			if strings.Contains(b.String(), good[:40]) {
				t.Errorf("the token is shown: %s", &b)
			}
		})
	}
}
