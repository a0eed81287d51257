package reports_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/explain"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// A Reason without a code decides the status by itself; what a Guard could not judge must never look like a fault of
// the caller, nor the reverse.
func TestReasonStatus(t *testing.T) {
	for reason, want := range map[middleware.Reason]int{
		middleware.ReasonNoToken:                  401,
		middleware.ReasonPreflight:                401,
		middleware.ReasonOtherScheme:              401,
		middleware.ReasonCrossOrigin:              403,
		middleware.ReasonKeysUnavailable:          503,
		middleware.ReasonIntrospectionUnavailable: 503,
		middleware.ReasonRuleUnavailable:          503,
		middleware.ReasonClosed:                   503,
		middleware.ReasonInternal:                 500,
		"":                                        500,
	} {
		if got := (&middleware.Error{Reason: reason}).Status(); got != want {
			t.Errorf("%q: got %d, want %d", reason, got, want)
		}
	}
}

func TestReasons(t *testing.T) {
	for _, row := range kit.Refusals() {
		t.Run(string(row.Reason), func(t *testing.T) {
			g := row.Guard(kit.NewValidator(t, row.Change))
			if got := kit.Serve(g, kit.Bearer(row.Token)); got.String() != row.Want {
				t.Errorf("got %v, want %s", got, row.Want)
			}
			if why, _ := explain.About(row.Reason); !strings.HasPrefix(row.Want, strconv.Itoa(why.Status)) {
				t.Errorf("package explain says %d, the response is %s", why.Status, row.Want)
			}
			if got := kit.ReasonOf(t, g, kit.Bearer(row.Token)); got != row.Reason {
				t.Errorf("reason is %q, want %q", got, row.Reason)
			}
		})
	}
}
