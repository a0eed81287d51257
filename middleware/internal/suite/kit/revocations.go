package kit

import "github.com/cardea-auth/cardea/middleware"

// Verdicts is a Revocations that looks every token up.
type Verdicts func(middleware.TokenFacts) middleware.Verdict

// Judge implements middleware.Revocations.
func (f Verdicts) Judge(t middleware.TokenFacts) middleware.Verdict { return f(t) }

// SetRevocations is a change of a Config.
func SetRevocations(list ...middleware.Revocations) func(*middleware.Config) {
	return func(cfg *middleware.Config) { cfg.Revocations = list }
}
