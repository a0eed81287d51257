// Package tools obtains programs of others from the package registries, with the clients and settings that the machine has for
// them, and runs them.
package tools

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Program is what Start runs.
type Program struct {
	Name string
	Args []string
	Dir  string   // zero: the current one
	Env  []string // beside the environment of this process

	// Talks says that standard output is for Read, one line of JSON for each, and that the program ends with standard input.
	// Zero: standard output is a log.
	Talks bool
}

// Process is a running Program.
type Process struct {
	command  *exec.Cmd
	commands io.WriteCloser
	answers  *bufio.Scanner // nil unless it talks
	silence  func() error   // ends answers
	log      tail
	ended    chan struct{}
	err      error // once ended
}

// Start runs a program until Close, or until ctx ends.
func Start(ctx context.Context, program Program) (*Process, error) {
	command := exec.CommandContext(ctx, program.Name, program.Args...)
	command.Dir = program.Dir
	command.Env = append(os.Environ(), program.Env...)
	command.WaitDelay = 5 * time.Second
	ownGroup(command)
	command.Cancel = func() error { return endGroup(command.Process) }

	p := &Process{command: command, ended: make(chan struct{}), silence: func() error { return nil }}
	command.Stdout, command.Stderr = &p.log, &p.log
	if program.Talks {
		read, write := io.Pipe()
		p.answers, p.silence, command.Stdout = bufio.NewScanner(read), read.Close, write
	}
	var err error
	if p.commands, err = command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = command.Wait()
		p.silence()
		close(p.ended)
	}()
	return p, nil
}

// Close ends the process, and those that it has started.
func (p *Process) Close() {
	p.silence()
	p.commands.Close()
	_ = p.Resume() // a process that is stopped cannot end
	_ = endGroup(p.command.Process)
	<-p.ended
}

// Pause stops the process, which then keeps its connections and says nothing. Resume lets it go on.
func (p *Process) Pause() error  { return pauseGroup(p.command.Process) }
func (p *Process) Resume() error { return resumeGroup(p.command.Process) }

// Tell sends a command to a program that talks, and reads the answer.
func (p *Process) Tell(command string, answer any) error {
	if _, err := fmt.Fprintln(p.commands, command); err != nil {
		return p.failed(err)
	}
	return p.Read(answer)
}

// Read reads the next answer of a program that talks.
func (p *Process) Read(answer any) error {
	if !p.answers.Scan() {
		return p.failed(errors.New("it said nothing"))
	}
	if err := json.Unmarshal(p.answers.Bytes(), answer); err != nil {
		return p.failed(fmt.Errorf("%w in %.200s", err, p.answers.Text()))
	}
	return nil
}

// Ready waits until url answers with 200.
func (p *Process) Ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Minute)
	defer cancel()
	asks := &http.Client{Timeout: 5 * time.Second}
	for {
		if response, err := asks.Get(url); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return p.failed(fmt.Errorf("it ended: %w", p.err))
		case <-ctx.Done():
			return p.failed(fmt.Errorf("%s: %w", url, ctx.Err()))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (p *Process) failed(err error) error {
	return fmt.Errorf("%s: %w; it wrote:\n%s", p.command.Args[0], err, p.log.String())
}

// tail keeps the end of what is written to it.
type tail struct {
	locked sync.Mutex
	kept   bytes.Buffer
}

func (t *tail) Write(text []byte) (int, error) {
	const most = 16 << 10
	t.locked.Lock()
	defer t.locked.Unlock()
	t.kept.Write(text)
	if t.kept.Len() > most {
		t.kept.Next(t.kept.Len() - most)
	}
	return len(text), nil
}

func (t *tail) String() string {
	t.locked.Lock()
	defer t.locked.Unlock()
	return t.kept.String()
}

// FreePort finds a port of this machine that nobody listens on. Another program may take it before the server does.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
