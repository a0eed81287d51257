// Package verdict has one token judged by the code that judges it in production, and says what was decided and why.
package verdict

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/input"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/unverified"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/explain"
)

// Question is what is to be judged, and for which route.
type Question struct {
	Token  input.Token
	Config middleware.Config // Observe, Logger and, with Field, TokenSources are set here
	Field  string            // the header field that the token comes in; empty: Authorization
	Scopes []string          // all of them
	Roles  []string          // one of them
}

// Report is what was decided. Of a refusal it holds the first check that failed: those behind it were not reached.
type Report struct {
	Version  int                `json:"version"` // of this format: 1
	Outcome  middleware.Outcome `json:"outcome"`
	Status   int                `json:"status"` // that a request would be answered with; 200: it would be let in
	Reason   middleware.Reason  `json:"reason,omitempty"`
	Issuer   string             `json:"issuer,omitempty"`
	Verified bool               `json:"verified"` // the signature stood, or the server vouched for the token
	Expected string             `json:"expected,omitempty"`
	Got      string             `json:"got,omitempty"`
	Hint     string             `json:"hint,omitempty"`
	Cause    string             `json:"cause,omitempty"`  // where neither side can be said, such as a server out of reach
	Causes   string             `json:"causes,omitempty"` // what usually leads there
	Remedy   string             `json:"remedy,omitempty"`

	Subject  string    `json:"subject,omitempty"` // these, if it would be let in
	ClientID string    `json:"client_id,omitempty"`
	Scopes   []string  `json:"scopes,omitempty"`
	Roles    []string  `json:"roles,omitempty"`
	Expiry   time.Time `json:"expiry,omitzero"`

	Unverified *unverified.Reading `json:"unverified,omitempty"` // what the token says, if it would not be let in
}

// Check finds mistakes of q.Config, scopes and roles without a token and without a network.
func Check(q Question) error {
	v, _, err := prepare(&q)
	if err == nil {
		_ = v.Close()
	}
	return err
}

// prepare makes the Validator and the route's Guard. A Guard panics over scopes and roles that are none, as they are constants in a program;
// here they are flags.
func prepare(q *Question) (v *middleware.Validator, guard *middleware.Guard, err error) {
	q.Config.Logger = slog.New(slog.DiscardHandler)
	if q.Field != "" {
		q.Config.IgnoreAuthorization, q.Config.TokenSources = true, []middleware.TokenSource{middleware.FromHeader(q.Field)}
	}
	if v, err = middleware.New(q.Config); err != nil {
		return nil, nil, err
	}
	defer func() {
		if mistake := recover(); mistake != nil {
			err = errors.Join(fmt.Errorf("-require or -role: %v", mistake), v.Close())
		}
	}()
	guard = v.Require(q.Scopes...)
	if len(q.Roles) > 0 {
		guard = guard.AnyRole(q.Roles...)
	}
	return v, guard, nil
}

// Judge asks a Validator. The error is a mistake that Check finds too.
func Judge(ctx context.Context, q Question) (*Report, error) {
	var decided middleware.Decision
	q.Config.Observe = func(_ context.Context, d middleware.Decision) { decided = d }
	v, guard, err := prepare(&q)
	if err != nil {
		return nil, err
	}
	defer func() { _ = v.Close() }()
	name, value := "Authorization", "Bearer "+q.Token.Text
	if q.Field != "" {
		name, value = q.Field, q.Token.Text
	}
	_ = v.Warm(ctx) // a server that is slow is given time; that it failed is what the decision says
	header := http.Header{}
	header.Set(name, value)
	admitted, err := guard.Authorize(ctx, middleware.Credentials{Header: header, Method: http.MethodGet, Target: "/"})
	r := &Report{Version: 1, Outcome: decided.Outcome, Status: http.StatusOK, Issuer: decided.Issuer, Verified: decided.Verified}
	if err != nil {
		r.refused(decided, err)
		r.Unverified = unverified.Read(q.Token, time.Now())
		return r, nil
	}
	if token, ok := middleware.TokenFromContext(admitted); ok {
		r.Subject, r.ClientID, r.Expiry = plain.Mask(token.Subject), plain.Mask(token.ClientID), token.Expiry.UTC()
		r.Scopes, r.Roles = token.Scopes.Slice(), token.Roles.Slice()
	}
	return r, nil
}

// refused takes over what the decision says of a refusal, and adds what is known of its reason.
func (r *Report) refused(d middleware.Decision, err error) {
	r.Reason, r.Expected, r.Got, r.Hint = d.Reason, plain.Mask(d.Expected), plain.Mask(d.Got), plain.Mask(d.Hint)
	var refusal *middleware.Error
	if errors.As(err, &refusal) {
		r.Status = refusal.Status()
		if r.Expected == "" && r.Got == "" && refusal.Err != nil {
			r.Cause = plain.Mask(plain.Line(refusal.Err.Error()))
		}
	}
	if why, ok := explain.About(d.Reason); ok {
		r.Causes, r.Remedy = why.Causes, why.Remedy
	}
}
