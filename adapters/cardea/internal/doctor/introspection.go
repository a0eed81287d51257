package doctor

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
	"github.com/cardea-auth/cardea/introspection"
)

// The client authentications that can be tried, by the names that servers register.
const (
	basic = "client_secret_basic"
	post  = "client_secret_post"
)

// introspect asks the introspection endpoint about random tokens that nobody has: as the client of the flags, and as a stranger.
func (e *examination) introspect(ctx context.Context) {
	e.asks = cmp.Or(e.IntrospectionURL, e.served.text("introspection_endpoint"))
	switch {
	case ctx.Err() != nil, e.asks == "" && e.served == nil:
		return
	case e.asks == "" && e.ClientID != "":
		e.add(Introspection, Problem, "Name the endpoint with -introspection-url.", "the metadata names no introspection endpoint")
		return
	case e.asks == "":
		e.add(Introspection, Note, "", "not offered: opaque tokens of this issuer cannot be judged, and revocation of JWTs is not seen")
		return
	}
	if !e.tryStranger(ctx) {
		return
	}
	if e.ClientID == "" {
		e.add(Introspection, Note, "Try it with -client-id and -client-secret-file or -client-secret-env.", "offered at %s.%s", plain.Line(e.asks),
			e.methodsOffered())
		return
	}
	e.tryClient(ctx)
}

// tryStranger reports whether it is worth trying a client.
func (e *examination) tryStranger(ctx context.Context) bool {
	active, x, err := e.ask(ctx, introspection.NoClientAuth())
	switch {
	case x == nil:
		e.add(Introspection, Problem, "Use https, or name the host with -dangerously-allow-http.", "%s cannot be asked: %s", plain.Line(e.asks), oneLine(err))
		return false
	case x.status == 0:
		e.add(Introspection, Problem, e.remedyForNetwork(cmp.Or(x.err, err)), "%s cannot be asked: %s", plain.Line(e.asks), oneLine(err))
		return false
	case err == nil && active:
		e.saysYes()
		return false
	case err == nil:
		e.add(Introspection, Warning, "Let it demand client authentication (RFC 7662 section 2.1): as it is, it tells thieves which tokens work.",
			"%s answers strangers", plain.Line(e.asks))
	}
	return true
}

// saysYes is about a server that finds a token active which nobody has.
func (e *examination) saysYes() {
	e.add(Introspection, Problem, "Do not use this endpoint: it lets every token in. Correct the server, or -introspection-url.",
		"%s calls a random token active", plain.Line(e.asks))
}

// tryClient tries the client authentications that the server says it takes, or all.
func (e *examination) tryClient(ctx context.Context) {
	methods := []string{basic, post}
	if e.ClientAuth != "" {
		methods = []string{e.ClientAuth}
	} else if offered := e.served.list("introspection_endpoint_auth_methods_supported"); slices.Contains(offered, post) && !slices.Contains(offered, basic) {
		slices.Reverse(methods)
	}
	var failed error
	for _, method := range methods {
		auth := introspection.SecretBasic(e.ClientID, e.ClientSecret)
		if method == post {
			auth = introspection.SecretPost(e.ClientID, e.ClientSecret)
		}
		active, x, err := e.ask(ctx, auth)
		switch {
		case err == nil && active:
			e.saysYes()
			return
		case err == nil:
			e.chosen = method
			e.add(Introspection, OK, "", "%s takes client %s by %s, and answers in %s", plain.Line(e.asks), plain.Quote(e.ClientID), method, duration(x.took))
			return
		case x == nil || !refusesClient(x.status):
			e.add(
				Introspection, Problem, "Correct -introspection-url, or look at the server: this is no answer by RFC 7662.", "%s: %s",
				plain.Line(e.asks), oneLine(err),
			)
			return
		}
		failed = cmp.Or(failed, err)
	}
	e.add(Introspection, Problem, "Compare client id and secret with the server's, and see that the client may introspect."+e.methodsOffered(),
		"%s refuses client %s by %s: %s", plain.Line(e.asks), plain.Quote(e.ClientID), plain.List(methods), oneLine(failed))
}

// refusesClient reports whether another client authentication may help.
func refusesClient(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden
}

// ask asks about one random token. The exchange is nil if no request was made.
func (e *examination) ask(ctx context.Context, auth introspection.ClientAuth) (active bool, x *exchange, err error) {
	number := e.watch.count()
	client, err := introspection.New(introspection.Config{
		URL:                  e.asks,
		Issuer:               e.Issuer,
		ClientAuth:           auth,
		DangerouslyAllowHTTP: e.Plain,
		HTTPClient:           e.client,
		Timeout:              fetchEnds,
		Logger:               slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return false, nil, err
	}
	defer func() { _ = client.Close() }()
	answer, err := client.Introspect(ctx, rand.Text())
	if asked := e.watch.since(number); len(asked) > 0 {
		x = asked[0]
	} else if err == nil {
		err = errors.New("no request was made")
	}
	return answer.Active(), x, err
}

// methodsOffered says how the server wants its clients to authenticate.
func (e *examination) methodsOffered() string {
	methods := e.served.list("introspection_endpoint_auth_methods_supported")
	if len(methods) == 0 {
		return ""
	}
	return " It offers " + plain.List(methods) + "."
}
