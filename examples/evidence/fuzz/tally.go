package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// tally adds up what a target has done in all turns, and in all runs that share a state file.
type tally struct {
	Executions int64    `json:"executions"`
	Seconds    float64  `json:"seconds"`
	Inputs     int64    `json:"inputs"` // new interesting ones
	Crashers   []string `json:"crashers,omitempty"`
}

// rate is in executions per second.
func (t *tally) rate() float64 {
	if t.Seconds == 0 {
		return 0
	}
	return float64(t.Executions) / t.Seconds
}

// tallies are those of all targets, by what target.String says. Targets that are gone stay: their inputs were seen.
type tallies struct {
	Targets map[string]*tally `json:"targets"`
}

// readTallies reads a state file. Without one, or before there is one, nothing is counted yet. Crashers are forgotten, because
// they may have been mended since, and are found again at once if not.
func readTallies(file string) (*tallies, error) {
	all := &tallies{}
	text, err := os.ReadFile(file)
	switch {
	case file == "" || errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(text, all); err != nil {
			return nil, fmt.Errorf("%s is no state of this command: %w", file, err)
		}
	}
	if all.Targets == nil {
		all.Targets = make(map[string]*tally)
	}
	for _, t := range all.Targets {
		t.Crashers = nil
	}
	return all, nil
}

// write replaces the state file, so that it is whole whenever this program is stopped.
func (all *tallies) write(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func (all *tallies) of(t target) *tally {
	name := t.String()
	if all.Targets[name] == nil {
		all.Targets[name] = new(tally)
	}
	return all.Targets[name]
}

func (all *tallies) add(t target, o outcome) {
	sum := all.of(t)
	sum.Executions += o.executions
	sum.Seconds += o.took.Seconds()
	sum.Inputs += o.inputs
	sum.Crashers = append(sum.Crashers, o.crashers...)
}

func (all *tallies) executions() int64 {
	var sum int64
	for _, t := range all.Targets {
		sum += t.Executions
	}
	return sum
}

// turn is how long each target runs in the next round: less than per if that will do to reach total, zero if it is reached. What a
// target without figures will bring is not known, so that the first round is always a whole one.
func (all *tallies) turn(targets []target, per time.Duration, total int64) time.Duration {
	missing := total - all.executions()
	if missing <= 0 {
		return 0
	}
	var rates float64
	for _, t := range targets {
		sum := all.of(t)
		if sum.Seconds == 0 {
			return per
		}
		if len(sum.Crashers) == 0 {
			rates += sum.rate()
		}
	}
	if enough := float64(missing) / rates; enough < per.Seconds() {
		return max(time.Second, time.Duration(enough*float64(time.Second)).Round(time.Millisecond))
	}
	return per
}
