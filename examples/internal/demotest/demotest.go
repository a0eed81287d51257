// Package demotest runs an example program and tries the curl lines that it prints.
package demotest

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demo"
)

// Line is one curl line as it was printed, taken apart.
type Line struct {
	Text   string
	Method string
	Token  string // empty: no Authorization field
	URL    string
	Status int // zero: the line does not say
}

// Run runs the program on a free port, sends the request of every line it prints and compares the status of the answer
// with the comment of the line. Then it ends the program and wants it to end well.
func Run(t *testing.T, program func(context.Context, demo.Site) error) {
	t.Helper()
	for _, line := range Start(t, program) {
		if got := line.Do(t); got != line.Status {
			t.Errorf("got status %d from: %s", got, line.Text)
		}
	}
}

// Start runs the program on a free port until the test ends and returns the lines that it prints.
func Start(t *testing.T, program func(context.Context, demo.Site) error) []Line {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := program(ctx, demo.Site{Addr: "127.0.0.1:0", Out: writer})
		writer.Close()
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		reader.Close() // a program that is still printing must not wait for a reader for ever
		if err := <-ended; err != nil {
			t.Errorf("the program ended with: %v", err)
		}
	})
	return Read(t, reader)
}

// Read reads the output of a program up to its last line, and takes its curl lines apart.
func Read(t *testing.T, output io.Reader) []Line {
	t.Helper()
	var lines []Line
	scanner := bufio.NewScanner(output)
	for scanner.Scan() {
		text := scanner.Text()
		if strings.HasPrefix(text, "# Ctrl-C") {
			return lines
		}
		if strings.HasPrefix(text, "curl ") {
			lines = append(lines, parse(t, text))
		}
	}
	t.Fatalf("the program stopped printing after %d curl lines: %v", len(lines), scanner.Err())
	return nil
}

var syntax = regexp.MustCompile(`^curl -i -w '\\n'(?: -X ([A-Z]+))?(?: -H ['"]Authorization: Bearer ([^'"]+)['"])? (http://\S+)(?: # (\d{3}))?$`)

func parse(t *testing.T, text string) Line {
	t.Helper()
	parts := syntax.FindStringSubmatch(text)
	if parts == nil {
		t.Fatalf("not a curl line as they should be: %s", text)
	}
	line := Line{Text: text, Method: parts[1], Token: parts[2], URL: parts[3]}
	if line.Method == "" {
		line.Method = http.MethodGet
	}
	if parts[4] != "" {
		line.Status, _ = strconv.Atoi(parts[4])
	}
	return line
}

// Do sends the request and returns the status of the answer.
func (l Line) Do(t *testing.T) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, l.Method, l.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if l.Token != "" {
		request.Header.Set("Authorization", "Bearer "+l.Token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
