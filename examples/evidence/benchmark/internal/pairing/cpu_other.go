//go:build !unix

package pairing

import (
	"errors"
	"time"
)

// CPUClock is not known on this system.
func CPUClock() (time.Time, error) {
	return time.Time{}, errors.New("benchmark: this system does not tell the CPU time of a process; run without -cpu")
}
