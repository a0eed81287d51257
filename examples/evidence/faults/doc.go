// Package faults holds tests alone: each lets an authorization server fail in one way while requests come, and counts what a
// whole Validator does about it. README.md lists fault, promise and test.
//
//	go test ./examples/evidence/faults               # a fiftieth of  the great numbers
//	go test ./examples/evidence/faults -args -full   # all of them
//
// Every token is labelled: what is right for it is known before it is sent. The authorization server being in trouble may
// turn a good token's answer into 503, never into 401, and never lets a bad one pass.
//
// Minutes and days are those of a testing/synctest bubble, so nothing is waited for and no assertion depends on how fast
// the machine is: what a request waited is measured exactly, and "it did not wait" is zero. Connections, TLS and decompression are real.
package faults
