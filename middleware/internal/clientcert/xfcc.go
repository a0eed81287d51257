package clientcert

import (
	"strings"
)

// fromXFCC reads the element of the proxy that has seen the client's certificate, with Cert, Hash or both. With element 0 the field has
// that element alone: several are several proxies, of which only one was configured. The names of the certificate in it (Subject,
// URI, DNS) are its owner's words: they may occur several times, and must not be able to slip a Cert or a Hash in, hence the care
// with quotes, and that Cert and Hash must agree.
func fromXFCC(field string, element int) (thumbprint string, ok bool) {
	if element > 0 {
		if field, ok = elementFromEnd(field, element); !ok {
			return "", false
		}
	}
	found, ok := pairsOf(field)
	if !ok {
		return "", false
	}
	cert, hasCert := found["cert"]
	hash, hasHash := found["hash"]
	named, isHash := fromHex(hash)
	switch {
	case !hasCert && !hasHash, hasHash && !isHash:
		return "", false
	case !hasCert:
		return named, true
	}
	shown, ok := fromPEM(cert, false)
	return shown, ok && (!hasHash || shown == named)
}

// elementFromEnd returns the nth element from the end, which is where the proxy writes that is nearest and trusted. It reads from there,
// because what stands in front of the element may be a client's: no quote in it changes how the element is read.
func elementFromEnd(field string, nth int) (element string, ok bool) {
	for {
		rest, last, more, ok := cutLast(field)
		if !ok {
			return "", false
		}
		if nth--; nth == 0 {
			return last, true
		}
		if _, ok := pairsOf(last); !ok || !more {
			return "", false
		}
		field = rest
	}
}

// cutLast cuts at the last comma outside quotes, which is found from the end: a quote counts unless an odd number of backslashes stands
// before it.
func cutLast(s string) (before, last string, more, ok bool) {
	quoted := false
	for i := len(s) - 1; i >= 0; i-- {
		switch c := s[i]; {
		case c == '"' && !isEscaped(s, i):
			quoted = !quoted
		case !quoted && c == ',':
			return s[:i], strings.Trim(s[i+1:], " "), true, true
		}
	}
	return "", s, false, !quoted
}

func isEscaped(s string, at int) bool {
	backslashes := 0
	for at--; at >= 0 && s[at] == '\\'; at-- {
		backslashes++
	}
	return backslashes%2 == 1
}

// pairsOf reads one element, keys in small letters. A Cert or a Hash occurs once.
func pairsOf(element string) (found map[string]string, ok bool) {
	found = make(map[string]string)
	for rest, more := element, true; more; {
		var pair string
		if pair, rest, more, ok = nextPair(rest); !ok {
			return nil, false
		}
		key, value, _ := strings.Cut(pair, "=")
		key = lowerASCII(key)
		if _, twice := found[key]; twice && (key == "cert" || key == "hash") {
			return nil, false
		}
		found[key] = strings.Trim(value, `"`)
	}
	return found, true
}

// lowerASCII leaves alone what is not ASCII, some of which strings.ToLower folds to ASCII letters.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// nextPair cuts off the text up to the next semicolon outside quotes. In quotes a backslash escapes. Outside them a comma
// would begin another element, and a quote stands only around a whole value.
func nextPair(s string) (pair, rest string, more, ok bool) {
	quoted, closed := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case quoted:
			quoted, closed = c != '"', c == '"'
		case c == ';':
			return s[:i], s[i+1:], true, true
		case closed, c == ',', c == '\\', c == '"' && (i == 0 || s[i-1] != '='):
			return "", "", false, false
		case c == '"':
			quoted = true
		}
	}
	return s, "", false, !quoted
}
