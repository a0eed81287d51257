package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/urfave/cli/v3"
)

// ended is how a command ends with another status than 0.
type ended struct {
	status int
	err    error // nil: everything has been said
}

func (e *ended) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *ended) Unwrap() error { return e.err }

// usage is a mistake in how the command was called. It must never quote an argument, as somebody may have passed a token or a secret there.
func usage(format string, args ...any) error {
	return &ended{exitUsage, fmt.Errorf(format, args...)}
}

// run runs the command and returns its exit status.
func run(ctx context.Context, args []string, std stdio) int {
	err := command(std).Run(ctx, args)
	var end *ended
	switch {
	case err == nil:
		return exitGood
	case ctx.Err() != nil:
		fmt.Fprintln(std.err, "cardea: interrupted")
		return exitInterrupted
	case !errors.As(err, &end):
		end = &ended{exitUsage, withoutArguments(err)}
	}
	if end.err != nil {
		fmt.Fprintf(std.err, "cardea: %v\n", end.err)
	}
	return end.status
}

// namesFlag are the texts of package cli that hold nothing but the name of a flag, which is what a hurried person mistypes. What does not
// look like a name may be a token.
var namesFlag = regexp.MustCompile(
	`^(?:flag provided but not defined|flag needs an argument): -{1,2}[a-z]+(?:-[a-z]+)*$|^Required flags? "[a-z, "-]+" not set$`,
)

func withoutArguments(err error) error {
	if text := err.Error(); namesFlag.MatchString(text) && len(text) < 120 {
		return fmt.Errorf("%s; see cardea --help", text)
	}
	return errors.New("a flag is not known, or its value cannot be used; see cardea --help")
}

func command(std stdio) *cli.Command {
	return &cli.Command{
		Name:            "cardea",
		Usage:           "tells why an access token is refused, and what of an authorization server will not work",
		Commands:        []*cli.Command{explainCommand(std), doctorCommand(std)},
		Writer:          std.out,
		ErrWriter:       std.err,
		HideHelpCommand: true, // it quotes what it does not know: Action does without
		OnUsageError:    quiet,
		ExitErrHandler:  func(context.Context, *cli.Command, error) {}, // run does that
		Action: func(ctx context.Context, c *cli.Command) error {
			args := c.Args().Slice()
			if len(args) > 0 && args[0] == "help" {
				args = args[1:]
				if len(args) == 1 && c.Command(args[0]) != nil {
					return cli.ShowCommandHelp(ctx, c, args[0])
				}
			}
			if len(args) > 0 {
				return usage("there is no such command; see cardea --help")
			}
			return cli.ShowRootCommandHelp(c)
		},
	}
}

// quiet leaves it to run to print the error.
func quiet(_ context.Context, _ *cli.Command, err error, _ bool) error { return err }

// noArguments is for commands that take flags alone.
func noArguments(c *cli.Command) error {
	if c.Args().Present() {
		return usage(
			"%s takes no arguments beside its flags; a token is read from standard input, so that no list of processes and no history of a shell shows it",
			c.Name,
		)
	}
	return nil
}

// report is what a command has to say.
type report interface {
	Write(out io.Writer, colour bool) error
}

func write(std stdio, asJSON bool, r report) error {
	if !asJSON {
		return r.Write(std.out, std.colour)
	}
	encoder := json.NewEncoder(std.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
