package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
)

// policy is a Config in its compiled, immutable form. Only this is consulted on the request path.
type policy struct {
	credentials *credential.Finder
	judge       *accesstoken.Judge

	proofs              *dpop.Verifier // nil: DPoP-bound tokens are refused
	proofAlgorithms     string         // for challenges; empty without proofs
	keyRequired         bool           // a token must be bound to a key
	certificates        clientcert.Source
	certificateRequired bool // a token must be bound to a certificate
	fapi2               bool

	realm     string
	impliedBy map[string][]string // scope -> every other scope that carries it

	errorHandler func(http.ResponseWriter, *http.Request, *Error)
	observe      func(context.Context, Decision)
	logger       *slog.Logger
	clock        func() time.Time // never nil
	ownClock     bool             // clock is Config.Clock

	conflict atomic.Pointer[jwks.Key] // the last key that was met with a second algorithm, which is logged once
}

// realTime is time.Now() for a decision that began at start.
func (p *policy) realTime(start time.Time) time.Time {
	if p.ownClock {
		return time.Now()
	}
	return start
}
