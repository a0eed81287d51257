package accesstoken

import (
	"context"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/signature"
)

// maxReconsidered is two, because while the first look at other keys goes on the issuer may change them once more.
const maxReconsidered = 2

// reconsider lets the key source look for other keys, since none of those held verifies the token: a server may publish a new key under
// the name of an old one. Anyone can make such a token, so only one that would be accepted otherwise is worth that, as far as
// that can be told, and an explanation is worth no fetch. others says that there are some now. The refusal says that it cannot be told.
func (t *jwt) reconsider(ctx context.Context) (others bool, _ Refusal) {
	if !t.issuer.source.Reconsiders() || t.Recorder.On() || t.reconsidered == maxReconsidered || !t.wouldPass() {
		return false, Refusal{}
	}
	t.reconsidered++
	outcome, err := t.issuer.source.Reconsider(ctx, t.iss, t.header, t.keys)
	if outcome == signature.Unavailable {
		return false, unavailable(KeysUnavailable, err)
	}
	return outcome == signature.Found, Refusal{}
}

// wouldPass reports whether the token's own word is that it is for this API and good now. Its typ has been judged. Nothing is allocated, as
// this is what a flood of forged tokens comes to.
func (t *jwt) wouldPass() bool {
	var facts Facts
	if t.readTimes(&facts).Refused() || facts.Expiry.IsZero() || facts.checkTime(t.Now, t.issuer.Leeway).Refused() {
		return false
	}
	named, err := claims.AudienceHas(t.reading.At(claims.Audience), t.issuer.Audiences...)
	if err != nil {
		return false
	}
	clientID, _ := t.reading.First(t.issuer.clientID).Text()
	return t.forUs(clientID, named) == 0
}
