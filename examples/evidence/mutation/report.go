package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// String is the mutant on one line: where, how, and the source of the check.
func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", m.file, m.line, m.kind, m.flat())
}

func (m *mutant) flat() string { return strings.Join(strings.Fields(m.text), " ") }

// accepted is the entry of accepted.go about m, and the reason in it; no reason: there is none.
func (m *mutant) accepted() (survivor, string) {
	below, _, _ := strings.Cut(m.file, "/")
	key := survivor{below, m.on + "." + m.in, m.kind, m.check}
	if accepted[key] == "" {
		key.in = m.in
	}
	return key, accepted[key]
}

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

// report prints the survivors and the table, in Markdown. The error says that there is a survivor without a reason, or a reason without
// a survivor.
func report(w io.Writer, mutants []*mutant) error {
	var files []string
	tallies := make(map[string]*tally)
	total := new(tally)
	met, used := make(map[survivor]bool), make(map[survivor]bool)
	for _, m := range mutants {
		if tallies[m.file] == nil {
			files = append(files, m.file)
			tallies[m.file] = new(tally)
		}
		key, reason := m.accepted()
		isAccepted := reason != ""
		met[key] = true
		tallies[m.file].count(m, isAccepted)
		total.count(m, isAccepted)
		if m.fate == survived || m.fate == untried {
			used[key] = true
		}
		if m.fate != survived {
			continue
		}
		if !isAccepted {
			reason = "**NO REASON GIVEN**"
		}
		fmt.Fprintf(w, "- %s:%d %s, %s, `%s`: %s\n", m.file, m.line, m.in, m.kind, m.check, reason)
	}
	stale := 0
	for key := range accepted { // which of them are about nothing, whatever is mutated, a test says
		if met[key] && !used[key] {
			stale++
			fmt.Fprintf(w, "- %s %s, %s, `%s`: **accepted.go lists it, but it did not survive**\n", key.below, key.in, key.kind, key.check)
		}
	}
	fmt.Fprint(w, "\n| file | mutants | killed | accepted | survived | not tried |\n|---|--:|--:|--:|--:|--:|\n")
	for _, file := range files {
		tallies[file].print(w, file)
	}
	total.print(w, "**all**")
	if total.survived > 0 || stale > 0 || total.untried > 0 {
		return errors.New("there are survivors without a reason, reasons without a survivor, or mutants that were not tried")
	}
	return nil
}

func (t *tally) print(w io.Writer, name string) {
	fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %d |\n", name, t.mutants, t.killed, t.accepted, t.survived, t.untried)
}
