// Package plain makes text from elsewhere fit for a terminal and a log.
package plain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// most is how many bytes of one foreign value are shown.
const most = 128

// Quote is s between quotation marks, in ASCII, with everything escaped that a terminal could obey, and cut after 128 bytes.
func Quote(s string) string {
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + fmt.Sprintf("… (%d bytes)", len(s))
	}
	return strconv.QuoteToASCII(s)
}

// Line is Quote without the quotation marks, for text that holds foreign parts and is of a reasonable length, such as an error.
func Line(s string) string {
	quoted := strconv.QuoteToASCII(strings.TrimSpace(s))
	quoted = quoted[1 : len(quoted)-1]
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted)
}

// List quotes up to eight values.
func List(values []string) string {
	const shown = 8
	quoted := make([]string, 0, shown)
	for _, v := range values[:min(shown, len(values))] {
		quoted = append(quoted, Quote(v))
	}
	text := strings.Join(quoted, ", ")
	if more := len(values) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Difference says in what two values differ, if it is the kind of thing that eyes miss. Empty: they differ visibly.
func Difference(a, b string) string {
	switch {
	case strings.TrimRight(a, "/") == strings.TrimRight(b, "/"):
		return "they differ only by a slash at the end"
	case strings.TrimSpace(a) == strings.TrimSpace(b):
		return "they differ only by blanks or line ends around them"
	case strings.EqualFold(a, b):
		return "they differ only in upper and lower case"
	case withoutScheme(a) == withoutScheme(b):
		return "they differ only in http and https"
	case visible(a) == visible(b):
		return "they differ only by characters that cannot be seen"
	}
	return ""
}

func withoutScheme(s string) string {
	if _, rest, found := strings.Cut(s, "://"); found {
		return rest
	}
	return s
}

func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, s)
}

// Cut is Line, cut after 256 bytes.
func Cut(s string) string {
	const most = 256
	if len(s) > most {
		return Line(s[:most]) + fmt.Sprintf("… (%d bytes)", len(s))
	}
	return Line(s)
}

// looksLikeToken finds JWTs in text, wherever somebody has put one.
var looksLikeToken = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)+`)

// Mask is s without the tokens in it.
func Mask(s string) string { return looksLikeToken.ReplaceAllString(s, "(a token, not shown)") }
