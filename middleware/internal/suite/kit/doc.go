// Package kit makes requests, tokens and Guards for the tests that go through the front door, serves them, and says what came of it.
// Keys, JWKs and signatures come from package testkit, which knows nothing of a Validator.
package kit
