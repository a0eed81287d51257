package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// outcome is what one turn of a target has brought.
type outcome struct {
	executions int64
	inputs     int64 // new interesting ones
	took       time.Duration
	crashers   []string
}

func (o outcome) String() string {
	text := fmt.Sprintf("%d executions in %v, %d new inputs", o.executions, o.took.Round(time.Second), o.inputs)
	if len(o.crashers) > 0 {
		text += ", FAILED: " + strings.Join(o.crashers, ", ")
	}
	return text
}

var (
	progressLine = regexp.MustCompile(`(?m)^fuzz: elapsed: ([0-9hms]+), execs: ([0-9]+) \([0-9]+/sec\), new interesting: ([0-9]+)`)
	writtenLine  = regexp.MustCompile(`(?m)^\s*Failing input written to (\S+)`)
	seedLine     = regexp.MustCompile(`(?m)failure while testing seed corpus entry: (\S+)`)
	failureLine  = regexp.MustCompile(`(?m)^\s*--- FAIL: .*\n(.*)`)
)

// parseOutput reads what a test binary has printed under -test.fuzz. The numbers of its last line hold for the whole turn.
func parseOutput(text string, failed bool) outcome {
	var o outcome
	if lines := progressLine.FindAllStringSubmatch(text, -1); len(lines) > 0 {
		last := lines[len(lines)-1]
		o.took, _ = time.ParseDuration(last[1])
		o.executions, _ = strconv.ParseInt(last[2], 10, 64)
		o.inputs, _ = strconv.ParseInt(last[3], 10, 64)
	}
	if !failed {
		return o
	}
	for _, pattern := range []*regexp.Regexp{writtenLine, seedLine} {
		for _, line := range pattern.FindAllStringSubmatch(text, -1) {
			o.crashers = append(o.crashers, line[1])
		}
	}
	if len(o.crashers) == 0 && !endedInTime(text) {
		o.crashers = []string{"failed without an input: " + lastLine(text)}
	}
	return o
}

// endedInTime recognises the one failure that is none: now and then a turn's end meets an execution, and the fuzzer reports its own
// deadline (https://go.dev/issue/48591).
func endedInTime(text string) bool {
	failure := failureLine.FindStringSubmatch(text)
	return failure != nil && strings.TrimSpace(failure[1]) == "context deadline exceeded"
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
