package dpop

import (
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

const (
	maxProofBytes = 8 << 10
	maxProofID    = 1 << 10 // of jti
)

// onlyProof takes the one proof of a call apart.
func onlyProof(fields []string) (compact.JWS, error) {
	switch {
	case len(fields) == 0:
		return compact.JWS{}, errNoProof
	case len(fields) > 1:
		return compact.JWS{}, errSeveral
	case len(fields[0]) > maxProofBytes:
		return compact.JWS{}, errForm
	}
	jws, err := compact.Split(fields[0])
	if err != nil {
		return compact.JWS{}, errForm
	}
	return jws, nil
}

// proof holds the claims of a DPoP proof (RFC 9449 section 4.2).
type proof struct {
	id, method, uri, tokenHash, nonce string
	issuedAt                          time.Time
}

// readProof reads the claims, all of which are required but the nonce.
func readProof(segment string) (*proof, error) {
	text, err := compact.Text(segment)
	if err != nil {
		return nil, errForm
	}
	var p proof
	var issuedAt strictjson.Value
	complete := true
	err = strictjson.Walk(text, func(name string, v strictjson.Value) error {
		var into *string
		switch name {
		case "jti":
			into = &p.id
		case "htm":
			into = &p.method
		case "htu":
			into = &p.uri
		case "ath":
			into = &p.tokenHash
		case "nonce":
			into = &p.nonce
		case "iat":
			issuedAt = v
		default:
			complete = complete && !resembles(name, proofNames)
		}
		if into != nil {
			var ok bool
			*into, ok = v.Text()
			complete = complete && ok
		}
		return nil
	})
	if err != nil {
		return nil, errForm
	}
	if p.issuedAt, err = issuedAt.NumericDate(); err != nil || !complete {
		return nil, errClaims
	}
	if p.id == "" || len(p.id) > maxProofID || p.method == "" || p.uri == "" || p.tokenHash == "" {
		return nil, errClaims
	}
	return &p, nil
}

var proofNames = []string{"jti", "htm", "htu", "ath", "nonce", "iat"}

// resembles reports whether name differs in nothing but case from one that is read: a reader that ignores case would take it for that one.
func resembles(name string, read []string) bool {
	return slices.ContainsFunc(read, func(own string) bool { return strings.EqualFold(own, name) })
}
