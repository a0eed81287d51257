// Package logout hears of logouts from authorization servers (OpenID Connect Back-Channel Logout 1.0) and enters them into a
// [revocation.List], so that the access tokens of a session end with it:
//
//	receiver, err := logout.New(auth, list, logout.Config{ClientIDs: []string{"web", "mobile"}})
//	…
//	mux.Handle("/backchannel-logout", receiver)
//
// The server sends a logout token, a JWT that it signs, to the address that is registered as the backchannel_logout_uri of a client. An API is no
// client, so register the address of the [Receiver] for the clients whose tokens the API gets, or let their backends forward what
// they receive. The address must be reached over TLS; nothing else protects it, and nothing else needs to: whoever calls it without a logout token
// of a trusted issuer achieves nothing. A forged one costs what a forged access token costs, one look at a signature at most, and what
// can be refused more cheaply is. Where that is too much, limit the rate of calls in front of it, but not below what the server sends when
// many users log out at once.
//
// # What ends
//
// A logout token that names a session (sid) ends the access tokens that carry the same sid, whenever they were issued. One that names the user
// alone (sub) ends those of the user that were issued before the logout token was, or in the same second; a login after the logout is not touched,
// however late the logout token arrives. With both, the session ends and no other of the user's; [Config.WholeSubject] ends the user's
// other tokens too.
//
// Many servers put no sid into access tokens, and then nothing that names only a session can find them: look at one. Keycloak puts it there.
// oidc-provider has it in its logout tokens for clients with backchannel_logout_session_required, and in access tokens where formats.customizers
// copies it. Auth0 sends it in logout tokens, and reserves the name in access tokens, so there it takes WholeSubject. The sub of both tokens
// must be the same too, which it is not where it is pairwise and differs by client.
//
// # What is asked of a logout token
//
// It is verified as access tokens are, under the keys and algorithms of its issuer. It needs iss, aud, iat, exp, jti, sub or sid, and events with the
// member of a back-channel logout, an object; it must have no nonce, which keeps ID tokens out. Its typ is logout+jwt, or JWT or absent as
// older servers write it; any other is refused. [Config.DangerouslyNoExpiry] is for servers that leave exp out, as drafts before 2022 did. A logout token that comes again is answered as before, and enters nothing anew.
package logout
