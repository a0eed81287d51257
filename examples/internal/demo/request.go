package demo

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
)

// Request is one request to try, and what comes of it.
type Request struct {
	Name   string // a few words
	Method string // zero: GET
	Base   string // of another server than the Site's, such as http://127.0.0.1:8081; zero: the Site's
	Path   string
	Token  string // sent as Bearer token; zero: none
	Status int    // zero: not said, for tokens that the example cannot know
}

// curl returns the command line for the request. Its arguments are quoted for a POSIX shell; a Token that begins with a
// dollar sign stays open for the shell to expand. Not every body ends with a line end, so curl writes one.
func (r Request) curl(base string) string {
	words := []string{"curl", "-i", "-w", `'\n'`}
	if r.Method != "" && r.Method != http.MethodGet {
		words = append(words, "-X", r.Method)
	}
	if r.Token != "" {
		words = append(words, "-H", quote("Authorization: Bearer "+r.Token))
	}
	words = append(words, cmp.Or(r.Base, base)+r.Path)
	if r.Status != 0 {
		words = append(words, "#", strconv.Itoa(r.Status))
	}
	return strings.Join(words, " ")
}

// quote leaves text to the shell as one word. Tokens hold no quotes (RFC 6750 section 2.1: b64token).
func quote(text string) string {
	if strings.Contains(text, "$") {
		return `"` + text + `"`
	}
	return "'" + text + "'"
}
