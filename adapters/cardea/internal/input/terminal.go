package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// The keys that mean something. In raw mode a terminal hands them on instead of obeying them.
const (
	ctrlC     = 0x03
	ctrlD     = 0x04
	backspace = 0x08
	enter     = '\r'
	newline   = '\n'
	ctrlU     = 0x15
	escape    = 0x1b
	del       = 0x7f
)

// ErrInterrupted is Ctrl-C at the prompt.
var ErrInterrupted = errors.New("interrupted")

// readTerminal reads raw, as a line of a terminal holds 4 095 bytes, which some tokens exceed. What is typed or pasted is not shown.
func readTerminal(ctx context.Context, in *os.File, prompt io.Writer) (text string, err error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return "", fmt.Errorf("the terminal cannot be read without echo: %w", err)
	}
	defer func() {
		err = errors.Join(err, term.Restore(int(in.Fd()), before))
		_, _ = fmt.Fprintln(prompt)
	}()
	_, _ = fmt.Fprint(prompt, "Paste the token and press Enter (it is not shown): ")

	chunks := make(chan []byte)
	ended := make(chan error, 1)
	over := make(chan struct{})
	defer close(over)
	go func() { // a read of a terminal cannot be told to stop
		for {
			chunk := make([]byte, 4096)
			n, err := in.Read(chunk)
			if n > 0 {
				select {
				case chunks <- chunk[:n]:
				case <-over:
					return
				}
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	var l line
	for !l.done {
		select {
		case chunk := <-chunks:
			l.take(chunk)
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return string(l.text), nil
			}
			return "", err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	l.drain(chunks)
	return string(l.text), l.err
}

// line is what was typed so far.
type line struct {
	text     []byte
	done     bool
	err      error
	sequence int // how far into an escape sequence: 1 behind the escape, 2 within
}

// take obeys the keys of a chunk.
func (l *line) take(chunk []byte) {
	for _, key := range chunk {
		switch {
		case l.err != nil:
		case l.done: // a paste of several lines: they count, so that the second half of a token does not go to the shell
			l.text = append(l.text, key)
		case l.inSequence(key):
		case key == ctrlC:
			l.done, l.err = true, ErrInterrupted
		case key == enter, key == newline:
			l.text, l.done = append(l.text, newline), true
		case key == ctrlD:
			l.done = true
		case key == backspace, key == del:
			l.text = l.text[:max(0, len(l.text)-1)]
		case key == ctrlU:
			l.text = nil
		default:
			l.text = append(l.text, key)
		}
		if len(l.text) > most && l.err == nil {
			l.done, l.err = true, errTooLong
		}
	}
}

// inSequence skips what arrow keys send, and the brackets that some terminals put round a paste.
func (l *line) inSequence(key byte) bool {
	switch {
	case key == escape:
		l.sequence = 1
	case l.sequence == 1:
		l.sequence = 0
		if key == '[' || key == 'O' {
			l.sequence = 2
		}
	case l.sequence == 2:
		if key >= 0x40 && key <= 0x7e {
			l.sequence = 0
		}
	default:
		return false
	}
	return true
}

// drain takes the rest of a paste before the terminal is handed back: what is left would be typed into the shell, and into its history.
func (l *line) drain(chunks <-chan []byte) {
	const pause = 100 * time.Millisecond
	for {
		select {
		case chunk := <-chunks:
			l.take(chunk)
		case <-time.After(pause):
			return
		}
	}
}
