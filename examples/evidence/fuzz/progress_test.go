package main

import (
	"reflect"
	"testing"
	"time"
)

const quiet = `fuzz: elapsed: 0s, gathering baseline coverage: 0/192 completed
fuzz: elapsed: 1s, gathering baseline coverage: 192/192 completed, now fuzzing with 2 workers
fuzz: elapsed: 3s, execs: 325017 (108336/sec), new interesting: 11 (total: 202)
fuzz: elapsed: 1m2s, execs: 680218 (118402/sec), new interesting: 12 (total: 203)
PASS
`

const crash = `fuzz: elapsed: 3s, execs: 1000 (333/sec), new interesting: 1 (total: 12)
fuzz: minimizing 526-byte failing input file
fuzz: elapsed: 5s, minimizing
--- FAIL: FuzzSplit (5.48s)
    --- FAIL: FuzzSplit (0.00s)
        compact_test.go:189: "e000" is no JOSE object
    
    Failing input written to testdata/fuzz/FuzzSplit/adff657a64873789
    To re-run:
    go test -run=FuzzSplit/adff657a64873789
FAIL
`

func TestParseOutput(t *testing.T) {
	for _, row := range []struct {
		about  string
		text   string
		failed bool
		want   outcome
	}{
		{"a quiet turn", quiet, false, outcome{executions: 680218, inputs: 12, took: 62 * time.Second}},
		{"a crasher", crash, true, outcome{executions: 1000, inputs: 1, took: 3 * time.Second, crashers: []string{"testdata/fuzz/FuzzSplit/adff657a64873789"}}},
		{
			"a seed that fails", "fuzz: elapsed: 0s, gathering baseline coverage: 0/1 completed\nfailure while testing seed corpus entry: FuzzSplit/seed#0\n", true,
			outcome{crashers: []string{"FuzzSplit/seed#0"}},
		},
		{
			"the end of the turn, which the fuzzer takes for a failure", quiet[:len(
				quiet,
			)-5] + "--- FAIL: FuzzSplit (60.05s)\n    context deadline exceeded\nFAIL\n", true,
			outcome{executions: 680218, inputs: 12, took: 62 * time.Second},
		},
		{
			"a process that dies", quiet[:len(quiet)-5] + "fatal error: all goroutines are asleep\n", true,
			outcome{680218, 12, 62 * time.Second, []string{"failed without an input: fatal error: all goroutines are asleep"}},
		},
		{"a process that says nothing", "", true, outcome{crashers: []string{"failed without an input: "}}},
		{"a text that only quotes a failure", "Failing input written to x\n", false, outcome{}},
	} {
		t.Run(row.about, func(t *testing.T) {
			if got := parseOutput(row.text, row.failed); !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}
