package explain

import (
	"context"
	"net/http"

	"github.com/cardea-auth/cardea/middleware"
)

// Report is a decision, step by step, and what could be changed about it. It is for operators: what a token says stands in it. It holds no
// token, signature, secret or proof.
type Report struct {
	middleware.Explanation

	// Advice are the smallest changes, of the Config or at the authorization server, that would let the token in. Empty: it was let in, or none
	// should be made, as of a token that is forged, expired or revoked.
	Advice []string
}

// Request explains what a Guard decides about r, as [middleware.Guard.Explain] does: nothing comes of it, and a token in a form is not looked
// for. Nothing of r is read but its fields.
func Request(g *middleware.Guard, r *http.Request) *Report {
	c := middleware.Credentials{Header: r.Header, Method: r.Method, Target: r.RequestURI, Route: r.Pattern, RemoteAddr: r.RemoteAddr}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.Certificate = r.TLS.PeerCertificates[0]
	}
	return Credentials(r.Context(), g, c)
}

// Credentials is Request for any transport.
func Credentials(ctx context.Context, g *middleware.Guard, c middleware.Credentials) *Report {
	e := g.Explain(ctx, c)
	return &Report{Explanation: *e, Advice: advice(e)}
}

// Token explains a token as if it had been sent as Bearer, with GET. One that is bound to a key or a certificate fails at [middleware.StepBinding],
// as there is nothing that proves it.
func Token(ctx context.Context, g *middleware.Guard, token string) *Report {
	return Credentials(ctx, g, middleware.Credentials{
		Header: http.Header{"Authorization": {"Bearer " + token}},
		Method: http.MethodGet,
		Target: "/",
	})
}
