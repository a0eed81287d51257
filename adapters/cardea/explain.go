package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/input"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/unverified"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/verdict"
	"github.com/cardea-auth/cardea/middleware"
)

const explainHelp = `Reads one access token from standard input: piped in, or pasted at the prompt, which does not show it. It is never an argument and never
printed. Without -issuer and -preset nothing is fetched: header and claims are shown as what they are, unverified, with what stands out in
them, and the command that would have the token judged.

With -issuer or -preset, metadata and keys are fetched and the token is judged as an API with that configuration would judge it, sent as
Bearer: every step is shown with what was expected and what came, and at the end the smallest change that would let the token in. What an
API knows of revocations (Config.Revocations) this command does not know, so that step is not reached: of a revoked JWT it finds no fault.

Exit status: 0 if the token would be let in (or could be read), 1 if it would be refused (or is malformed or encrypted), 2 if a flag or
the input is wrong, 3 if it could not be judged, 130 after Ctrl-C.`

func explainCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:                      "explain",
		Usage:                     "says what a token is and why it is refused",
		UsageText:                 "cardea explain < token\ncardea explain -issuer https://login.example.com -audience https://api.example.com -require orders:read < token",
		Description:               explainHelp,
		Flags:                     slices.Concat(serverFlags(), trustFlags(), clientFlags()),
		DisableSliceFlagSeparator: true,
		HideHelpCommand:           true,
		OnUsageError:              quiet,
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if err := explainable(c); err != nil {
				return err
			}
			token, err := readToken(ctx, std)
			if err != nil {
				return err
			}
			if trusts(c) {
				return judge(ctx, c, std, token)
			}
			return readUnverified(c, std, token)
		},
	}
}

// explainable finds mistakes in the flags before a token is asked for.
func explainable(c *cli.Command) error {
	if c.Duration("timeout") <= 0 {
		return usage("explain: -timeout must be positive")
	}
	if auth := c.String("client-auth"); auth != "" && auth != "client_secret_basic" && auth != "client_secret_post" {
		return usage("explain: -client-auth must be client_secret_basic or client_secret_post")
	}
	if trusts(c) {
		q, end, err := question(c, input.Token{})
		if err == nil {
			err = verdict.Check(q)
		}
		end()
		if err != nil {
			return usage("explain: %w", oneLine(err))
		}
		return nil
	}
	for _, flag := range c.Flags {
		if name := flag.Names()[0]; name != "json" && name != "timeout" && c.IsSet(name) {
			return usage("explain: -%s goes with -issuer or -preset", name)
		}
	}
	return nil
}

// judge has the token judged as the flags say.
func judge(ctx context.Context, c *cli.Command, std stdio, token input.Token) error {
	timed, cancel := context.WithTimeout(ctx, c.Duration("timeout"))
	defer cancel()
	q, end, err := question(c, token)
	defer end()
	if err != nil {
		return usage("explain: %w", oneLine(err))
	}
	report, err := verdict.Judge(timed, q)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return usage("explain: %w", oneLine(err))
	}
	if err := write(std, c.Bool("json"), report); err != nil {
		return &ended{exitBad, err}
	}
	switch report.Explained.Outcome {
	case middleware.Allowed:
		return nil
	case middleware.Unavailable, middleware.Failed:
		return &ended{status: exitUnjudged}
	}
	return &ended{status: exitBad}
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
