// Package issuers makes ready-made Issuers for well-known providers: what their tokens are known by, and what they are not to be
// confused with.
//
//	cfg := middleware.Config{
//		Audiences: []string{"https://api.example.com"},
//		Issuers:   []middleware.Issuer{issuers.Auth0("example.eu.auth0.com")},
//	}
//
// There is one function for each iss value, and a struct where a provider has several kinds of tokens under it. Each makes one
// [middleware.Issuer], a plain value whose fields can be looked at and changed before New. What is wrong with the arguments is in
// [middleware.Issuer.Err], which New refuses. A list of who may come (clients, repositories, tenants …) that is empty is a mistake; it
// never stands for all.
//
// Where a preset names no audience of its own it says so, and Config.Audiences counts. Two presets of one iss (Google's users and Google's
// service accounts, say) need two Validators, since an iss leads to one Issuer.
//
// What has something to close (connections to a provider's endpoint, a watched file) comes as [Running].
//
// Each comment says which claims are relied on, what the preset refuses, and what is not known for certain: providers document some things
// badly and change others. Look at a token of your own before you trust a preset with it. [Presets] lists them all, for commands and
// configuration files.
package issuers
