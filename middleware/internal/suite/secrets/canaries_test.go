package secrets_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// canaryPiece is so many characters of a secret that nobody may see them together.
const canaryPiece = 16

// canaries look for secrets in what is shown: whole, any piece of them, what their segments decode to, in hex, and as the numbers that
// fmt prints of bytes.
type canaries struct {
	pieces map[string]string // of canaryPiece characters, or twice as many in hex → which secret it is
	bytes  map[string]string // whole secrets as fmt prints bytes
}

// canariesOf makes them of named secrets. What a token says of its subject, its client and itself is for logs, so the decoded payload
// is looked for in pieces of its other members only: personal.
func canariesOf(secrets map[string]string) canaries {
	c := canaries{make(map[string]string), make(map[string]string)}
	for name, secret := range secrets {
		for start := 0; start+canaryPiece <= len(secret); start++ {
			piece := secret[start : start+canaryPiece]
			c.pieces[piece] = name
			c.pieces[hex.EncodeToString([]byte(piece))] = name + " in hex"
		}
		c.bytes[strings.Trim(fmt.Sprint([]byte(secret)), "[]")] = name + " as numbers"
		if parts := strings.Split(secret, "."); len(parts) == 3 { // a JWS: its signature as it is used
			signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
			c.pieces[string(signature[:min(len(signature), canaryPiece)])] = name + "'s signature, decoded"
			c.bytes[strings.Trim(fmt.Sprint(signature), "[]")] = name + "'s signature as numbers"
		}
	}
	delete(c.bytes, "")
	return c
}

// in returns the secrets that text shows.
func (c canaries) in(text string) []string {
	var found []string
	for _, size := range []int{canaryPiece, 2 * canaryPiece} {
		for start := 0; start+size <= len(text); start++ {
			if name, shown := c.pieces[text[start:start+size]]; shown {
				found = append(found, fmt.Sprintf("%s: %q", name, text[max(0, start-60):start+size]))
				break
			}
		}
	}
	for numbers, name := range c.bytes {
		if strings.Contains(text, numbers) {
			found = append(found, name)
		}
	}
	return found
}

// shown collects everything that leaves a program: logs, what metrics are made of, answers, what other servers see.
type shown struct {
	mu    sync.Mutex
	texts []text
}

type text struct{ where, what string }

func (s *shown) add(where string, what ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, text{where, strings.Join(what, "\n")})
}

// check fails the test for every secret that was shown.
func (s *shown) check(t testing.TB, c canaries) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	told := make(map[string]bool)
	for _, seen := range s.texts {
		for _, secret := range c.in(seen.what) {
			if line := seen.where + " shows the " + secret; !told[line] {
				told[line] = true
				t.Error(line)
			}
		}
	}
}

// printed is a value in every way in which programs print.
func printed(value any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&b, verb+"\n", value)
	}
	if text, err := json.Marshal(value); err == nil {
		fmt.Fprintf(&b, "%s\n", text)
	}
	everyLevel := &slog.HandlerOptions{Level: slog.LevelDebug - 100, AddSource: true}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&b, everyLevel), slog.NewJSONHandler(&b, everyLevel)} {
		slog.New(handler).With("given", value).WithGroup("group").Debug("printed", "value", value)
	}
	return b.String()
}

// printedError is an error and all that it wraps.
func printedError(err error) string {
	if err == nil {
		return ""
	}
	text := printed(err)
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		text += printedError(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			text += printedError(inner)
		}
	}
	return text
}

// watch makes a Config show all that it can.
func (s *shown) watch(cfg *middleware.Config) {
	cfg.Logger, cfg.Observe = s.logger(), s.observe
}

func (s *shown) logger() *slog.Logger {
	everyLevel := &slog.HandlerOptions{Level: slog.LevelDebug - 100, AddSource: true}
	return slog.New(both{slog.NewTextHandler(shownWriter{s}, everyLevel), slog.NewJSONHandler(shownWriter{s}, everyLevel)})
}

// observe makes of a Decision what a program makes of it: labels, exemplars, counters and a record of everything.
func (s *shown) observe(ctx context.Context, d middleware.Decision) {
	counters := make(map[string]int)
	fields := reflect.ValueOf(d)
	for i := range fields.NumField() {
		if field := fields.Type().Field(i); field.IsExported() {
			counters[fmt.Sprintf("decisions_total{%s=%q}", field.Name, fmt.Sprint(fields.Field(i)))]++
			s.add("a Decision's "+field.Name, printed(fields.Field(i).Interface()))
		}
	}
	s.add("counters", fmt.Sprint(counters), printed(counters))
	s.add("a Decision", printed(d), printed(&d), printedError(d.Err))
	s.add("Observe's context", printed(ctx))
}

type shownWriter struct{ *shown }

func (w shownWriter) Write(line []byte) (int, error) {
	w.add("the log", string(line))
	return len(line), nil
}

// answered notes an answer as its client gets it.
func (s *shown) answered(w interface {
	Result() *http.Response
}) {
	response := w.Result()
	var body bytes.Buffer
	_, _ = body.ReadFrom(response.Body)
	s.add("the answer", response.Status, fmt.Sprint(response.Header), fmt.Sprint(response.Trailer), body.String())
}

// transport is what the servers that Cardea asks get to see. In the body of an introspection request the token belongs.
func (s *shown) transport(answer func(*http.Request) (*http.Response, error)) http.RoundTripper {
	return kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
		header := r.Header.Clone()
		if r.URL.Path == "/introspect" {
			header.Del("Authorization") // our own credentials belong there
		}
		s.add("an address", r.Method, r.URL.String(), r.Host, fmt.Sprint(header))
		if r.URL.Path != "/introspect" && r.Body != nil && r.Body != http.NoBody {
			s.add("a body", "a request for keys has one")
		}
		return answer(r)
	})
}

func isReplayKey(key string) bool {
	return len(key) == 43 && len(kit.DecodedPart(key)) == 32
}
