// Package differential holds no code but a test: it sends mutated tokens to Cardea and to three libraries that read them
// independently, go-jose, golang-jwt and jwx, and compares the verdicts.
//
// Whatever Cardea accepts, all three must accept, and read the same iss, sub, aud and exp from. Where Cardea alone refuses,
// the reason must be on the list in explained_test.go, for that class of mutation. Anything else fails the test, which
// then prints the token; all keys are fixed, so a token that was printed once can be judged again at any time.
//
//	cd examples/evidence/differential
//	GOWORK=off go test .                                             # a few thousand tokens
//	GOWORK=off go test . -timeout 0 -args -n 10000000                # ten million, some hours on two cores
//	GOWORK=off go test . -args -seed 7 -first 1234 -n 1 -show        # one token, with every verdict
//	GOWORK=off go test . -run '^$' -fuzz FuzzSignedText -fuzztime 1m # go's fuzzer chooses the text that is signed
package differential
