// Command cardea tells why: why an access token is refused, and what of an authorization server will not work.
//
//	cardea explain < token
//	cardea explain -issuer https://login.example.com -audience https://api.example.com < token
//	cardea doctor -issuer https://login.example.com
//
// go install github.com/cardea-auth/cardea/adapters/cardea@latest installs it; in the repository, go run ./adapters/cardea does without.
// A token is read from standard input and never shown; a secret comes from a file or the environment, never from an argument.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// The exit statuses.
const (
	exitGood        = 0   // nothing is wrong; the token would be let in
	exitBad         = 1   // a problem was found; the token would be refused
	exitUsage       = 2   // the command was not called as it wants to be
	exitUnjudged    = 3   // explain: keys or introspection could not be had, so nothing can be said of the token
	exitInterrupted = 130 // Ctrl-C
)

// stdio is what the command reads and writes.
type stdio struct {
	in       *os.File
	out, err io.Writer
	colour   bool // of out
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // what the library would log is in the report
	_, plain := os.LookupEnv("NO_COLOR")
	status := run(ctx, os.Args, stdio{
		in:     os.Stdin,
		out:    os.Stdout,
		err:    os.Stderr,
		colour: term.IsTerminal(int(os.Stdout.Fd())) && !plain && os.Getenv("TERM") != "dumb",
	})
	stop()
	os.Exit(status)
}
