// Package interop holds tests, and the files of the provider that they start. They let the quickstart judge tokens of a real authorization server, npm's
// oidc-provider. That server is a process of its own (provider.mjs), and so is the quickstart. Tokens that are bound to a key or
// to a certificate go to an API in the test itself; their proofs are made by npm's oauth4webapi and jose (dpop.mjs). So do those
// of a provider that is reached through a proxy, which breaks connections on command.
//
//	npm ci --prefix examples/evidence/interop && go test ./examples/evidence/interop
//
// Without node or its packages the tests are skipped; with CI=true in the environment they fail.
package interop
