package main

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/input"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/unverified"
)

const explainHelp = `Reads one access token from standard input: piped in, or pasted at the prompt, which does not show it. It is never an argument and never
printed. Without flags nothing is fetched: header and claims are shown as what they are, unverified, with what stands out in them, and
the command that would have the token judged.

Exit status: 0 if the token could be read, 1 if it is malformed or encrypted, 2 if a flag or the input is wrong, 130 after Ctrl-C.`

func explainCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:        "explain",
		Usage:       "says what a token is and why it is refused",
		UsageText:   "cardea explain < token",
		Description: explainHelp,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "write JSON", Local: true},
		},
		DisableSliceFlagSeparator: true,
		HideHelpCommand:           true,
		OnUsageError:              quiet,
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			token, err := readToken(ctx, std)
			if err != nil {
				return err
			}
			return readUnverified(c, std, token)
		},
	}
}

// readToken reads the token that the command is about.
func readToken(ctx context.Context, std stdio) (input.Token, error) {
	pasted, err := input.Read(ctx, std.in, std.err)
	switch {
	case errors.Is(err, input.ErrInterrupted):
		return input.Token{}, &ended{exitInterrupted, err}
	case ctx.Err() != nil:
		return input.Token{}, ctx.Err()
	case err != nil:
		return input.Token{}, usage("explain: %w", err)
	}
	token, err := input.Find(pasted)
	if err != nil {
		return token, usage("explain: %w", err)
	}
	return token, nil
}

func readUnverified(c *cli.Command, std stdio, token input.Token) error {
	reading := unverified.Read(token, time.Now())
	if err := write(std, c.Bool("json"), reading); err != nil {
		return &ended{exitBad, err}
	}
	if reading.Kind == unverified.Malformed || reading.Kind == unverified.Encrypted {
		return &ended{status: exitBad}
	}
	return nil
}
