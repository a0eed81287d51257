//go:build unix

package input_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/input"
)

// terminal is a terminal with a person at it, who sees the screen.
type terminal struct {
	keyboard, program *os.File

	mu     sync.Mutex
	screen bytes.Buffer
	prompt chan struct{}
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	keyboard, program, err := pty.Open()
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err) // CI must not pass without it
	} else if err != nil {
		t.Skip("there are no terminals here:", err)
	}
	tt := &terminal{keyboard: keyboard, program: program, prompt: make(chan struct{})}
	t.Cleanup(func() { _, _ = keyboard.Close(), program.Close() })
	go func() {
		chunk := make([]byte, 1024)
		var once sync.Once
		for {
			n, err := keyboard.Read(chunk)
			tt.mu.Lock()
			tt.screen.Write(chunk[:n])
			asked := strings.Contains(tt.screen.String(), "Paste the token")
			tt.mu.Unlock()
			if asked {
				once.Do(func() { close(tt.prompt) })
			}
			if err != nil {
				return
			}
		}
	}()
	return tt
}

func (tt *terminal) seen() string {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	return tt.screen.String()
}

// read is what Read makes of the keys that are pressed once it has asked.
func (tt *terminal) read(t *testing.T, ctx context.Context, keys string) (string, error) {
	t.Helper()
	before, err := term.GetState(int(tt.program.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-tt.prompt
		_, _ = tt.keyboard.WriteString(keys)
	}()
	text, err := input.Read(ctx, tt.program, tt.program)
	if after, stateErr := term.GetState(int(tt.program.Fd())); stateErr != nil || *after != *before {
		t.Error("the terminal was not handed back as it was", stateErr)
	}
	return text, err
}

func TestWhatIsTypedAtAPrompt(t *testing.T) {
	long := strings.Repeat("c2VjcmV0", 2000) // a line of a terminal that is not raw ends at 4095 bytes
	for name, test := range map[string]struct{ keys, want string }{
		"a token":                      {"c2VjcmV0\r", "c2VjcmV0\n"},
		"a line feed":                  {"c2VjcmV0\n", "c2VjcmV0\n"},
		"the end of input":             {"c2VjcmV0\x04", "c2VjcmV0"},
		"nothing":                      {"\r", "\n"},
		"a long one":                   {long + "\r", long + "\n"},
		"a mistake, taken back":        {"xc2VjcmV0y\x7f\r", "xc2VjcmV0\n"},
		"backspace at the beginning":   {"\x7f\x08c2VjcmV0\r", "c2VjcmV0\n"},
		"a line, taken back":           {"wrong\x15c2VjcmV0\r", "c2VjcmV0\n"},
		"a paste between brackets":     {"\x1b[200~c2VjcmV0\x1b[201~\r", "c2VjcmV0\n"},
		"arrow keys":                   {"\x1bOAc2Vj\x1b[DcmV0\r", "c2VjcmV0\n"},
		"several lines at once":        {"c2Vj\rcmV0\r", "c2Vj\ncmV0\r"},
		"what a shell would not obey ": {"c2VjcmV0\x1a\x1c\r", "c2VjcmV0\x1a\x1c\n"},
	} {
		t.Run(name, func(t *testing.T) {
			tt := newTerminal(t)
			text, err := tt.read(t, t.Context(), test.keys)
			if err != nil || text != test.want {
				t.Errorf("got %q, %v", text, err)
			}
			if screen := tt.seen(); strings.Contains(screen, "c2V") || strings.Contains(screen, "cmV0") {
				t.Errorf("the screen shows the token: %q", screen)
			}
		})
	}
}

func TestCtrlCAtThePrompt(t *testing.T) {
	tt := newTerminal(t)
	text, err := tt.read(t, t.Context(), "c2Vj\x03cmV0\r")
	if !errors.Is(err, input.ErrInterrupted) || strings.Contains(tt.seen(), "c2Vj") {
		t.Errorf("got %q, %v, screen %q", text, err, tt.seen())
	}
}

func TestAPromptEndsWithItsContext(t *testing.T) {
	tt := newTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-tt.prompt
		cancel()
	}()
	if _, err := tt.read(t, ctx, ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAPipeIsReadToItsEnd(t *testing.T) {
	for name, test := range map[string]struct{ written, want, err string }{
		"several lines": {written: "a\nb\n", want: "a\nb\n"},
		"nothing":       {},
		"too much":      {written: strings.Repeat("a", 1<<20+1), err: "that is no token"},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = w.WriteString(test.written); _ = w.Close() }()
			text, err := input.Read(t.Context(), r, &bytes.Buffer{})
			if text != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%d bytes, %v", len(text), err)
			}
		})
	}
}

func TestAPipeThatNobodyWritesToEndsWithTheContext(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = w.Close(), r.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := input.Read(ctx, r, &bytes.Buffer{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
