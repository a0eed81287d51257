package main

// survivor names a mutant by what does not change when lines, functions or files move.
type survivor struct {
	below string // the folder at the top of the tree
	in    string // the function, with the type of its receiver where several files have one of its name: "key.check"; "" outside
	kind  kind
	check string // as the report prints it: on one line, the second of its equals in the function ends in (2)
}

// The reasons why a survivor needs no test.
const (
	shortcut    = "a shortcut: the way around it gives the same answer, only later"
	impliedBy   = "equivalent: the operand beside it, or the zero value, already says so"
	raceOnly    = "only a caller that is interrupted between two instructions could notice"
	boundOnly   = "a bound on memory that no answer depends on"
	twoClocks   = "no test can let the wall clock and the monotonic clock differ"
	behindIt    = "defence in depth: the next check refuses the same input, with the same outcome"
	byChance    = "only two different names whose hashes of 64 bits are equal by chance could notice"
	unreachable = "cannot happen after the checks before it; kept so that a change there fails closed"
)
