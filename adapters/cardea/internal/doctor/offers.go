package doctor

import (
	"context"
	"net/http"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

// findOffers says what the server offers beyond tokens and keys: how an API could hear of revocation, and of bound tokens.
func (e *examination) findOffers(ctx context.Context) {
	e.findSignals(ctx)
	if e.served == nil {
		return
	}
	switch {
	case e.served.yes("backchannel_logout_session_supported"):
		e.add(Logout, OK, "", "back-channel logout is offered, with the session (sid): single sessions can be ended")
	case e.served.yes("backchannel_logout_supported"):
		e.add(Logout, Note, "", "back-channel logout is offered, without the session (sid): all sessions of a subject end together")
	default:
		e.add(
			Logout, Note, "",
			"back-channel logout is not offered: a JWT is good until it expires, unless it is introspected as well, or Config.Revocations (package revocation) takes it back",
		)
	}
	var kinds []string
	if len(e.served.list("dpop_signing_alg_values_supported")) > 0 {
		kinds = append(kinds, "DPoP")
	}
	if e.served.yes("tls_client_certificate_bound_access_tokens") {
		kinds = append(kinds, "client certificates")
	}
	if len(kinds) > 0 {
		e.add(Binding, OK, "", "tokens can be bound to their client: %s", plain.List(kinds))
	} else {
		e.add(Binding, Note, "", "neither DPoP nor certificate-bound tokens are offered: whoever has a token can use it")
	}
}

// findSignals looks for the transmitter's document of the Shared Signals Framework 1.0 (section 7.2), and of the draft before it.
func (e *examination) findSignals(ctx context.Context) {
	for _, name := range []string{"ssf-configuration", "risc-configuration"} {
		address := inserted(e.Issuer, name)
		if !e.mayAsk(address) {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		x := e.get(ctx, address)
		if x == nil || x.status == 0 {
			return // out of reach, which has been said
		}
		served := parseMetadata(x.body.Bytes())
		if x.status != http.StatusOK || served.text("issuer") == "" {
			continue
		}
		if issuer := served.text("issuer"); issuer != e.Issuer {
			e.add(Events, Warning, "Take signals from there only if that issuer speaks for this one.", "%s is of the issuer %s%s", plain.Line(address),
				plain.Quote(issuer), difference(issuer, e.Issuer))
			return
		}
		e.add(Events, OK, "", "shared signals are offered: %s", plain.Line(address))
		return
	}
	e.add(Events, Note, "", "shared signals (SSF, CAEP, RISC) are not offered")
}
