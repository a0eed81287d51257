// Package revocations holds the tests of what Config.Revocations decides.
package revocations
