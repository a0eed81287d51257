package events

import (
	"encoding/json"
	"strings"
	"time"
)

// The types of event that a Receiver acts on, or that Event.EndsAccess decides about.
const (
	// CAEP 1.0 section 3.
	SessionRevoked    = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	TokenClaimsChange = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
	CredentialChange  = "https://schemas.openid.net/secevent/caep/event-type/credential-change"

	// RISC 1.0 section 2.
	AccountDisabled                 = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	AccountPurged                   = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
	AccountCredentialChangeRequired = "https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required"
	CredentialCompromise            = "https://schemas.openid.net/secevent/risc/event-type/credential-compromise"
	SessionsRevoked                 = "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked" // deprecated, and sent

	// OAuth Event Types 1.0, a draft that Google sends.
	TokenRevoked  = "https://schemas.openid.net/secevent/oauth/event-type/token-revoked"
	TokensRevoked = "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked"

	// SSF 1.0 sections 8.1.4 and 8.1.5: about the stream itself.
	verification  = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	streamUpdated = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"
)

// Event is what one security event token says has happened.
type Event struct {
	_ [0]func() // keyed literals only

	Type        string // the URI of its type
	Transmitter string // iss of the security event token
	ID          string // its jti
	Transaction string // its txn: the same for all events of one cause; empty: it names none

	Subject Subject

	// Time is when it happened: event_timestamp, else toe, else iat. It is at most a minute ahead of this machine's clock: what has
	// happened cannot lie in the future, and an entry that did would refuse tokens that are good.
	Time time.Time

	// Payload is what the type of event says of itself, a JSON object, as the transmitter wrote it.
	Payload json.RawMessage
}

// EndsAccess reports whether tokens that were issued before the event should be refused from then on. That is so for the types of this
// package, with one exception: credential-change of the change_type "create" (CAEP 1.0 section 3.3), as a further credential takes nothing
// away from tokens that others got. It is not so for account-enabled and for levels of assurance, risk and compliance, which ask for a
// judgement, nor for any type that is unknown.
func (e Event) EndsAccess() bool {
	switch e.Type {
	case SessionRevoked, TokenClaimsChange, AccountDisabled, AccountPurged, AccountCredentialChangeRequired, CredentialCompromise,
		SessionsRevoked, TokenRevoked, TokensRevoked:
		return true
	case CredentialChange:
		return !e.creates()
	default:
		return false
	}
}

// creates reports whether a credential-change says in one way that it only adds a credential. What says otherwise, or nothing that can be
// read, may have taken one away.
func (e Event) creates() bool {
	var payload map[string]json.RawMessage // by exact names, which a struct would not be
	if json.Unmarshal(e.Payload, &payload) != nil {
		return false
	}
	for name := range payload {
		if name != "change_type" && strings.EqualFold(name, "change_type") {
			return false
		}
	}
	return string(payload["change_type"]) == `"create"`
}

// namesSession reports whether an event is about the session that its subject names, and not about everything of its user.
func (e Event) namesSession() bool { return e.Type == SessionRevoked || e.Type == TokenClaimsChange }
