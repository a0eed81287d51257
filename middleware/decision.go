package middleware

import (
	"context"
	"log/slog"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/tally"
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

// Decision is what Config.Observe sees, one per Guard and request. Outcome, Reason, Issuer and Route have few values, all of them known
// from the configuration, and suit metric labels; Subject, ClientID and TokenID are for audit logs. They are filled from the token only after
// it has been verified. Method, Path, Expected, Got and Hint are for people: text of one line in ASCII, in which what the request or
// the token says is escaped and cut short. No field holds a token, a signature, a secret or a proof.
type Decision struct {
	_ [0]func() // keyed literals only

	Outcome Outcome
	Reason  Reason // empty when allowed
	Issuer  string // Issuer.URL as configured; empty when the token names none of them

	Subject, ClientID, TokenID string

	RevokedBy string // Verdict.Kind of the Revocations that knew the token; empty: it was not revoked

	Scopes Set  // what the route asks for
	Roles  Set  // what the route asks for, all of Guard.AnyRole's choices together
	Opaque bool // an authorization server was to judge, by introspection
	Cached bool // no signature was computed and no server asked
	Nested bool // an outer Guard had judged the same credentials: do not count the request twice

	Rechecked bool // asked with Credentials.Anew, as by Guard.Recheck: it is about a request that was decided before

	Method string // of the request
	Path   string // of the request-target, without its query; a segment that looks like a token is left out
	Route  string // the router's pattern; empty where it is not known, as in front of a router
	Peer   string // Credentials.RemoteAddr: a person's address, or a proxy's

	Verified bool   // the token's signature stood, or its server vouched for it: what Got says of the token is the issuer's word
	Expected string // of a refusal: what would have passed; empty where that cannot be said
	Got      string // of a refusal: what came
	Hint     string // of a refusal: what most often lies behind it, and the remedy

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
		Roles:     g.needs.namedRoles(),
		Opaque:    ruling.record.Opaque,
		Cached:    ruling.record.Cached,
		Nested:    ruling.nested,
		Rechecked: call.Anew,
		Method:    cause.Plain(call.Method),
		Path:      cause.Path(call.Target, call.token.In),
		Route:     call.Route,
		Peer:      cause.Plain(call.RemoteAddr),
		Verified:  ruling.record.Vouched || ruling.proven != nil,
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
		_, sides := cause.Split(refusal.Err)
		if refusal.Reason == ReasonSignature {
			sides = cause.Signature(ruling.record.KeyID, ruling.record.Algorithm)
		}
		d.Expected, d.Got, d.Hint = sides.Expected, sides.Got, sides.Hint
		if d.Hint == cause.ClockHint {
			d.Hint = g.validator.policy.clockHint(d.Issuer, call.now)
		}
	}
	return d
}

// clockHint says whether the clocks explain what is wrong with a date of an issuer's token.
func (p *policy) clockHint(issuer string, now time.Time) string {
	var server time.Time
	for _, known := range p.judge.Issuers() {
		source, ok := known.Keys.(interface{ Status() jwks.Status })
		if !ok || known.URL != issuer {
			continue
		}
		if status := source.Status(); !status.ServerTime.IsZero() {
			server = status.ServerTime.Add(time.Since(status.LoadedAt))
		}
	}
	return p.clocks[issuer].Hint(now, server)
}

// report hands the decision to those who look.
func (g *Guard) report(ctx context.Context, call *call, refusal *Error) {
	p := g.validator.policy
	write, before := false, uint64(0)
	if refusal != nil {
		write, before = g.isWritten(ctx, call, refusal)
	}
	if p.observe == nil && !write {
		return
	}
	d := g.decision(call, refusal)
	d.Duration = max(0, p.clock().Sub(d.Start))
	if write {
		p.write(ctx, &d, before)
	}
	if p.observe != nil {
		p.observe(ctx, d)
	}
}

// isWritten reports whether a refusal goes to the log, and how many of its kind did not since the last one that did.
func (g *Guard) isWritten(ctx context.Context, call *call, refusal *Error) (write bool, before uint64) {
	p := g.validator.policy
	if !p.log().Enabled(ctx, refusal.outcome().level()) {
		return false, 0
	}
	kind := tally.Kind{Reason: string(refusal.Reason), Issuer: call.ruling.issuer(), Route: call.Route}
	if kind.Route == "" {
		kind.Route = g.needs.label.String()
	}
	now := call.now
	if p.ownClock {
		now = time.Now()
	}
	return p.refusals.Write(kind, now)
}

// issuer is the issuer as configured; empty: the token names none of them.
func (r *ruling) issuer() string {
	if r.proven != nil {
		return r.proven.Issuer.URL
	}
	return r.record.Issuer
}

// level is that of the line about a refusal.
func (o Outcome) level() slog.Level {
	switch o {
	case Unavailable:
		return slog.LevelWarn
	case Failed:
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

// log is asked for at each line, as a program may set its default after it has made a Validator.
func (p *policy) log() *slog.Logger {
	if p.logger == nil {
		return slog.Default()
	}
	return p.logger
}

// write writes one record about a refusal. Allowed requests are the application's own to log.
func (p *policy) write(ctx context.Context, d *Decision, before uint64) {
	attrs := make([]slog.Attr, 0, 19)
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("outcome", string(d.Outcome))
	add("reason", string(d.Reason))
	add("revoked_by", d.RevokedBy)
	add("method", d.Method)
	add("path", d.Path)
	add("route", d.Route)
	add("issuer", d.Issuer)
	if p.logSubjects {
		add("peer", d.Peer)
		add("subject", cause.Plain(d.Subject))
		add("token_id", cause.Plain(d.TokenID))
	}
	add("client_id", cause.Plain(d.ClientID))
	add("needs", needsOf(d.Scopes, d.Roles))
	refusal := asError(d.Err)
	check, _ := cause.Split(refusal.Err)
	add("error", check)
	add("got", d.Got)
	add("expected", d.Expected)
	add("hint", d.Hint)
	if d.Got != "" && refusal.Reason.isAboutToken() {
		attrs = append(attrs, slog.Bool("verified", d.Verified))
	}
	if before > 0 {
		attrs = append(attrs, slog.Uint64("unwritten", before))
	}
	p.log().LogAttrs(ctx, d.Outcome.level(), "access token not accepted", attrs...)
}

// writeRest tells how many refusals have not been written.
func (p *policy) writeRest() {
	for _, sum := range p.refusals.Rest() {
		attrs := []slog.Attr{slog.String("reason", sum.Reason)}
		if sum.Issuer != "" {
			attrs = append(attrs, slog.String("issuer", sum.Issuer))
		}
		if sum.Route != "" {
			attrs = append(attrs, slog.String("route", sum.Route))
		}
		attrs = append(attrs, slog.Uint64("unwritten", sum.Unwritten))
		p.log().LogAttrs(context.Background(), slog.LevelInfo, "access tokens not accepted, beyond those that were logged", attrs...)
	}
}

// complain tells the operator once what only the issuer, or its configuration, can mend. The issuer is one of those configured, so what is
// remembered is bounded.
func (p *policy) complain(issuer, complaint string, cause error) {
	if _, told := p.complaints.LoadOrStore([2]string{issuer, complaint}, nil); !told {
		p.log().Error(complaint, "issuer", issuer, "error", cause)
	}
}
