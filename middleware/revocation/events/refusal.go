package events

import (
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// errCode tells a transmitter why its security event token was refused for good (RFC 8935 section 2.4, RFC 8936 section 2.6).
type errCode string

const (
	invalidRequest       errCode = "invalid_request"
	invalidKey           errCode = "invalid_key"
	invalidIssuer        errCode = "invalid_issuer"
	invalidAudience      errCode = "invalid_audience"
	invalidState         errCode = "invalid_state" // SSF 1.0 section 8.1.4
	authenticationFailed errCode = "authentication_failed"
)

// descriptions are what a transmitter may read. The cause is for our own log: whoever sends need not be the transmitter.
var descriptions = map[errCode]string{
	invalidRequest:       "The request is not a security event token that this receiver can read, or an event lacks what its type requires.",
	invalidKey:           "None of the issuer's keys and algorithms has signed the security event token.",
	invalidIssuer:        "The issuer is not the one whose events this receiver takes.",
	invalidAudience:      "The audience does not name this receiver.",
	invalidState:         "The state is not one that this receiver has asked to be verified with, or it came too late.",
	authenticationFailed: "The Authorization field is not the one that was agreed on.",
}

// refusal is an error that sending again does not mend. Every other error is ours, and says that it does.
type refusal struct {
	code errCode
	err  error
}

func (r *refusal) Error() string { return fmt.Sprintf("events: %s: %v", r.code, r.err) }
func (r *refusal) Unwrap() error { return r.err }

func refuse(code errCode, format string, args ...any) error {
	return &refusal{code: code, err: fmt.Errorf(format, args...)}
}

func malformed(format string, args ...any) error { return refuse(invalidRequest, format, args...) }

// verdictOf turns what the verification says into what the transmitter is told.
func verdictOf(err error) error {
	switch {
	case errors.Is(err, issued.ErrMalformed), errors.Is(err, issued.ErrType):
		return &refusal{invalidRequest, err}
	case errors.Is(err, issued.ErrIssuer):
		return &refusal{invalidIssuer, err}
	case errors.Is(err, issued.ErrSignature):
		return &refusal{invalidKey, err}
	default:
		return err
	}
}
