package kit

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Thumbprint is that of a key as cnf has it in jkt (RFC 9449 section 6.1).
func Thumbprint(public crypto.PublicKey) string { return testkit.Thumbprint(testkit.JWK(public)) }

// ProvenRequest is a good call: a token bound to the key and a fresh proof.
func ProvenRequest(key crypto.Signer) *http.Request {
	token := Mint(GoodClaims(BoundTo(key)))
	return DPoPRequest(token, testkit.Proof{Key: key, Token: token}.String())
}

// ReplayStoreFunc is a ReplayStore.
type ReplayStoreFunc func(ctx context.Context, key string, until time.Time) (bool, error)

func (f ReplayStoreFunc) Add(ctx context.Context, key string, until time.Time) (bool, error) {
	return f(ctx, key, until)
}

// ErrStore is what a store says that is out of reach.
var ErrStore = errors.New("the store is out of reach")
