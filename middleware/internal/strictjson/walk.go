package strictjson

// Parse vets document, which must be one JSON object with nothing around it but
// white space, and returns that object. The error wraps one of the reasons of
// this package; the Value is then the zero Value.
func Parse(document string) (Value, error) {
	s := scanner{document: document, names: names{secrets: newSecrets()}}
	return s.parse()
}

func (s *scanner) parse() (Value, error) {
	start := space(s.document, 0)
	if s.at(start) != '{' {
		return Value{}, at(ErrSyntax, start)
	}
	end := s.object(start, 1)
	if end < 0 {
		return Value{}, at(s.reason, s.offset)
	}
	if rest := space(s.document, end); rest != len(s.document) {
		return Value{}, at(ErrSyntax, rest)
	}
	return Value{s.document[start:end]}, nil
}

// Walk vets document as [Parse] does and then calls visit for each member of
// the object, in order and with its name decoded. No call is made unless the
// whole document is good. An error of visit ends the walk and is returned as it is.
func Walk(document string, visit func(name string, v Value) error) error {
	s := scanner{document: document, names: names{secrets: newSecrets()}, noting: true}
	object, err := s.parse()
	if err != nil {
		return err
	}
	for _, m := range s.noted.list[:s.noted.count] {
		if err := visit(m.name, m.value); err != nil {
			return err
		}
	}
	skip := s.noted.count
	if skip < len(s.noted.list) {
		return nil
	}
	for name, v := range object.Members() { // more than could be noted
		if skip--; skip >= 0 {
			continue
		}
		if err := visit(name, v); err != nil {
			return err
		}
	}
	return nil
}

// members notes those of the document's own object on the way, so that Walk need
// not look for them again.
type members struct {
	list  [32]member
	count int
}

type member struct {
	name  string
	value Value
}

func (m *members) add(name string, plain bool, v Value) {
	if m.count == len(m.list) {
		return
	}
	if !plain {
		name = decode(name)
	}
	m.list[m.count] = member{name, v}
	m.count++
}
