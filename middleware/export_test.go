package middleware

import (
	"log/slog"
	"net/http"

	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/record"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

// Tests provoke refusals by the thousand; one that wants to read a line brings a Logger.
func init() { slog.SetDefault(slog.New(slog.DiscardHandler)) }

// LimitProofs lets v, whose PublicURL is base, remember so many proofs: more than a few take the time of a test.
func LimitProofs(v *Validator, base string, capacity int) {
	address, _ := targeturi.Parse(base)
	v.policy.proofs = dpop.New(dpop.Config{Bases: []targeturi.URI{address}, Algorithms: asymmetric, Capacity: capacity})
}

// CheckRecorded is Guard.Check with a Recorder.
func CheckRecorded(g *Guard, r *http.Request) ([]record.Entry, error) {
	recorder := new(record.Recorder)
	call := &call{Credentials: credentialsOf(r), now: g.validator.policy.clock(), recorder: recorder}
	_, refused := g.decide(r.Context(), call, r)
	if refused == nil {
		return recorder.Entries(), nil
	}
	return recorder.Entries(), g.refuse(refused, call)
}

// ForgetUnusable lets a Guard without a Validator speak at once.
func ForgetUnusable() { unusableLogged.Store(0) }
