package faults_test

import "flag"

var (
	full = flag.Bool("full", false, "send the great numbers of requests in full, instead of a part of them")
	soak = flag.Bool("soak", false, "send the millions of tokens of the floods, which takes some minutes")
)

// part is a fiftieth of the number of requests that the README promises, so that the answer comes in seconds; -full asks for all of
// them. A number that a limit of Cardea sets is never divided.
func part(number int) int {
	if *full {
		return number
	}
	return number / 50
}
