// Package authtest is an authorization server for tests: it mints good tokens and bad ones, rotates its keys, revokes,
// fails on demand, and answers introspection, all on a loopback address and with the time of your choice.
//
// A test of a protected API needs three things of it:
//
//	issuer := authtest.NewIssuer(t)
//	auth, err := middleware.New(issuer.Config("https://orders.example.com"))
//	…
//	request.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"scope": "orders:read"}))
//
// Nothing is faked: the Validator finds the issuer's metadata, fetches its keys over HTTP and verifies a signature. The
// issuer ends with the test. [Start] makes one for a program, such as an example that has to run without an account
// anywhere. The package does not import testing.
//
// A test of one handler needs no issuer at all: [Context] is the context in which an admitted request runs, with the
// claims that you name.
//
// # Tokens
//
// [Issuer.Token] and [Issuer.OpaqueToken] have defaults for everything, and [Claims] replace, extend or (with nil)
// remove them. [Issuer.Mint] chooses the algorithm and the rest of the header too, [Issuer.Sign] signs any text.
// [Issuer.Broken] is a collection of tokens that must be refused, each broken in one way; a few lines show that an API lets
// none of them in:
//
//	for name, token := range issuer.Broken() {
//		…
//	}
//
// # Proof of possession
//
// A token that is bound to a key or to a certificate (RFC 9449, RFC 8705) has it in its claim cnf, for which [Thumbprint] and
// [CertificateThumbprint] are there; [Issuer.ClientCertificate] makes a certificate. [Issuer.Proof] makes the DPoP proof for
// one request, [DPoPTransport] those for all requests of an http.Client, nonces included. [Issuer.BrokenProofs] is to
// proofs what Broken is to tokens:
//
//	token := issuer.Token(authtest.Claims{"cnf": authtest.Claims{"jkt": authtest.Thumbprint(key)}})
//	client := &http.Client{Transport: &authtest.DPoPTransport{Key: key, Token: token}}
//
// # Logouts
//
// [Issuer.LogoutToken] says that a user or a session has logged out, [Issuer.SendLogout] brings it to a receiver
// (middleware/revocation/logout), and [Issuer.BrokenLogoutTokens] are those that must log nobody out.
//
// # Security events
//
// [Issuer.SecurityEvent] says that something has happened to a session or a user, and [Issuer.BrokenSecurityEvents] are those that no receiver
// (middleware/revocation/events) may take. [Issuer.PushEvent] brings one to a receiver, [Issuer.OfferEvents] lets a receiver poll it, and
// [Issuer.PolledEvents] tells what the receiver has said of it. The Issuer has the configuration and the verification endpoint of a transmitter.
//
// # Keys, time and failures
//
//   - [Issuer.RotateKeys] signs with new keys and keeps the old ones published; [Issuer.DropOldKeys] withdraws those.
//   - [Issuer.Revoke] ends a token for the introspection endpoint.
//   - [Issuer.StatusList] publishes a Token Status List, which a token names in its claim status: [StatusList.Set] revokes.
//   - [Issuer.SetClock] moves the time in which tokens are minted and judged, so no test has to wait for an expiry.
//   - [Issuer.SetFault] makes endpoints slow, unavailable or talk nonsense, and [Issuer.Requests] counts what they were
//     asked: an API whose keys cannot be fetched answers 503, not 401.
//
// # Endpoints
//
// Below [Issuer.URL] are the metadata of OpenID Connect Discovery and RFC 8414, a key set with one key for each
// algorithm, the token endpoint (RFC 6749, client_credentials with scope and with resource or audience) and the
// introspection endpoint (RFC 7662, signed after RFC 9701 if Accept asks for it). The last two know one client,
// [Issuer.Client]. RSA keys join the key set when the first RSA token is minted, because making them takes longer than
// most tests.
//
// It is no authorization server for anything but tests: it has no users, keeps nothing, and gives tokens to whoever
// holds the Issuer.
package authtest
