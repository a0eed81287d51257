// Package jwks finds the keys that verify an issuer's tokens.
//
// There are five key sources. All are safe for concurrent use, and each is for one issuer: keys of different issuers must never be in one
// pool, or one issuer could speak for another. All have the method VerificationKeys; Tenants wants to be told the iss, too.
//
//   - [Cache] fetches a JWKS document, found by its URL or through the issuer's metadata, and keeps it fresh.
//     This is the one to take. Always [Cache.Close] it.
//   - [Tenants] is a family of Caches, for a server on which each tenant has keys of its own.
//   - [Static] reads a JWKS document that you have, and [NewSet] takes keys of your own making.
//   - [HMAC] holds shared secrets. Whoever can verify with them can also sign.
//   - [FromKeyfunc] reads the storage of a github.com/MicahParks/keyfunc that you run already.
//
// A [Key] verifies the signatures of exactly one algorithm. It cannot be had without the checks on type, curve and size, so a
// Key in hand is fit for use: RSA has 2048 to 8192 bits, ES256 goes with P-256, PS256 demands a salt as long as its
// hash, an Ed25519 key of small order does not exist.
//
// # Two kinds of failure
//
// An error that wraps [ErrKeyNotFound] says that the token is not good: the issuer has no such key. An error that wraps
// [ErrUnavailable] says that nothing can be said about the token, because the keys cannot be had. The first is answered with
// 401, the second with 503; a 401 during an outage would make clients throw good tokens away.
//
// # What is not taken from a key set
//
// A set is read key by key, so that one broken key spoils no other. Skipped and counted ([Status]) are: private and symmetric
// keys, keys whose use is not sig or whose key_ops lack verify, types, curves, sizes and algorithms that are not supported or do
// not fit each other, keys beside the certificate of another key, and keys with a member that stands twice. A set
// without a usable key, or with more than 100, is a failed fetch: the keys fetched before stay.
//
// Members that a JWK may have or not are taken as absent when they are null, blank, empty or of a type that cannot be read, and so is a
// certificate that crypto/x509 does not parse: what the server has published badly is not the fault of whoever bears a token.
package jwks
