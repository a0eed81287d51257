// Package demo holds what the example programs share and what none of them is about: a flag, a listener on this machine,
// curl lines to try, and an orderly end.
package demo

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Site is where an example serves its API and where it says so.
type Site struct {
	Addr  string        // host and port on a loopback address; port 0: any free one
	Out   io.Writer     // gets the curl lines
	Grace time.Duration // for requests in flight at the end; zero: 5 s
}

// Main runs an example until SIGINT or SIGTERM. It parses the command line, so flags of the example's own are defined
// before.
func Main(run func(context.Context, Site) error) {
	site := Site{Out: os.Stdout}
	flag.StringVar(&site.Addr, "addr", "127.0.0.1:8080", "loopback `address` of the API; port 0 takes any free one")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, site)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Serve serves api until ctx ends, and then those requests that are in flight. As soon as it listens it prints the
// requests to try.
func (s Site) Serve(ctx context.Context, api http.Handler, try ...Request) error {
	listener, err := s.listen()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: api, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()

	s.announce("http://"+listener.Addr().String(), try)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	// ctx has ended, and the grace begins only now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(s.Grace, 5*time.Second))
	defer cancel()
	err = server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return err
}

// listen refuses every address that other machines could reach: an example gives its tokens to whoever reads the
// terminal.
func (s Site) listen() (net.Listener, error) {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, fmt.Errorf("-addr: %w; write it as 127.0.0.1:8080", err)
	}
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("-addr: %q is no loopback address; the examples listen on this machine only: 127.0.0.1:%s", host, port)
	}
	listener, err := net.Listen("tcp", s.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("-addr: %s is taken; choose another port, or any free one with -addr 127.0.0.1:0", s.Addr)
	}
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	return listener, nil
}

const announcement = "# The API listens on "

func (s Site) announce(base string, try []Request) {
	fmt.Fprintf(s.Out, announcement+"%s. Paste these lines into another terminal:\n\n", base)
	for _, request := range try {
		fmt.Fprintf(s.Out, "# %s\n%s\n\n", request.Name, request.curl(base))
	}
	fmt.Fprintln(s.Out, "# Ctrl-C ends the program.")
}
