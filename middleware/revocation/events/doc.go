// Package events takes the security events of a transmitter (OpenID Shared Signals Framework 1.0) and lets those that end access revoke
// tokens: events of CAEP 1.0 and RISC 1.0, pushed (RFC 8935) or polled (RFC 8936).
//
//	receiver, err := events.New(auth, list, events.Config{
//		Transmitter: "https://idp.example.com",
//		Audiences:   []string{"https://orders.example.com/events"},
//		StreamID:    "f67e39a0a4d34d56b3aa1bc4cff0069f",
//	})
//	…
//	mux.Handle("/events", receiver)   // pushed
//	go receiver.Poll(ctx)             // or polled
//
// The stream itself is made with the transmitter's own tools: this package makes, changes and removes none, and adds no subjects to one. It
// takes for granted that every subject is part of the stream.
//
// # What ends access
//
// [Event.EndsAccess] says which types of event do: session-revoked, token-claims-change and credential-change (unless a credential was only
// created) of CAEP; account-disabled, account-purged, account-credential-change-required, credential-compromise and sessions-revoked of RISC; and
// token-revoked and tokens-revoked of the OAuth event types. Config.Ends decides otherwise. Every event, known or not, goes to Config.Event as
// well.
//
// # Whose
//
//   - iss_sub, with any name of Config.Issuer for its iss: the tokens of this sub that were issued before the event.
//   - jwt_id likewise: the token with this jti.
//   - opaque, in session-revoked and token-claims-change: the tokens whose sid it is. In other events it could be anything.
//   - aliases: whatever each of them says by itself.
//   - complex: of session-revoked and token-claims-change the session, if there is one, and else the user; of other events the user. Other
//     members narrow that in ways that no token tells, so they are left out of account: more tokens end, never fewer. One that the
//     transmitter calls critical must not be left out, and such an event is discarded.
//
// For everything else, such as an email address, an application sets Config.Entries. An event about nobody whom tokens name is taken and
// counted (Status.Unmapped), and is no error (SSF 1.0 section 9.3).
//
// "Before the event" is up to the second of its event_timestamp, or else toe or iat. Tokens that were issued later are good.
//
// # What is promised
//
// A token is answered with 202, or acknowledged, once what it ends is in the List and its Store has it. If the process ends earlier, the
// transmitter sends it again. What is no good is refused with a code and counted; what cannot be judged now (keys, Store, a function of Config
// that fails or panics) is never refused. An entry of Config.Entries that no List takes is left out and counted (Status.Invalid).
//
// A process that polls shows its feed as blind as well while polls fail, or tokens that come cannot be taken, for a minute or more ("unpolled",
// "untaken"): other processes need not be.
//
// A feed is blind, in every process that shares the Store, when the transmitter pauses or disables the stream ("paused", "disabled"), until it
// enables it, and when it does not send the verification event that Verify asks for ("unverified"), until one answers a Verify. Of the
// updates of the stream the one counts that was issued last by its iat, whichever process gets it; one that lies in the future ends nothing, nor
// does a verification event that answers no Verify or is older than ten minutes (Config.VerifyWithin, if that is longer). Each stream of a
// transmitter (Config.StreamID) is a feed. [revocation.List.Status] shows it, so an alarm should watch it.
package events
