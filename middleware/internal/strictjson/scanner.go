package strictjson

// MaxDepth is how deep arrays and objects may be nested; the document's own
// object is the first level.
const MaxDepth = 64

// A scanner vets a document in one pass. Its methods take the index where a
// production begins and return the index after it, or -1 once refused.
type scanner struct {
	document string
	names    names
	noting   bool // somebody wants the members
	noted    members

	reason error // why the document is refused, and
	offset int   // where
}

func (s *scanner) refuse(reason error, offset int) int {
	s.reason, s.offset = reason, offset
	return -1
}

// at returns the byte at i, or 0 at the end: no production contains a bare 0.
func (s *scanner) at(i int) byte {
	if i < len(s.document) {
		return s.document[i]
	}
	return 0
}

// value recurses through object and array, at most MaxDepth times.
func (s *scanner) value(i, depth int) int {
	switch s.at(i) {
	case '"':
		return s.text(i)
	case '{':
		return s.object(i, depth+1)
	case '[':
		return s.array(i, depth+1)
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case 'n':
		return s.literal(i, "null")
	}
	end := number(s.document, i)
	if end < 0 {
		return s.refuse(ErrSyntax, i)
	}
	return end
}

func (s *scanner) object(i, depth int) int {
	if depth > MaxDepth {
		return s.refuse(ErrDepth, i)
	}
	first := s.names.count
	i = space(s.document, i+1)
	if s.at(i) == '}' {
		return i + 1
	}
	for {
		if s.at(i) != '"' {
			return s.refuse(ErrSyntax, i)
		}
		quote := skipPlain(s.document, i+1)
		plain := s.at(quote) == '"'
		end := quote + 1
		if !plain {
			if end = s.text(i); end < 0 {
				return -1
			}
		}
		name := s.document[i+1 : end-1]
		if !s.names.add(name, plain, first) {
			return s.refuse(ErrDuplicate, i)
		}
		if i = space(s.document, end); s.at(i) != ':' {
			return s.refuse(ErrSyntax, i)
		}
		start := space(s.document, i+1)
		if i = s.value(start, depth); i < 0 {
			return -1
		}
		if depth == 1 && s.noting {
			s.noted.add(name, plain, Value{s.document[start:i]})
		}
		i = space(s.document, i)
		switch s.at(i) {
		case ',':
			i = space(s.document, i+1)
		case '}':
			if depth > 1 { // nothing comes after the document's own object
				s.names.drop(first)
			}
			return i + 1
		default:
			return s.refuse(ErrSyntax, i)
		}
	}
}

func (s *scanner) array(i, depth int) int {
	if depth > MaxDepth {
		return s.refuse(ErrDepth, i)
	}
	i = space(s.document, i+1)
	if s.at(i) == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		i = space(s.document, i)
		switch s.at(i) {
		case ',':
			i = space(s.document, i+1)
		case ']':
			return i + 1
		default:
			return s.refuse(ErrSyntax, i)
		}
	}
}

func (s *scanner) literal(i int, word string) int {
	end := i + len(word)
	if end > len(s.document) || s.document[i:end] != word {
		return s.refuse(ErrSyntax, i)
	}
	return end
}

// space returns the index of the first byte from i on that is no white space
// (RFC 8259 section 2: these four and no other).
func space(text string, i int) int {
	if i < len(text) && text[i] > ' ' {
		return i // as a rule, since few write tokens with white space
	}
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return i
}
