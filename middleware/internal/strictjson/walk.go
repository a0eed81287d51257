package strictjson

import "hash/maphash"

// Parse vets document, which must be one JSON object with nothing around it but
// white space, and returns that object. The error wraps one of the reasons of
// this package; the Value is then the zero Value.
func Parse(document string) (Value, error) {
	s := scanner{document: document, names: names{seed: maphash.MakeSeed()}}
	start := space(document, 0)
	if s.at(start) != '{' {
		return Value{}, at(ErrSyntax, start)
	}
	end := s.object(start, 1)
	if end < 0 {
		return Value{}, at(s.reason, s.offset)
	}
	if rest := space(document, end); rest != len(document) {
		return Value{}, at(ErrSyntax, rest)
	}
	return Value{document[start:end]}, nil
}

// Walk vets document as [Parse] does and then calls visit for each member of
// the object, in order and with its name decoded. No call is made unless the
// whole document is good. An error of visit ends the walk and is returned as it is.
func Walk(document string, visit func(name string, v Value) error) error {
	object, err := Parse(document)
	if err != nil {
		return err
	}
	for name, v := range object.Members() {
		if err := visit(name, v); err != nil {
			return err
		}
	}
	return nil
}
