package cause

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// What a value of a request or a token may take in a log: one line of ASCII, of a length that nobody but us chooses.
const (
	maxText = 128 // bytes of one value, with its quotes
	maxList = 8   // values of one list
)

// Text shows a value between single quotes, so that blanks at its ends are seen: escaped and cut short.
func Text(s string) string { return quoted(s, "'") }

// Plain is Text without the quotes, for a value that stands alone.
func Plain(s string) string { return quoted(s, "") }

func quoted(s, quote string) string {
	if len(s) <= maxText-2*len(quote) && isHarmless(s) {
		return quote + s + quote
	}
	more := fmt.Sprintf("...%s (%d bytes)", quote, len(s))
	var b strings.Builder
	b.WriteString(quote)
	cut := 0 // where b ends if what follows does not fit
	for rest := s; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		escaped := escape(r, size, rest[0])
		if b.Len()+len(escaped)+len(quote) > maxText {
			return b.String()[:cut] + more
		}
		b.WriteString(escaped)
		if b.Len()+len(more) <= maxText {
			cut = b.Len()
		}
		rest = rest[size:]
	}
	return b.String() + quote
}

// name shows a value that is a name of some kind, such as a kid. One with an @ may be the address of a person, which nobody has to see to
// find out what is wrong.
func name(s string) string {
	if strings.Contains(s, "@") {
		return fmt.Sprintf("(not shown: %d bytes with an @ in them)", len(s))
	}
	return Text(s)
}

// address shows a URL without what may be a secret in it: a user name, a password, a query.
func address(s string) string {
	public, _, _ := strings.Cut(s, "?")
	if scheme, rest, ok := strings.Cut(public, "://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			public = scheme + "://xxxxx" + rest[at:len(rest)-len(path)] + path
		}
	}
	return Text(public)
}

// isHarmless reports whether nothing in s has to be escaped.
func isHarmless(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\'' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// escape is the form of one character that no terminal and no log format acts upon. first is the byte of one that is no UTF-8.
func escape(r rune, size int, first byte) string {
	switch {
	case r == utf8.RuneError && size <= 1:
		return fmt.Sprintf(`\x%02x`, first)
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < ' ' || r == 0x7f || r == '"' || r == '\'' || r == '\\':
		return fmt.Sprintf(`\x%02x`, r)
	case r <= '~':
		return string(r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}

// List shows values, the first few of them; "none" if there are none.
func List(values []string) string {
	if len(values) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, v := range values {
		if i == maxList {
			fmt.Fprintf(&b, " and %d more", len(values)-maxList)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Text(v))
	}
	return b.String()
}

// oneOf is List behind "one of", where there is a choice.
func oneOf(values []string) string {
	if len(values) > 1 {
		return "one of " + List(values)
	}
	return List(values)
}

// claim shows a claim that is a name, or that it is absent.
func claim(of, value string) string {
	if value == "" {
		return "no " + of
	}
	return of + " " + name(value)
}
