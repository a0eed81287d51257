package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// String is the mutant on one line: where, how, and the source of the check.
func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", m.file, m.line, m.kind, m.flat())
}

func (m *mutant) flat() string { return strings.Join(strings.Fields(m.text), " ") }

type tally struct{ mutants, killed, accepted, survived, untried int }

func (t *tally) count(m *mutant, isAccepted bool) {
	t.mutants++
	switch {
	case m.fate == untried:
		t.untried++
	case m.fate != survived:
		t.killed++
	case isAccepted:
		t.accepted++
	default:
		t.survived++
	}
}

// report prints the table and the survivors. The error says that there is one without a reason, or a reason without a survivor.
func report(w io.Writer, mutants []*mutant) error {
	var files []string
	tallies := make(map[string]*tally)
	total := new(tally)
	used := make(map[survivor]bool)
	for _, m := range mutants {
		if tallies[m.file] == nil {
			files = append(files, m.file)
			tallies[m.file] = new(tally)
		}
		key := survivor{m.file, m.kind, m.flat()}
		reason, isAccepted := accepted[key]
		tallies[m.file].count(m, isAccepted)
		total.count(m, isAccepted)
		if m.fate == survived || m.fate == untried {
			used[key] = true
		}
		if m.fate == survived {
			if !isAccepted {
				reason = "NO REASON GIVEN"
			}
			fmt.Fprintf(w, "%s\n\tsurvived: %s\n", m, reason)
		}
	}
	stale := 0
	for key := range accepted {
		if tallies[key.file] != nil && !used[key] {
			stale++
			fmt.Fprintf(w, "%s: %s: %s\n\taccepted.go lists it, but it did not survive\n", key.file, key.kind, key.check)
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "mutants\tkilled\taccepted\tsurvived\tnot tried\t\t")
	for _, file := range files {
		tallies[file].print(table, file)
	}
	total.print(table, "all")
	if err := table.Flush(); err != nil {
		return err
	}
	if total.survived > 0 || stale > 0 || total.untried > 0 {
		return errors.New("there are survivors without a reason, reasons without a survivor, or mutants that were not tried")
	}
	return nil
}

func (t *tally) print(w io.Writer, name string) {
	fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t  %s\t\n", t.mutants, t.killed, t.accepted, t.survived, t.untried, name)
}
