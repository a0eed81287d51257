package report

import (
	"fmt"
	"os"
	"strings"
)

const (
	begin = "<!-- targets: written by the benchmark -->\n"
	end   = "<!-- end of targets -->\n"
)

// Embed puts text between the two marks in the Markdown file.
func Embed(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("benchmark: %s has no place for the targets; put %q and %q there", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}
