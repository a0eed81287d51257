package middleware

import (
	"context"
	"log/slog"
)

// log writes one record per refusal. Allowed requests are the application's own to log.
func (p *policy) log(ctx context.Context, d *Decision) {
	var level slog.Level
	switch d.Outcome {
	case Allowed, Anonymous:
		return
	case Unavailable:
		level = slog.LevelWarn
	case Failed:
		level = slog.LevelError
	default:
		level = slog.LevelInfo
	}
	if !p.logger.Enabled(ctx, level) {
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
	p.logger.LogAttrs(ctx, level, "access token not accepted", attrs...)
}

// bounded keeps a claim from filling the log; slog's handlers escape it.
func bounded(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
