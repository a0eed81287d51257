package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// Process is a running server process.
type Process struct {
	Addresses
	command *exec.Cmd
	stdin   io.WriteCloser
	client  *http.Client
}

// ServeFlag makes the program be the server process.
const ServeFlag = "-serve"

// Start runs this very program as a server process.
func Start(setup Setup) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{command: exec.Command(self, ServeFlag), client: &http.Client{Timeout: 5 * time.Second}}
	p.command.Stderr = os.Stderr
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(p.stdin).Encode(setup); err != nil {
		return nil, p.failed(err)
	}
	if err := json.NewDecoder(out).Decode(&p.Addresses); err != nil {
		return nil, p.failed(fmt.Errorf("soak: the server process did not say where it is: %w", err))
	}
	return p, nil
}

func (p *Process) failed(err error) error {
	_ = p.Close()
	return err
}

// Vitals asks the process how it is.
func (p *Process) Vitals(ctx context.Context) (Vitals, error) { return p.vitals(ctx, "/") }

// Collected is Vitals after the garbage has been collected.
func (p *Process) Collected(ctx context.Context) (Vitals, error) {
	return p.vitals(ctx, "/?"+collecting)
}

func (p *Process) vitals(ctx context.Context, target string) (v Vitals, err error) {
	err = p.ask(ctx, target, func(body io.Reader) error { return json.NewDecoder(body).Decode(&v) })
	return v, err
}

// HeapProfile writes what is alive, after a collection, for go tool pprof.
func (p *Process) HeapProfile(ctx context.Context, to io.Writer) error {
	return p.ask(ctx, heapPath+"?"+collecting, func(body io.Reader) error {
		_, err := io.Copy(to, body)
		return err
	})
}

func (p *Process) ask(ctx context.Context, target string, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Addresses.Vitals+target, nil)
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return read(response.Body)
}

// Close ends the process and waits for it.
func (p *Process) Close() error {
	_ = p.stdin.Close()
	timer := time.AfterFunc(10*time.Second, func() { _ = p.command.Process.Kill() })
	defer timer.Stop()
	return p.command.Wait()
}
