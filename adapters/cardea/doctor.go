package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/doctor"
)

const doctorHelp = `Asks an authorization server what an operator must know before an API that trusts it goes live: metadata, keys, clock, TLS, latency,
introspection, back-channel logout, shared signals. Each finding comes with its remedy, and the Go lines of an Issuer that fits close
the report. Introspection is asked about random tokens that nobody has, once without client authentication.

Exit status: 0 if nothing is wrong, 1 if there is a problem (with -strict: or a warning), 2 if a flag is wrong, 130 after Ctrl-C.`

func doctorCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:        "doctor",
		Usage:       "says what of an authorization server will not work, and what to do about it",
		UsageText:   "cardea doctor -issuer https://login.example.com",
		Description: doctorHelp,
		Flags: slices.Concat(serverFlags(), clientFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "strict", Usage: "let a warning count as a problem", Local: true},
		}),
		DisableSliceFlagSeparator: true,
		HideHelpCommand:           true,
		OnUsageError:              quiet,
		Action: func(ctx context.Context, c *cli.Command) error {
			options, err := doctorOptions(c)
			if err != nil {
				return err
			}
			return examine(ctx, c, std, options)
		},
	}
}

// serverFlags are those of every command that asks an authorization server.
func serverFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "issuer", Usage: "the iss of the server's tokens, byte for byte", Local: true},
		&cli.StringFlag{Name: "jwks-uri", Usage: "the address of the key set; default: that of the metadata", Local: true},
		&cli.StringFlag{Name: "ca-file", Usage: "certificates (PEM) of a CA to trust instead of the system's", Local: true},
		&cli.StringSliceFlag{Name: "dangerously-allow-http", Usage: "HOST:PORT that may be asked without TLS", Local: true},
		&cli.DurationFlag{Name: "timeout", Usage: "how long everything may take together", Value: 30 * time.Second, Local: true},
		&cli.BoolFlag{Name: "json", Usage: "write JSON", Local: true},
	}
}

func doctorOptions(c *cli.Command) (doctor.Options, error) {
	o := doctor.Options{
		Issuer:           c.String("issuer"),
		JWKSURI:          c.String("jwks-uri"),
		Plain:            c.StringSlice("dangerously-allow-http"),
		CA:               c.IsSet("ca-file"),
		IntrospectionURL: c.String("introspection-url"),
		ClientID:         c.String("client-id"),
		ClientAuth:       c.String("client-auth"),
	}
	if err := noArguments(c); err != nil {
		return o, err
	}
	var secretErr, transportErr error
	o.ClientSecret, secretErr = secret(c)
	o.Transport, transportErr = transport(c.String("ca-file"))
	switch {
	case o.Issuer == "":
		return o, usage("doctor: -issuer is missing or empty: is an environment variable missing?")
	case c.Duration("timeout") <= 0:
		return o, usage("doctor: -timeout must be positive")
	case o.ClientAuth != "" && o.ClientAuth != "client_secret_basic" && o.ClientAuth != "client_secret_post":
		return o, usage("doctor: -client-auth must be client_secret_basic or client_secret_post")
	case (o.ClientID == "") != (o.ClientSecret == "") && secretErr == nil:
		return o, usage("doctor: -client-id and a secret (-client-secret-file or -client-secret-env) go together")
	}
	if err := errors.Join(secretErr, transportErr); err != nil {
		return o, usage("doctor: %w", err)
	}
	return o, nil
}

// secret reads the client's secret from where the flags say.
func secret(c *cli.Command) (string, error) {
	file, variable := c.String("client-secret-file"), c.String("client-secret-env")
	var text string
	switch {
	case file != "" && variable != "":
		return "", errors.New("-client-secret-file and -client-secret-env are both given: one is enough")
	case file != "":
		var err error
		if text, err = readSecretFile(file); err != nil {
			return "", fmt.Errorf("-client-secret-file: %w", err)
		}
	case variable != "":
		text = os.Getenv(variable)
	default:
		return "", nil
	}
	if text == "" {
		return "", errors.New("the client's secret is empty: is an environment variable missing?")
	}
	return text, nil
}

// cause is err without the name of the file: somebody may have passed the secret in its place.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func examine(ctx context.Context, c *cli.Command, std stdio, o doctor.Options) error {
	timed, cancel := context.WithTimeout(ctx, c.Duration("timeout"))
	defer cancel()
	report := doctor.Examine(timed, o)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := write(std, c.Bool("json"), report); err != nil {
		return &ended{exitBad, err}
	}
	if report.Problems > 0 || c.Bool("strict") && report.Warnings > 0 {
		return &ended{status: exitBad}
	}
	return nil
}
