package signature

import "context"

// StillPublished tells whether the key that verified a token earlier is still among its issuer's keys: Found, or why not. gone says that
// the source answered without it, as it does after the key was published anew under another id.
func (r Ref) StillPublished(ctx context.Context, source KeySource) (outcome Outcome, gone bool, err error) {
	keys, outcome, err := candidates(ctx, source, r.KeyID, r.Algorithm)
	if outcome != Found {
		return outcome, false, err
	}
	for _, key := range keys {
		if key == r.Key || key.Equal(r.Key) {
			return Found, false, nil
		}
	}
	return Unknown, true, errKeyGone
}
