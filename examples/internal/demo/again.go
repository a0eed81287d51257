package demo

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Again starts this program once more, with settings in its environment, and returns the address of the Site that it serves. It runs until ctx
// ends or end is called.
func Again(ctx context.Context, settings map[string]string) (address string, end func(), _ error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	command := exec.CommandContext(ctx, self, "-addr", "127.0.0.1:0")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.Stderr = os.Stderr
	command.Env = os.Environ()
	for key, value := range settings {
		command.Env = append(command.Env, key+"="+value)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	end = func() {
		_ = command.Cancel()
		_ = command.Wait() // it was told to end
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, rest, found := strings.Cut(lines.Text(), announcement); found {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return strings.TrimSuffix(strings.Fields(rest)[0], "."), end, nil
		}
	}
	end()
	return "", nil, errors.New("another process of the API has not started: its error stands above")
}
