package middleware

import (
	"context"
	"log/slog"
	"time"
)

// Outcome is what a Guard decided. The set is closed, so it is safe as a metric label.
type Outcome string

// The outcomes, each with the status that it gives.
const (
	Allowed     Outcome = "allowed"     // a verified token that meets the requirement
	Anonymous   Outcome = "anonymous"   // no credentials, on a Guard made by Optional
	Refused     Outcome = "refused"     // 400, 401: the caller's fault
	Forbidden   Outcome = "forbidden"   // 403: a good token that may not do this
	Unavailable Outcome = "unavailable" // 503: not judged, because keys or introspection are out of reach
	Failed      Outcome = "failed"      // 500: our own fault
)

// Decision is what Config.Observe sees, one per Guard and request. Outcome, Reason and Issuer have few values, all of
// them known from the configuration, and suit metric labels; Subject, ClientID and TokenID are for audit logs. They are
// filled from the token only after it has been verified.
type Decision struct {
	_ [0]func() // keyed literals only

	Outcome Outcome
	Reason  Reason // empty when allowed
	Issuer  string // Issuer.URL as configured; empty when the token names none of them

	Subject, ClientID, TokenID string

	RevokedBy string // Verdict.Kind of the Revocations that knew the token; empty: it was not revoked

	Scopes Set  // what the route asks for
	Opaque bool // an authorization server was to judge, by introspection
	Cached bool // no signature was computed and no server asked
	Nested bool // an outer Guard had judged the same credentials: do not count the request twice

	Rechecked bool // asked with Credentials.Anew, as by Guard.Recheck: it is about a request that was decided before

	Start    time.Time // by Config.Clock, when the token was there: a form has been read by then
	Duration time.Duration
	Err      error // why; nil when allowed. It holds no token
}

// outcome translates the status of a refusal.
func (e *Error) outcome() Outcome {
	switch e.Status() {
	case 400, 401:
		return Refused
	case 403:
		return Forbidden
	case 503:
		return Unavailable
	default:
		return Failed
	}
}

// decision says what was decided. refusal is nil for a request that may go on.
func (g *Guard) decision(call *call, refusal *Error) Decision {
	ruling := &call.ruling
	d := Decision{
		Outcome:   Allowed,
		Issuer:    ruling.record.Issuer,
		RevokedBy: ruling.revokedBy,
		Scopes:    g.needs.named,
		Opaque:    ruling.record.Opaque,
		Cached:    ruling.record.Cached,
		Nested:    ruling.nested,
		Rechecked: call.Anew,
		Start:     call.now,
	}
	if ruling.anonymous {
		d.Outcome = Anonymous
	}
	if v := ruling.proven; v != nil {
		d.Issuer, d.Opaque = v.Issuer.URL, v.Facts.Opaque
		d.Subject, d.ClientID, d.TokenID = v.Facts.Subject, v.Facts.ClientID, v.Facts.ID
	}
	if refusal != nil {
		d.Outcome, d.Reason, d.Err = refusal.outcome(), refusal.Reason, refusal
	}
	return d
}

// report hands the decision to those who look.
func (g *Guard) report(ctx context.Context, call *call, refusal *Error) {
	p := g.validator.policy
	if p.observe == nil && refusal == nil {
		return
	}
	d := g.decision(call, refusal)
	d.Duration = max(0, p.clock().Sub(d.Start))
	if refusal != nil {
		p.write(ctx, &d)
	}
	if p.observe != nil {
		p.observe(ctx, d)
	}
}

// log is asked for at each line, as a program may set its default after it has made a Validator.
func (p *policy) log() *slog.Logger {
	if p.logger == nil {
		return slog.Default()
	}
	return p.logger
}

// write writes one record per refusal. Allowed requests are the application's own to log.
func (p *policy) write(ctx context.Context, d *Decision) {
	var level slog.Level
	switch d.Outcome {
	case Unavailable:
		level = slog.LevelWarn
	case Failed:
		level = slog.LevelError
	default:
		level = slog.LevelInfo
	}
	logger := p.log()
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("outcome", string(d.Outcome)),
		slog.String("reason", string(d.Reason)),
	}
	for _, a := range []struct{ key, value string }{
		{"issuer", d.Issuer},
		{"subject", bounded(d.Subject)},
		{"client_id", bounded(d.ClientID)},
		{"token_id", bounded(d.TokenID)},
		{"needs", d.Scopes.String()},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	attrs = append(attrs, slog.String("error", d.Err.Error()))
	logger.LogAttrs(ctx, level, "access token not accepted", attrs...)
}

// bounded keeps a claim from filling the log; slog's handlers escape it.
func bounded(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// complain tells the operator once what only the issuer, or its configuration, can mend. The issuer is one of those configured, so what is
// remembered is bounded.
func (p *policy) complain(issuer, complaint string, cause error) {
	if _, told := p.complaints.LoadOrStore([2]string{issuer, complaint}, nil); !told {
		p.log().Error(complaint, "issuer", issuer, "error", cause)
	}
}
