//go:build race

package introspection_test

// raceEnabled: the race detector lets sync.Pool drop things at random, which costs allocations that a program has not.
const raceEnabled = true
