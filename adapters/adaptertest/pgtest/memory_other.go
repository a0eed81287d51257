//go:build unix && !linux

package pgtest

const inMemory = ""

// roomInMemory is true where files may be kept in memory.
func roomInMemory() bool { return false }
