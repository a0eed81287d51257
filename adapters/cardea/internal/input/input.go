// Package input reads a token from standard input without showing it, and takes off what people paste along with one.
package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// most is more than any token has: net/http takes a megabyte of header fields.
const most = 1 << 20

var (
	errNothing = errors.New("there is no token on standard input: pipe it in, or paste it and press Enter")
	errTooLong = fmt.Errorf("standard input has more than %d bytes: that is no token", most)
)

// Read reads all of in, or, from a terminal, one line without echo. prompt is where a terminal's user is asked. It ends with ctx.
func Read(ctx context.Context, in *os.File, prompt io.Writer) (string, error) {
	if term.IsTerminal(int(in.Fd())) {
		return readTerminal(ctx, in, prompt)
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() { // a pipe that nobody writes to cannot be told to stop
		text, err := io.ReadAll(io.LimitReader(in, most+1))
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		if len(r.text) > most {
			return "", errTooLong
		}
		return string(r.text), r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
