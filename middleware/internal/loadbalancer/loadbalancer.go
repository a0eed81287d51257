// Package loadbalancer is the dialect of AWS Application Load Balancers, whose tokens are padded base64url under a signature over the padded
// text, which RFC 7515 section 2 forbids. Whoever can name Keys can have such tokens read: the packages below middleware, of which issuers alone makes one.
package loadbalancer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// Field is the header field in which the balancer puts its tokens, in canonical form.
const Field = "X-Amzn-Oidc-Data"

// Keys finds the keys of the load balancers of a region. All accounts of that region share them, so the header must name one that is trusted.
type Keys struct {
	Find    func(ctx context.Context, kid, alg string) ([]*jwks.Key, error)
	Signers []string // the ARNs of the load balancers that may sign
}

// VerificationKeys is middleware.KeySource.
func (k *Keys) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	return k.Find(ctx, kid, alg)
}

// Signed judges whether a trusted load balancer says that it has signed, and returns what it signs: the signing input in its padded form.
func (k *Keys) Signed(signingInput string) (string, error) {
	header, payload, _ := strings.Cut(signingInput, ".")
	text, _ := compact.Text(header)        // what cannot be read names no signer
	var members map[string]json.RawMessage // exact names
	_ = json.Unmarshal([]byte(text), &members)
	var signer string
	_ = json.Unmarshal(members["signer"], &signer)
	if !slices.Contains(k.Signers, signer) {
		return "", fmt.Errorf("the header's signer is %.200q, want one of %q", signer, k.Signers)
	}
	return pad(header) + "." + pad(payload), nil
}

func pad(segment string) string { return segment + "=="[:(4-len(segment)%4)%4] }

// Unpad takes the padding off the three segments of a token. ok is false unless each has exactly the padding that RFC 4648 section 4 gives it, so that
// a token has one spelling.
func Unpad(token string) (unpadded string, ok bool) {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return "", false
	}
	for i, segment := range segments {
		bare := strings.TrimRight(segment, "=")
		if len(segment)%4 != 0 || len(segment)-len(bare) > 2 || strings.Contains(bare, "=") {
			return "", false
		}
		segments[i] = bare
	}
	return strings.Join(segments, "."), true
}
