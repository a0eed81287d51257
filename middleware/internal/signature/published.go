package signature

import "context"

// StillPublished tells whether the key that verified a token of this iss earlier is still among its issuer's keys: Found, or why not.
func (r Ref) StillPublished(ctx context.Context, source Source, iss string) (Outcome, error) {
	keys, outcome, err := source.ask(ctx, iss, r.Header.KeyID, r.Header.Algorithm)
	if outcome != Found {
		return outcome, err
	}
	for _, key := range keys {
		if key == r.Key || key.Equal(r.Key) {
			return Found, nil
		}
	}
	return Unknown, errKeyGone
}
