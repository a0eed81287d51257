package strictjson

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text vets the string whose opening quote is at i.
func (s *scanner) text(i int) int {
	for i++; ; {
		i = skipPlain(s.document, i)
		switch c := s.at(i); {
		case c == '"':
			return i + 1
		case c == '\\':
			_, size, err := unescape(s.document[i:])
			if err != nil {
				return s.refuse(err, i)
			}
			i += size
		case c >= utf8.RuneSelf:
			if i = s.beyondASCII(i); i < 0 {
				return -1
			}
		default: // a control character, or the document's end
			return s.refuse(ErrSyntax, i)
		}
	}
}

func (s *scanner) beyondASCII(i int) int {
	for s.at(i) >= utf8.RuneSelf {
		r, size := utf8.DecodeRuneInString(s.document[i:])
		if r == utf8.RuneError && size == 1 {
			return s.refuse(ErrUTF8, i)
		}
		i += size
	}
	return i
}

// skipPlain returns the index of the first byte from i on that needs a look
// inside a string: a quote, a backslash, a control character (RFC 8259 section 7
// forbids those) or one beyond ASCII. It takes eight bytes at a step, most strings being plain.
func skipPlain(text string, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for ; i+8 <= len(text); i += 8 {
		s := text[i : i+8]
		word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		quote, backslash := word^ones*'"', word^ones*'\\'
		// x-ones borrows into the high bit of the lowest byte that is zero (below
		// ' ' for the word itself). Borrowing can mark later bytes wrongly, the lowest never.
		found := (word | (word - ones*' ') | (quote - ones) | (backslash - ones)) & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] >= ' ' && text[i] != '"' && text[i] != '\\' && text[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// unescape reads the escape sequence, a surrogate pair being one, that text
// begins with. Vetting and decoding share it, so they cannot disagree.
func unescape(text string) (r rune, size int, err error) {
	if len(text) < 2 {
		return 0, 0, ErrSyntax
	}
	switch c := text[1]; c {
	case '"', '\\', '/':
		return rune(c), 2, nil
	case 'b':
		return '\b', 2, nil
	case 'f':
		return '\f', 2, nil
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	}
	r, ok := codeUnit(text)
	switch {
	case !ok:
		return 0, 0, ErrSyntax
	case !utf16.IsSurrogate(r):
		return r, 6, nil
	}
	low, _ := codeUnit(text[6:])
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0, ErrSurrogate
	}
	return r, 12, nil
}

// codeUnit reads the \uXXXX that text must begin with.
func codeUnit(text string) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(text[2:6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

// decode returns what a vetted string, given without its quotes, stands for.
func decode(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var room [128]byte
	return string(appendDecoded(room[:0], text))
}

// appendDecoded appends what decode would return. It goes byte by byte, since escapes may follow one another closely.
func appendDecoded(dst []byte, text string) []byte {
	dst = slices.Grow(dst, len(text)) // no escape is shorter than what it stands for
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			dst = append(dst, text[i])
			i++
			continue
		}
		r, size, _ := unescape(text[i:])
		dst = utf8.AppendRune(dst, r)
		i += size
	}
	return dst
}
