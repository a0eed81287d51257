package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

var errCrashers = errors.New("there are crashers: go test shows each again, once its input is in the testdata folder")

// report prints a Markdown table of the targets. The error says that one of them has failed.
func report(w io.Writer, targets []target, counts *tallies) error {
	var all tally
	rows := "| package | target | executions | per second | new inputs | crashers |\n|---|---|---:|---:|---:|---:|\n"
	for _, t := range targets {
		sum := counts.of(t)
		rows += fmt.Sprintf("| %s | %s | %s | %s | %d | %d |\n", t.dir, t.name, grouped(sum.Executions), grouped(int64(sum.rate())), sum.Inputs, len(sum.Crashers))
		all.Executions += sum.Executions
		all.Seconds += sum.Seconds
		all.Inputs += sum.Inputs
		all.Crashers = append(all.Crashers, sum.Crashers...)
	}
	rows += fmt.Sprintf(
		"| all | %d targets | %s | %s | %d | %d |\n", len(targets), grouped(all.Executions), grouped(int64(all.rate())), all.Inputs,
		len(all.Crashers),
	)
	for _, t := range targets {
		for _, crasher := range counts.of(t).Crashers {
			rows += fmt.Sprintf("\n%s: %s\n", t, crasher)
		}
	}
	if _, err := io.WriteString(w, rows); err != nil {
		return err
	}
	if len(all.Crashers) > 0 {
		return errCrashers
	}
	return nil
}

// grouped writes a number in groups of three digits.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}
