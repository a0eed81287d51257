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
	Config middleware.Config // Logger and, with Field, TokenSources are set here
	Field  string            // the header field that the token comes in; empty: Authorization
	Scopes []string          // all of them
	Roles  []string          // one of them
}

// Report is what was decided, step by step.
type Report struct {
	Explained *explain.Report

	Token  *Admitted           // if it would be let in
	Claims *unverified.Reading // what the token says, if it would not
	taken  []string
}

// Admitted is what a handler would see of the token.
type Admitted struct {
	Subject  string    `json:"subject,omitempty"`
	ClientID string    `json:"client_id,omitempty"`
	Scopes   []string  `json:"scopes"`
	Roles    []string  `json:"roles"`
	Expiry   time.Time `json:"expiry,omitzero"`
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

// Judge asks a Guard. The error is a mistake that Check finds too.
func Judge(ctx context.Context, q Question) (*Report, error) {
	v, guard, err := prepare(&q)
	if err != nil {
		return nil, err
	}
	defer func() { _ = v.Close() }()
	name, value := "Authorization", "Bearer "+q.Token.Text
	if q.Field != "" {
		name, value = q.Field, q.Token.Text
	}
	header := http.Header{}
	header.Set(name, value)
	credentials := middleware.Credentials{Header: header, Method: http.MethodGet, Target: "/"}

	_ = v.Warm(ctx) // a server that is slow is given time; that it failed is what the explanation says
	r := &Report{Explained: explain.Credentials(ctx, guard, credentials), taken: q.Token.Notes}
	if r.Explained.Outcome == middleware.Allowed {
		r.Token = admitted(ctx, guard, credentials)
	} else {
		r.Claims = unverified.Read(q.Token, time.Now())
	}
	return r, nil
}

// admitted is the token as a handler would get it; nil if the Guard changed its mind, as at the end of ctx.
func admitted(ctx context.Context, guard *middleware.Guard, credentials middleware.Credentials) *Admitted {
	inside, err := guard.Authorize(ctx, credentials)
	if err != nil {
		return nil
	}
	token, _ := middleware.TokenFromContext(inside)
	return &Admitted{
		Subject:  plain.Mask(token.Subject),
		ClientID: plain.Mask(token.ClientID),
		Scopes:   append([]string{}, token.Scopes.Slice()...),
		Roles:    append([]string{}, token.Roles.Slice()...),
		Expiry:   token.Expiry.UTC(),
	}
}
