package measure

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// variable tells a process that it is a part of a measurement, and which.
const variable = "CARDEA_SCALE_TASK"

// task is what a process of its own has to do.
type task struct {
	Role          string // "list", "read" or "hear"
	Entries       int
	Rounds        int // of "list"
	Engine, Where string
}

// Child does the task that this process was started for, if it was started for one.
func Child(ctx context.Context) (was bool, err error) {
	text := os.Getenv(variable)
	if text == "" {
		return false, nil
	}
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return true, err
	}
	var result any
	switch t.Role {
	case "list":
		result, err = measureList(ctx, t.Entries, t.Rounds)
	case "read":
		result, err = read(ctx, t)
	case "hear":
		result, err = hear(ctx, t)
	default:
		err = fmt.Errorf("there is no such role: %q", t.Role)
	}
	if err != nil {
		return true, err
	}
	return true, json.NewEncoder(os.Stdout).Encode(result)
}

// ready says that the process can begin, and waits until it may.
func ready() {
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

// goOn waits until the process is told so once more, or nobody is there any more.
func goOn() { _, _ = io.Copy(io.Discard, os.Stdin) }

// process is a child from outside.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start starts a child and waits until it is ready.
func start(ctx context.Context, t task) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self)}
	p.cmd.Env = append(os.Environ(), variable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if line, err := p.out.ReadString('\n'); err != nil || line != "ready\n" {
		return nil, errors.Join(fmt.Errorf("a process of role %s is not ready: %q: %w", t.Role, line, err), p.cmd.Wait())
	}
	return p, nil
}

// begin lets it begin.
func (p *process) begin() error {
	_, err := io.WriteString(p.in, "\n")
	return err
}

// end lets it end, and reads what came of it.
func (p *process) end(result any) error {
	if err := p.in.Close(); err != nil {
		return err
	}
	return errors.Join(json.NewDecoder(p.out).Decode(result), p.cmd.Wait())
}

// kill ends it if it has not ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
